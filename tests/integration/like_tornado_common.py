"""What the scenarios of like_tornado.py share."""

import asyncio

from tornado import gen
from tornado.ioloop import IOLoop

SCENARIOS = []
current = None  # the name of the present one


def scenario(function):
    SCENARIOS.append(function)
    return function


def say(text):
    print(f"{current}: {text}")


def say_outcome(future):
    if future.cancelled():
        say("cancelled")
    elif isinstance(future.exception(), (gen.TimeoutError, asyncio.TimeoutError)):
        say("timeout")
    elif future.exception():
        say(f"error {future.exception()}")
    else:
        say(f"result {future.result()}")


async def later(ms, outcome):
    """A result after a time; one that begins with "no" is an error."""
    await gen.sleep(ms / 1000)
    if outcome.startswith("no"):
        raise RuntimeError(outcome)
    return outcome


def block_for(loop, ms):
    end = loop.time() + ms / 1000
    while loop.time() < end:
        pass


def say_outcome_and_stop(loop, future):
    say_outcome(future)
    loop.stop()


def run_all():
    global current
    for function in SCENARIOS:
        current = function.__name__
        loop = IOLoop(make_current=True)
        function(loop)
        loop.close()
