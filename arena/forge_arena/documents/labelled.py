"""Propose a scenario without an author, from labels that stand in the document: tables, "Label: value", headings.

Only labels that a person would use make a task that a person would set. So few documents give a scenario here, and all
others are refused with what to do. What is proposed goes the same way as the proposals of an author (`keeping`).

    | Plan | Monthly fee |      the monthly fee for Basic
    | Basic | $12 |

    Notice period: 30 days     the notice period

    ## Late fee                the late fee
    A late fee of $15 is charged.

A label that names no measure, such as "Second bag: $45", says too little: of a price, of a refund, of a limit? It
becomes a question about its section: "the amount that \u201cDomestic flights\u201d gives for the second bag".
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random

from forge_arena.documents.alternatives import are_comparable
from forge_arena.documents.proposal import Choice, Fact, Option, OtherValue, Proposal, Rule
from forge_arena.documents.sections import Section, Stretch, innermost, title_of
from forge_arena.texts.sentences import sentences
from forge_arena.texts.values import Mention, mentions
from forge_arena.texts.words import SMALL_WORDS, content, stem
from forge_arena.types import VALUE_KINDS, ClaimKind, Domain

ASK_AN_AUTHOR = "name a model that may read the document with --author"
FEWEST_FACTS, MOST_FACTS, MOST_REQUIRED = 2, 12, 4
LONGEST_LABEL, LONGEST_SUBJECT, LONGEST_VALUE, LONGEST_TITLE = 7, 6, 8, 12
# A heading is the label of its text only if the text is short.
LONGEST_BODY = 40
WORD_LIMITS = (100, 120, 150, 180, 220)

_TASKS = {
    Domain.customer_support: "A customer writes to support and asks about \u201c{title}\u201d. "
    "Write the reply, from the document alone.",
    Domain.legal_summarisation: "A colleague is about to sign and has not read \u201c{title}\u201d. "
    "Sum up its terms in plain words, from the document alone.",
}
_ANY_TASK = (
    "A colleague has to know the figures of \u201c{title}\u201d and has no time to read it. "
    "Write a short note, from the document alone."
)

_LINE = re.compile(
    r"^(?:[-*+\u2022][ \t]+)?(?P<mark>\*\*|__)?(?P<label>[A-Z][^:|*_\n]{1,60}?)(?:(?P=mark)|(?!\*|_))"
    r"[ \t]*:(?:\*\*|__)?[ \t]+(?P<value>\S[^\n]*?)[ \t]*$",
    re.MULTILINE,
)
# A line that begins with a label, whatever stands behind it.
_ANY_LINE = re.compile(
    r"^[ \t]*(?:[-*+\u2022][ \t]+)?(?:\*\*|__)?(?P<label>[A-Z][^:|*_\n]{1,60}?)(?:\*\*|__)?[ \t]*:", re.MULTILINE
)
_DELIMITER = re.compile(r"^[ \t]*\|?[ \t]*:?-{2,}:?[ \t]*(?:\|[ \t]*:?-{2,}:?[ \t]*)*\|?[ \t]*$")
_EMPHASIS = re.compile(r"[*_`]+")
# A sign that sends to a footnote, which may say anything. So does a star that closes no emphasis.
_NOTE = re.compile(r"[\u2020\u2021\u00b9\u00b2\u00b3]|\[\^?\w+\]")
# What may stand before a value in "The fee is ...". A closed class.
_BEFORE = re.compile(
    r"^(?:up to|at least|at most|about|approximately|around|from|within|a minimum of|a maximum of|no more than"
    r"|no less than|not more than|not less than|more than|less than|over|under)?\s*$",
    re.IGNORECASE,
)
# First words of a label or a title that names no thing: questions, pronouns, and words about the text itself.
_NO_NAME = frozenset(
    """
    how what when where why which who whose if whether you your we our us i my it this that these those there note
    notes tip tips example examples important warning caution step steps remember hint see question answer q a faq
    please do don't never always
    """.split()  # noqa: SIM905
)
# What a value is the value of. A heading such as "Insurance" says too little about the amount in its text.
_MEASURES = frozenset(
    stem(word)
    for word in """
    age allowance amount balance bonus capacity charge cost current date deadline deposit discount distance duration
    expiry fare fee fine frequency height hours income interest length level limit maximum minimum notice number payment
    penalty period power premium pressure price quantity quota rate refund rent salary score share size speed surcharge
    tax temperature tenure term time total value voltage volume wage weight width window yield
    """.split()  # noqa: SIM905 - a list of sixty quoted words is harder to read
)
# Measures of money are no times, and measures of time no amounts: "card refunds: 5 days" says when, and not how much.
_OF_MONEY = frozenset(
    stem(word)
    for word in """
    amount balance bonus charge cost deposit discount fare fee fine income interest payment penalty premium price refund
    rent salary surcharge tax wage yield
    """.split()  # noqa: SIM905
)
_OF_TIME = frozenset(
    stem(word)
    for word in ("date", "deadline", "duration", "expiry", "hours", "notice", "period", "tenure", "term", "time")
)
# What a value is called whose label names no measure: by its kind, and a quantity by its unit.
_NOUNS = {
    ClaimKind.money: "amount",
    ClaimKind.percent: "percentage",
    ClaimKind.date: "date",
    ClaimKind.duration: "time",
    ClaimKind.quantity: "figure",
}
_NOUNS_OF_UNITS = {
    "v": "voltage",
    "hz": "frequency",
    "g": "weight",
    "lb": "weight",
    "oz": "weight",
    "m": "length",
    "mm": "length",
    "inch": "length",
    "foot": "length",
    "mile": "distance",
    "w": "power",
    "l": "volume",
    "mb": "size",
    "mib": "size",
    "\u00b0c": "temperature",
}
# What may stand behind the name of a measure: "the deposit required".
_BEHIND_MEASURE = frozenset({"required", "needed", "due", "allowed", "included", "payable"})
# Columns whose names say nothing: the row alone is the label.
_ANY_COLUMN = frozenset({"value", "values", "detail", "details", "description", "information", "amount"})
_PREPOSITIONS = frozenset({"of", "for", "on", "in", "to", "at", "per", "with", "by", "from", "after", "before"})


@dataclass(frozen=True, slots=True)
class Labelled:
    """A value with the label that the document gives it.

    Attributes:
        label: the words of the document, such as "Annual fee".
        value: the value to the letter.
        phrase: what stands for the value in a sentence: "up to 30 days".
        start: where the value stands in the text.
        quotation: the words of the document that hold the value.
        sentence: a sentence of the document that states the fact; None to make one.
        others: the values of the same column, each with its row.
        noun: what the value is called, if the label names no measure: "amount"; None if the label says it.
    """

    label: str
    value: str
    phrase: str
    start: int
    quotation: str
    sentence: str | None = None
    others: tuple[tuple[str, str], ...] = ()
    noun: str | None = None


def propose(stretch: Stretch) -> Proposal | str:
    """A proposal for a stretch, or the reason why there is none, with what to do."""
    text, document = stretch.text, stretch.document
    domain, given = document.domain, document.task
    choice = _choice(stretch)
    if given is not None and domain is Domain.product_recommendation and choice is None:
        return f"its task asks for a choice, and no row names the options and the one that fits: {ASK_AN_AUTHOR}"
    if given is None and domain in (Domain.product_recommendation, Domain.code_review):
        return f"a {domain.value.replace('_', ' ')} needs a task of its own: give the row a task, or {ASK_AN_AUTHOR}"
    title = _plain(title_of(text))
    labelled = find_labelled(text, stretch.sections)
    distinct = _distinct(labelled)
    found = _named(stretch, distinct)
    if given is not None:
        found = [fact for fact in found if _belongs(given, stretch, fact)]
    task = given or _TASKS.get(domain or Domain.mixed, _ANY_TASK).format(title=title)
    if len(found) < FEWEST_FACTS:
        return _too_few(len(labelled), len(distinct), len(found), is_for_task=given is not None)
    if given is None and (len(title.split()) > LONGEST_TITLE or not content(title) or title.endswith("?")):
        return f"it has no short title by which one could ask about it: {ASK_AN_AUTHOR}"
    rng = Random(int(document.digest[:16], 16) + stretch.start)
    return Proposal(
        domain=domain or Domain.mixed,
        task=task,
        facts=tuple(_required(found, rng)),
        choice=choice,
        rules=tuple(_rules(found, rng)),
    )


def _too_few(labelled: int, distinct: int, found: int, *, is_for_task: bool) -> str:
    """Why too few values are left to ask for, and what to do."""
    needed = f"and {FEWEST_FACTS} are needed: {ASK_AN_AUTHOR}"
    where = "in tables, under headings, in lines such as \u201cFee: $30\u201d"
    if labelled < FEWEST_FACTS:
        return f"{_values_are(labelled)} labelled in it ({where}), {needed}"
    if distinct < FEWEST_FACTS:
        return (
            f"{_values_are(labelled)} labelled in it, but {_values_are(distinct)} there once only. What stands twice "
            f"cannot be told apart, {needed}"
        )
    if is_for_task:
        return f"{_values_are(found)} labelled in it with words of its task, {needed}"
    return f"{_values_are(found)} labelled in it so that somebody could ask for them, {needed}"


def _values_are(number: int) -> str:
    return "1 value is" if number == 1 else f"{number or 'no'} values are"


def find_labelled(text: str, found: Sequence[Section]) -> list[Labelled]:
    """The values of a text that have a label, in their order."""
    labelled = [*_in_tables(text), *_in_lines(text), *_under_headings(text, found)]
    return sorted({fact.start: fact for fact in reversed(labelled)}.values(), key=lambda fact: fact.start)


def _in_lines(text: str) -> Iterator[Labelled]:
    """Lines such as "Annual fee: $30" and "- **Notice period:** 30 days"."""
    for match in _LINE.finditer(text):
        label = _plain(match["label"])
        single = _single(match["value"])
        if single is not None and _is_name(label, LONGEST_LABEL):
            value, phrase, at = single
            noun = None if _names_measure(label, value) else _noun_of(value)
            yield Labelled(label, value, phrase, match.start("value") + at, match[0], noun=noun)


def _in_tables(text: str) -> Iterator[Labelled]:
    """The cells of Markdown tables that hold one value, named by column and row."""
    lines: list[tuple[int, str]] = []
    at = 0
    for line in text.split("\n"):
        lines.append((at, line))
        at += len(line) + 1
    for number, (_, line) in enumerate(lines[:-1]):
        if "|" not in line or not _DELIMITER.match(lines[number + 1][1]) or "|" not in lines[number + 1][1]:
            continue
        columns = [name for _, name in _cells(line)]
        rows: list[tuple[int, str, list[tuple[int, str]]]] = []
        for start, row in lines[number + 2 :]:
            if "|" not in row or not row.strip():
                break
            rows.append((start, row, _cells(row)))
        yield from _in_table(text, columns, rows)


def _in_table(
    text: str, columns: Sequence[str], rows: Sequence[tuple[int, str, list[tuple[int, str]]]]
) -> Iterator[Labelled]:
    names = Counter(cells[0][1].lower() for _, _, cells in rows if cells)
    for start, row, cells in rows:
        if len(cells) != len(columns) or names[cells[0][1].lower()] > 1:
            continue
        name = _plain(cells[0][1])
        for column in range(1, len(columns)):
            at, cell = cells[column]
            single = _single(cell)
            head = _plain(columns[column])
            if single is None or not name or mentions(name):
                continue
            is_plain_column = head.lower() in _ANY_COLUMN
            label = (
                name if is_plain_column else f"{_as_word_of(head, text)} for {_as_case(name, _plain(columns[0]), text)}"
            )
            noun = None if _names_measure(name if is_plain_column else head, single[0]) else _noun_of(single[0])
            if not _is_name(label, LONGEST_LABEL + (0 if is_plain_column else 4)) or not _is_name(head, LONGEST_LABEL):
                continue
            value, phrase, inside = single
            others = [(c[column][1], r) for _, r, c in rows if len(c) == len(columns) and r != row]
            own = _values(value)[0]
            held = tuple(
                (other[0], r)
                for cell, r in others
                if not is_plain_column
                and (other := _single(cell)) is not None
                and (mention := _values(other[0])[0]).kind is own.kind
                and are_comparable(mention, own)
            )
            yield Labelled(label, value, phrase, start + at + inside, row.strip(), others=held, noun=noun)


def _cells(line: str) -> list[tuple[int, str]]:
    """The cells of a table's line, with their places in the line."""
    cells = []
    at = 0
    for piece in re.split(r"(?<!\\)\|", line):
        stripped = piece.strip()
        cells.append((at + piece.find(stripped), stripped))
        at += len(piece) + 1
    if cells and not cells[0][1]:
        cells = cells[1:]
    return cells[:-1] if cells and not cells[-1][1] else cells


def _under_headings(text: str, found: Sequence[Section]) -> Iterator[Labelled]:
    """Headings whose short text has one value, in a sentence that speaks of what the heading names."""
    for section in found:
        body = text[section.body : section.end]
        title = _plain(section.title)
        if len(body.split()) > LONGEST_BODY or not _is_name(title, LONGEST_SUBJECT):
            continue
        if stem(title.split()[-1].lower()) not in _MEASURES:
            continue
        valued = _values(body)
        if len(valued) != 1:
            continue
        only = valued[0]
        for start, end in sentences(body):
            sentence = body[start:end].strip()
            if start <= only.start < end and content(title.split()[-1]) <= content(sentence) and sentence[:1].isupper():
                value = body[only.start : only.end]
                quotation = body[start:end].strip()
                yield Labelled(title, value, value, section.body + only.start, quotation, _sentence(sentence))


def _single(text: str) -> tuple[str, str, int] | None:
    """The one value of a text that is hardly more than the value: its words, its phrase, and where it begins."""
    plain = _EMPHASIS.sub(lambda match: " " * len(match[0]), text).rstrip(" .;,")
    valued = _values(plain)
    if len(valued) != 1 or len(plain.split()) > LONGEST_VALUE or _NOTE.search(text) or text.count("*") % 2:
        return None
    only = valued[0]
    if not _BEFORE.match(plain[: only.start].strip()) or re.search(r"[;:?!]|\. ", plain[only.end :]):
        return None
    return plain[only.start : only.end], " ".join(plain.split()), only.start


def _names_measure(label: str, value: str) -> bool:
    """Whether a label says what its value is: its head names a measure of such values, or is a rate such as "APR"."""
    words = label.split()
    head = next((at for at, word in enumerate(words) if at and word.lower() in _PREPOSITIONS), len(words)) - 1
    while head > 0 and words[head].lower() in _BEHIND_MEASURE:
        head -= 1
    word = words[head].strip("()")
    kind, measure = _values(value)[0].kind, stem(word.lower())
    if word.isupper() and len(word) > 1:
        return kind is ClaimKind.percent
    if kind in (ClaimKind.duration, ClaimKind.date):
        return measure in _MEASURES - _OF_MONEY
    if kind in (ClaimKind.money, ClaimKind.percent):
        return measure in _MEASURES - _OF_TIME
    return measure in _MEASURES


def _noun_of(value: str) -> str:
    """What to call a value: "amount" for $45, "voltage" for 5 V."""
    mention = _values(value)[0]
    unit = mention.value[-1] if isinstance(mention.value, tuple) else None
    return _NOUNS_OF_UNITS.get(str(unit)) or _NOUNS.get(mention.kind, "figure")


def _values(text: str) -> list[Mention]:
    return [mention for mention in mentions(text) if mention.kind in VALUE_KINDS]


def _distinct(found: Sequence[Labelled]) -> list[Labelled]:
    """The facts whose value no other fact has, because a value answers one question only."""
    counts = Counter(fact.value.lower() for fact in found)
    return [fact for fact in found if counts[fact.value.lower()] == 1]


def _named(stretch: Stretch, found: Sequence[Labelled]) -> list[tuple[Labelled, Fact]]:
    """The facts with labels that are distinct: where two have one label, the label says of what.

    What it is of is the heading around it, the innermost first that tells all of them apart. A label that other lines
    of the text have, too, says of what as well, also if no single value stands there.
    """
    stated = Counter(content(_plain(match["label"])) for match in _ANY_LINE.finditer(stretch.text))
    by_label: dict[frozenset[str], list[Labelled]] = {}
    for fact in found:
        if not _needs_section(stretch, fact):
            by_label.setdefault(content(fact.label), []).append(fact)
    asked = ((fact, _asked(stretch, fact)) for fact in found if _needs_section(stretch, fact))
    named = [(fact, question) for fact, question in asked if question is not None]
    for words, alike in by_label.items():
        is_alone = len(alike) == 1 and stated[words] < 2
        for depth in range(0 if is_alone else 1, 4):
            subjects = [_subject(stretch, fact, depth) for fact in alike]
            if None not in subjects and len(set(subjects)) == len(alike):
                named += [
                    (fact, _fact(stretch, fact, subject or "")) for fact, subject in zip(alike, subjects, strict=True)
                ]
                break
    labels = Counter(content(fact.label) for _, fact in named)
    return sorted((pair for pair in named if labels[content(pair[1].label)] == 1), key=lambda pair: pair[0].start)


def _needs_section(stretch: Stretch, found: Labelled) -> bool:
    """Whether a label says too little without its section: it names no measure, or it is a measure alone ("Weight")."""
    if found.noun is not None or " " in found.label:
        return found.noun is not None
    section = innermost(stretch.sections, found.start, found.start + len(found.value))
    return section is not None and _plain(section.title) not in ("", _plain(title_of(stretch.text)))


def _asked(stretch: Stretch, found: Labelled) -> Fact | None:
    """A value whose label names no measure, as a question: "the amount that \u201cBags\u201d gives for the second bag".

    None if two sections have this title, or if the section has another line with this label. The title of the document
    is no section: then it is "the amount that is given for the second bag". No section is to be cited, because the
    question names it.
    """
    text = stretch.text
    section = innermost(stretch.sections, found.start, found.start + len(found.value))
    title = "" if section is None else _plain(section.title)
    is_whole = section is None or title == _plain(title_of(text))
    if not is_whole and (not title or sum(_plain(s.title) == title for s in stretch.sections) > 1):
        return None
    inside = text if section is None else text[section.start : section.end]
    labels = Counter(content(_plain(match["label"])) for match in _ANY_LINE.finditer(inside))
    if labels[content(found.label)] > 1:
        return None
    given = "that is given" if is_whole else f"that \u201c{title}\u201d gives"
    thing = _as_word_of(found.label, text)
    if found.noun is None:
        label = f"the {thing} {given}"
    else:
        is_bare = _is_plural(found.label) or thing.lower().startswith(("the ", "a ", "an ")) or thing[-1].isupper()
        label = f"the {found.noun} {given} for {'' if is_bare else 'the '}{thing}"
    return Fact(
        label=label,
        statement=f"{label[0].upper()}{label[1:]} is {found.phrase}.",
        quotation=found.quotation,
        value=found.value,
        other_values=tuple(OtherValue(value=value, quotation=row.strip()) for value, row in found.others[:4]),
    )


def _subject(stretch: Stretch, fact: Labelled, depth: int) -> str | None:
    """What a fact is of, as the end of its label: nothing at depth 0, else by the heading at that depth around it."""
    if depth == 0:
        return ""
    around = [s for s in stretch.sections if s.start <= fact.start < s.end]
    if len(around) < depth:
        return None
    title = re.split(r"\s*[:\u2013\u2014]\s+", _plain(around[-depth].title))[0]
    if not _is_name(title, LONGEST_SUBJECT):
        return None
    # A name of its own takes no article, and a thing does: "of Gold", "of the Gold card".
    is_thing = re.search(rf"\b{re.escape(title.split()[-1].lower())}\b", stretch.text) is not None
    return f" of {'the ' if is_thing and not title.lower().startswith('the ') else ''}{title}"


def _fact(stretch: Stretch, found: Labelled, subject: str) -> Fact:
    text = stretch.text
    label = f"{_as_thing(found.label, text)}{subject}"
    section = innermost(stretch.sections, found.start, found.start + len(found.value))
    made = f"{label[0].upper()}{label[1:]} {'are' if _is_plural(found.label) else 'is'} {found.phrase}."
    return Fact(
        label=label,
        statement=found.sentence or made,
        quotation=found.quotation,
        value=found.value,
        section=None if section is None else section.number or section.title or None,
        other_values=tuple(OtherValue(value=value, quotation=row.strip()) for value, row in found.others[:4]),
    )


def _as_thing(label: str, text: str) -> str:
    """A label as a part of a sentence: "the annual fee"."""
    first, *_ = label.split()
    return f"{'' if first.lower() in ('the', 'a', 'an') else 'the '}{_as_word_of(label, text)}"


def _as_word_of(label: str, text: str) -> str:
    """A label without the capitals that it has because it begins a line: "Annual Fee" is "annual fee", "APR" is "APR".

    A word keeps its capital if the text has it within sentences behind a small word, alone or behind other words with
    capitals ("for the Light Blue Account"), and never small.
    """
    words = []
    for word in label.split():
        bare = re.escape(word.strip("()\u201c\u201d\"'"))
        is_small_too = re.search(rf"(?<!\w){bare.lower()}(?!\w)", text) is not None
        is_a_name = re.search(rf"(?<![^\W_])[a-z][\w'-]*,? (?:[A-Z][\w'-]* )*{bare}(?!\w)", text) is not None
        is_plain = word[:1].isupper() and (word[1:].islower() or len(word) == 1)
        words.append(word.lower() if is_plain and (is_small_too or not is_a_name) else word)
    return " ".join(words)


def _as_case(name: str, of: str, text: str) -> str:
    """The name of a row as the end of a label, where `of` is the name of the first column.

    "Large unit" is "the large unit", "New accounts" is "new accounts", and "Day" in a column of tickets is "the day
    ticket".
    """
    words = _as_word_of(name, text)
    first, *others = words.split()
    if not first.isalpha() or first in SMALL_WORDS or words[-1].isdigit() or _is_plural(words):
        return words
    if not others and len(of.split()) <= 2 and of.replace(" ", "").isalpha() and not _is_plural(of):
        return f"the {words} {_as_word_of(of, text).lower()}"
    return f"the {words}" if first.islower() else words


def _is_plural(label: str) -> bool:
    """Whether the head of a label is plural: the last word before the first preposition."""
    words = label.lower().split()
    head = next((words[at - 1] for at, word in enumerate(words) if at and word in _PREPOSITIONS), words[-1])
    return head.endswith("s") and not head.endswith(("ss", "us", "is"))


def _is_name(title: str, longest: int) -> bool:
    """Whether a label or a title names a thing, and is no question, no order to the reader and no sentence."""
    words = title.lower().split()
    if not words or len(words) > longest or words[0] in _NO_NAME or words[0].endswith("ing"):
        return False
    return bool(content(title)) and not title.endswith(("?", "!", ".")) and any(len(word) > 2 for word in words)


def _belongs(task: str, stretch: Stretch, fact: tuple[Labelled, Fact]) -> bool:
    """Whether a fact belongs to a task that somebody has set: the task names its label, or a heading around it."""
    labelled = fact[0]
    asked = content(task)
    around = [s.title for s in stretch.sections if s.start <= labelled.start < s.end]
    names = [_plain(title) for title in (*around, title_of(stretch.text))]
    if any(content(name) and content(name) <= asked for name in names):
        return True
    return content(labelled.label) <= asked


def _required(found: Sequence[tuple[Labelled, Fact]], rng: Random) -> Iterator[Fact]:
    """The facts, some of them required: of each kind of label one before a second."""
    chosen = sorted(rng.sample(range(len(found)), min(len(found), MOST_FACTS)))
    required = set(rng.sample(chosen, min(len(chosen), MOST_REQUIRED)))
    for at in chosen:
        yield found[at][1].model_copy(update={"required": at in required})


def _rules(found: Sequence[tuple[Labelled, Fact]], rng: Random) -> Iterator[Rule]:
    """A limit that leaves room for the facts, and for more than two facts sometimes a list."""
    needed = sum(len(fact.statement.split()) for _, fact in found[:MOST_REQUIRED])
    room = [limit for limit in WORD_LIMITS if limit >= 2 * needed + 40] or [WORD_LIMITS[-1]]
    yield Rule(rule="max_words", argument=rng.choice(room[:3]))
    if len(found) > FEWEST_FACTS and rng.random() < 0.5:
        yield Rule(rule="bullets", argument=min(3, len(found)))


def _choice(stretch: Stretch) -> Choice | None:
    """The choice that a row brings: its options, each with its line of the document, and the one that fits."""
    document = stretch.document
    if document.fitting_option is None or len(document.options) < 2:
        return None
    lines = stretch.text.split("\n")
    options = []
    for name in document.options:
        line = next((line.strip() for line in lines if name.lower() in line.lower()), name)
        options.append(Option(name=name, fits=name == document.fitting_option, because=line))
    return Choice(label="which option suits the request", options=tuple(options))


def _sentence(sentence: str) -> str:
    return " ".join(_EMPHASIS.sub("", sentence).split())


def _plain(title: str) -> str:
    return " ".join(_EMPHASIS.sub("", title).split()).rstrip(" .:")
