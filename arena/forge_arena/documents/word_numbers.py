"""Write the numbers of a Word file's sections into its paragraphs.

Word counts the clauses of a contract by itself: the file holds the rule "%1.%2", not the number "3.2". A converter
that does not count loses the numbers, and "see section 3.2" points to nothing. Plain numbered lists stay lists.
"""

import zipfile
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO
from xml.etree import ElementTree

_W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_VAL = f"{_W}val"
_MOST_STYLES = 20  # A style that is based on itself ends the search.


@dataclass(frozen=True, slots=True)
class _Level:
    """How a level of a numbering counts: from where, how the number is written, and the words around it ("%1.%2.")."""

    start: int
    format: str
    text: str
    is_legal: bool


@dataclass(frozen=True, slots=True)
class _Numbering:
    """The numberings of a file.

    Attributes:
        levels: the levels of each kind of numbering.
        kinds: the kind of each numbering that paragraphs name.
        starts: where a numbering begins again: (numbering, level) to a number.
        by_style: the kind and level that a style of paragraphs names.
    """

    levels: Mapping[str, Mapping[int, _Level]]
    kinds: Mapping[str, str]
    starts: Mapping[tuple[str, int], int]
    by_style: Mapping[str, tuple[str, int]]

    def is_of_sections(self, kind: str) -> bool:
        """Whether a kind counts sections: a level is written with the numbers of the levels above."""
        return any(level.text.count("%") > 1 for level in self.levels[kind].values())


def with_written_numbers(data: bytes) -> bytes:
    """The Word file with the numbers of its headings and clauses as text.

    Raises:
        Exception: the file is damaged: whatever `zipfile` and `ElementTree` say.
    """
    with zipfile.ZipFile(BytesIO(data)) as packed:
        names = set(packed.namelist())
        if "word/numbering.xml" not in names:
            return data
        body = _parsed(packed.read("word/document.xml"))
        numbering = _numbering(_parsed(packed.read("word/numbering.xml")))
        styles = _styles(_parsed(packed.read("word/styles.xml"))) if "word/styles.xml" in names else {}
        if not _write(body, numbering, styles):
            return data
        out = BytesIO()
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as changed:
            for part in packed.infolist():
                content = packed.read(part) if part.filename != "word/document.xml" else ElementTree.tostring(body)
                changed.writestr(part.filename, content)
    return out.getvalue()


def _parsed(content: bytes) -> ElementTree.Element:
    # Expat refuses entities that grow without bound.
    return ElementTree.fromstring(content)  # noqa: S314


@dataclass(frozen=True, slots=True)
class _Style:
    """A style of paragraphs: whether it is a heading, and which numbering it names."""

    is_heading: bool
    numbering: str | None
    level: int | None


def _styles(root: ElementTree.Element) -> dict[str, _Style]:
    """The styles, with what each takes from the style that it is based on."""
    elements = {style.get(f"{_W}styleId", ""): style for style in root.iter(f"{_W}style")}
    styles = {}
    for name, element in elements.items():
        is_heading, numbering, level = False, None, None
        at: ElementTree.Element | None = element
        for _ in range(_MOST_STYLES):
            if at is None:
                break
            title = at.find(f"{_W}name")
            outline = at.find(f"{_W}pPr/{_W}outlineLvl")
            is_heading |= outline is not None or (
                title is not None and (title.get(_VAL) or "").lower().startswith("heading")
            )
            given, depth = _named(at.find(f"{_W}pPr/{_W}numPr"))
            numbering, level = numbering or given, level if level is not None else depth
            base = at.find(f"{_W}basedOn")
            at = elements.get(base.get(_VAL, "")) if base is not None else None
        styles[name] = _Style(is_heading, numbering, level)
    return styles


def _named(element: ElementTree.Element | None) -> tuple[str | None, int | None]:
    """The numbering and the level that a paragraph or style names."""
    if element is None:
        return None, None
    number, level = element.find(f"{_W}numId"), element.find(f"{_W}ilvl")
    return (
        number.get(_VAL) if number is not None else None,
        int(level.get(_VAL, "0")) if level is not None else None,
    )


def _numbering(root: ElementTree.Element) -> _Numbering:
    levels: dict[str, dict[int, _Level]] = {}
    by_style: dict[str, tuple[str, int]] = {}
    for kind in root.iter(f"{_W}abstractNum"):
        name = kind.get(f"{_W}abstractNumId", "")
        levels[name] = {}
        for level in kind.iter(f"{_W}lvl"):
            depth = int(level.get(f"{_W}ilvl", "0"))
            levels[name][depth] = _Level(
                int(_value(level, "start", "1")),
                _value(level, "numFmt", "decimal"),
                _value(level, "lvlText", ""),
                level.find(f"{_W}isLgl") is not None,
            )
            if style := _value(level, "pStyle", ""):
                by_style[style] = name, depth
    kinds, starts = {}, {}
    for number in root.iter(f"{_W}num"):
        name = number.get(f"{_W}numId", "")
        kinds[name] = _value(number, "abstractNumId", "")
        for override in number.iter(f"{_W}lvlOverride"):
            if start := _value(override, "startOverride", ""):
                starts[name, int(override.get(f"{_W}ilvl", "0"))] = int(start)
    return _Numbering(levels, kinds, starts, by_style)


def _value(element: ElementTree.Element, name: str, default: str) -> str:
    child = element.find(f"{_W}{name}")
    return child.get(_VAL, default) if child is not None else default


def _write(body: ElementTree.Element, numbering: _Numbering, styles: Mapping[str, _Style]) -> bool:
    """Count the paragraphs, and write the numbers of headings and clauses before them.

    Returns: whether there are any.
    """
    counts: dict[str, dict[int, int]] = defaultdict(dict)
    begun: set[tuple[str, int]] = set()
    wrote = False
    for paragraph in body.iter(f"{_W}p"):
        properties = paragraph.find(f"{_W}pPr")
        if properties is None:
            continue
        style_name = _value(properties, "pStyle", "")
        style = styles.get(style_name, _Style(False, None, None))
        number, depth = _named(properties.find(f"{_W}numPr"))
        number = number or style.numbering
        if number == "0":
            continue
        if number is not None:
            kind = numbering.kinds.get(number, "")
            linked = numbering.by_style.get(style_name)
            if depth is None:
                depth = linked[1] if linked is not None and linked[0] == kind else style.level or 0
        elif style_name in numbering.by_style:
            kind, depth = numbering.by_style[style_name]
        else:
            continue
        level = numbering.levels.get(kind, {}).get(depth)
        if level is None or not any(run.text for run in paragraph.iter(f"{_W}t")):
            continue
        count = counts[kind]
        restart = numbering.starts.get((number or "", depth))
        if restart is not None and (number or "", depth) not in begun:
            begun.add((number or "", depth))
            count[depth] = restart
        else:
            count[depth] = count.get(depth, level.start - 1) + 1
        for deeper in [other for other in count if other > depth]:
            del count[deeper]
        if level.format in ("bullet", "none") or not (style.is_heading or numbering.is_of_sections(kind)):
            continue
        label = _label(level, count, numbering.levels[kind])
        if label:
            _write_before(paragraph, properties, label)
            wrote = True
    return wrote


def _label(level: _Level, count: Mapping[int, int], levels: Mapping[int, _Level]) -> str:
    label = level.text
    for depth in range(9):
        place = f"%{depth + 1}"
        if place in label and depth in levels:
            form = "decimal" if level.is_legal else levels[depth].format
            label = label.replace(place, _written(count.get(depth, levels[depth].start), form))
    return label.strip()


def _written(number: int, form: str) -> str:
    """A number as Word writes it: 4, 04, d, D, iv, IV."""
    if form in ("lowerLetter", "upperLetter"):
        letter = chr(ord("a") + (number - 1) % 26) * ((number - 1) // 26 + 1)
        return letter if form == "lowerLetter" else letter.upper()
    if form in ("lowerRoman", "upperRoman"):
        roman = ""
        for value, sign in (
            *((1000, "m"), (900, "cm"), (500, "d"), (400, "cd"), (100, "c"), (90, "xc"), (50, "l"), (40, "xl")),
            *((10, "x"), (9, "ix"), (5, "v"), (4, "iv"), (1, "i")),
        ):
            roman += sign * (number // value)
            number %= value
        return roman if form == "lowerRoman" else roman.upper()
    return f"{number:02d}" if form == "decimalZero" else str(number)


def _write_before(paragraph: ElementTree.Element, properties: ElementTree.Element, label: str) -> None:
    """Put a label before a paragraph's text, and take the paragraph out of its numbering."""
    named = properties.find(f"{_W}numPr")
    if named is not None:
        properties.remove(named)
    named = ElementTree.SubElement(properties, f"{_W}numPr")
    ElementTree.SubElement(named, f"{_W}ilvl", {_VAL: "0"})
    ElementTree.SubElement(named, f"{_W}numId", {_VAL: "0"})
    run = ElementTree.Element(f"{_W}r")
    text = ElementTree.SubElement(run, f"{_W}t", {"{http://www.w3.org/XML/1998/namespace}space": "preserve"})
    text.text = f"{label} "
    paragraph.insert(list(paragraph).index(properties) + 1, run)
