"""The dashboard where answers are late, refused or missing, or something stands before ferry."""

import contextlib
import http.server
import threading

import pytest

from harness import DEADLINE
from test_dashboard import DELAYED, act, id_of, look_now, show, wait_fact, wait_listed

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


class Passing(http.server.BaseHTTPRequestHandler):
    def pass_on(self):
        front = self.server
        path = self.path.removeprefix("/ferry")
        front.asked.append(path)
        if front.held and path.startswith(front.held):
            front.let.wait(DEADLINE)
        if front.is_alone:
            self.send_error(502)
        elif front.cookie and path != "/" and front.cookie not in self.headers.get("Cookie", ""):
            self.send_error(403)
        else:
            self.answer(front.ferry.request(self.command, path, headers=dict(self.headers),
                                            admin=True))

    def answer(self, reply):
        self.send_response(reply.status)
        for name in "Content-Type", "Content-Length", "Content-Security-Policy":
            if name in reply.headers:
                self.send_header(name, reply.headers[name])
        if self.server.cookie:
            self.send_header("Set-Cookie", self.server.cookie)
        self.end_headers()
        with contextlib.suppress(OSError):  # who asked has left
            self.wfile.write(reply.body)

    do_GET = do_POST = do_DELETE = pass_on

    def log_message(self, *args):
        pass


class Front(http.server.ThreadingHTTPServer):
    """A reverse proxy before the admin listener, which is at /ferry/ of it."""

    def __init__(self, ferry):
        super().__init__(("127.0.0.1", 0), Passing)
        self.ferry = ferry
        self.asked = []  # paths
        self.held = None  # how those begin that get no answer until let
        self.let = threading.Event()
        self.is_alone = False
        self.cookie = None  # without which it lets nobody in
        self.thread = threading.Thread(target=self.serve_forever, args=(0.01,))
        self.thread.start()

    def show(self, browser, user=""):
        browser.open("http://{}{}:{}/ferry/".format(user, *self.server_address))

    def close(self):
        self.let.set()
        self.shutdown()
        self.thread.join()
        self.server_close()


@pytest.fixture
def front(server):
    front = Front(server)
    yield front
    front.close()


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


def test_a_proxy_that_has_nobody_behind_it_is_not_taken_for_ferry(browser, server, front):
    place = server.post_job("/later", 1, headers=DELAYED)
    front.show(browser)
    wait_listed(browser, place)
    front.is_alone = True
    look_now(browser)
    browser.wait_text("#ready", "does not answer since")
    front.is_alone = False
    look_now(browser)
    browser.wait(lambda: browser.texts("#ready") == ["ready"], "it is back")


def test_it_works_behind_a_proxy_with_a_path_and_a_login_of_its_own(browser, server, front):
    front.cookie = "login=42"
    place = server.post_job("/later", 1, headers=DELAYED)
    front.show(browser, "me:word@")
    browser.click(f"#jobs a[href$='{id_of(place)}']")
    act(browser, "cancel")
    wait_fact(browser, "state", "cancelled")
    assert browser.complaints() == []
