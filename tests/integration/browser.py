"""A real browser: Chromium without a window, and what tests ask of the page that it shows."""

import contextlib
import os
import shutil

from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

from harness import DEADLINE


class Browser:
    """Elements are named by CSS selectors. What is waited for is asked until it is true."""

    def __init__(self, folder):
        options = webdriver.ChromeOptions()
        options.binary_location = shutil.which("chromium")
        # Without the sandbox, which neither root nor most containers can have: the pages are ours.
        for argument in ("--headless=new", "--no-sandbox", "--disable-gpu",
                         "--disable-dev-shm-usage", "--disable-background-networking",
                         "--window-size=1200,900"):
            options.add_argument(argument)
        options.accept_insecure_certs = True
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        service = Service(shutil.which("chromedriver"),
                          env={**os.environ, "TMPDIR": str(folder)})  # of which it leaves some
        self.driver = webdriver.Chrome(service=service, options=options)

    def open(self, address):
        self.driver.get("about:blank")  # another fragment alone would not load the page anew
        self.driver.get(address)

    def close(self):
        self.driver.quit()

    @contextlib.contextmanager
    def width(self, pixels):
        """A phone's width, meanwhile."""
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {
            "width": pixels, "height": 844, "deviceScaleFactor": 1, "mobile": True})
        yield
        self.driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})

    # ---- looking ----

    def wait(self, condition, what):
        waiting = WebDriverWait(self.driver, DEADLINE, poll_frequency=0.02)
        return waiting.until(lambda _: condition(), what)

    def find_all(self, selector):
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def find(self, selector):
        return self.wait(lambda: next((one for one in self.find_all(selector)
                                       if one.is_displayed()), None), f"{selector} is seen")

    def texts(self, selector):
        """The texts of all that can be seen."""
        return self.run("return [...document.querySelectorAll(arguments[0])]"
                        ".filter((one) => one.checkVisibility()).map((one) => one.innerText)",
                        selector)

    def wait_text(self, selector, part):
        self.wait(lambda: any(part in text for text in self.texts(selector)),
                  f"{selector} says {part}")

    def wait_gone(self, selector):
        self.wait(lambda: not self.texts(selector), f"{selector} is gone")

    def run(self, script, *args):
        return self.driver.execute_script(script, *args)

    def complaints(self):
        """What the console has got since it was asked last."""
        return [entry["message"] for entry in self.driver.get_log("browser")]

    # ---- doing ----

    def click(self, selector):
        self.find(selector).click()

    def type(self, selector, text):
        self.find(selector).send_keys(text)

    def press_escape(self):
        self.driver.switch_to.active_element.send_keys(Keys.ESCAPE)
