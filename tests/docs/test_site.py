"""The documentation site is strict, whole, and needs no other host; nor does the page of the API.

Needs FORGE_ARENA_DOCS, a Python with zensical, and the site in site/ (`make test-docs` makes both). What a browser sees
needs FORGE_ARENA_BROWSER, a Python with selenium, and Chromium with its driver.
"""

import functools
import inspect
import json
import os
import re
import shutil
import subprocess
import threading
from collections.abc import Iterator
from html import unescape
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from typer.main import get_command

from forge_arena.env import ForgeArenaEnv
from forge_command.app import app

ROOT = Path(__file__).parents[2]
SITE = ROOT / "site"
PYTHON = os.environ.get("FORGE_ARENA_DOCS", "")
BROWSER = os.environ.get("FORGE_ARENA_BROWSER", "")
MISSING = [name for name in ("chromium", "chromedriver") if shutil.which(name) is None]
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not PYTHON, reason="FORGE_ARENA_DOCS names no Python with zensical: make test-docs"),
]
in_a_browser = pytest.mark.skipif(not BROWSER or bool(MISSING), reason="no Chromium here, or no Python with selenium")
# Elements that a browser fetches by itself. A link that a reader may follow is none of them.
FETCHED = re.compile(
    r"<(?:script|img|iframe|source|video|audio|embed|object)\b[^>]*?\b(?:src|data|srcset)=[\"']?([^\"'\s>]+)"
    r"|<link\b(?=[^>]*\brel=[\"']?(?:stylesheet|icon|preload|preconnect|modulepreload|manifest))[^>]*?\bhref=[\"']?([^\"'\s>]+)"
    r"|(?:url\(|@import\s+)[\"']?([^\"')\s;]+)",
    re.IGNORECASE,
)


def pages() -> dict[str, str]:
    return {
        path.relative_to(SITE).as_posix(): path.read_text(encoding="utf-8")
        for ending in ("*.html", "*.css")
        for path in SITE.rglob(ending)
    }


def test_nothing_is_fetched_from_another_host() -> None:
    found = {
        (name, url)
        for name, text in pages().items()
        for match in FETCHED.finditer(text)
        if (url := next(filter(None, match.groups()))).startswith(("http:", "https:", "//"))
    }
    assert found == set()
    # zensical's script fetches Mermaid from elsewhere, but only for such a diagram.
    assert not [name for name, text in pages().items() if re.search(r"class=\"?mermaid", text)]


def test_the_environment_is_specified_from_its_docstring() -> None:
    text = words((SITE / "reference" / "environment.html").read_text(encoding="utf-8"))
    headings = ("Description", "Action Space", "Observation Space", "Rewards", "Starting State", "Episode End")
    assert all(heading in text for heading in (*headings, "Arguments", "Version History"))
    docstring = inspect.cleandoc(ForgeArenaEnv.__doc__ or "")
    for paragraph in re.split(r"\n\n|\n(?=- |#)", docstring):
        assert words(re.sub(r"^[#-]+ |`", "", paragraph)) in text, paragraph


def test_every_command_and_every_option_has_its_place() -> None:
    text = words((SITE / "reference" / "command-line.html").read_text(encoding="utf-8"))

    def commands(group: Any, *before: str) -> Iterator[tuple[str, Any]]:
        for name, one in group.commands.items():
            yield " ".join((*before, name)), one
            if hasattr(one, "commands"):
                yield from commands(one, *before, name)

    for name, command in commands(get_command(app)):
        assert f"forge-arena {name}" in text, name
        for option in [option for parameter in command.params for option in parameter.opts if option.startswith("--")]:
            assert option in text, (name, option)


def test_every_page_stands_in_the_navigation() -> None:
    home = (SITE / "index.html").read_text(encoding="utf-8")
    for page in [path for ending in ("*.md", "*.ipynb") for path in (ROOT / "docs").rglob(ending)]:
        name = page.relative_to(ROOT / "docs").with_suffix("" if page.suffix == ".md" else ".ipynb")
        address = "index.html" if name.name == "README" else f"{name.as_posix()}.html"
        assert re.search(rf"href=\"?(\./)?{re.escape(address)}[\"> ]", home) or address == "index.html", address


def words(text: str) -> str:
    """The words of a page without its tags, one space between them."""
    return " ".join(unescape(re.sub(r"<[^>]+>", "", text)).replace("¶", " ").split())


@pytest.mark.parametrize(
    ("page", "complaint"),
    [
        ("[gone](gone.md)", "docs/bad.md: there is no docs/gone.md"),
        ("[gone](README.md#no-such-heading)", "anchor does not exist"),
        ("[gone](../agents/gone.py)", "docs/bad.md: there is no agents/gone.py"),
        ("::: forge_arena.nowhere", "forge_arena.nowhere could not be found"),
    ],
)
def test_a_dead_link_or_an_unknown_name_fails_the_build(page: str, complaint: str, tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    shutil.copy(ROOT / "docs" / "build_site.py", tmp_path / "docs")
    config = (ROOT / "zensical.toml").read_text(encoding="utf-8")
    nav = 'nav = ["docs/README.md", "docs/bad.md"]\n'
    (tmp_path / "zensical.toml").write_text(re.sub(r"^nav = \[\n.*?^\]\n", nav, config, flags=re.M | re.S))
    (tmp_path / "docs" / "README.md").write_text("# Home\n", encoding="utf-8")
    (tmp_path / "docs" / "bad.md").write_text(f"# Bad\n\n{page}\n", encoding="utf-8")
    built = subprocess.run(
        [PYTHON, "docs/build_site.py"], cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False
    )
    assert built.returncode != 0
    assert complaint in re.sub(r"\x1b\[[0-9;]*m", "", built.stdout + built.stderr)
    assert not (tmp_path / "site").exists()


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    """The URL of the site."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=SITE)) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def seen(*urls: str) -> Any:
    """What a browser fetched, showed and complained of on each page."""
    command = [BROWSER, str(Path(__file__).with_name("site_browser.py")), *urls]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr[-3_000:]
    return json.loads(done.stdout)


@in_a_browser
def test_a_browser_fetches_from_the_site_alone_and_has_nothing_to_complain_of(site: str) -> None:
    names = ("index.html", "reference/environment.html", "reference/command-line.html", "reference/client.html")
    for url, page in seen(*(f"{site}/{name}" for name in names)).items():
        assert {urlsplit(fetched).netloc for fetched in page["fetched"]} == {urlsplit(site).netloc}, url
        assert page["console"] == [], url
        assert len(page["text"]) > 500, url


@in_a_browser
def test_the_page_of_the_api_is_whole_without_another_host(arena: str) -> None:
    page = seen(f"{arena}/docs")[f"{arena}/docs"]
    assert page["fetched"][0] == f"{arena}/docs"
    assert {urlsplit(fetched).netloc for fetched in page["fetched"]} == {urlsplit(arena).netloc}
    # Chromium asks every site for an icon. Anything else would be a breach of the content security policy.
    assert [line for line in page["console"] if "favicon.ico" not in line] == []
    assert page["width"] <= 0
    for word in ("POST /v1/episodes", "POST /v1/verdicts", "Open episodes", "Bodies"):
        assert word in page["text"]
