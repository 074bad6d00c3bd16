"""The headings among the lines that begin with a number, read as runs: "1.", "2.", "3.", or "3.1", "3.2"."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from forge_arena.documents.headings.heading import Heading
from forge_arena.documents.headings.lines import Line, Words, begins_paragraph, first_line, has_body, next_line
from forge_arena.documents.headings.numbers import NUMBERED, is_deep, parts_of
from forge_arena.documents.headings.titles import BULLET, RUN_IN, clean_title, is_name, is_phrase, is_title


@dataclass(frozen=True, slots=True)
class _NumberedLine:
    """A line that begins with a number.

    Attributes:
        at: which line.
        parts: the number as integers: "3.2" is (3, 2), "II" is (2,).
        kind: how the number is written, with the sign behind it. Only numbers of one kind can follow one another.
        title: the title; empty for a numbered paragraph.
        body: where the text begins.
        is_run_in: whether the title runs into its text in the same line.
        is_headed: whether the line looks like a heading: a title with text under it, or one that runs into its text.
        is_item: whether a bullet stands before the number.
    """

    at: int
    number: str
    parts: tuple[int, ...]
    kind: str
    title: str
    body: int
    is_run_in: bool
    is_headed: bool
    is_item: bool = False


def numbered_headings(lines: Sequence[Line], marked: Sequence[Heading]) -> Iterator[Heading]:
    """The headings among the lines that begin with a number and have no other mark."""
    starts = {heading.start for heading in marked}
    candidates = [
        candidate
        for at, line in enumerate(lines)
        if not line.is_blank
        and line.start not in starts
        and (not line.is_hidden or is_deep(line.text))
        and (candidate := _numbered_line(lines, at)) is not None
    ]
    words = Words(lines)
    single = _runs([candidate for candidate in candidates if len(candidate.parts) == 1])
    accepted = [run for run in single if _is_run_of_headings(run, lines, marked, words)]
    if not accepted:
        accepted = [run for run in single if _is_run_of_paragraphs(run, lines, marked, words)]
    for run in accepted:
        yield from (_of_numbered(lines, member) for member in run)
    tops = {member.parts[0] for run in accepted for member in run}
    tops |= {parts_of(heading.number)[0] for heading in marked if heading.number is not None}
    deep = [c for c in candidates if len(c.parts) > 1 and (not c.is_item or _is_of_section(c, tops))]
    runs = _deep_runs(deep)
    # "2.3.8" is a section beside "2.3.5" and "2.3.6", although the seventh was left out.
    families = {member.parts[:-1] for run in runs if len(run) > 1 for member in run if len(member.parts) > 2}
    for run in runs:
        is_known = run[0].parts[0] in tops or run[0].parts[:-1] in families
        if len(run) > 1 or is_known or run[0].at == first_line(lines):
            yield from (_of_numbered(lines, member) for member in run)


def _is_of_section(item: _NumberedLine, tops: set[int]) -> bool:
    """Whether an item of a list has the number of a section: "- 3.2. Fees are", or "- 3.2 Fees are" under "3 Fees".

    "- 1.5 Litre jug" has none.
    """
    return item.parts[0] in tops or len(item.parts) > 2 or item.kind.startswith(("digit.", "digit)"))


def _numbered_line(lines: Sequence[Line], at: int) -> _NumberedLine | None:
    """A line as one that begins with a number; None if it does not, or if it cannot be a heading."""
    line = lines[at]
    bullet = BULLET.match(line.text)
    text = line.text[bullet.end() if bullet else 0 :].strip()
    opening = next((mark for mark in ("***", "**", "__") if text.startswith(mark)), "")
    numbered = NUMBERED.match(text[len(opening) :])
    # "- 3.2. Fees are ..." is a clause that a converter has put into a list. "- 3. Fees" is an item.
    if numbered is None or (bullet and len(parts_of(numbered["n"])) < 2):
        return None
    number, rest = numbered["n"], numbered["rest"].strip()
    sign = numbered["gap"].strip().lstrip("\\") or " "
    parts = parts_of(number)
    if len(parts) > 1 and not rest[:1].isupper() and not re.match(r"[\"'(\u201c*_]", rest):
        return None
    if not rest or (len(parts) == 1 and line.is_indented):
        return None
    if not number[0].isdigit() and sign not in (".", ")"):
        return None
    offset = line.start + line.text.index(rest, line.text.index(number) + len(number))
    is_item = bullet is not None
    kind = f"{'digit' if number[0].isdigit() else 'letter'}{sign}{opening}"
    if opening and opening in rest:
        # "**1. Term.** The term begins ..." and "**1. Term**".
        title, _, behind = rest.partition(opening)
        offset += len(title) + len(opening)
        title = title.strip()
        is_run_in = bool(behind.strip())
        headed = bool(title) and (is_run_in or has_body(lines, at))
        return _NumberedLine(at, number, parts, kind, clean_title(title), offset, is_run_in, headed, is_item)
    run_in = RUN_IN.match(rest)
    if run_in and (run_in["open"] or is_name(run_in["title"]) or is_phrase(run_in["title"])):
        return _NumberedLine(
            at, number, parts, kind, clean_title(run_in["title"]), offset + run_in.end(), True, True, is_item
        )
    bare = rest.removesuffix(".") if is_name(rest) else rest
    if is_title(bare) and rest[0] not in "$€£%":
        is_headed = has_body(lines, at, may_be_indented=is_name(rest)) and _can_begin(lines, at)
        return _NumberedLine(at, number, parts, kind, clean_title(rest), line.end, False, is_headed, is_item)
    return _NumberedLine(at, number, parts, kind, "", offset, False, False, is_item)


def _can_begin(lines: Sequence[Line], at: int) -> bool:
    """Whether the line before a numbered title is no unfinished sentence that goes on in the line."""
    if begins_paragraph(lines, at):
        return True
    before = lines[at - 1].text.rstrip()
    return len(before) < 50 or before.endswith((".", "!", "?", ":", ";", "|", ")"))


def _runs(candidates: Sequence[_NumberedLine]) -> list[list[_NumberedLine]]:
    """The numbered lines as runs of successive numbers of one kind.

    A run may lie between two members of another run.
    """
    runs: list[list[_NumberedLine]] = []
    is_open: list[list[_NumberedLine]] = []
    for candidate in candidates:
        value = candidate.parts[0]
        fitting = [run for run in is_open if run[-1].kind == candidate.kind and run[-1].parts[0] == value - 1]
        if value == 1 or not fitting:
            run = [candidate]
            runs.append(run)
            is_open.append(run)
            continue
        # A heading goes on with headings, and an item with items: a list within a section may end at any number.
        alike = [run for run in fitting if run[-1].is_headed == candidate.is_headed]
        run = (alike or fitting)[-1]
        run.append(candidate)
        is_open = is_open[: next(i for i, other in enumerate(is_open) if other is run) + 1]
    return runs


def _deep_runs(candidates: Sequence[_NumberedLine]) -> list[list[_NumberedLine]]:
    """The lines with numbers such as "3.2" as runs of numbers that can follow one another (`_follows`)."""
    runs: list[list[_NumberedLine]] = []
    for candidate in candidates:
        if runs and _follows(runs[-1][-1].parts, candidate.parts):
            runs[-1].append(candidate)
        else:
            runs.append([candidate])
    return runs


def _follows(before: tuple[int, ...], after: tuple[int, ...]) -> bool:
    """Whether a number such as "3.2" can come next: 3.1, 3.2, 3.2.1, 3.3, 4.1."""
    if after <= before:
        return False
    for depth, (old, new) in enumerate(zip(before, after, strict=False)):
        if new != old:
            return new - old <= (1 if depth else 2) and all(part <= 1 for part in after[depth + 1 :])
    return all(part == 1 for part in after[len(before) :])


def _is_run_of_headings(
    run: Sequence[_NumberedLine], lines: Sequence[Line], marked: Sequence[Heading], words: Words
) -> bool:
    """Whether numbered lines are headings of sections: nearly all look like headings and have text of their own."""
    headed = [member for member in run if member.is_headed]
    if len(headed) < 0.7 * len(run):
        return False
    first = run[0].at == first_line(lines)
    if len(run) == 1 and not (first or (run[0].is_run_in and _is_double_spaced(lines, run[0]))):
        return False
    if run[0].kind.startswith("digit ") and len(run) < 3:
        return False
    if run[0].parts[0] > 1 and len(run) < 3 and not first and not all(member.is_run_in for member in run):
        return False
    beneath = _bodies(run, lines, marked)
    mean = sum(words.between(start, end) for start, end in beneath) / len(beneath)
    if _is_enclosed(run, marked) and mean < 30:
        # The steps under a heading "How to apply".
        return False
    if all(member.is_run_in for member in run):
        # "Press Block. The card is blocked." is a step. "Late payment. Interest is due ..." is a section.
        return len(run) == 1 or mean >= (12 if all(is_name(member.title) for member in run) else 20)
    return mean >= 4 and not all(
        BULLET.match(lines[at].text) and _is_enclosed(run, marked)
        for member in run
        if (at := next_line(lines, member.at)) is not None
    )


def _is_run_of_paragraphs(
    run: Sequence[_NumberedLine], lines: Sequence[Line], marked: Sequence[Heading], words: Words
) -> bool:
    """Whether numbers without titles are the sections: they begin at 1, are long, and hold most of the text."""
    if len(run) < 3 or run[0].parts[0] != 1 or _is_enclosed(run, marked):
        return False
    bodies = _bodies(run, lines, marked)
    held = sum(words.between(start, end) for start, end in bodies)
    whole = words.between(0, lines[-1].end)
    return held >= 0.6 * whole and held / len(run) >= 20


def _bodies(run: Sequence[_NumberedLine], lines: Sequence[Line], marked: Sequence[Heading]) -> list[tuple[int, int]]:
    """The place of the text under each member: up to the next member, or to the next marked heading."""
    stops = [*(lines[member.at].start for member in run[1:]), lines[-1].end]
    return [
        (member.body, min([stop, *(h.start for h in marked if member.body <= h.start < stop)]))
        for member, stop in zip(run, stops, strict=True)
    ]


def _is_enclosed(run: Sequence[_NumberedLine], marked: Sequence[Heading]) -> bool:
    """Whether a run stands within one section of a text that has marked headings, beside its title."""
    before = [h for h in marked if h.start < run[0].body and h.style != "capitals"]
    inside = [h for h in marked if run[0].body < h.start < run[-1].body]
    after = [h for h in marked if h.start >= run[-1].body]
    return not inside and (len(before) + len(after) >= 2) and bool(before)


def _is_double_spaced(lines: Sequence[Line], member: _NumberedLine) -> bool:
    """Whether two spaces stand between the title and its text, as in typed contracts."""
    return lines[member.at].text[: member.body - lines[member.at].start].endswith("  ")


def _of_numbered(lines: Sequence[Line], member: _NumberedLine) -> Heading:
    line = lines[member.at]
    style = "number" if member.kind.startswith("digit") else f"number {member.kind}"
    return Heading(line.start, member.body, member.number, member.title, "section", style, len(member.parts))
