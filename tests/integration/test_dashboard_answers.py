"""The dashboard where answers are late, refused or missing, or something stands before ferry."""

import contextlib
import http.server
import signal
import socket
import threading

import pytest

from harness import DEADLINE, wait_until
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


@contextlib.contextmanager
def hanging(server):
    """It takes connections, and does nothing, meanwhile."""
    server.signal(signal.SIGSTOP)
    try:
        yield
    finally:
        server.signal(signal.SIGCONT)


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
            self.send_header("Set-Cookie", f"{self.server.cookie}; Path=/ferry/")
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


PARTS = "#ready", "#about", "#pools", "#routes", "#states", "#jobs"


def is_dimmed(browser, selector):
    """Whether it is to be seen that this is old."""
    return browser.run("return getComputedStyle(document.querySelector(arguments[0])).opacity",
                       selector) != "1"


def hurry(browser):
    """Have the page's patience end soon."""
    browser.run("const real = AbortSignal.timeout.bind(AbortSignal);"
                "AbortSignal.timeout = (ms) => real(ms < 5000 ? ms : ms / 100);")


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def test_it_says_that_the_server_is_away_and_goes_on_when_it_is_back(browser, start):
    server = start(f"admin: {{listen: \"127.0.0.1:{free_port()}\"}}")
    show(browser, server)
    browser.wait_text("#ready", "ready")
    place = server.post_job("/later", 1, headers=DELAYED)
    look_now(browser)
    wait_listed(browser, place)
    server.stop()
    look_now(browser)
    browser.wait_text("#ready", "does not answer since")
    browser.wait(lambda: is_dimmed(browser, "#jobs"), "the list is seen to be old")
    wait_listed(browser, place)  # what was known is still there
    server.start()
    more = server.post_job("/later", 2, headers=DELAYED)
    wait_listed(browser, more, place)
    assert browser.texts("#ready") == ["ready"]
    browser.wait(lambda: not is_dimmed(browser, "#pools"), "what is shown is new")


def test_a_server_that_hangs_is_noticed_before_the_patience_with_answers_ends(browser, server):
    show(browser, server)
    browser.wait_text("#ready", "ready")
    later = browser.run("return new Date(Date.now() + 3600_000).getHours()")
    with hanging(server):
        # What waits long waits for ever, and the clock goes on once something was asked.
        browser.run("""
            const real = AbortSignal.timeout.bind(AbortSignal), Now = Date;
            AbortSignal.timeout = (ms) => {
                window.Date = class extends Now {
                    constructor(...args) { super(...args.length ? args : [Now.now() + 3600_000]); }
                };
                return ms < 5000 ? real(ms / 100) : new AbortController().signal;
            };
            """)
        look_now(browser)
        browser.wait_text("#ready", "does not answer since")
        assert int(browser.texts("#ready")[0].split()[-1].split(":")[0]) != later
        browser.wait(lambda: all(is_dimmed(browser, part) for part in PARTS[1:]), "it is seen to be old")
    browser.wait(lambda: browser.texts("#ready") == ["ready"], "it is back")


def test_what_is_shown_of_another_filter_is_seen_to_be_old(browser, server):
    place = server.post_job("/later", 1, headers=DELAYED)
    show(browser, server)
    wait_listed(browser, place)
    browser.wait_text("#states", "scheduled 1")
    with hanging(server):
        browser.click("#states a[href='#state=dead']")
        browser.wait(lambda: is_dimmed(browser, "#jobs"), "these are not the dead ones")
    browser.wait_text("#no-jobs", "No such jobs")
    browser.wait(lambda: not is_dimmed(browser, "#no-jobs"), "the answer is there")
    browser.run("location.hash = '#state=none'")
    browser.wait_text("#message", "none")
    browser.wait(lambda: is_dimmed(browser, "#no-jobs"), "that is no answer to this")


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


def test_a_change_that_takes_long_does_not_look_like_a_server_that_is_away(browser, server, front):
    place = server.post_job("/later", 1, headers=DELAYED)
    front.show(browser)
    browser.click(f"#jobs a[href$='{id_of(place)}']")
    wait_fact(browser, "state", "scheduled")
    hurry(browser)
    front.held = f"{place}/cancel"
    act(browser, "cancel")
    browser.wait_text("#done", "No answer so far")
    assert browser.texts("#ready") == ["ready"]
    front.let.set()
    wait_fact(browser, "state", "cancelled")


def test_one_answer_that_takes_long_holds_up_no_other(browser, server, front):
    front.show(browser)
    browser.wait_text("#no-jobs", "No such jobs")
    front.held = "/jobs?"
    looks = front.asked.count("/metrics")
    look_now(browser)
    wait_until(lambda: front.asked.count("/metrics") > looks + 1, "the page looks at the rest")
    assert not any(browser.texts("#message"))  # which would say that it has given up


def test_a_proxy_that_has_nobody_behind_it_is_not_taken_for_ferry(browser, server, front):
    place = server.post_job("/later", 1, headers=DELAYED)
    front.show(browser)
    wait_listed(browser, place)
    front.is_alone = True
    look_now(browser)
    browser.wait_text("#ready", "does not answer since")
    browser.wait(lambda: is_dimmed(browser, "#pools"), "the numbers are seen to be old")
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


def test_a_late_answer_to_who_had_no_token_signs_nobody_out(browser, start, tmp_path):
    (tmp_path / "token").write_text("secret")
    with contextlib.closing(Front(start("admin: {token_file: token}"))) as front:
        front.held = "/metrics"
        front.show(browser)
        browser.type("#token", "secret\n")
        browser.find("#sign-out")
        front.let.set()
        browser.find("#pools")
        assert not browser.texts("#sign-in")


def test_a_page_of_another_port_loads_nothing_of_the_listener(browser, server, front):
    place = server.request("POST", "/later", body="window.told = 42",
                           headers={"Content-Type": "text/javascript"}).headers["Location"]
    server.wait_job(place, "succeeded")
    port = server.admin_address.rpartition(":")[2]
    front.is_alone = True
    front.show(browser)  # a page without ferry's policy
    for host in "127.0.0.1", "0.0.0.0":  # of the second a browser does not say who asks
        for path in "/metrics", f"{place}/result":
            assert browser.driver.execute_async_script("""
                const [src, done] = arguments;
                const script = document.createElement("script");
                Object.assign(script, {src, onload: () => done("loaded"), onerror: () => done("no")});
                document.body.append(script);
            """, f"http://{host}:{port}{path}") == "no"
    assert browser.run("return window.told === undefined")


WATCH_TIMERS = """
    const {setTimeout: set, clearTimeout: clear} = window;
    window.pending = new Set();
    window.setTimeout = (fn, ...more) => {
        const id = set(() => { pending.delete(id); fn(); }, ...more);
        pending.add(id);
        return id;
    };
    window.clearTimeout = (id) => { pending.delete(id); clear(id); };
    Object.defineProperty(document, "hidden", {get: () => window.isHidden === true});
"""
TURN = "window.isHidden = {}; document.dispatchEvent(new Event('visibilitychange'));"


def test_a_hidden_page_asks_nothing(browser, server):
    show(browser, server)
    browser.find("#pools")
    browser.run(WATCH_TIMERS)
    look_now(browser)
    left = browser.wait(lambda: browser.run(
        "if (!pending.size) return null;" + TURN.format("true") + "return [pending.size];"),
        "the page waits for its next look")
    assert left == [0]
    place = server.post_job("/later", 1, headers=DELAYED)
    assert browser.texts("#jobs tbody tr") == []
    browser.run(TURN.format("false"))
    wait_listed(browser, place)


def test_what_was_seen_before_the_page_was_hidden_is_not_shown_as_new(browser, server):
    place = server.post_job("/later", 1, headers=DELAYED)
    show(browser, server)
    wait_listed(browser, place)
    browser.find("#pools")
    browser.run(WATCH_TIMERS)
    browser.run("AbortSignal.timeout = () => new AbortController().signal;")
    with hanging(server):
        browser.run(TURN.format("true"))
        browser.run(TURN.format("false"))
        browser.wait(lambda: all(is_dimmed(browser, part) for part in PARTS), "it is seen to be old")
    browser.wait(lambda: not any(is_dimmed(browser, part) for part in PARTS), "all of it is new")
