"""Drive a headless Chromium over the pages, and print as JSON what it saw. Run by `tests/e2e/test_page.py`.

Usage: page_browser.py play URL | login URL TOKEN | hostile URL | watch URL RUN_ID
"""

import base64
import json
import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

from axe_core_python.base import AXE_FILE_PATH
from selenium import webdriver
from selenium.common.exceptions import TimeoutException, WebDriverException
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

# The newest axe if npm could install one, otherwise the one in the Python package.
AXE = os.environ.get("FORGE_ARENA_AXE") or AXE_FILE_PATH
SCREENSHOTS = os.environ.get("FORGE_ARENA_SCREENSHOTS", "")
SIZES = (1280, 390)
SCHEMES = ("light", "dark")


class Browser:
    """A Chromium, and what was noticed on the pages so far."""

    def __init__(self, url: str) -> None:
        options = webdriver.ChromeOptions()
        options.binary_location = shutil.which("chromium") or ""
        profile = tempfile.mkdtemp()
        for argument in (
            *("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
            *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
            *("--disable-dev-shm-usage", "--hide-scrollbars", f"--user-data-dir={profile}", "--window-size=1280,900"),
        ):
            options.add_argument(argument)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        self.web = webdriver.Chrome(options=options, service=webdriver.ChromeService(shutil.which("chromedriver")))
        self.url = url
        self.axe: dict[str, list[str]] = {}
        self.too_wide: list[str] = []
        self.console: list[str] = []

    def get(self, path: str) -> None:
        self.web.get(f"{self.url}{path}")

    def find(self, selector: str) -> Any:
        return self.web.find_element(By.CSS_SELECTOR, selector)

    def value(self, selector: str) -> str:
        return str(self.web.execute_script("return document.querySelector(arguments[0])?.value ?? ''", selector))

    def focus(self, selector: str, number: int = 0) -> None:
        """Move the focus in one go, because a page that follows the server replaces what has no focus."""
        move = "document.querySelectorAll(arguments[0])[arguments[1]].focus()"
        self.web.execute_script(move, selector, number)

    def follow(self, on: bool) -> None:
        """Let a page follow the server or stand still, with its own box."""
        self.web.execute_script("{ const b = document.getElementById('follow'); if (b) b.checked = arguments[0]; }", on)

    def press(self, *keys: str) -> None:
        """Press keys, each sent to whatever has the focus then."""
        for key in keys:
            self.web.switch_to.active_element.send_keys(key)

    def chord(self, modifier: str, key: str) -> None:
        webdriver.ActionChains(self.web).key_down(modifier).send_keys(key).key_up(modifier).perform()

    def wait(self, condition: Any) -> None:
        WebDriverWait(self.web, 60).until(lambda _: condition())

    def note_alerts(self) -> None:
        """From the next page on, whatever a text runs is noted instead of opening a dialogue."""
        source = "window.alerts = []; window.alert = (what) => window.alerts.push(what)"
        self.web.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": source})

    def alerts(self) -> list[Any]:
        return list(self.web.execute_script("return window.alerts"))

    def texts(self, selector: str) -> list[str]:
        """What the elements say, read in one go, because a page that follows the server may replace them meanwhile."""
        read = "return [...document.querySelectorAll(arguments[0])].map((one) => one.innerText.trim())"
        return list(self.web.execute_script(read, selector))

    def count(self, selector: str) -> int:
        return len(self.web.find_elements(By.CSS_SELECTOR, selector))

    @property
    def path(self) -> str:
        return urlsplit(self.web.current_url).path

    def look(self, name: str) -> None:
        """Let axe read the page in both sizes and schemes, and take pictures; the page stands still meanwhile."""
        self.follow(on=False)
        for width in SIZES:
            for scheme in SCHEMES:
                self.show(width, scheme)
                label = f"{name}-{width}-{scheme}"
                self.axe[label] = self._axe()
                if self.web.execute_script("return document.documentElement.scrollWidth") > width:
                    self.too_wide.append(label)
                if SCREENSHOTS:
                    self._picture(label, width)
        self.console += [entry["message"] for entry in self.web.get_log("browser")]
        self.show(1280, "light")
        self.follow(on=True)

    def show(self, width: int, scheme: str) -> None:
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self.web.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
        metrics = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600}
        self.web.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)

    def _axe(self) -> list[str]:
        # Without transitions, because axe would read a colour on its way to another one.
        self.web.execute_script(Path(AXE).read_text(encoding="utf-8"))
        found = self.web.execute_async_script(
            "const done = arguments[0];"
            "Promise.all(document.getAnimations().map((one) => one.finished)).then(() => axe.run()).then(done)"
        )
        return [f"{v['id']}: {[node['html'][:120] for node in v['nodes'][:3]]}" for v in found["violations"]]

    def _picture(self, label: str, width: int) -> None:
        self.web.execute_script("scrollTo(0, 0)")
        height = min(6000, self.web.execute_script("return document.documentElement.scrollHeight"))
        clip = {"x": 0, "y": 0, "width": width, "height": height, "scale": 1}
        picture = self.web.execute_cdp_cmd("Page.captureScreenshot", {"captureBeyondViewport": True, "clip": clip})
        folder = Path(SCREENSHOTS)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{label}.png").write_bytes(base64.b64decode(picture["data"]))


def play(browser: Browser) -> dict[str, Any]:
    """Play an episode from the first key to the reward, and look at every page on the way."""
    browser.get("/")
    browser.look("start page")
    browser.get("/leaderboard")
    browser.look("leaderboard")
    browser.get("/play")
    browser.look("before")
    browser.press("n")
    browser.wait(lambda: browser.path.startswith("/play/"))
    path = browser.path
    browser.look("play")
    saw: dict[str, Any] = {"path": path}
    browser.press("?")
    browser.press("h")
    saw["reasoning_open"] = browser.web.execute_script("return document.getElementById('reasoning').open")
    browser.press("a", "j", "m", "s", Keys.SPACE, "c", "3", "+", "+")
    saw["explanation"] = browser.value("#explanation")
    for side in ("answer", "source"):
        words = "return [...document.querySelectorAll(`input[name=${arguments[0]}]:checked`)].map((one) =>"
        saw[f"{side}_words"] = browser.web.execute_script(
            f"{words} one.closest('.piece').querySelector('.words').textContent)", side
        )
    numbers = "return [...document.querySelectorAll(`input[name=${arguments[0]}]:checked`)].map((one) => +one.value)"
    saw["marked"] = {side: browser.web.execute_script(numbers, side) for side in ("answer", "source")}
    saw["detection"] = browser.value("input[name=detection]:checked")
    saw["corruption"] = browser.value("input[name=corruption]:checked")
    saw["confidence"] = browser.value("#confidence")
    browser.press("e", Keys.END, " My own words.")
    saw["edited"] = browser.value("#explanation")
    browser.press(Keys.ESCAPE, "f", Keys.END, " And a repair.", Keys.ESCAPE)
    browser.look("filled in")
    saw["before_probe"] = {name: browser.value(f"#{name}") for name in ("explanation", "correction", "confidence")}
    browser.press("p", "What is due, and when?", Keys.ENTER)
    browser.wait(lambda: browser.web.find_elements(By.CSS_SELECTOR, "blockquote"))
    saw["after_probe"] = {name: browser.value(f"#{name}") for name in ("explanation", "correction", "confidence")}
    saw["probe_shown"] = browser.find("blockquote .question").text
    browser.look("asked")
    browser.press("a", "j", "j", "m", "2")
    saw["after_more"] = browser.value("#explanation")
    browser.chord(Keys.CONTROL, Keys.ENTER)
    browser.wait(lambda: browser.web.find_elements(By.ID, "reward"))
    reward = browser.find("#reward")
    saw |= {"reward": reward.get_attribute("data-reward"), "reward_shown": reward.text}
    browser.look("review")
    browser.get("/episodes")
    browser.look("episodes")
    browser.get("/live")
    browser.look("live")
    browser.get("/runs")
    browser.look("no runs")
    browser.get("/play")
    browser.look("tally")
    browser.get("/play/nothing")
    browser.console += [e["message"] for e in browser.web.get_log("browser") if " 404 " not in e["message"]]
    browser.look("refusal")
    return saw | {"axe": browser.axe, "too_wide": browser.too_wide, "console": browser.console}


def login(browser: Browser, token: str) -> dict[str, Any]:
    """Log in with a wrong token, then with the right one, and log out."""
    browser.get("/play")
    browser.find("#token").send_keys("nobody's token", Keys.ENTER)
    browser.wait(lambda: browser.web.find_elements(By.ID, "problem"))
    saw = {"wrong": browser.find("#problem").text}
    browser.find("#token").send_keys(token, Keys.ENTER)
    browser.wait(lambda: browser.path == "/play")
    saw |= {"heading": browser.find("h1").text, "cookie": browser.web.execute_script("return document.cookie")}
    browser.find(".session button").click()
    browser.wait(lambda: browser.path == "/")
    return {**saw, "out": browser.path}


def hostile(browser: Browser) -> dict[str, Any]:
    """Play an episode whose texts are markup."""
    browser.note_alerts()
    alerts: list[Any] = []
    browser.get("/play")
    browser.press("n")
    browser.wait(lambda: browser.path.startswith("/play/"))
    browser.press("h", "a", "m", "j", "m", "c", "1")
    saw = {
        "explanation": browser.value("#explanation"),
        "scripts": browser.web.execute_script(
            "return [...document.scripts].map((one) => new URL(one.src, location).pathname)"
        ),
        "images": browser.web.execute_script("return document.querySelectorAll('main img, main svg, .text a').length"),
        "texts": browser.find("body").text.count("<script>alert(1)</script>"),
    }
    alerts += browser.alerts()
    browser.chord(Keys.CONTROL, Keys.ENTER)
    browser.wait(lambda: browser.web.find_elements(By.ID, "reward"))
    for path in (browser.path, "/episodes", "/live", "/"):
        browser.get(path)
        alerts += browser.alerts()
    return {**saw, "alerts": alerts}


def watch(browser: Browser, run_id: str) -> dict[str, Any]:
    """Look at runs, the leaderboard and the curriculum of a server that has some, by keyboard."""
    browser.note_alerts()
    browser.get("/runs")
    saw: dict[str, Any] = {"drawn_first": browser.count(".key.line-1")}
    browser.focus("input[name=run]:not(:checked)")
    browser.press(Keys.SPACE, Keys.ENTER)
    browser.wait(lambda: browser.count(".chart .line-1"))
    saw["names"] = browser.texts(".named")
    browser.look("runs")
    points = {"points": [{"step": 77, "numbers": {"reward": 0.5}}]}
    ask = Request(f"{browser.url}/v1/runs/{run_id}/points", json.dumps(points).encode(), method="POST")
    urlopen(ask).close()
    browser.wait(lambda: "77" in browser.texts("td"))
    saw["alerts"] = browser.alerts()
    browser.get("/leaderboard")
    browser.look("leaderboard with entries")
    saw["differences"] = browser.count("#differences + .wide tbody tr")
    browser.focus("summary")
    browser.press(Keys.ENTER)
    browser.wait(lambda: browser.find("input[name=entry]").is_displayed())
    browser.focus("input[name=entry]")
    browser.press(Keys.SPACE)
    browser.focus("input[name=entry]", 1)
    browser.press(Keys.ENTER)
    browser.wait(lambda: "entry=" in browser.web.current_url)
    saw["curves"] = browser.count(".chart .plain")
    browser.get("/live")
    browser.look("live with a curriculum")
    saw["cells"] = browser.count(".map .cell")
    saw["alerts"] += browser.alerts()
    return saw | {"axe": browser.axe, "too_wide": browser.too_wide, "console": browser.console}


def drive(what: str, url: str, *more: str) -> dict[str, Any]:
    """What a fresh browser saw; a wait that was in vain (TimeoutException) counts against the page."""
    browser = Browser(url)
    try:
        return {"play": play, "login": login, "hostile": hostile, "watch": watch}[what](browser, *more)
    finally:
        browser.web.quit()


if __name__ == "__main__":
    try:
        seen = drive(*sys.argv[1:])
    except TimeoutException:
        raise
    except WebDriverException as problem:
        # The browser or its driver failed, and says nothing about the pages: once more, and the second time counts.
        print(f"driven once more after {type(problem).__name__}: {problem.msg}", file=sys.stderr)
        seen = drive(*sys.argv[1:])
    print(json.dumps(seen))
