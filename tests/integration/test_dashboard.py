"""The dashboard: its files over HTTP, and what it shows and does in a real browser."""

import re
import signal

import pytest

from harness import make_certificate, wait_until

CONFIG = """
{admin}
plugins: [{gate.plugin}, {steps.plugin}]
workers:
  {gate_settings}
  {steps_settings}
  fails:
    use: exec
    command: [/bin/sh, -c, "test -e {folder}/mended || {{ echo '{markup}' >&2; exit 2; }}"]
pools:
  default: {{threads: 2, queue: 7}}
  single: {{threads: 1}}
routes:
  /now: {{worker: echo, methods: [GET, POST]}}
  /"quoted": {{worker: noop}}
  /later: {{worker: echo, methods: [POST], mode: defer, max_result: 128KiB}}
  /fails: {{worker: fails, methods: [POST], mode: defer, retry: {{attempts: 1}}}}
  /gate: {{worker: gate, pool: single, timeout: 50ms}}
  /steps: {{worker: steps, methods: [POST], mode: defer}}
"""
MARKUP = "<img src=x onerror=alert(1)>"
DELAYED = {"Ferry-Delay": "1h"}
TYPES = {"html": "text/html; charset=utf-8", "css": "text/css; charset=utf-8",
         "js": "text/javascript; charset=utf-8"}
POLICY = {"default-src 'none'", "script-src 'self'", "style-src 'self'", "connect-src 'self'",
          "img-src 'self' data:", "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'"}


@pytest.fixture
def start(serve, gate, steps, tmp_path):
    def start(admin=""):
        return serve(CONFIG.format(admin=admin, gate=gate, gate_settings=gate.settings(),
                                   steps=steps, steps_settings=steps.settings(),
                                   folder=tmp_path, markup=MARKUP))
    return start


@pytest.fixture
def server(start):
    return start()


def admin_get(server, path, **kwargs):
    return server.get(path, admin=True, **kwargs)


def id_of(place):
    return place.removeprefix("/jobs/")


# ---- over HTTP ----

def files_of_the_page(server):
    """The paths of the page and of all that it loads, as a browser would find them."""
    found, left = [], ["/"]
    while left:
        path = left.pop()
        found.append(path)
        text = admin_get(server, path).text()
        names = re.findall(r'(?:src|href)="(dashboard/[^"]*)"', text)
        names += [f"dashboard/{name}" for name in re.findall(r'from "\./([^"]*)"', text)]
        left += {f"/{name}" for name in names} - {*found, *left}
    return found


def test_the_page_and_its_files_are_served_as_what_they_are(server):
    paths = files_of_the_page(server)
    assert len(paths) > 4
    for path in paths:
        reply = admin_get(server, path)
        assert (reply.status, reply.headers["Content-Type"]) == (
            200, TYPES[path.rpartition(".")[2] if "." in path else "html"])
        assert set(reply.headers["Content-Security-Policy"].split("; ")) == POLICY
        assert reply.headers["X-Content-Type-Options"] == "nosniff"
        assert reply.headers["Referrer-Policy"] == "no-referrer"
        assert reply.headers["Cache-Control"] == "no-cache"


def test_a_file_that_has_not_changed_is_not_sent_again(server):
    tags = set()
    for path in files_of_the_page(server):
        reply = admin_get(server, path)
        tag = reply.headers["ETag"]
        tags.add(tag)
        for known in tag, f'"other", W/{tag}', "*":
            again = admin_get(server, path, headers={"If-None-Match": known})
            assert (again.status, again.body, again.headers["ETag"]) == (304, b"", tag)
        other = admin_get(server, path, headers={"If-None-Match": '"other"'})
        assert (other.status, other.body) == (200, reply.body)
        head = server.request("HEAD", path, admin=True)
        assert (head.status, head.body) == (200, b"")
        assert head.headers["Content-Length"] == str(len(reply.body))
    assert len(tags) == len(files_of_the_page(server))


def test_the_page_has_no_script_and_no_style_in_it(server):
    text = admin_get(server, "/").text()
    assert re.search(r"<script[^>]*></script>", text)
    assert not re.search(r"<script[^>]*>[^<]|<style|\sstyle=|\son[a-z]+=", text)


def test_the_page_holds_no_data_and_needs_no_token(start, tmp_path):
    (tmp_path / "token").write_text("secret")
    server = start("admin: {token_file: token}")
    server.post_job("/later", "planted")
    for path in files_of_the_page(server):
        reply = admin_get(server, path, headers={"Host": "ferry.example",
                                                 "Sec-Fetch-Site": "cross-site"})
        assert reply.status == 200
        assert b"planted" not in reply.body and b"/later" not in reply.body
    assert admin_get(server, "/jobs/stats").status == 401


def test_the_public_listener_does_not_have_it(server):
    for path in files_of_the_page(server):
        assert server.get(path).status == 404


def test_the_page_takes_no_other_method_and_stays_over_a_reload(server):
    for method in "POST", "PUT", "DELETE":
        assert server.request(method, "/", admin=True).status == 405
    server.signal(signal.SIGHUP)
    server.wait_metric('ferry_reloads_total{outcome="succeeded"}', 1)
    assert admin_get(server, "/").status == 200
    assert server.get("/").status == 404


# ---- in a browser ----

def show(browser, server, fragment="", scheme="http"):
    browser.open(f"{scheme}://{server.admin_address}/{fragment}")


def wait_listed(browser, *places):
    """Wait until these jobs are listed, in this order, and no others."""
    ids = list(map(id_of, places))
    browser.wait(lambda: browser.texts("#jobs tbody th") == ids, f"the list has {ids}")


def wait_fact(browser, name, part):
    browser.wait(lambda: any(text.startswith(name) and part in text
                             for text in browser.texts("#job dl > div")), f"{name}: {part}")


def look_now(browser):
    """Have the page look at once, as it does when its tab comes into view."""
    browser.run("document.dispatchEvent(new Event('visibilitychange'))")


def act(browser, action, answer="yes"):
    browser.click(f"#job [data-action={action}]")
    if answer:
        browser.click(f"#{answer}")


def test_it_shows_whether_ferry_is_well_and_nothing_complains(browser, server):
    server.get("/now")
    show(browser, server)
    browser.wait_text("#ready", "ready")
    version = server.get("/metrics", admin=True).text().split('ferry_build_info{version="')[1]
    browser.wait_text("#about", version.split('"')[0])
    browser.wait_text("#pools tbody tr", "default")
    assert "0 / 7" in browser.texts("#pools tbody tr")[0]
    browser.wait(lambda: [text.split()[0] for text in browser.texts("#routes tbody tr")] ==
                 ["/now", '/"quoted"', "/later", "/fails", "/gate", "/steps"], "all routes are shown")
    assert browser.complaints() == []


def test_it_tells_rates_from_two_looks(browser, server):
    def requests_per_second(route):
        rows = dict(text.split(None, 2)[:2] for text in browser.texts("#routes tbody tr"))
        return rows.get(route, "")

    show(browser, server)
    browser.wait(lambda: requests_per_second("/now") == "0", "the page has looked twice")
    for _ in range(20):
        server.get("/now")
    look_now(browser)
    browser.wait(lambda: float(requests_per_second("/now") or 0) > 0, "they are counted")
    assert requests_per_second('/"quoted"') == "0"


def test_the_policy_lets_no_script_run_that_is_not_its_own(browser, server):
    show(browser, server)
    browser.wait_text("#ready", "ready")
    browser.run("""
        const script = document.createElement("script");
        script.textContent = "window.hasRun = true";
        document.body.append(script);
        document.body.insertAdjacentHTML("beforeend", "<img src=x onerror='window.hasRun = true'>");
    """)
    browser.wait(lambda: any("Content Security Policy" in text for text in browser.complaints()),
                 "the browser has refused it")
    assert not browser.run("return window.hasRun === true")


def test_it_says_why_ferry_is_not_ready(browser, server, gate):
    show(browser, server)
    assert server.get("/gate").status == 504
    look_now(browser)
    browser.wait_text("#ready", "not ready: every thread is stuck in pool single")
    browser.wait_text("#troubles", "stuck threads, whose calls are past their deadline: 1")
    gate.let()
    server.wait_metric('ferry_stuck_threads{pool="single"}', 0)
    look_now(browser)
    browser.wait(lambda: browser.texts("#ready") == ["ready"], "it is ready again")


def test_a_job_that_is_posted_appears_and_is_found_by_filters(browser, server):
    show(browser, server)
    browser.wait_text("#no-jobs", "No such jobs")
    done = server.post_job("/later", 1)
    server.wait_job(done, "succeeded")
    waits = server.post_job("/later", 2, headers=DELAYED)
    dead = server.post_job("/fails", 3)
    server.wait_job(dead, "dead")
    look_now(browser)
    wait_listed(browser, dead, waits, done)
    browser.wait_text("#states", "dead 1")

    browser.click("#states a[href='#state=dead']")
    wait_listed(browser, dead)
    browser.click("#states a[href='#all']")
    browser.find("#route option[value='/later']").click()
    wait_listed(browser, waits, done)
    browser.click("#states a[href*='scheduled']")
    wait_listed(browser, waits)
    assert browser.driver.current_url.endswith("/#state=scheduled&route=/later")
    browser.driver.refresh()
    wait_listed(browser, waits)
    show(browser, server, "#state=dead,succeeded")
    wait_listed(browser, dead, done)
    assert browser.complaints() == []


def test_older_jobs_are_on_the_next_page(browser, server):
    places = [server.post_job("/later", n, headers=DELAYED) for n in range(53)]
    show(browser, server)
    wait_listed(browser, *places[:2:-1])
    browser.click("#older")
    wait_listed(browser, *places[2::-1])
    browser.click("#newest")
    wait_listed(browser, *places[:2:-1])


def test_a_dead_job_is_shown_as_text_and_tried_again(browser, server, tmp_path):
    place = server.post_job("/fails", 1)
    server.wait_job(place, "dead")
    show(browser, server)
    browser.click(f"#jobs a[href$='{id_of(place)}']")
    wait_fact(browser, "state", "dead")
    wait_fact(browser, "error", MARKUP)
    browser.wait_text("#jobs .story", MARKUP)
    assert browser.find_all("img") == []

    (tmp_path / "mended").touch()
    act(browser, "retry", answer=None)
    browser.wait_text("#done", "It is due now")
    server.wait_job(place, "succeeded")
    look_now(browser)
    wait_fact(browser, "state", "succeeded")
    assert browser.complaints() == []


def test_what_a_job_answers_is_shown_as_text(browser, server):
    html = server.request("POST", "/later", body=MARKUP, headers={"Content-Type": "text/html"})
    html = html.headers["Location"]
    json = server.request("POST", "/later", body=f'{{"whole": {2**53 + 1}, "text": "{MARKUP}"}}',
                          headers={"Content-Type": "application/json"}).headers["Location"]
    for place in html, json:
        server.wait_job(place, "succeeded")
    show(browser, server, f"#job={id_of(html)}")
    browser.wait_text("#job pre", MARKUP)
    show(browser, server, f"#job={id_of(json)}")
    browser.wait_text("#job pre", f'"whole": {2**53 + 1}')
    assert MARKUP in browser.find("#job pre").text
    assert browser.find_all("img") == []
    assert browser.complaints() == []


@pytest.mark.parametrize("content_type, length, said", [
    ("text/plain", 128 * 1024 + 1, "It was too long to be kept."),
    ("text/plain", 64 * 1024 + 1, "It is of 65537 bytes: /jobs/ID/result has it."),
    ("text/plain", 0, "")])
def test_a_result_that_is_not_there_is_accounted_for(browser, server, content_type, length, said):
    place = server.request("POST", "/later", body="x" * length,
                           headers={"Content-Type": content_type}).headers["Location"]
    server.wait_job(place, "succeeded")
    show(browser, server, f"#job={id_of(place)}")
    wait_fact(browser, "answer", f"200 {content_type}")
    [loss] = browser.texts("#job-result p")
    assert loss.startswith(said) if said else not loss
    assert len(browser.texts("#job-result pre")) == (0 if said else 1)


def test_a_running_job_shows_its_progress_and_is_told_to_end(browser, server, steps):
    place = server.post_job("/steps?heeds=cancel", 1)
    steps.tell("25 a page")
    wait_until(lambda: server.get(place).json()["progress"], "it reports")
    show(browser, server, f"#job={id_of(place)}")
    wait_fact(browser, "progress", "25 % a page")
    browser.wait_text("#jobs .story", "25 % a page")
    assert browser.run("return document.getElementById('job-progress').value") == 0.25
    act(browser, "cancel")
    server.wait_job(place, "cancelled")
    look_now(browser)
    wait_fact(browser, "state", "cancelled")
    browser.wait_gone("#job-progress")
    assert browser.complaints() == []


def test_a_job_is_cancelled_and_deleted_after_a_yes(browser, server):
    place = server.post_job("/later", 1, headers=DELAYED)
    show(browser, server, f"#job={id_of(place)}")
    act(browser, "cancel", "no")
    browser.wait_gone("#confirm")
    assert server.get(place).json()["state"] == "scheduled"
    act(browser, "cancel")
    wait_fact(browser, "state", "cancelled")
    browser.wait_gone("#job [data-action=cancel]")
    act(browser, "delete")
    browser.wait_gone("#job")
    browser.wait_text("#no-jobs", "No such jobs")
    assert server.get(place).status in (404, 410)
    assert browser.complaints() == []


def test_a_job_that_is_not_there_is_said_to_be_so(browser, server):
    show(browser, server, f"#job={'0' * 32}")
    browser.wait_text("#job-message", "no such job")
    assert not browser.texts("#job [data-action]")
    browser.press_escape()
    browser.wait_gone("#job")


def test_all_jobs_of_a_filter_are_changed_at_once(browser, server):
    places = [server.post_job("/later", n, headers=DELAYED) for n in range(3)]
    other = server.post_job("/fails", 4, headers=DELAYED)
    show(browser, server)
    wait_listed(browser, other, *places[::-1])
    assert not browser.texts("#bulk")  # without a filter there is no such button
    browser.find("#route option[value='/later']").click()
    browser.click("#bulk [data-action=cancel]")
    browser.wait_text("#question", "Really cancel all jobs of /later?")
    browser.click("#yes")
    browser.wait_text("#done", "cancel: 3 jobs")
    browser.wait_text("#states", "cancelled 3")
    assert server.get(other).json()["state"] == "scheduled"


def test_a_route_is_paused_and_resumed(browser, server):
    show(browser, server)
    browser.click("#routes button[aria-label='Pause /later']")
    server.wait_metric('ferry_route_open{route="/later"}', 0)
    browser.wait_text("#routes tbody td", "paused")
    browser.click("#routes button[aria-label='Resume /later']")
    server.wait_metric('ferry_route_open{route="/later"}', 1)
    browser.wait_text("#routes tbody td", "open")
    assert browser.complaints() == []


def test_it_asks_for_the_token_and_forgets_it(browser, start, tmp_path):
    (tmp_path / "token").write_text("secret")
    server = start("admin: {token_file: token}")
    place = server.post_job("/later", 1, headers=DELAYED)
    show(browser, server, f"#job={id_of(place)}")
    browser.wait_text("#ready", "ready")  # that needs no token
    token = browser.find("#token")
    assert (token.get_attribute("type"), token.get_attribute("autocomplete")) == ("password", "off")
    assert not browser.texts("#data") and not browser.texts("#job")

    browser.type("#token", "wrong\n")
    browser.wait_text("#sign-in-message", "does not take this token")
    assert browser.run("return sessionStorage.length") == 0
    browser.type("#token", "secret\n")
    wait_listed(browser, place)
    wait_fact(browser, "state", "scheduled")
    browser.wait_gone("#sign-in")
    act(browser, "cancel")
    wait_fact(browser, "state", "cancelled")

    browser.driver.refresh()
    wait_listed(browser, place)
    assert not browser.texts("#sign-in")
    assert browser.run("return document.cookie + JSON.stringify(localStorage)") == "{}"
    browser.press_escape()
    browser.click("#sign-out")
    browser.find("#token")
    assert browser.run("return sessionStorage.length") == 0
    assert id_of(place) not in browser.driver.page_source


def test_it_asks_again_when_the_token_has_changed(browser, start, tmp_path):
    (tmp_path / "token").write_text("secret")
    server = start("admin: {token_file: token}")
    show(browser, server)
    browser.type("#token", "secret\n")
    browser.find("#pools")
    (tmp_path / "token").write_text("another")
    server.signal(signal.SIGHUP)
    server.wait_logged("msg=reloaded")
    look_now(browser)
    browser.wait_text("#sign-in-message", "does not take this token")
    assert not browser.texts("#data")


def test_it_notices_that_no_token_is_asked_for_any_more(browser, start, tmp_path):
    (tmp_path / "token").write_text("secret")
    server = start("admin: {token_file: token}")
    show(browser, server)
    browser.type("#token", "sec")
    look_now(browser)
    assert browser.run("return document.getElementById('token').value") == "sec"
    server.config.write_text(server.config.read_text().replace("admin: {token_file: token}", ""))
    server.signal(signal.SIGHUP)
    server.wait_logged("msg=reloaded")
    browser.find("#pools")
    browser.wait_gone("#sign-in")
    assert not browser.texts("#sign-out")


def test_it_works_over_tls(browser, start, tmp_path):
    certificate, key = make_certificate(tmp_path)
    server = start(f"admin: {{listen: \"127.0.0.1:0\", tls: {{cert: {certificate}, key: {key}}}}}")
    show(browser, server, scheme="https")
    browser.click("#routes button[aria-label='Pause /later']")
    browser.wait_text("#routes tbody td", "paused")


def test_a_page_of_another_name_is_told_what_it_lacks(browser, server):
    port = server.admin_address.rpartition(":")[2]
    browser.open(f"http://ferry.localhost:{port}/")
    browser.wait_text("#message", "admin.token_file")
    assert not browser.texts("#data")


def test_it_fits_a_phone(browser, server):
    place = server.post_job("/later", "x" * 500, headers=DELAYED)
    with browser.width(390):
        show(browser, server)
        wait_listed(browser, place)
        browser.click("#jobs a")
        wait_fact(browser, "state", "scheduled")
        assert browser.run("return document.documentElement.scrollWidth") == 390
        assert browser.run("return document.getElementById('job').offsetWidth") == 390


def test_a_job_is_opened_and_closed_from_the_keyboard(browser, server):
    places = [server.post_job("/later", n, headers=DELAYED) for n in range(2)]
    show(browser, server)
    wait_listed(browser, *places[::-1])
    link = f"#jobs a[href$='{id_of(places[0])}']"
    browser.type(link, "\n")
    wait_fact(browser, "state", "scheduled")
    assert browser.driver.switch_to.active_element.text == "Job"
    browser.press_escape()
    browser.wait_gone("#job")
    assert browser.driver.switch_to.active_element.text == id_of(places[0])
    browser.driver.back()
    wait_fact(browser, "state", "scheduled")
    assert browser.complaints() == []
