"""The dashboard where answers are late, refused or missing, or something stands before ferry."""

import pytest

from test_dashboard import DELAYED, show, wait_listed

CONFIG = """
{admin}
routes:
  /later: {{worker: echo, methods: [POST], mode: defer}}
  /other: {{worker: echo, methods: [POST], mode: defer}}
"""


@pytest.fixture
def start(serve):
    return lambda admin="": serve(CONFIG.format(admin=admin))


@pytest.fixture
def server(start):
    return start()


def test_only_what_was_asked_about_is_changed(browser, server):
    mine, other = (server.post_job(path, 1, headers=DELAYED) for path in ("/later", "/other"))
    show(browser, server, "#route=/other")
    wait_listed(browser, other)
    browser.find("#route option[value='/later']").click()
    wait_listed(browser, mine)
    browser.click("#bulk [data-action=cancel]")
    browser.wait_text("#question", "all jobs of /later?")
    browser.driver.back()
    wait_listed(browser, other)
    browser.click("#yes")
    browser.wait_text("#done", "cancel: 1 jobs")
    assert server.get(mine).json()["state"] == "cancelled"
    assert server.get(other).json()["state"] == "scheduled"
