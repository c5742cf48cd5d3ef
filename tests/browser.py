"""A browser that tests look at pages with, where one is asked for."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest


@contextmanager
def chromium(width: int, height: int) -> Iterator[Any]:
    """Open Chromium without a window, of a size in pixels; skip the test where it is not to be had."""
    if not os.environ.get("HD2S_BROWSER"):
        pytest.skip("a browser is used only with HD2S_BROWSER=1")
    webdriver = pytest.importorskip("selenium.webdriver", reason="pip install '.[browser]'")
    binary, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if not binary or not driver:
        pytest.skip("chromium and chromedriver are not installed")
    options = webdriver.ChromeOptions()
    options.binary_location = binary
    for option in ("headless=new", "no-sandbox", "disable-dev-shm-usage", "disable-gpu"):
        options.add_argument(f"--{option}")
    options.add_argument(f"--window-size={width},{height}")
    browser = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))
    try:
        yield browser
    finally:
        browser.quit()
