"""The page of an evaluation: whole, without a network, and unharmed by what overseers and Workers write."""

import re
from collections.abc import Sequence
from html.parser import HTMLParser
from pathlib import Path

import pytest

pytest.importorskip("jinja2")
pytest.importorskip("matplotlib")

from forge_agents.client import ArenaClient
from forge_agents.evaluation import evaluate
from forge_agents.overseers import Completion, Overseer
from forge_agents.plot import plot_result
from forge_agents.report import write_report
from forge_agents.result import Result, ResultError
from forge_arena.types import Observation, Verdict

HOSTILE = '<script>alert(1)</script>{{ 7 * 7 }}</div>"\u202e\x1b'


class Hostile:
    """Attacks whoever reads the report, and now and then says nothing readable."""

    name = "hostile <b>\u2066"

    def review(self, observations: Sequence[Observation]) -> list[Verdict | Completion]:
        return [
            Completion(HOSTILE)
            if number % 5 == 0
            else Verdict(
                detection=number % 2 == 0, explanation=HOSTILE, correction=HOSTILE, confidence=0.5 + number % 5 / 10
            )
            for number, _ in enumerate(observations)
        ]


def page(overseer: Overseer | str, client: ArenaClient, folder: Path, **settings: int) -> str:
    records = folder / "records.jsonl"
    result = evaluate(overseer, arena=client, split="train", episodes=60, records=records, **settings)  # type: ignore[arg-type]
    (folder / "result.json").write_text(result.to_json())
    return write_report(folder).read_text()


class Balance(HTMLParser):
    """Which elements are open, and which are fetched from elsewhere."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.fetched: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.fetched += [
            str(value) for name, value in attrs if name in ("src", "href") and not str(value).startswith("#")
        ]
        if tag not in ("meta", "br", "img", "path", "use", "rect"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.fetched += [str(value) for name, value in attrs if name == "src"]

    def handle_endtag(self, tag: str) -> None:
        if tag in ("path", "use", "rect"):
            return
        assert self.open.pop() == tag


def test_a_page_has_everything_and_needs_nothing_else(client: ArenaClient, tmp_path: Path) -> None:
    html = page("rules", client, tmp_path, samples=2)
    read = Balance()
    read.feed(html)
    assert (read.open, read.fetched) == ([], [])
    for part in (
        "ROC of the stated probability",
        "Reliability",
        "Every metric",
        "by type and domain",
        "by type and stealth",
    ):
        assert part in html
    assert "Several verdicts on an episode" in html
    assert "<mark>" in html
    ids = re.findall(r'\\bid="([^"]+)"', html)
    assert len(ids) == len(set(ids))


def test_what_an_overseer_writes_is_only_text(client: ArenaClient, tmp_path: Path) -> None:
    html = page(Hostile(), client, tmp_path)
    assert "<script>" not in html
    assert "49</div>" not in html
    assert "hostile &lt;b&gt;[U+2066]" in html
    assert "[U+202E][U+001B]" in html
    assert not set(html) & {"\u202e", "\u2066", "\x1b"}
    assert "No readable verdict" in html
    read = Balance()
    read.feed(html)
    assert read.open == []


def test_a_folder_without_a_result_says_so(tmp_path: Path) -> None:
    with pytest.raises(ResultError, match="no result in"):
        write_report(tmp_path)


def test_a_result_shows_itself_in_a_notebook(client: ArenaClient) -> None:
    result: Result = evaluate("rules", arena=client, split="train", episodes=40)
    assert repr(result).startswith("Result(rules on forge:4:train, 40 episodes from 0: balanced accuracy 0.")
    assert "<caption>rules on forge:4:train" in result._repr_html_()
    axes = plot_result(result).axes
    assert [a.get_ylabel() for a in axes] == ["corrupted found", "share corrupted"]
