"""What Tornado does in the scenarios of like_tornado.c: a line an event, `SCENARIO: EVENT`."""

import logging

import like_tornado_loop  # noqa: F401: it registers its scenarios
import like_tornado_futures  # noqa: F401
from like_tornado_common import run_all

logging.disable()
run_all()
