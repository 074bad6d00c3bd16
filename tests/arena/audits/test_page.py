import re
import xml.etree.ElementTree as ElementTree
from collections import Counter
from html.parser import HTMLParser
from typing import Any

import pytest
from pydantic import ValidationError

from forge_arena.audits import AuditReport, Figure, Gate, Table
from forge_arena.audits.page import page, svg

GATE = Gate(name="reward of <always>\u202e", value=0.31, limit=0.34, passed=True, detail="below the honest one")
BARS = Figure(
    title="bars", kind="bars", labels=("a", "b"), values=(0.1, 0.4), low=(0.0, 0.3), high=(0.2, 0.5), limit=0.3
)
HEAT = Figure(title="heat", kind="heat", labels=("x", "y", "z"), rows=("p", "q"), values=(0.0, 0.1, 0.2, 0.3, 0.4, 0.5))
INTERVALS = Figure(
    title="intervals", kind="intervals", labels=("one & only",), values=(0.5,), low=(0.4,), high=(0.7,), limit=0.55
)
REPORT = AuditReport(
    audit="exploits",
    suite="forge:5",
    settings={"episodes": 600, "split": "val"},
    gates=(GATE,),
    tables=(Table(title="means", columns=("who", "n", "mean"), rows=(("<b>", 3, 0.25), ("c", None, 1.0)), note="why"),),
    figures=(BARS, HEAT, INTERVALS),
)


class Page(HTMLParser):
    """What a browser would find: the tags, the ids, the addresses, the text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: Counter[str] = Counter()
        self.ids: Counter[str] = Counter()
        self.addresses: list[str] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        for name, value in attrs:
            if name == "id":
                self.ids[str(value)] += 1
            if name in ("src", "href", "xlink:href") and value is not None:
                self.addresses.append(value)

    def handle_data(self, data: str) -> None:
        self.text += data


def test_a_page_shows_gates_tables_and_figures() -> None:
    shown = Page(page(REPORT))
    assert shown.tags["svg"] == 3
    assert shown.tags["table"] == 2
    assert "all 1 gates pass" in shown.text
    assert "reward of <always>[U+202E]" in shown.text
    assert "\u202e" not in shown.text
    assert "0.310" in shown.text
    assert "episodes: 600" in shown.text


def test_a_failed_gate_is_said_first() -> None:
    failed = REPORT.model_copy(update={"gates": (GATE, GATE.model_copy(update={"name": "worse", "passed": False}))})
    text = Page(page(failed)).text
    assert "1 of 2 gates fail" in text
    assert text.index("worse") < text.index("reward of <always>")


def test_a_page_takes_nothing_from_elsewhere_and_its_ids_are_unique() -> None:
    shown = Page(page(REPORT))
    assert not shown.tags["script"]
    assert not shown.tags["link"]
    assert all(address.startswith("#") for address in shown.addresses)
    assert set(re.findall(r"https?://[^\"]*", page(REPORT))) <= {
        "http://www.w3.org/2000/svg",
        "http://www.w3.org/1999/xlink",
    }
    assert shown.ids
    assert set(shown.ids.values()) == {1}
    assert {address[1:] for address in shown.addresses} <= set(shown.ids)


def test_text_is_escaped() -> None:
    text = page(REPORT)
    assert "&lt;b&gt;" in text
    assert "<b>" not in text


def test_the_reader_decides_between_light_and_dark_and_the_width() -> None:
    text = page(REPORT)
    assert "prefers-color-scheme: dark" in text
    assert 'name="viewport"' in text
    assert "currentColor" in text
    assert "#01020" not in text


@pytest.mark.parametrize("figure", [BARS, HEAT, INTERVALS], ids=lambda figure: figure.title)
def test_a_figure_is_well_formed_scales_and_is_drawn_the_same_twice(figure: Figure) -> None:
    drawn = svg(figure, 3)
    root = ElementTree.fromstring(drawn)
    assert "viewBox" in root.attrib
    assert "width" not in root.attrib
    words = " ".join("".join(text.itertext()) for text in root.iter("{http://www.w3.org/2000/svg}text"))
    assert all(label in words for label in (*figure.labels, *figure.rows))
    assert svg(figure, 3) == drawn


def test_a_report_comes_back_from_its_json() -> None:
    assert AuditReport.model_validate_json(REPORT.to_json()) == REPORT
    assert not REPORT.model_copy(update={"gates": (GATE.model_copy(update={"passed": False}),)}).passed


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: Table(title="t", columns=("a",), rows=((1, 2),)),
            r"table 't' has 1 columns, got a row of 2: \(1, 2\)",
        ),
        (lambda: Figure(title="f", kind="bars", labels=("a",), values=()), "figure 'f' needs 1 values, got 0"),
        (
            lambda: Figure(title="f", kind="heat", labels=("a",), rows=("b", "c"), values=(1.0,)),
            "figure 'f' needs 2 values, got 1",
        ),
        (
            lambda: Figure(title="f", kind="intervals", labels=("a",), values=(1.0,)),
            "figure 'f' needs 1 interval ends, got 0 low and 0 high",
        ),
        (
            lambda: Figure(title="f", kind="bars", labels=("a",), values=(1.0,), low=(0.0,)),
            "figure 'f' needs 1 interval ends, got 1 low and 0 high",
        ),
        (lambda: Gate(name="g", value=float("nan"), limit=0.0, passed=True), "finite number"),
    ],
)
def test_what_does_not_fit_together_is_refused(make: Any, message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        make()
