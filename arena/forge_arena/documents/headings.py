"""Find the headings of a text: which lines name what follows them, by which number, and by which marks one knows them.

Marked headings are plain to see: `## Title`, a title with a line of signs under it, a bold line, a line of capitals,
"Section 4 - Term". A number alone is a weak mark, because lists have numbers too. So the numbered lines of a text are
read together, as runs ("1.", "2.", "3."). A run of headings has text under its members. A run of list items has the
next item there.

    2. Changing your mind                     a heading: text stands under the line
    You have 30 days ...

    1. Open the settings                      list items: the next item stands under each
    2. Choose "Cards"

    4. Feedback.  Customer may give ...       a heading that runs into its text: a title with capitals, then a sentence
"""

import re
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from forge_arena.texts.words import SMALL_WORDS


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading of a text.

    Attributes:
        start: where the line of the heading begins.
        body: where the text under the heading begins.
        number: the number as written, without a word before it and a dot behind it; None without a number.
        title: the title without marks; empty if the heading is a number alone.
        word: how the text calls such a part: "section", "article" and so on.
        style: what the heading looks like. Headings of one style have one level, and so do headings of one `rank`.
        rank: the depth within the style: the signs of "##", the parts of "3.2".
        is_bare: whether the number is a number and nothing else, as in "3 Fees".
    """

    start: int
    body: int
    number: str | None
    title: str
    word: str
    style: str
    rank: int
    is_bare: bool = False


@dataclass(frozen=True, slots=True)
class _Line:
    """A line of the text: its place, its words, and whether a paragraph could begin with the line."""

    start: int
    end: int
    text: str
    is_hidden: bool

    @property
    def is_blank(self) -> bool:
        return not self.text.strip()

    @property
    def is_indented(self) -> bool:
        return self.text[:1].isspace()


LONGEST_TITLE = 100
MOST_TITLE_WORDS = 14

# The words by which documents call their parts. The word of an appendix is a part of how the appendix is cited.
_WORDS = (
    *("section", "article", "clause", "chapter", "part", "title", "paragraph", "rule", "regulation", "schedule"),
    *("subpart", "appendix", "annex", "annexure", "exhibit", "attachment", "module", "unit"),
)
_SHORT_FOR = {"\u00a7": "section", "\u00a7\u00a7": "section", "sec": "section", "art": "article"}
_ROMAN = r"[IVXLC]+"
_DOTTED = r"\d{1,3}(?:\.\d{1,3}){0,4}[a-zA-Z]?"
_WORDED = re.compile(
    rf"^(?P<word>§{{1,2}}|(?i:{'|'.join(_WORDS)})|Sec(?=\.)|Art(?=\.))\.?\s{{0,3}}(?P<n>{_DOTTED}|{_ROMAN}|[A-Z])\b"
    r"(?P<gap>\s*[.:)\u2013\u2014-]{1,3}\s*|\s+|$)(?P<rest>.*)$"
)
_NUMBERED = re.compile(
    rf"^(?P<n>{_DOTTED}|{_ROMAN}|[A-Z])(?P<gap>\\?[.)](?:\s+|$)|\s*[:\u2013\u2014-]\s+|\s+)(?P<rest>.*)$"
)
_ATX = re.compile(r"^ {0,3}(?P<marks>#{1,6})[ \t]+(?P<title>\S.*?)(?:[ \t]+#+)?[ \t]*$")
_UNDERLINE = re.compile(r"^(?P<sign>[=\-~^\"'`#*+.:_])(?P=sign){2,}[ \t]*$")
_BOLD = re.compile(r"^(?P<mark>\*\*\*|\*\*|__)(?P<title>(?:(?!(?P=mark)).)+)(?P=mark)(?P<colon>:?)[ \t]*$")
_ITEM = re.compile(r"^\s*(?:[-*+\u2022\u25e6\u25aa\u2013]\s|(?:\d{1,3}|[A-Za-z]|[ivx]+)[.)]\s)")
_BULLET = re.compile(r"^\s*[-*+\u2022\u25e6\u25aa\u2013]\s")
_FENCE = re.compile(r"^\s*(?P<fence>```+|~~~+)")
_LITERAL = re.compile(r"(?:^\s*\.\. [\w-]+|.)::(?:\s[\w+-]+)?\s*$")
_RUN_IN = re.compile(
    r"^(?P<open>\*\*|__|\*|_)?(?P<title>[A-Z][^.:;!?\n]{1,80}?)(?P<stop>[.:])?(?(open)(?P=open))(?(stop)|[.:])"
    r"(?P<gap>\s+)(?=[\"'(\u201c\u2018*]{0,3}[A-Z(\u201c\"])"
)
_LINK = re.compile(r"!?\[(?P<text>[^\]]*)\]\([^)]*\)")
_ANCHOR = re.compile(r"\s*\{#[^}]*\}|<[^<>]+>")
_WORD = re.compile(r"\S+")
_QUESTION = re.compile(r"^\**Q(?:uestion)?\s?\d{0,3}[.:)]\**\s+(?P<title>\S.{0,150}\?)\**\s*$")
_REPLY = re.compile(r"^\**A(?:nswer)?\s?\d{0,3}[.:)]\**\s")
_SENTENCE_END = re.compile(r"[.;,!][\"')\]\u201d\u2019]?$")
# A line of capitals that only calls for attention, or that joins the names of parties, names no section.
_NO_TITLE = frozenset({"note", "notes", "warning", "important", "caution", "tip", "and", "between", "whereas", "end"})


def headings(text: str) -> tuple[Heading, ...]:
    """The headings of a text, in order."""
    lines = _lines(text)
    found: dict[int, Heading] = {}
    for heading in _marked(lines):
        found.setdefault(heading.start, heading)
    for heading in _numbered(lines, sorted(found.values(), key=lambda heading: heading.start)):
        found.setdefault(heading.start, heading)
    for heading in _unmarked(lines, questions_only=len(found) > 1):
        found.setdefault(heading.start, heading)
    ordered = sorted(found.values(), key=lambda heading: heading.start)
    return tuple(_without_stray_numbers(ordered))


def _lines(text: str) -> list[_Line]:
    """The lines of a text. Hidden are lines of code blocks, of the front matter and of comments."""
    lines: list[_Line] = []
    at, fence, is_front_matter, is_literal = 0, "", False, False
    before = ""
    for number, line in enumerate(text.split("\n")):
        opened = _FENCE.match(line)
        if opened and opened["fence"].startswith("~") and before.strip() and not fence:
            # In reST, a line of tildes under a title.
            opened = None
        if is_front_matter:
            hidden, is_front_matter = True, line.strip() not in ("---", "...")
        elif number == 0 and line.strip() == "---" and re.search(r"^(?:---|\.\.\.)\s*$", text[4:], re.MULTILINE):
            hidden, is_front_matter = True, True
        elif fence:
            hidden = True
            if opened and opened["fence"].startswith(fence) and not line.strip().strip(fence[0]):
                fence = ""
        elif opened:
            hidden, fence = True, opened["fence"]
        else:
            hidden = line.startswith(("\t", "    ")) or line.lstrip().startswith(("|", ">", "<!--"))
            if line.strip():
                # In reST, what is indented after two colons is code.
                is_literal = is_literal and line[0].isspace()
                hidden = hidden or is_literal
                is_literal = is_literal or _LITERAL.search(line) is not None
        lines.append(_Line(at, at + len(line), line, hidden))
        before = line
        at += len(line) + 1
    return lines


# ---------------------------------------------------------------------------------------------------- marked headings


def _marked(lines: Sequence[_Line]) -> Iterator[Heading]:
    """The headings that marks show: signs before or under them, bold letters, capitals, or a word such as "Section"."""
    taken = -1
    for at, line in enumerate(lines):
        if line.is_hidden or line.is_blank or at <= taken:
            continue
        after = lines[at + 1] if at + 1 < len(lines) else None
        if atx := _ATX.match(line.text):
            if heading := _titled(line, line.end, atx["title"], "#", len(atx["marks"])):
                yield heading
            continue
        if _UNDERLINE.match(line.text):
            continue
        begins = _begins(lines, at)
        if begins and after and not after.is_hidden and _is_underlined(line, after, lines[at - 1] if at else None):
            sign, over = after.text[0], at > 0 and at - 1 > taken and lines[at - 1].text.strip() == after.text.strip()
            if heading := _titled(line, after.end, line.text, f"underlined {sign}{sign if over else ''}", 1):
                taken = at + 1
                yield replace(heading, start=lines[at - 1].start if over else line.start)
            continue
        if not begins or (line.is_indented and len(line.text) - len(line.text.lstrip()) > 3):
            continue
        if (heading := _worded(lines, at)) is not None:
            taken = next(i for i in range(at, len(lines)) if lines[i].end >= heading.body or i == len(lines) - 1)
            taken = taken if heading.body > line.end else at
            yield heading
        elif (asked := _QUESTION.match(line.text)) and after and _REPLY.match(after.text):
            yield Heading(line.start, line.end, None, _cleaned(asked["title"]), "section", "question", 1)
        elif bold := _BOLD.match(line.text.strip()):
            title = bold["title"].strip()
            if (
                _is_title(title.rstrip(":"))
                and _has_body(lines, at)
                and (heading := _titled(line, line.end, title, "bold", 1))
            ):
                yield heading
        elif (
            _is_capitals(line.text)
            and _has_body(lines, at)
            and (heading := _titled(line, line.end, line.text, "capitals", 1))
        ):
            yield heading


def _begins(lines: Sequence[_Line], at: int) -> bool:
    """Whether a paragraph begins with a line: the line before is blank, a heading, a rule or code."""
    if at == 0:
        return True
    before = lines[at - 1]
    return (
        before.is_blank
        or (before.is_hidden and not before.text.startswith("    "))
        or bool(_ATX.match(before.text) or _UNDERLINE.match(before.text) or _BOLD.match(before.text.strip()))
        or _is_capitals(before.text)
    )


def _is_underlined(line: _Line, under: _Line, before: _Line | None) -> bool:
    """Whether the next line is a line of signs as long as a title. "---" under a whole sentence is a rule."""
    mark = _UNDERLINE.match(under.text)
    is_between = before is not None and before.text.strip() == under.text.strip()
    if mark is None or (line.is_indented and not is_between) or (_ITEM.match(line.text) and not line.text[0].isdigit()):
        return False
    title, length = line.text.strip(), len(under.text.strip())
    if len(title) > LONGEST_TITLE or not any(c.isalnum() for c in title) or "|" in title:
        return False
    if length >= 0.8 * len(title):
        return True
    return mark["sign"] in "=-" and not _SENTENCE_END.search(title) and len(title.split()) <= MOST_TITLE_WORDS


def _worded(lines: Sequence[_Line], at: int) -> Heading | None:
    """A heading such as "Section 4 - Term" or "Section 4. Term. The term ...".

    The title of "ARTICLE II" may stand in the next line.
    """
    line = lines[at]
    bold = _BOLD.match(line.text.strip())
    text = bold["title"].strip() if bold else line.text.strip()
    worded = _WORDED.match(text)
    if worded is None or (not text[0].isupper() and text[0] != "§"):
        return None
    word = _word_of(worded)
    rest = worded["rest"].strip()
    rank = 1 + worded["n"].count(".")
    style = "number" if word == "section" else f"word {word}"
    if not rest:
        follows = _next(lines, at)
        if follows is None:
            return None
        if worded["gap"].strip() == "" and (title := _title_line(lines, follows)) is not None:
            return Heading(line.start, lines[follows].end, worded["n"], title, word, style, rank)
        return Heading(line.start, line.end, worded["n"], "", word, style, rank)
    is_separated = bool(worded["gap"].strip())
    run_in = _RUN_IN.match(rest)
    if run_in and (is_separated or run_in["open"]) and _is_name(run_in["title"]) and len(rest) > run_in.end():
        offset = line.start + line.text.index(rest) + run_in.end()
        return Heading(line.start, offset, worded["n"], _cleaned(run_in["title"]), word, style, rank)
    if not _is_title(rest) or not (is_separated or bold or _is_name(rest)):
        # "Section 4. The term begins ..." is a section without a title.
        if is_separated and rest[0].isupper() and at + 1 <= len(lines) and worded["gap"].strip() in ".:":
            offset = line.start + line.text.index(rest)
            return Heading(line.start, offset, worded["n"], "", word, style, rank)
        return None
    return Heading(line.start, line.end, worded["n"], _cleaned(rest), word, style, rank) if _next(lines, at) else None


def _word_of(worded: re.Match[str]) -> str:
    """The word by which a heading calls its part, in full."""
    word = worded["word"].lower()
    return _SHORT_FOR.get(word, word)


def _title_line(lines: Sequence[_Line], at: int) -> str | None:
    """The title in a line that stands under "ARTICLE II"."""
    line = lines[at]
    if line.is_hidden or _ATX.match(line.text) or _ITEM.match(line.text):
        return None
    bold = _BOLD.match(line.text.strip())
    text = bold["title"] if bold else line.text
    is_alone = at + 1 >= len(lines) or lines[at + 1].is_blank
    if (bold or _is_capitals(text) or (is_alone and _is_name(text))) and _is_title(text) and _has_body(lines, at):
        return _cleaned(text)
    return None


def _is_title(text: str) -> bool:
    """Whether a text is short enough for a title and does not end as a sentence ends."""
    text = text.strip().strip("*_")
    words = text.split()
    return (
        0 < len(words) <= MOST_TITLE_WORDS
        and len(text) <= LONGEST_TITLE
        and any(c.isalpha() for c in text)
        and not _SENTENCE_END.search(text)
        and not re.search(r"[.!;:] |\|", text)
    )


def _is_name(text: str) -> bool:
    """Whether every word of weight begins with a capital: "Term and Termination", not "Terms are set here"."""
    words = re.findall(r"[^\W\d_][\w'\u2019-]*", text)
    weighty = [word for word in words if word.lower() not in SMALL_WORDS]
    return bool(words) and words[0][0].isupper() and len(words) <= 12 and all(word[0].isupper() for word in weighty)


def _is_phrase(text: str) -> bool:
    """Whether a text is two or three words of weight: "Late payment", not "Go to the settings"."""
    words = text.lower().split()
    return len(words) <= 3 and not SMALL_WORDS & (set(words) - {"of", "and", "or"})


def _is_capitals(text: str) -> bool:
    """Whether a line is a title of capitals, such as "POLICY" or "RETURNS AND REFUNDS"."""
    text = text.strip()
    bare = text.strip("*_").rstrip(":").strip()
    letters = [c for c in bare if c.isalpha()]
    words = bare.split()
    return (
        bool(letters)
        and all(c.isupper() for c in letters)
        and max((len(re.sub(r"[^A-Z]", "", word)) for word in words), default=0) >= 4
        and len(words) <= 10
        and _is_title(bare)
        and bare.lower() not in _NO_TITLE
        and not _BULLET.match(text)
        and not re.search(r"[{}\[\]<>=|_]|\d{4,}", bare)
    )


# -------------------------------------------------------------------------------------------------- numbered headings


@dataclass(frozen=True, slots=True)
class _Numbered:
    """A line that begins with a number.

    Attributes:
        at: which line.
        parts: the number as integers: "3.2" is (3, 2), "II" is (2,).
        kind: how the number is written, with the sign behind it. Only numbers of one kind can follow one another.
        title: the title; empty for a numbered paragraph.
        body: where the text begins.
        is_run_in: whether the title runs into its text in the same line.
        is_headed: whether the line looks like a heading: a title with text under it, or one that runs into its text.
    """

    at: int
    number: str
    parts: tuple[int, ...]
    kind: str
    title: str
    body: int
    is_run_in: bool
    is_headed: bool


def _numbered(lines: Sequence[_Line], marked: Sequence[Heading]) -> Iterator[Heading]:
    """The headings among the lines that begin with a number and have no other mark."""
    starts = {heading.start for heading in marked}
    candidates = [
        candidate
        for at, line in enumerate(lines)
        if not line.is_blank and line.start not in starts and (not line.is_hidden or _is_deep(line.text))
        for candidate in [_numbered_line(lines, at)]
        if candidate is not None
    ]
    words = _Words(lines)
    single = _runs([candidate for candidate in candidates if len(candidate.parts) == 1])
    accepted = [run for run in single if _is_run_of_headings(run, lines, marked, words)]
    if not accepted:
        accepted = [run for run in single if _is_run_of_paragraphs(run, lines, marked, words)]
    for run in accepted:
        yield from (_of_numbered(lines, member) for member in run)
    tops = {member.parts[0] for run in accepted for member in run}
    deep = [c for c in candidates if len(c.parts) > 1]
    for run in _deep_runs(deep):
        if len(run) > 1 or run[0].parts[0] in tops or run[0].at == _first(lines):
            yield from (_of_numbered(lines, member) for member in run)


def _is_deep(text: str) -> bool:
    """Whether a line begins with a number of several parts, which may be indented."""
    return re.match(r"^[ \t]+\d{1,3}(?:\.\d{1,3})+\.?\s+[A-Z*\"\u201c]", text) is not None


def _numbered_line(lines: Sequence[_Line], at: int) -> _Numbered | None:
    line = lines[at]
    text = line.text.strip()
    opening = next((mark for mark in ("***", "**", "__") if text.startswith(mark)), "")
    numbered = _NUMBERED.match(text[len(opening) :])
    if numbered is None:
        return None
    number, rest = numbered["n"], numbered["rest"].strip()
    sign = numbered["gap"].strip().lstrip("\\") or " "
    parts = _parts(number)
    if len(parts) > 1 and not rest[:1].isupper() and not re.match(r"[\"'(\u201c*_]", rest):
        return None
    if len(parts) == 1 and line.is_indented:
        return None
    if not number[0].isdigit() and sign not in (".", ")"):
        return None
    if not rest:
        return None
    offset = line.start + line.text.index(rest, line.text.index(number) + len(number))
    kind = f"{'digit' if number[0].isdigit() else 'letter'}{sign}{opening}"
    if opening and opening in rest:
        # "**1. Term.** The term begins ..." and "**1. Term**".
        title, _, behind = rest.partition(opening)
        offset += len(title) + len(opening)
        title = title.strip()
        is_run_in = bool(behind.strip())
        headed = bool(title) and (is_run_in or _has_body(lines, at))
        return _Numbered(at, number, parts, kind, _cleaned(title), offset, is_run_in, headed)
    run_in = _RUN_IN.match(rest)
    if run_in and (run_in["open"] or _is_name(run_in["title"]) or _is_phrase(run_in["title"])):
        return _Numbered(at, number, parts, kind, _cleaned(run_in["title"]), offset + run_in.end(), True, True)
    bare = rest.removesuffix(".") if _is_name(rest) else rest
    if _is_title(bare) and rest[0] not in "$€£%":
        is_headed = _has_body(lines, at, may_be_indented=_is_name(rest)) and _can_begin(lines, at)
        return _Numbered(at, number, parts, kind, _cleaned(rest), line.end, False, is_headed)
    return _Numbered(at, number, parts, kind, "", offset, False, False)


def _can_begin(lines: Sequence[_Line], at: int) -> bool:
    """Whether the line before a numbered title is no unfinished sentence that goes on in the line."""
    if _begins(lines, at):
        return True
    before = lines[at - 1].text.rstrip()
    return len(before) < 50 or before.endswith((".", "!", "?", ":", ";", "|", ")"))


def _parts(number: str) -> tuple[int, ...]:
    """The number as integers: "3.2" is (3, 2), "II" is (2,), "B" is (2,)."""
    if number[0].isdigit():
        return tuple(
            int(part) for part in number.rstrip("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ").split(".")
        )
    if len(number) == 1 and number not in "IVX":
        return (ord(number) - ord("A") + 1,)
    values = {"I": 1, "V": 5, "X": 10, "L": 50, "C": 100}
    total = 0
    for this, following in zip(number, [*number[1:], "I"], strict=True):
        total += -values[this] if values[this] < values[following] else values[this]
    return (total,)


def _runs(candidates: Sequence[_Numbered]) -> list[list[_Numbered]]:
    """The numbered lines as runs of successive numbers of one kind.

    A run may lie between two members of another run.
    """
    runs: list[list[_Numbered]] = []
    is_open: list[list[_Numbered]] = []
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


def _deep_runs(candidates: Sequence[_Numbered]) -> list[list[_Numbered]]:
    """The lines with numbers such as "3.2" as runs of numbers that can follow one another (`_follows`)."""
    runs: list[list[_Numbered]] = []
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
    run: Sequence[_Numbered], lines: Sequence[_Line], marked: Sequence[Heading], words: "_Words"
) -> bool:
    """Whether numbered lines are headings of sections: nearly all look like headings and have text of their own."""
    headed = [member for member in run if member.is_headed]
    if len(headed) < 0.7 * len(run):
        return False
    first = run[0].at == _first(lines)
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
        return len(run) == 1 or mean >= (12 if all(_is_name(member.title) for member in run) else 20)
    return mean >= 4 and not all(
        _BULLET.match(lines[at].text) and _is_enclosed(run, marked)
        for member in run
        if (at := _next(lines, member.at)) is not None
    )


def _is_run_of_paragraphs(
    run: Sequence[_Numbered], lines: Sequence[_Line], marked: Sequence[Heading], words: "_Words"
) -> bool:
    """Whether numbers without titles are the sections: they begin at 1, are long, and hold most of the text."""
    if len(run) < 3 or run[0].parts[0] != 1 or _is_enclosed(run, marked):
        return False
    bodies = _bodies(run, lines, marked)
    held = sum(words.between(start, end) for start, end in bodies)
    whole = words.between(0, lines[-1].end)
    return held >= 0.6 * whole and held / len(run) >= 20


def _bodies(run: Sequence[_Numbered], lines: Sequence[_Line], marked: Sequence[Heading]) -> list[tuple[int, int]]:
    """The place of the text under each member: up to the next member, or to the next marked heading."""
    stops = [*(lines[member.at].start for member in run[1:]), lines[-1].end]
    return [
        (member.body, min([stop, *(h.start for h in marked if member.body <= h.start < stop)]))
        for member, stop in zip(run, stops, strict=True)
    ]


def _is_enclosed(run: Sequence[_Numbered], marked: Sequence[Heading]) -> bool:
    """Whether a run stands within one section of a text that has marked headings, beside its title."""
    before = [h for h in marked if h.start < run[0].body and h.style != "capitals"]
    inside = [h for h in marked if run[0].body < h.start < run[-1].body]
    after = [h for h in marked if h.start >= run[-1].body]
    return not inside and (len(before) + len(after) >= 2) and bool(before)


def _is_double_spaced(lines: Sequence[_Line], member: _Numbered) -> bool:
    """Whether two spaces stand between the title and its text, as in typed contracts."""
    return lines[member.at].text[: member.body - lines[member.at].start].endswith("  ")


def _of_numbered(lines: Sequence[_Line], member: _Numbered) -> Heading:
    line = lines[member.at]
    style = "number" if member.kind.startswith("digit") else f"number {member.kind}"
    return Heading(line.start, member.body, member.number, member.title, "section", style, len(member.parts))


# -------------------------------------------------------------------------------------------------- headings by place


def _unmarked(lines: Sequence[_Line], *, questions_only: bool) -> Iterator[Heading]:
    """The headings without any mark: short lines that stand alone above paragraphs, at least two of them.

    Args:
        questions_only: take only questions, because the text marks its other headings.
    """
    found = []
    for at, line in enumerate(lines[:-1]):
        if line.is_hidden or line.is_blank or line.is_indented or not _begins(lines, at):
            continue
        text = line.text.strip()
        if not text[0].isupper() or _ITEM.match(text) or not _is_title(text):
            continue
        below = _next(lines, at)
        if below is None or lines[below].is_hidden:
            continue
        is_question = text.endswith("?")
        follows = [other.text.strip() for other in lines[below : below + 6]]
        is_prose = len(follows[0].split()) >= 8 and re.search(r"[.:?!]", " ".join(follows)) is not None
        is_alone = lines[at + 1].is_blank or is_question
        if is_prose and is_alone and (is_question or not questions_only) and follows[0][0] not in "{|":
            found.append(Heading(line.start, line.end, None, _cleaned(text), "section", "line", 1))
    return iter(found if len(found) > 1 else ())


# ------------------------------------------------------------------------------------------------------------- shared


def _has_body(lines: Sequence[_Line], at: int, *, may_be_indented: bool = False) -> bool:
    """Whether text stands under a line: not the next number, not only an indented line, not nothing."""
    below = _next(lines, at)
    if below is None:
        return False
    line = lines[below]
    if line.is_indented and not _is_deep(line.text):
        return may_be_indented
    here, there = _NUMBERED.match(lines[at].text.strip()), _NUMBERED.match(line.text.strip())
    if here is None or there is None:
        return True
    return len(_parts(there["n"])) > len(_parts(here["n"])) or _parts(there["n"]) == (1,) != _parts(here["n"])


def _next(lines: Sequence[_Line], at: int) -> int | None:
    """The next line that is not blank."""
    return next((i for i in range(at + 1, len(lines)) if not lines[i].is_blank), None)


def _first(lines: Sequence[_Line]) -> int | None:
    return _next(lines, -1)


def _titled(line: _Line, body: int, title: str, style: str, rank: int) -> Heading | None:
    """The heading with a title in which there may be a number."""
    title = _cleaned(title)
    if not title:
        return None
    worded = _WORDED.match(title)
    if worded is not None and (worded["gap"].strip() or not worded["rest"] or _is_name(worded["rest"])):
        return Heading(line.start, body, worded["n"], worded["rest"].strip(), _word_of(worded), style, rank)
    numbered = _NUMBERED.match(title)
    if numbered is not None and numbered["rest"] and _is_number_of_title(numbered):
        is_bare = not numbered["gap"].strip() and numbered["n"].isdigit()
        return Heading(line.start, body, numbered["n"], numbered["rest"].strip(), "section", style, rank, is_bare)
    return Heading(line.start, body, None, title, "section", style, rank)


def _is_number_of_title(numbered: re.Match[str]) -> bool:
    """Whether a marked title begins with a number of its section. "12 tips" and "I agree" do not."""
    sign = numbered["gap"].strip()
    if numbered["n"][0].isdigit():
        return sign[:1] in (".", ")", "\\") or "." in numbered["n"] or (not sign and numbered["rest"][:1].isupper())
    return sign[:1] in (".", ")", "\\")


def _without_stray_numbers(found: Sequence[Heading]) -> Iterator[Heading]:
    """The headings, with a bare number back in the title unless its neighbour among the numbers stands there too.

    "3 Fees" has the number 3 only beside "2 ..." or "4 ...". Otherwise "12 Tips" would be section 12.
    """
    numbers = {heading.number for heading in found}
    for heading in found:
        number = heading.number
        if heading.is_bare and number is not None:
            value = int(number)
            if not numbers & {str(value - 1), str(value + 1), f"{value}.1"} and value > 1:
                yield replace(heading, number=None, title=f"{number} {heading.title}".strip())
                continue
        yield heading


def _cleaned(title: str) -> str:
    """A title without marks, links, anchors, and without the dot or colon at its end."""
    title = _ANCHOR.sub("", _LINK.sub(lambda link: link["text"], title))
    title = re.sub(r"[*`]+|(?<!\w)_+|_+(?!\w)", "", title)
    return " ".join(title.split()).strip().rstrip(".:-\u2013\u2014 ")


class _Words:
    """Counts the words between two places of a text."""

    def __init__(self, lines: Sequence[_Line]) -> None:
        self._starts = [line.start + word.start() for line in lines for word in _WORD.finditer(line.text)]

    def between(self, start: int, end: int) -> int:
        return bisect_left(self._starts, end) - bisect_left(self._starts, start)
