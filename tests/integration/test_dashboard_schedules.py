"""The dashboard's schedules, and what it does with a great many routes."""

import signal

from test_dashboard import look_now, show

CONFIG = """
plugins: [{gate.plugin}]
jobs: {{max_pending: {most}}}
workers:
  {settings}
routes:
  /gate: {{worker: gate, mode: defer, timeout: 0}}
  /later: {{worker: echo, methods: [POST], mode: defer}}
schedules:
  - {{name: nightly, route: /later, cron: 30 4 * * *}}
  - {{name: slow, route: /gate, every: 1s}}
"""


def start(serve, gate, most=1000):
    return serve(CONFIG.format(gate=gate, settings=gate.settings(), most=most))


def row(browser, name):
    rows = [text.split("\t") for text in browser.texts("#schedules tbody tr")]
    return next(cells for cells in rows if cells[0] == name)


def test_schedules_are_shown_with_when_they_are_due_and_what_came_of_them(browser, serve, gate):
    server = start(serve, gate)
    show(browser, server)
    browser.wait_text("#schedules tbody tr", "nightly")
    next_run = server.get("/schedules", admin=True).json()["schedules"][0]["next_at"]
    name, route, due, last, *counts = row(browser, "nightly")
    assert (route, last, counts) == ("/later", "", ["0", "0", "0", "0"])
    shown = browser.run("return new Date(arguments[0]).toLocaleString('sv')", next_run)
    assert due.startswith(f"{shown} (in ")
    browser.wait(lambda: int(row(browser, "slow")[5]) > 0, "runs are skipped while the first one runs")
    assert row(browser, "slow")[4] == "1"
    assert row(browser, "slow")[3].endswith(" ago)")
    assert browser.complaints() == []


def test_a_run_that_is_not_accepted_is_told(browser, serve, gate):
    server = start(serve, gate, most=1)
    server.wait_busy(1)  # by the job of the first run, whose place nobody else gets
    show(browser, server)
    server.post_json("/later", 1)
    server.config.write_text(server.config.read_text().replace("every: 1s", "every: 1s, overlap: true"))
    server.signal(signal.SIGHUP)
    server.wait_logged("msg=reloaded")
    browser.wait_text("#schedules .warn", "not accepted yet")


def test_without_schedules_there_is_no_such_table(browser, serve):
    server = serve("routes: {/now: {worker: echo}}\n")
    show(browser, server)
    browser.find("#pools")
    look_now(browser)
    browser.wait_text("#routes tbody tr", "/now")
    assert not browser.texts("#schedules, #schedules-title")


def test_what_is_told_of_a_route_is_not_searched_for_among_all(browser, serve):
    server = serve("routes: {/now: {worker: echo}}\n")
    show(browser, server)
    reads, total = browser.driver.execute_async_script("""
        const done = arguments[0];
        import(new URL("dashboard/metrics.js", location)).then(({Metrics}) => {
            const routes = Array.from({length: 500}, (_, i) => `/route-${i}`);
            const lines = routes.map((route) => `ferry_x{route="${route}"} 1`);
            const metrics = new Metrics(lines.join("\\n"), 0);
            let reads = 0;
            for (const sample of metrics.samples.get("ferry_x"))
                sample.labels = new Proxy(sample.labels, {get: (has, name) => (reads++, has[name])});
            const sums = routes.map((route) => metrics.sum("ferry_x", {route}));
            done([reads, sums.reduce((sum, one) => sum + one)]);
        });
    """)
    assert total == 500
    assert reads < 10 * 500
