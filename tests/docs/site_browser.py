"""Open pages in a headless Chromium, and print as JSON what each fetched, showed and complained of.

Run by `tests/docs/test_site.py` with a Python that has selenium. Usage: site_browser.py URL...
"""

import json
import shutil
import sys
import tempfile
import time
from typing import Any

from selenium import webdriver
from selenium.webdriver.common.by import By


def browser() -> webdriver.Chrome:
    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium") or ""
    for argument in (
        *("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"),
        *("--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-quic"),
        *(f"--user-data-dir={tempfile.mkdtemp()}", "--window-size=1280,900"),
    ):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    return webdriver.Chrome(options=options, service=webdriver.ChromeService(shutil.which("chromedriver")))


def look(web: webdriver.Chrome, url: str) -> dict[str, Any]:
    web.get(url)
    # What a script fetches comes after the page.
    time.sleep(2)
    events = [json.loads(entry["message"])["message"] for entry in web.get_log("performance")]
    fetched = [event["params"]["request"]["url"] for event in events if event["method"] == "Network.requestWillBeSent"]
    return {
        "fetched": [one for one in fetched if one.startswith("http")],
        "console": [entry["message"] for entry in web.get_log("browser")],
        "text": web.find_element(By.TAG_NAME, "body").text,
        "width": web.execute_script("return document.documentElement.scrollWidth - window.innerWidth"),
    }


if __name__ == "__main__":
    chromium = browser()
    try:
        print(json.dumps({url: look(chromium, url) for url in sys.argv[1:]}))
    finally:
        chromium.quit()
