"""The text of a PDF as Markdown, with the places where its pages begin.

pdfplumber gives words with places and fonts, and the tables that are drawn with lines. This module puts them into the
order in which a person reads them: columns one after the other, lines as paragraphs, large or bold lines as headings,
a table or a paragraph that breaks across pages as one. What stands on every page, such as a page number, is left out.
"""

import logging
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from io import BytesIO
from itertools import groupby, pairwise, takewhile
from statistics import median
from typing import Any

from forge_arena.documents.document import Unreadable

MOST_PAGES = 400

_BULLET = re.compile(r"^[\u2022\u25cf\u25aa\u25e6\u2043\u2219\u00b7\uf0b7\uf0a7\uf02d]\s*")
_ITEM = re.compile(r"^(?:[-*\u2013]\s|\(?(?:\d{1,3}|[a-zA-Z]|[ivxIVX]{1,5})[.)]\s|\d{1,3}(?:\.\d{1,3})+\.?\s)")
_PAGE_NUMBER = re.compile(r"^\W*(?:page\s*)?(?:\d{1,4}|[ivxlc]{1,6})\W*(?:(?:of|/)\s*\d{1,4}\W*)?$", re.IGNORECASE)
_LEADER = re.compile(r"(?:\.\s?){5,}\s*\d{1,4}$|\u2026{2,}\s*\d{1,4}$")
_BOLD = re.compile(r"bold|black|heavy|semibold|demi", re.IGNORECASE)
_SENTENCE_END = re.compile(r"[.!?:;][\"')\]\u201d\u2019]?$")
_UNREADABLE = re.compile(r"\(cid:\d+\)")
# The share of a page's height at its top and its bottom where running titles and page numbers stand.
_MARGIN = 0.1
_HEADING_WORDS = 16


@dataclass(frozen=True, slots=True)
class _Line:
    """A line of a page.

    `cells` are the words between wide gaps. `right` is the right edge of the column in which the line stands.
    """

    cells: tuple[str, ...]
    x0: float
    x1: float
    top: float
    bottom: float
    size: float
    is_bold: bool
    page: int
    right: float
    column: int = 0

    @property
    def text(self) -> str:
        return " ".join(self.cells)


@dataclass(frozen=True, slots=True)
class _Table:
    """A table: its rows, and the places of its columns by which its next part is known."""

    rows: tuple[tuple[str, ...], ...]
    edges: tuple[float, ...]
    top: float
    bottom: float
    page: int


@dataclass(slots=True)
class _Block:
    """A paragraph, heading, list item or table of the text, and where in it another page begins."""

    kind: str
    text: str
    page: int
    breaks: list[tuple[int, int]] = field(default_factory=list)  # (place in the text, page)


@dataclass(frozen=True, slots=True)
class _Page:
    number: int
    height: float
    parts: tuple[_Line | _Table, ...]
    unreadable: int


def pdf_text(data: bytes) -> tuple[str, tuple[int, ...]]:
    """The text of a PDF, and where each of its pages begins.

    Raises:
        Unreadable: encrypted, scanned, too many pages, or letters without a meaning.
        ImportError: pdfplumber is not installed.
        Exception: whatever pdfplumber meets in a damaged file.
    """
    import pdfplumber
    from pdfminer.pdfdocument import PDFEncryptionError, PDFPasswordIncorrect

    # It reports each flaw of a font in the log of whoever runs this.
    logging.getLogger("pdfminer").setLevel(logging.ERROR)
    try:
        pdf = pdfplumber.open(BytesIO(data))
    except Exception as error:
        causes = (error, *error.args)
        if any(isinstance(cause, PDFPasswordIncorrect | PDFEncryptionError) for cause in causes):
            raise Unreadable("the file is encrypted: save a copy without a password") from None
        raise
    with pdf:
        if len(pdf.pages) > MOST_PAGES:
            raise Unreadable(f"the file has {len(pdf.pages)} pages, and at most {MOST_PAGES} are read: cut it")
        pages, images = [], 0
        for number, page in enumerate(pdf.pages, start=1):
            pages.append(_page(page, number))
            images += bool(page.images) and not pages[-1].parts
            page.close()
    if images > 0.5 * len(pages):
        raise Unreadable(
            "the pages are pictures without text (scanned): let a program for character recognition (OCR) read them"
        )
    text, starts = _text(_without_running_lines(pages))
    if sum(page.unreadable for page in pages) > 0.05 * len(text.split()):
        raise Unreadable("the fonts do not say which letters they draw: print the file into a new PDF, or use OCR")
    return text, starts


# ------------------------------------------------------------------------------------------------------------ one page


def _page(page: Any, number: int) -> _Page:
    """The lines and tables of a page in reading order."""
    tables = [table for found in page.find_tables() if (table := _table(found, number)) is not None]
    words = [
        word
        for word in page.extract_words(x_tolerance_ratio=0.15, extra_attrs=["fontname", "size"], keep_blank_chars=False)
        if word["upright"] and not any(_is_within(word, table) for table in tables)
    ]
    lines = _lines(words, number)
    parts: list[_Line | _Table] = list(lines)
    for table in sorted(tables, key=lambda table: table.top):
        # A table goes before the first line that stands under it in the same column, or at the end.
        at = next((i for i, part in enumerate(parts) if part.top >= table.top and _is_beside(part, table)), len(parts))
        parts.insert(at, table)
    unreadable = sum(len(_UNREADABLE.findall(word["text"])) for word in words)
    return _Page(number, float(page.height), tuple(parts), unreadable)


def _table(found: Any, number: int) -> _Table | None:
    """A table that is drawn with lines, or None for a mere frame around a text."""
    rows = [tuple(_joined((cell or "").split("\n")) for cell in row) for row in found.extract()]
    rows = [row for row in rows if any(row)]
    if not rows:
        return None
    width = max(map(len, rows))
    filled = [at for at in range(width) if any(at < len(row) and row[at] for row in rows)]
    if len(filled) < 2:
        return None
    kept = tuple(tuple(row[at] if at < len(row) else "" for at in filled) for row in rows)
    _x0, top, x1, bottom = found.bbox
    columns = sorted({round(float(cell[0])) for cell in found.cells})
    return _Table(kept, (*columns, float(x1)), float(top), float(bottom), number)


def _is_within(word: Any, table: _Table) -> bool:
    x, y = (word["x0"] + word["x1"]) / 2, (word["top"] + word["bottom"]) / 2
    return bool(table.edges[0] <= x <= table.edges[-1] and table.top <= y <= table.bottom)


def _is_beside(part: "_Line | _Table", table: _Table) -> bool:
    return isinstance(part, _Table) or (part.x0 < table.edges[-1] and part.x1 > table.edges[0])


def _lines(words: Sequence[Any], number: int) -> list[_Line]:
    """Words as lines. Where a page has columns, the left column comes before the right one."""
    rows = _rows(words)
    if not rows:
        return []
    gutter = _gutter(rows)
    if gutter is None:
        right = max(word["x1"] for word in words)
        return [_line(row, number, right) for row in rows]
    lines: list[_Line] = []
    for is_wide, group in groupby(rows, key=lambda row: _crosses(row, gutter)):
        part = [word for row in group for word in row]
        if is_wide:
            right = max(word["x1"] for word in part)
            lines += [_line(row, number, right) for row in _rows(part)]
            continue
        for column, side in enumerate((True, False)):
            beside = [word for word in part if (word["x0"] < gutter) == side]
            lines += [replace(line, column=line.column * 2 + column + 1) for line in _lines(beside, number)]
    return lines


def _rows(words: Sequence[Any]) -> list[list[Any]]:
    """The words that stand at one height, from left to right; the heights from top to bottom."""
    rows: list[list[Any]] = []
    for word in sorted(words, key=lambda word: ((word["top"] + word["bottom"]) / 2, word["x0"])):
        middle = (word["top"] + word["bottom"]) / 2
        if rows and min(w["top"] for w in rows[-1]) <= middle <= min(w["bottom"] for w in rows[-1]):
            rows[-1].append(word)
        else:
            rows.append([word])
    return [sorted(row, key=lambda word: word["x0"]) for row in rows]


def _gutter(rows: Sequence[Sequence[Any]]) -> float | None:
    """The place between two columns of prose, or None.

    A gutter is a place in the middle half of the page that few lines cross, and that has prose on both sides. The
    cells of a table without lines are no prose, because they have few words.
    """
    if len(rows) < 5:
        return None
    left, right = min(row[0]["x0"] for row in rows), max(row[-1]["x1"] for row in rows)
    places = [left + (right - left) * share / 100 for share in range(25, 76)]
    crossing = {place: sum(_crosses(row, place) for row in rows) for place in places}
    least = min(crossing.values())
    best = [place for place in places if crossing[place] == least]
    gutter: float = best[len(best) // 2]
    if least > 0.4 * len(rows):
        return None
    sides = (
        [[w for w in row if w["x0"] < gutter] for row in rows],
        [[w for w in row if w["x0"] >= gutter] for row in rows],
    )
    for side in sides:
        filled = [row for row, whole in zip(side, rows, strict=True) if row and not _crosses(whole, gutter)]
        if len(filled) < 4 or sum(map(len, filled)) < 3.5 * len(filled):
            return None
    return gutter


def _crosses(row: Sequence[Any], place: float) -> bool:
    """Whether a row has words at a place, or too little space there for a gutter."""
    before = max((word["x1"] for word in row if word["x0"] < place), default=None)
    after = min((word["x0"] for word in row if word["x0"] >= place), default=None)
    if before is not None and before > place:
        return True
    return before is not None and after is not None and after - before < 8


def _line(row: Sequence[Any], number: int, right: float) -> _Line:
    sizes: Counter[float] = Counter()
    bold = 0
    cells: list[str] = []
    for at, word in enumerate(row):
        # A letter without a meaning is mostly a tab or an ornament.
        text = " ".join(_UNREADABLE.sub(" ", word["text"]).split())
        letters = len(text)
        sizes[round(word["size"], 1)] += letters
        bold += letters * bool(_BOLD.search(word["fontname"]))
        gap = word["x0"] - row[at - 1]["x1"] if at else 0.0
        if not cells or gap > 2 * word["size"]:
            cells.append(text)
        elif gap < 0.08 * word["size"]:
            # The font changes within a word.
            cells[-1] += text
        else:
            cells[-1] += f" {text}"
    return _Line(
        tuple(cells),
        row[0]["x0"],
        row[-1]["x1"],
        min(word["top"] for word in row),
        max(word["bottom"] for word in row),
        sizes.most_common(1)[0][0],
        bold > 0.9 * sizes.total(),
        number,
        right,
    )


# ----------------------------------------------------------------------------------------------------------- all pages


def _without_running_lines(pages: Sequence[_Page]) -> list[_Page]:
    """The pages without page numbers, and without what stands at the top or bottom of most pages.

    "Chapter 4: Reference 20" is a running title of one chapter. The page's number in the line gives the line away: it
    is as far from the number in the file as on other pages. Nothing is taken out behind a line that stays, because two
    pages may begin with the same words.
    """
    seen = Counter(text for page in pages for text in {_running(line, page) for line in _edge_lines(page)})
    offsets = Counter(
        offset for page in pages for offset in {o for line in _outermost(page) for o in _offsets(line, page)}
    )
    usual, times = offsets.most_common(1)[0] if offsets else (0, 0)
    is_counted = times >= max(3, 0.3 * len(pages))

    def is_running(line: _Line, page: _Page) -> bool:
        return (
            _PAGE_NUMBER.match(line.text) is not None
            or seen[_running(line, page)] >= max(2, 0.5 * len(pages))
            or (is_counted and usual in _offsets(line, page))
        )

    shortened = []
    for page in pages:
        from_top = sorted(_edge_lines(page), key=lambda line: line.top)
        middle = page.height / 2
        running = {
            id(line)
            for lines in (
                [line for line in from_top if line.top < middle],
                [line for line in reversed(from_top) if line.top >= middle],
            )
            for line in takewhile(lambda line: is_running(line, page), lines)  # noqa: B023 - used before the next page
        }
        shortened.append(replace(page, parts=tuple(part for part in page.parts if id(part) not in running)))
    return shortened


def _edge_lines(page: _Page) -> list[_Line]:
    """The lines in the margins at the top and the bottom of a page."""
    low, high = _MARGIN * page.height, (1 - _MARGIN) * page.height
    return [part for part in page.parts if isinstance(part, _Line) and (part.bottom < low or part.top > high)]


def _outermost(page: _Page) -> list[_Line]:
    """The first and the last line of a page, if they stand in its margins."""
    edge = sorted(_edge_lines(page), key=lambda line: line.top)
    return [edge[0], edge[-1]] if edge else []


def _offsets(line: _Line, page: _Page) -> set[int]:
    """How far the number with which a line begins or ends is from the page's number."""
    words = line.text.split()
    return {int(word) - page.number for word in (words[0], words[-1]) if re.fullmatch(r"\d{1,4}", word)}


def _running(line: _Line, page: _Page) -> str:
    """The words of a line that may stand on each page, without the page's own number."""
    return re.sub(rf"\b{page.number}\b", "#", line.text)


def _text(pages: Sequence[_Page]) -> tuple[str, tuple[int, ...]]:
    """The text of all pages, and where each page begins."""
    parts = [
        part for page in pages for part in page.parts if not (isinstance(part, _Line) and _LEADER.search(part.text))
    ]
    lines = [part for part in parts if isinstance(part, _Line)]
    sizes: Counter[float] = Counter()
    for line in lines:
        sizes[line.size] += len(line.text)
    body = sizes.most_common(1)[0][0] if sizes else 0.0
    mostly_bold = sum(len(line.text) for line in lines if line.is_bold) > 0.5 * sizes.total()
    large = sorted({line.size for line in lines if line.size >= 1.12 * body}, reverse=True)
    gaps = [b.top - a.bottom for a, b in pairwise(lines) if _is_next(a, b)]
    leading = median(gaps) if gaps else 0.0
    blocks: list[_Block] = []
    vocabulary = Counter(re.findall(r"[\w-]+", " ".join(line.text.lower() for line in lines)))
    before: _Line | _Table | None = None
    last_table: _Table | None = None
    at = 0
    while at < len(parts):
        part = parts[at]
        if isinstance(part, _Table):
            last_table = _add_table(blocks, part, last_table if before is last_table else None)
            before, at = last_table, at + 1
            continue
        rows = _table_without_lines(parts, at)
        if rows > 0:
            cells = [line.cells for line in parts[at : at + rows] if isinstance(line, _Line)]
            blocks.append(_Block("table", _markdown(cells), part.page))
            before, at = parts[at + rows - 1], at + rows
            continue
        level = _level(part, before, body, large, mostly_bold, leading)
        _add_line(blocks, part, before, level, leading, vocabulary)
        before, at = part, at + 1
    return _put_together(blocks, len(pages))


def _is_next(a: _Line, b: _Line) -> bool:
    """Whether a line stands right under another in one column."""
    return a.page == b.page and a.column == b.column and -0.5 * a.size < b.top - a.bottom < 2 * max(a.size, 1)


def _level(
    line: _Line, before: "_Line | _Table | None", body: float, large: Sequence[float], mostly_bold: bool, leading: float
) -> int:
    """The level of a heading, 0 for a line that is none."""
    words = line.text.split()
    if len(words) > _HEADING_WORDS or not any(c.isalpha() for c in line.text) or len(line.cells) > 2:
        return 0
    if line.size in large:
        return min(6, 1 + large.index(line.size))
    is_numbered = re.match(r"^[\dA-Z.]+\s", line.text) is not None
    if not line.is_bold or mostly_bold or (line.text.endswith((".", ",", ";")) and not is_numbered):
        return 0
    stands_apart = (
        not isinstance(before, _Line)
        or not _is_next(before, line)
        or before.is_bold
        or (line.top - before.bottom > leading + 1 or not before.is_bold)
    )
    return min(6, len(large) + 1) if stands_apart else 0


def _add_line(
    blocks: list[_Block],
    line: _Line,
    before: "_Line | _Table | None",
    level: int,
    leading: float,
    vocabulary: Counter[str],
) -> None:
    """Add a line to the paragraph that it goes on with, or begin another."""
    text = _BULLET.sub("- ", line.text)
    last = blocks[-1] if blocks else None
    if level:
        kind = f"heading {level}"
        if (
            last is not None
            and last.kind == kind
            and isinstance(before, _Line)
            and (_is_next(before, line) or before.page + 1 == line.page)
            and before.size == line.size
            and _has_no_room(before, text)
            and not _ITEM.match(text)
        ):
            if line.page != before.page:
                last.breaks.append((len(last.text) + 1, line.page))
            last.text = f"{last.text} {text}"
            return
        blocks.append(_Block(kind, f"{'#' * level} {text}", line.page))
        return
    if (
        last is not None
        and last.kind in ("text", "item")
        and isinstance(before, _Line)
        and _goes_on(before, line, text, leading)
    ):
        joined = _joined([last.text, text], vocabulary)
        if line.page != before.page:
            last.breaks.append((len(joined) - len(text), line.page))
        last.text = joined
        return
    is_item = text.startswith("- ") or _ITEM.match(text) is not None
    blocks.append(_Block("item" if is_item else "text", text, line.page))


def _has_no_room(before: _Line, text: str) -> bool:
    """Whether the first word of a text would not have fitted into the line before. Otherwise the line ends for good."""
    return before.x1 + 0.6 * before.size * (len(text.split()[0]) + 1) > before.right


def _goes_on(before: _Line, line: _Line, text: str, leading: float) -> bool:
    """Whether a line goes on with the paragraph of the line before."""
    if text.startswith("- ") or _ITEM.match(text):
        return False
    is_finished = _SENTENCE_END.search(before.text) is not None
    if before.page != line.page or before.column != line.column or line.top < before.top:
        return not is_finished and (text[:1].islower() or before.text.endswith(("-", ",")))
    if line.top - before.bottom > leading + 0.35 * line.size:
        return False
    if before.x1 < before.right - 0.2 * (before.right - before.x0) and is_finished:
        return False
    # The first line of a paragraph may be set in.
    return not (line.x0 > before.x0 + line.size and is_finished and not _BULLET.match(before.text))


def _table_without_lines(parts: "Sequence[_Line | _Table]", at: int) -> int:
    """How many lines from a place on are the rows of a table without lines: at least three with as many cells each."""
    first = parts[at]
    rows = 0
    for part in parts[at:]:
        if not isinstance(part, _Line) or not isinstance(first, _Line) or len(part.cells) != len(first.cells):
            break
        if part.page != first.page or part.column != first.column:
            break
        rows += 1
    return rows if isinstance(first, _Line) and len(first.cells) > 1 and rows >= 3 else 0


def _add_table(blocks: list[_Block], table: _Table, before: _Table | None) -> _Table:
    """Add a table, or its rows to the table of the page before if it goes on with that one."""
    goes_on = (
        before is not None
        and before.page + 1 == table.page
        and len(before.rows[0]) == len(table.rows[0])
        and (before.rows[0] == table.rows[0] or _are_alike(before.edges, table.edges))
    )
    if before is None or not goes_on:
        if len(table.rows) == 1:
            # A row alone is no table.
            blocks.append(_Block("text", " ".join(cell for cell in table.rows[0] if cell), table.page))
        else:
            blocks.append(_Block("table", _markdown(table.rows), table.page))
        return table
    rows = table.rows[1:] if before.rows[0] == table.rows[0] else table.rows
    last = blocks[-1]
    last.breaks.append((len(last.text) + 1, table.page))
    last.text = "\n".join([last.text, *map(_markdown_row, rows)])
    # The next page may repeat the header of the whole table.
    return replace(table, rows=(before.rows[0], *rows))


def _are_alike(edges: Sequence[float], others: Sequence[float]) -> bool:
    return len(edges) == len(others) and all(abs(a - b) < 4 for a, b in zip(edges, others, strict=True))


def _markdown(rows: Iterable[Sequence[str]]) -> str:
    head, *rest = rows
    return "\n".join([_markdown_row(head), _markdown_row(["---"] * len(head)), *map(_markdown_row, rest)])


def _markdown_row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _joined(lines: Iterable[str], vocabulary: Counter[str] | None = None) -> str:
    """Lines as one. A word that breaks at the end of a line is whole again, unless the document writes its hyphen."""
    text = ""
    for line in filter(None, (line.strip() for line in lines)):
        broken = re.search(r"([^\W\d_]+)-$", text)
        rest = re.match(r"[a-z]+", line)
        if broken and rest:
            is_hyphenated = vocabulary is not None and f"{broken[1]}-{rest[0]}".lower() in vocabulary
            text = f"{text}{line}" if is_hyphenated else f"{text[:-1]}{line}"
        else:
            text = f"{text} {line}" if text else line
    return text


def _put_together(blocks: Sequence[_Block], pages: int) -> tuple[str, tuple[int, ...]]:
    """The text of the blocks, and where each page begins. A page without text begins where the next one does."""
    text = ""
    begins: dict[int, int] = {}
    before = ""
    for block in blocks:
        if text:
            text += "\n" if block.kind == "item" == before else "\n\n"
        begins.setdefault(block.page, len(text))
        for place, page in block.breaks:
            begins.setdefault(page, len(text) + place)
        text += block.text
        before = block.kind
    starts: list[int] = []
    following = len(text)
    for page in range(pages, 0, -1):
        following = begins.get(page, following)
        starts.append(following)
    starts.reverse()
    if starts:
        starts[0] = 0
    return text, tuple(starts)
