"""Callbacks, timers, periodic callbacks and handlers with Tornado."""

import os
import socket
import threading

from tornado import gen
from tornado.ioloop import IOLoop, PeriodicCallback

from like_tornado_common import block_for, say, scenario


# ---- callbacks and timers ----

@scenario
def callbacks_keep_their_order(loop):
    def first():
        say("first")
        loop.add_callback(say, "of the first")
        loop.add_callback(loop.stop)

    loop.add_callback(first)
    loop.add_callback(say, "second")
    loop.add_callback(say, "third")
    say("nothing has run yet")
    loop.start()


@scenario
def callbacks_of_a_thread(loop):
    def post():
        for text in "one", "two", "three":
            loop.add_callback(say, text)
        loop.add_callback(loop.stop)

    thread = threading.Thread(target=post)
    thread.start()
    loop.start()
    thread.join()


@scenario
def timers_run_in_the_order_of_their_times(loop):
    loop.call_later(0.03, say, "30 ms")
    loop.call_later(0.01, say, "10 ms")
    loop.call_later(0.02, say, "20 ms")
    loop.call_later(0, say, "0 ms")
    loop.call_later(0.04, loop.stop)
    loop.start()


@scenario
def a_timer_whose_time_has_passed(loop):
    loop.call_later(0, say, "0 ms")
    loop.call_at(loop.time() - 1, say, "a second ago")
    loop.call_later(-2, say, "two seconds ago")
    loop.call_later(0.01, loop.stop)
    loop.start()


@scenario
def timers_of_equal_times(loop):
    when = loop.time() + 0.01
    for number in range(1, 6):
        loop.call_at(when, say, f"number {number}")
    loop.call_later(0.03, loop.stop)
    loop.start()


@scenario
def a_timer_of_no_delay_runs_in_a_later_turn(loop):
    def first():
        say("begins")
        loop.call_later(0, say, "timer")
        loop.add_callback(say, "callback")
        loop.call_later(0.01, loop.stop)
        say("ends")

    loop.add_callback(first)
    loop.start()


@scenario
def a_timer_that_is_cancelled(loop):
    timers = []

    def first():
        say("first")
        loop.remove_timeout(timers[1])
        loop.remove_timeout(timers[1])
        loop.remove_timeout(timers[0])

    timers.append(loop.call_later(0.01, first))
    timers.append(loop.call_later(0.02, say, "never"))
    early = loop.call_later(0.01, say, "never")
    loop.remove_timeout(early)
    loop.call_later(0.03, loop.stop)
    loop.start()
    loop.remove_timeout(timers[0])


@scenario
def a_timer_that_is_cancelled_when_it_is_due(loop):
    timers = []

    def first():
        say("first")
        loop.remove_timeout(timers[1])

    timers.append(loop.call_later(0.01, first))
    timers.append(loop.call_later(0.02, say, "never"))
    loop.add_callback(block_for, loop, 30)
    loop.call_later(0.04, loop.stop)
    loop.start()


@scenario
def a_loop_that_is_stopped_in_a_turn(loop):
    loop.add_callback(say, "before")
    loop.add_callback(loop.stop)
    loop.add_callback(say, "after")
    loop.start()
    say("stopped")
    loop.add_callback(loop.stop)
    loop.start()
    say("stopped again")


@scenario
def a_loop_that_is_stopped_before_it_runs(loop):
    loop.add_callback(say, "callback")
    loop.stop()
    loop.start()
    say("stopped")


# ---- periodic callbacks ----

@scenario
def a_periodic_callback_does_not_overlap(loop):
    runs = []

    async def work():
        runs.append(1)
        run = len(runs)
        say(f"run {run} begins")
        await gen.sleep(0.02)
        say(f"run {run} ends")
        if run == 3:
            periodic.stop()
            loop.call_later(0.02, loop.stop)

    periodic = PeriodicCallback(work, 3)
    periodic.start()
    loop.start()


@scenario
def a_periodic_callback_leaves_out_beats(loop):
    runs = []

    def work():
        runs.append(1)
        if len(runs) == 1:
            block_for(loop, 55)
            loop.call_later(0.001, check)

    def check():
        say("left out" if len(runs) <= 2 else "made up for")
        say("running" if periodic.is_running() else "stopped")
        periodic.stop()
        say("running" if periodic.is_running() else "stopped")
        del runs[1:]
        loop.call_later(0.03, loop.stop)

    periodic = PeriodicCallback(work, 10)
    periodic.start()
    loop.start()
    say(f"{len(runs) - 1} runs since")


@scenario
def a_periodic_callback_that_fails_goes_on(loop):
    runs = []

    async def work():
        runs.append(1)
        say(f"run {len(runs)}")
        if len(runs) == 3:
            loop.stop()
        raise RuntimeError("no luck")

    periodic = PeriodicCallback(work, 3)
    periodic.start()
    loop.start()
    periodic.stop()


# ---- handlers ----

@scenario
def a_handler_on_a_pipe(loop):
    reader, writer = os.pipe()

    def on_readable(fd, events):
        data = os.read(fd, 1)
        say(f"read {data.decode()}" if data else "end")
        if not data:
            loop.remove_handler(fd)
            loop.stop()

    loop.add_handler(reader, on_readable, IOLoop.READ)
    os.write(writer, b"abc")
    os.close(writer)
    loop.start()
    os.close(reader)


@scenario
def a_handler_that_is_updated(loop):
    ours, theirs = socket.socketpair()

    def on_event(fd, events):
        if events & IOLoop.READ:
            say(f"readable {ours.recv(1).decode()}")
            loop.update_handler(fd, IOLoop.WRITE)
        elif events & IOLoop.WRITE:
            say("writable")
            loop.remove_handler(fd)
            theirs.send(b"b")
            loop.call_later(0.01, loop.stop)

    loop.add_handler(ours.fileno(), on_event, IOLoop.READ)
    theirs.send(b"a")
    loop.start()
    ours.close()
    theirs.close()


@scenario
def two_handlers_on_one_descriptor(loop):
    ours, theirs = socket.socketpair()

    def on_readable(fd, events):
        say("readable")
        loop.remove_handler(fd)
        loop.call_later(0.005, loop.stop)

    loop.add_handler(ours.fileno(), on_readable, IOLoop.READ)
    try:
        loop.add_handler(ours.fileno(), on_readable, IOLoop.READ)
    except (ValueError, FileExistsError):
        say("refused")
    theirs.send(b"a")
    loop.start()
    ours.close()
    theirs.close()
