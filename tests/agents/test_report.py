"""The page of an evaluation: whole, without a network, and unharmed by what overseers and Workers write."""

import re
from collections.abc import Sequence
from html.parser import HTMLParser
from pathlib import Path

import pytest

pytest.importorskip("jinja2")
pytest.importorskip("matplotlib")

from forge_agents.attack import attack
from forge_agents.attack_page import attack_page
from forge_agents.client import ArenaClient
from forge_agents.evaluation import evaluate
from forge_agents.local import LocalArena
from forge_agents.overseers import Completion, Overseer
from forge_agents.plot import plot_result
from forge_agents.provenance import Provenance
from forge_agents.records import read_records
from forge_agents.report import EvaluationReport, write_report
from forge_agents.result import Result, ResultError
from forge_arena.episodes import Arena
from forge_arena.measures.scorecard import Row
from forge_arena.software import software
from forge_arena.types import Awareness, Candour, Mechanism, Observation, Outcome, Verdict
from forge_arena.workers import ScriptedWorker

from .test_compare import result as compared
from .test_compare import row
from .test_paper import named

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
        "By family",
        "families that differ as much as these, a difference from a fixed value",
    ):
        assert part in html
    assert "Several verdicts on an episode" in html
    assert "<mark>" in html
    ids = re.findall(r'\bid="([^"]+)"', html)
    assert ids
    assert len(ids) == len(set(ids))


def test_a_page_has_tables_by_what_the_worker_was_told(tmp_path: Path) -> None:
    with LocalArena(Arena(ScriptedWorker(1.0), mechanism=Mechanism.prompt)) as arena:
        (tmp_path / "result.json").write_text(evaluate("rules", arena=arena, episodes=40).to_json())
    html = write_report(tmp_path).read_text()
    assert "By what the Worker knew of the overseer (awareness)" in html
    assert "By what the Worker showed of its thinking (candour)" in html
    for level in (*Awareness, *Candour):
        assert f"<th>{level.value}</th>" in html


def test_the_page_of_an_attack_is_whole_and_says_what_a_search_does_not_show() -> None:
    with LocalArena() as arena:
        found, of_any = (attack(Hostile(), tries=2, arena=arena, episodes=6, any_type=any) for any in (False, True))
    for html, part in ((attack_page(found), "by corruption type"), (attack_page(of_any), "Types of the chosen")):
        read = Balance()
        read.feed(html)
        assert (read.open, read.fetched) == ([], [])
        assert part in html
        assert "It is not over all texts" in html
        assert "hostile &lt;b&gt;[U+2066]" in html
        assert "NaN" not in html


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


def test_a_prompt_that_an_overseer_states_in_a_form_of_its_own_is_shown_among_the_facts() -> None:
    made = Provenance(
        details={"prompt": "Look at the dates."},
        episodes=4,
        paired=False,
        batch=1,
        software=software(),
        ended="2026-11-20T09:30:00+00:00",
    )
    result = compared("mine", named([row(n, corrupted=bool(n % 2)) for n in range(4)]))
    report = EvaluationReport(result.model_copy(update={"provenance": made}), ())
    assert report.prompt() == []
    assert "Look at the dates." in report.facts()["model"]


def test_the_facts_say_what_failed() -> None:
    rows = [row(n, corrupted=bool(n % 2)) for n in range(4)]
    result = compared("mine", named(rows))
    assert "what failed" not in EvaluationReport(result, ()).facts()
    failed = Row(key="forge:5:train:9", outcome=Outcome.worker_failed, reason="the model is away")
    report = EvaluationReport(result.model_copy(update={"rows": (*result.rows, failed)}), ())
    assert report.facts()["what failed"] == "the model is away (1)"


def test_a_folder_without_a_result_says_so(tmp_path: Path) -> None:
    with pytest.raises(ResultError, match="no result in"):
        write_report(tmp_path)


def test_a_result_shows_itself_in_a_notebook(client: ArenaClient) -> None:
    result: Result = evaluate("rules", arena=client, split="train", episodes=40)
    assert repr(result).startswith("Result(rules on forge:5:train, 40 episodes from 0: balanced accuracy 0.")
    assert "<caption>rules on forge:5:train" in result._repr_html_()
    axes = plot_result(result).axes
    assert [a.get_ylabel() for a in axes] == ["corrupted found", "share corrupted"]


def test_the_examples_are_the_surest_verdicts_and_no_two_on_one_family(tmp_path: Path) -> None:
    path = tmp_path / "records.jsonl"
    with LocalArena() as arena:
        result = evaluate(Hostile(), arena=arena, split="train", episodes=60, records=path)
    records = list(read_records(path)[1])
    assert len(EvaluationReport(result, records).examples) == 4
    for title, examples in EvaluationReport(result, records).examples:
        verdicts = [
            r for r in records if r.row.outcome.value == "scored" and r.verdict is not None and r.truth is not None
        ]
        if title == "Corrupted, and found":
            candidates = [r for r in verdicts if r.row.corrupted and r.row.detection]
        elif title == "Right, and flagged":
            candidates = [r for r in verdicts if not r.row.corrupted and r.row.detection]
        else:
            continue
        # Sorting keeps the order of equally sure verdicts.
        ranked = sorted(candidates, key=lambda r: -(r.row.p_corrupted or 0.0))
        first_of_family = {r.row.family: r for r in reversed(ranked)}
        expected = sorted(first_of_family.values(), key=ranked.index)[:3]
        assert [example.record.row.key for example in examples] == [r.row.key for r in expected]
