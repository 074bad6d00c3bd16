"""The page to look through: what it shows, that no document can write into it, and what its button saves."""

import asyncio
import json
import re
import shutil
import subprocess
from collections.abc import Sequence
from html.parser import HTMLParser
from pathlib import Path
from random import Random

import pytest

from forge_arena.documents.author import Author
from forge_arena.documents.importing import Import, make_with_author, plan, read_all
from forge_arena.documents.playing import scenario_id
from forge_arena.documents.review import page, segments
from forge_arena.types import Alternative, Claim, ClaimKind, Domain, Scenario, Span, Standing
from forge_arena.workers.base import Message
from forge_arena.workers.scripted import ScriptedWorker

from .proposed import EXAMPLES

ATTACK = '</script><script>alert("x")</script><img src=x onerror=alert(1)>&amp;\u202e'


class Brain(ScriptedWorker):
    async def chat(self, messages: Sequence[Message], rng: Random) -> str:
        question = messages[1]["content"]
        name = next((name for name, (text, *_) in EXAMPLES.items() if text.strip() in question), None)
        if name is None:
            return json.dumps({"facts": [{"label": ATTACK, "statement": ATTACK, "quotation": ATTACK}]})
        proposal = json.loads(json.dumps(EXAMPLES[name][1]))
        proposal["task"] += f" {ATTACK}"
        proposal["facts"].append({"label": ATTACK, "statement": ATTACK, "quotation": ATTACK})
        return json.dumps(proposal)


def run_over(folder: Path, *left_out: str) -> Import:
    for name, (text, *_) in EXAMPLES.items():
        (folder / f"{name}.md").write_text(text, encoding="utf-8")
    hostile = (
        f"# {ATTACK}\n\n{ATTACK} is what this document says of the fees, of the deposits and of all the rest. " * 3
    )
    (folder / "hostile.md").write_text(hostile, encoding="utf-8")
    (folder / "none.md").write_text("", encoding="utf-8")
    run = plan(read_all([folder]), left_out)
    asyncio.run(make_with_author(run, Author(Brain()), concurrency=2))
    return run


class Seen(HTMLParser):
    """What a browser makes of a page: its elements with their attributes, and its text without scripts."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.marked = ""
        self._inside: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attributes)))
        if tag in ("script", "style", "mark"):
            self._inside.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if self._inside and tag == self._inside[-1]:
            self._inside.pop()

    def handle_data(self, data: str) -> None:
        if not {"script", "style"} & set(self._inside):
            self.text += data
            self.marked += data if "mark" in self._inside else ""


@pytest.fixture
def run(tmp_path: Path) -> Import:
    return run_over(tmp_path)


def test_the_page_shows_tasks_facts_wrong_values_and_what_was_dropped(run: Import) -> None:
    seen = Seen(page(run))
    for _, scenario in run.wanted():
        assert scenario.task.split("\n\n")[1] in seen.text
        assert scenario_id(scenario) in seen.text
        for claim in scenario.claims:
            assert claim.label in seen.text
            for alternative in claim.alternatives:
                assert all(form in seen.text for form in alternative.forms[:1])
    assert "the document does not hold the quotation" in seen.text
    assert "none.md: " in seen.text
    assert "hostile.md" in seen.text


def test_the_page_says_why_a_corruption_is_not_possible(run: Import) -> None:
    seen = Seen(page(run))
    assert "cannot take authority fabrication: the document has no section to cite: give it headings" in seen.text


def test_the_facts_are_marked_in_the_source(run: Import) -> None:
    seen = Seen(page(run))
    for words in ("the warranty lasts 2 years", "Power tools are lent for 4 days", "Hesper is the only kettle"):
        assert words in seen.marked
    assert "Wear of the groundsheet" in seen.text
    assert "Wear of the groundsheet" not in seen.marked


def test_no_document_and_no_author_can_write_into_the_page(run: Import) -> None:
    html = page(run)
    seen = Seen(html)
    assert html.count("<script>") == 1
    assert not [element for element in seen.elements if element[0] in ("img", "iframe", "object", "link", "form")]
    assert not [name for _, attributes in seen.elements for name in attributes if name.startswith("on")]
    assert ATTACK.replace("\u202e", "[U+202E]") in seen.text
    policy = next(attributes["content"] for tag, attributes in seen.elements if "http-equiv" in attributes)
    assert policy == "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'"
    assert not re.search(r"https?://(?!www\.w3\.org)", html)


def test_what_is_left_out_already_is_ticked(tmp_path: Path, run: Import) -> None:
    unwanted = scenario_id(next(scenario for _, scenario in run.wanted()))
    again = run_over(tmp_path, unwanted)
    ticked = re.findall(
        r'data-id="([^"]+)">\s*<div class="head">\s*<h2>.*?</h2>\s*<label><input type="checkbox" checked>', page(again)
    )
    assert ticked == [unwanted]


def test_places_may_overlap_and_touch_the_ends() -> None:
    text = "abcdefghij"
    claims = [
        Claim(
            id=f"fact_{number}",
            kind=ClaimKind.term,
            required=number == 1,
            alternatives=(Alternative(name="right", standing=Standing.right, forms=("x",)),),
            source_spans=(Span(start=start, end=end),),
        )
        for number, (start, end) in enumerate(((0, 5), (3, 8), (9, 10)), start=1)
    ]
    scenario = Scenario(family="f", domain=Domain.mixed, task="t", source_material=text, claims=tuple(claims))
    cut = segments(scenario, {f"fact_{n}": n for n in (1, 2, 3)})
    assert [(part.text, part.facts, part.begins, part.is_required) for part in cut] == [
        ("abc", (1,), (1,), True),
        ("de", (1, 2), (2,), True),
        ("fgh", (2,), (), False),
        ("i", (), (), False),
        ("j", (3,), (3,), False),
    ]


@pytest.mark.skipif(shutil.which("node") is None, reason="no node")
def test_the_button_saves_the_ids_that_are_ticked(run: Import) -> None:
    html = page(run)
    (script,) = re.findall(r"<script>(.*?)</script>", html, re.DOTALL)
    ids = re.findall(r'data-id="([^"]+)"', html)
    program = f"""
    const boxes = {json.dumps(ids)}.map((id, n) => ({{ checked: n === 1 }}));
    const cards = {json.dumps(ids)}.map((id, n) => ({{
      dataset: {{ id }}, querySelector: () => boxes[n], classList: {{ toggle() {{}} }}, textContent: id, hidden: false,
    }}));
    const parts = {{ count: {{}}, find: {{ addEventListener() {{}} }}, save: {{ addEventListener: (_, go) => parts.go = go }} }};
    globalThis.localStorage = {{ getItem: () => null, setItem() {{}} }};
    globalThis.document = {{
      querySelectorAll: () => cards, getElementById: (id) => parts[id], addEventListener() {{}},
      createElement: () => ({{ click() {{ console.error(this.download); }} }}),
    }};
    globalThis.Blob = class {{ constructor(given) {{ console.log(given.join("")); }} }};
    globalThis.URL = {{ createObjectURL: () => "blob:", revokeObjectURL() {{}} }};
    {script}
    parts.go();
    """
    done = subprocess.run(["node", "-e", program], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "left-out.txt"
    assert [line for line in done.stdout.split("\n") if line and not line.startswith("#")] == [ids[1]]
