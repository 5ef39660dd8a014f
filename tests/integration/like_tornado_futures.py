"""Futures, combinations, coroutines and executors with Tornado."""

import asyncio
import functools
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

from tornado import gen
from tornado.concurrent import Future

from like_tornado_common import later, say, say_outcome, say_outcome_and_stop, scenario


# ---- futures ----

@scenario
def a_future_tells_in_a_later_turn(loop):
    future = Future()
    loop.add_future(future, functools.partial(say_outcome_and_stop, loop))
    future.set_result("a")
    say("set")
    loop.start()


@scenario
def a_future_that_was_done_tells_in_a_later_turn(loop):
    future = Future()
    future.set_exception(RuntimeError("no luck"))
    say(f"done: {future.done()}".lower())
    loop.add_future(future, functools.partial(say_outcome_and_stop, loop))
    say("asked")
    loop.start()


@scenario
def a_future_is_resolved_once(loop):
    future = Future()
    future.set_result("a")
    try:
        future.set_result("b")
    except asyncio.InvalidStateError:
        say("refused")
    loop.add_future(future, functools.partial(say_outcome_and_stop, loop))
    loop.start()


@scenario
def a_future_that_is_cancelled(loop):
    future = Future()
    loop.add_future(future, functools.partial(say_outcome_and_stop, loop))
    future.cancel()
    try:
        future.set_result("a")
    except asyncio.InvalidStateError:
        say("refused")
    loop.start()


@scenario
def run_sync_has_three_ends(loop):
    for coroutine, timeout in ((later(1, "a"), None), (later(1, "no luck"), None),
                               (later(20000, "a"), 0.01)):
        try:
            say(f"result {loop.run_sync(lambda: coroutine, timeout)}")
        except asyncio.TimeoutError:
            say("timeout")
        except RuntimeError as error:
            say(f"error {error}")


# ---- several futures ----

@scenario
def a_future_in_time(loop):
    for outcome in "a", "no luck":
        future = gen.with_timeout(timedelta(seconds=20), later(1, outcome))
        loop.add_future(future, functools.partial(say_outcome_and_stop, loop))
        loop.start()


@scenario
def a_future_not_in_time(loop):
    inner = Future()
    future = gen.with_timeout(timedelta(milliseconds=10), inner)
    loop.add_future(future, functools.partial(say_outcome_and_stop, loop))
    loop.start()
    say("the work was cancelled" if inner.cancelled() else "the work goes on")


@scenario
def all_results_are_in_order(loop):
    future = gen.multi([later(20, "a"), later(1, "b"), later(10, "c")])
    loop.add_future(future, lambda f: (say(" ".join(f.result())), loop.stop()))
    loop.start()


@scenario
def all_of_nothing(loop):
    loop.add_future(gen.multi([]), lambda f: (say(f"{len(f.result())} results"), loop.stop()))
    loop.start()


@scenario
def all_with_a_failure(loop):
    async def slow():
        try:
            await gen.sleep(0.5)
            say("the other ends")
        except asyncio.CancelledError:
            say("the other is cancelled")

    future = gen.multi([slow(), later(1, "no luck")])
    loop.add_future(future, functools.partial(say_outcome_and_stop, loop))
    loop.start()


@scenario
def the_first_result(loop):
    iterator = gen.WaitIterator(*map(gen.convert_yielded, (later(100, "a"), later(1, "b"))))
    loop.add_future(iterator.next(), functools.partial(say_outcome_and_stop, loop))
    loop.start()


@scenario
def the_first_is_a_failure(loop):
    iterator = gen.WaitIterator(*map(gen.convert_yielded, (later(50, "a"), later(1, "no luck"))))
    loop.add_future(iterator.next(), functools.partial(say_outcome_and_stop, loop))
    loop.start()


# ---- coroutines ----

@scenario
def coroutines_take_turns(loop):
    async def one():
        say("one begins")
        await gen.sleep(0.02)
        say("one ends")

    async def two():
        say("two begins")
        await gen.sleep(0.01)
        say("two goes on")
        await gen.sleep(0.04)
        say("two ends")
        loop.stop()

    loop.spawn_callback(one)
    loop.spawn_callback(two)
    say("spawned")
    loop.start()


@scenario
def coroutines_give_way_with_a_sleep_of_zero(loop):
    async def count(who):
        for number in range(3):
            say(f"{who} {number}")
            await gen.sleep(0)
        if who == "b":
            loop.stop()

    loop.spawn_callback(count, "a")
    loop.spawn_callback(count, "b")
    loop.start()


@scenario
def a_coroutine_begins(loop):
    @gen.coroutine
    def body():
        say("begins")
        yield gen.moment
        return "a"

    future = body()
    say("called")
    loop.add_future(future, functools.partial(say_outcome_and_stop, loop))
    loop.start()


@scenario
def a_coroutine_that_awaits_what_is_done(loop):
    async def body():
        future = Future()
        future.set_result("a")
        loop.add_callback(say, "callback")
        say(await future)
        await gen.sleep(0)
        return "b"

    loop.add_future(gen.convert_yielded(body()), functools.partial(say_outcome_and_stop, loop))
    loop.start()


@scenario
def an_error_goes_up_through_coroutines(loop):
    async def middle():
        try:
            await later(1, "no luck")
        except RuntimeError as error:
            say(f"seen: {error}")
            raise RuntimeError("none at all") from error

    loop.add_future(gen.convert_yielded(middle()), functools.partial(say_outcome_and_stop, loop))
    loop.start()


@scenario
def a_coroutine_that_is_cancelled(loop):
    async def body():
        say("begins")
        for _ in range(2):
            try:
                await gen.sleep(0.01)
                say("slept")
            except asyncio.CancelledError:
                say("sleep cancelled")
        return "a"

    task = asyncio.ensure_future(body())
    loop.add_future(task, functools.partial(say_outcome_and_stop, loop))
    loop.call_later(0, task.cancel)
    loop.start()


# ---- executors ----

@scenario
def an_executor_brings_back_results_and_errors(loop):
    def blocking(text):
        if text.startswith("no"):
            raise RuntimeError(text)
        return text

    with ThreadPoolExecutor(1) as pool:
        futures = [loop.run_in_executor(pool, blocking, text) for text in ("a", "no luck", "c")]
        for future in futures[:2]:
            loop.add_future(future, say_outcome)
        loop.add_future(futures[2], functools.partial(say_outcome_and_stop, loop))
        say("submitted")
        loop.start()


@scenario
def queued_work_that_is_cancelled(loop):
    gate = threading.Event()
    started = []

    with ThreadPoolExecutor(1) as pool:
        first = loop.run_in_executor(pool, gate.wait)
        second = loop.run_in_executor(pool, started.append, "second")
        loop.add_future(second, say_outcome)
        loop.add_future(first, lambda f: None)
        second.cancel()
        last = loop.run_in_executor(pool, str, "last")
        loop.add_future(last, functools.partial(say_outcome_and_stop, loop))
        loop.call_later(0.01, gate.set)
        loop.start()
    say("the second ran" if started else "the second never ran")
