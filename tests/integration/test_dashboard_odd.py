"""The dashboard where names are long, clocks are wrong, and nobody has a mouse."""

import pytest

from selenium.webdriver.common.keys import Keys

from test_dashboard import DELAYED, id_of, show, wait_fact, wait_listed

LONG = "/" + "long" * 75
CONFIG = f"""
pools: {{{"p" * 60}: {{threads: 1}}}}
routes:
  {LONG}: {{worker: echo, methods: [POST], mode: defer}}
  /now: {{worker: noop, pool: {"p" * 60}}}
schedules:
  - {{name: {"n" * 60}, route: {LONG}, cron: 30 4 * * *}}
"""


@pytest.fixture
def server(serve):
    return serve(CONFIG)


def overflowing(browser):
    """What is wider than the page or its own box, and cannot be scrolled to."""
    return browser.run("""
        return [...document.querySelectorAll("body, body *")]
            .filter((one) => one.checkVisibility() && !one.closest(".wide, pre, .unseen, select"))
            .filter((one) => one.getBoundingClientRect().right > innerWidth + 1
                || one.scrollWidth > one.clientWidth + 1 && one.clientWidth > 0)
            .map((one) => `${one.tagName} ${one.id} ${one.scrollWidth}`);
    """)


@pytest.mark.parametrize("pixels", [320, 1200])
def test_long_names_fit_into_the_page(browser, server, pixels):
    place = server.post_job(LONG, 1, headers=DELAYED)
    with browser.width(pixels):
        show(browser, server, f"#route={LONG}")
        wait_listed(browser, place)
        assert overflowing(browser) == []
        browser.click("#bulk [data-action=cancel]")
        browser.wait_text("#question", LONG)
        assert overflowing(browser) == []
        browser.click("#no")
        browser.click(f"#routes button[aria-label='Pause {LONG}']")
        browser.wait_text("#done", "is paused")
        assert overflowing(browser) == []
        show(browser, server, f"#job={id_of(place)}")
        wait_fact(browser, "route", LONG)
        assert overflowing(browser) == []


@pytest.mark.parametrize("id", ["stats", "..", "0" * 33])
def test_what_is_no_id_of_a_job_is_not_asked_for(browser, server, id):
    show(browser, server, f"#job={id}")
    browser.wait_text("#job-message", "no such job: an id has 32 hexadecimal digits")
    browser.wait_text("#routes tbody tr", LONG)
    assert browser.texts("#job [data-action]") == []
    assert browser.complaints() == []


def test_a_browser_whose_clock_is_wrong_tells_how_long_ago_things_were(browser, server):
    place = server.post_job(LONG, 1, headers=DELAYED)
    script = browser.driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": """
        const now = Date.now;
        Date.now = () => now() - 3600_000;
        window.Date = class extends Date {
            constructor(...args) { super(...args.length ? args : [Date.now()]); }
        };
    """})
    try:
        show(browser, server, f"#job={id_of(place)}")
        browser.wait_text("#about", "up ")
        assert " h" not in browser.texts("#about")[0]
        wait_fact(browser, "made", "s ago)")
        wait_fact(browser, "due", "(in 59 min")
        browser.wait_text("#jobs .story", "due in 59 min")
    finally:
        browser.driver.execute_cdp_cmd("Page.removeScriptToEvaluateOnNewDocument", script)


def test_the_focus_stays_where_a_question_was_asked_from(browser, server):
    place = server.post_job(LONG, 1, headers=DELAYED)
    show(browser, server, f"#job={id_of(place)}")
    wait_fact(browser, "state", "scheduled")
    browser.type("#job [data-action=cancel]", Keys.ENTER)
    browser.find("#question")
    browser.press_escape()
    browser.wait_gone("#confirm")
    assert browser.driver.switch_to.active_element.text == "Cancel"


def test_the_focus_is_not_lost_with_what_had_it(browser, server):
    place = server.post_job(LONG, 1, headers=DELAYED)
    show(browser, server, f"#state=dead&job={id_of(place)}")
    wait_fact(browser, "state", "scheduled")
    browser.type("#job [data-action=cancel]", Keys.ENTER)
    browser.type("#yes", Keys.ENTER)
    browser.wait_gone("#job [data-action=cancel]")
    browser.wait(lambda: browser.driver.switch_to.active_element.text == "Job", "its title has it")
    browser.press_escape()
    browser.wait_gone("#job")
    assert browser.run("return document.activeElement.contains(document.getElementById('jobs'))"
                       " && document.activeElement !== document.body")
