"""A real browser without a window, where there is one: Chromium driven by Selenium."""

import base64
import shutil
import sys
from contextlib import contextmanager

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")


def program():
    """Return the browser's path, or skip the test with what to install."""
    pytest.importorskip("selenium", reason="selenium is in the extra crossbarsim[browser]")
    found = next(filter(None, map(shutil.which, NAMES)), None)
    driver = shutil.which("chromedriver")
    if not found or not driver:
        pytest.skip("no browser: apt-get install chromium chromium-driver")
    return found, driver


@contextmanager
def browser(width=1280, height=1000):
    """Yield a driver of a browser without a window; it ends with the block."""
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    path, driver = program()
    options = webdriver.ChromeOptions()
    options.binary_location = path
    for flag in ("--headless=new", "--disable-gpu", "--hide-scrollbars", f"--window-size={width},{height}",
                 "--disable-dev-shm-usage", "--force-device-scale-factor=1"):
        options.add_argument(flag)
    if sys.platform == "linux":
        options.add_argument("--no-sandbox")  # containers run tests as root
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    found = webdriver.Chrome(options=options, service=Service(driver))
    try:
        yield found
    finally:
        found.quit()


def opened(driver, path, *, dark=False, width=1280, height=1000):
    """Show a file, and wait until the page has drawn itself."""
    from selenium.webdriver.support.ui import WebDriverWait

    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {
        "width": width, "height": height, "deviceScaleFactor": 1, "mobile": False,
    })
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {
        "features": [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}],
    })
    driver.get(path.resolve().as_uri())
    WebDriverWait(driver, 30).until(
        lambda d: d.execute_script("return document.documentElement.dataset.ready") == "true"
    )


def console(driver):
    """Return what the browser's console has of warnings and errors."""
    return [entry for entry in driver.get_log("browser") if entry["level"] in ("SEVERE", "WARNING")]


def picture(driver, path):
    """Write the whole page to a .png file."""
    shot = driver.execute_cdp_cmd("Page.captureScreenshot", {"captureBeyondViewport": True})
    path.write_bytes(base64.b64decode(shot["data"]))
