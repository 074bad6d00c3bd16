"""Edit a sentence so that its source no longer bears it out, or so that the source still does.

The edits are general: they know English, and no scenario. Each wrong edit has its counterpart among the harmless ones,
and most wrong edits take their words from the source, because otherwise a checker would only learn to count words that
the source lacks. The arena itself never has such words in wrong answers alone.

| wrong | harmless |
|---|---|
| another value of the source, or a value that is off | the same value, spelled in another way |
| a name or a word of another passage | other words of the same meaning |
| parts of two sentences, joined where both have the same word | two whole sentences of the source, joined |
| the sense turned: not, before and after, at least and at most, all and none | the clauses in another order |
| two names of the sentence change places | something is left out of the sentence |
| a claim that stands nowhere | a remark that claims nothing |
| praise or blame that the source does not have | |
"""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice, pairwise
from random import Random

from forge_arena.texts.cutting import cuts
from forge_arena.texts.ordering import reorderings
from forge_arena.texts.respell import respell
from forge_arena.texts.synonyms import other_words
from forge_arena.texts.turns import opposites
from forge_arena.texts.values import MONTHS, Mention, mentions
from forge_arena.types import ClaimKind, CorruptionType, Span

_WORD = re.compile(r"[A-Za-z][A-Za-z'\u2019-]*")
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
_NAME = re.compile(r"(?<![.!?:] )(?<!^)(?<!\n)\b[A-Z][a-z]{2,}(?: [A-Z][a-z]+)*\b")
# Words of a closed class do not name anything that could be exchanged.
_SMALL = frozenset(
    """
    a an the and or but if of to in on at by for from with as is are was were be been it its this that these those
    they them their he she his her we our you your i my not no nor so than then there here who whom whose which
    what when where why how will would shall should can could may might must do does did has have had all any each
    every some such only also after before until since into over under up down out about above below between
    through during without within per one two three
    """.split()  # noqa: SIM905 - a list of a hundred quoted words is harder to read
)
# Words that turn a statement when one takes the other's place. Verbs that turn with "not" are `opposites`' work.
_CONTRARIES = (
    *(("all", "none of"), ("every", "no"), ("each", "no"), ("always", "never"), ("both", "neither"), ("many", "few")),
    *(("more", "less"), ("most", "least"), ("higher", "lower"), ("above", "below"), ("over", "under")),
    *(("before", "after"), ("earlier", "later"), ("first", "last"), ("until", "since"), ("begins", "ends")),
    *(("starts", "stops"), ("opens", "closes"), ("increase", "decrease"), ("increased", "decreased")),
    *(("rises", "falls"), ("rose", "fell"), ("raised", "lowered"), ("gains", "losses"), ("best", "worst")),
    *(("accepts", "refuses"), ("accepted", "refused"), ("agreed", "declined"), ("agrees", "declines")),
    *(("allows", "forbids"), ("allowed", "forbidden"), ("includes", "excludes"), ("included", "excluded")),
    *(("with", "without"), ("inside", "outside"), ("open", "closed"), ("free", "paid"), ("new", "old")),
    *(("large", "small"), ("long", "short"), ("early", "late"), ("easy", "hard"), ("safe", "unsafe")),
    *(("possible", "impossible"), ("likely", "unlikely"), ("able", "unable"), ("true", "false"), ("same", "other")),
    *(("won", "lost"), ("passed", "failed"), ("passes", "fails"), ("buys", "sells"), ("bought", "sold")),
    *(("gives", "takes"), ("gave", "took"), ("sent", "received"), ("sends", "receives"), ("known", "unknown")),
    *(("at least", "at most"), ("more than", "less than"), ("no later than", "no earlier than"), ("only", "also")),
    *(("must", "need not"), ("may", "may not"), ("can", "cannot"), ("required", "optional"), ("public", "private")),
    *(("day", "week"), ("week", "month"), ("month", "year"), ("morning", "evening"), ("spring", "autumn")),
)
# One way to say a thing, and another way, both of them plain English.
_ALIKE = (
    *(("must", "has to"), ("cannot", "is not able to"), ("within", "in no more than"), ("buy", "purchase")),
    *(("begins", "starts"), ("ends", "stops"), ("ended", "finished"), ("began", "started"), ("about", "around")),
    *(("get", "receive"), ("gets", "receives"), ("got", "received"), ("give", "provide"), ("gives", "provides")),
    *(("ask for", "request"), ("asks for", "requests"), ("asked for", "requested"), ("says", "states")),
    *(("said", "stated"), ("told", "informed"), ("shows", "indicates"), ("showed", "indicated")),
    *(("also", "in addition"), ("if", "in case"), ("help", "assist"), ("need", "require")),
    *(("needs", "requires"), ("needed", "required"), ("use", "employ"), ("uses", "makes use of"), ("keep", "retain")),
    *(("kept", "retained"), ("large", "big"), ("small", "little"), ("whole", "entire"), ("price", "cost")),
    *(("fee", "charge"), ("pay", "settle"), ("repay", "refund"), ("staff", "employees"), ("customer", "client")),
    *(("many", "a lot of"), ("several", "a number of"), ("quick", "fast"), ("quickly", "fast"), ("near", "close to")),
    *(("now", "at present"), ("formerly", "previously"), ("earlier", "previous"), ("at once", "immediately")),
    *(("each", "every"), ("the rest", "the remainder"), ("leave", "depart"), ("choose", "select"), ("end", "close")),
    *(("chosen", "selected"), ("find", "locate"), ("found", "located"), ("fix", "repair"), ("fixed", "repaired")),
    *(("sent", "dispatched"), ("send", "forward"), ("tell", "inform"), ("wants to", "would like to")),
    *(("does not", "doesn't"), ("do not", "don't"), ("is not", "isn't"), ("are not", "aren't"), ("it is", "it's")),
    *(("cannot", "can't"), ("will not", "won't"), ("was not", "wasn't"), ("we have", "we've"), ("did not", "didn't")),
    *(("per cent", "percent"), ("made", "created"), ("change", "alter"), ("changed", "altered"), ("set", "fixed")),
    *(("in force", "valid"), ("so", "therefore"), ("next", "following"), ("last", "final"), ("job", "task")),
)
# Remarks that claim nothing about the matter.
_REMARKS = (
    *("I hope this helps.", "Please let us know if anything is unclear.", "Here is a short summary.", "In short:"),
    *("The main points are as follows.", "Thank you for your patience.", "Below is what I found.", "Kind regards,"),
    *("I have read the text with care.", "Let me know if you have questions.", "Best wishes,", "To sum up:"),
)
_FRAMES = (
    *("According to the text, ", "As the document says, ", "Please note that ", "In other words, ", "In short, "),
    *("It is stated that ", "The text explains that ", "To be precise, ", "For your information: ", "As noted, "),
)
_SUBJECT = (
    "everyone",
    "anyone",
    "nobody",
    "every expert",
    "any sensible reader",
    "the public",
    "most people",
    "critics",
)
_PRAISE = (
    *("clearly the best choice", "by far the finest on offer", "a wonderful opportunity", "beyond all criticism"),
    *("an obvious bargain", "far superior to anything else", "simply outstanding", "the only reasonable option"),
    *("a disgrace", "an utter failure", "not worth a second look", "plainly unfair", "a reckless gamble"),
    *("deeply disappointing", "a scandal", "hopelessly inferior", "the worst of all", "a shameful excuse"),
)
_ADVERBS = ("undoubtedly", "shockingly", "sadly", "brilliantly", "shamefully", "remarkably", "foolishly", "heroically")
_JOINTS = frozenset(
    """
    for from with within to of in on by at until before after is are was were must may can and or as because if
    when which who that has have
    """.split()  # noqa: SIM905 - a list of a hundred quoted words is harder to read
)
# How many results of a generator of edits are looked at.
_FEW = 6


@dataclass(frozen=True, slots=True)
class Edit:
    """What a sentence becomes.

    Attributes:
        name: the kind of edit.
        text: the new sentence.
        spans: the places in the new sentence that are wrong; none if the edit is harmless.
        type: the corruption that the edit would be; None if it would be none of them.
    """

    name: str
    text: str
    spans: tuple[Span, ...] = ()
    type: CorruptionType | None = None


@dataclass(frozen=True)
class Material:
    """What edits may take their words from.

    Attributes:
        evidence: the passages that bear the sentence out.
        elsewhere: other sentences of the same source.
        foreign: sentences of other families.
        followers: the words that stand after a small word, by this word and by the ending of the follower.
    """

    evidence: str
    elsewhere: Sequence[str]
    foreign: Sequence[str]
    followers: Mapping[tuple[str, str], Sequence[str]]


Maker = Callable[[str, Material, Random], Edit | None]


def learn_followers(texts: Iterable[str]) -> dict[tuple[str, str], tuple[str, ...]]:
    """The words that stand after each small word, by their ending: ("the", "ing") has "meeting" and "filing"."""
    followers: dict[tuple[str, str], set[str]] = defaultdict(set)
    for text in texts:
        words = _WORD.findall(text)
        for before, word in pairwise(words):
            if before.lower() in _SMALL and word.islower() and word not in _SMALL and len(word) > 2:
                followers[before.lower(), _ending(word)].add(word)
    return {slot: tuple(sorted(words)) for slot, words in followers.items()}


def wrong_edit(text: str, material: Material, rng: Random) -> Edit | None:
    """A wrong form of a sentence, each kind of edit as likely as any other that works; None if none does."""
    return _first(WRONG, text, material, rng)


def harmless_edit(text: str, material: Material, rng: Random) -> Edit | None:
    """A right form of a right sentence, each kind as likely as any other that works; None if none does."""
    return _first(HARMLESS, text, material, rng)


def _first(makers: Sequence[Maker], text: str, material: Material, rng: Random) -> Edit | None:
    for maker in rng.sample(makers, len(makers)):
        edit = maker(text, material, rng)
        if edit is not None and edit.text != text:
            return edit
    return None


def _values(material: Material) -> list[tuple[str, Mention]]:
    """The values of the source, each with its words. Sentence by sentence, because these are in the cache."""
    passages = [material.evidence, *material.elsewhere]
    return [(passage[m.start : m.end], m) for passage in passages for m in mentions(passage)]


def _put(text: str, start: int, end: int, new: str) -> tuple[str, Span]:
    return text[:start] + new + text[end:], Span(start=start, end=start + len(new))


def value_elsewhere(text: str, material: Material, rng: Random) -> Edit | None:
    """Another value of the same kind, from the evidence or from another sentence of the source."""
    mine = [m for m in mentions(text) if m.kind is not ClaimKind.citation]
    rng.shuffle(mine)
    theirs = _values(material)
    for mention in mine:
        others = [text for text, m in theirs if m.kind is mention.kind and m.value != mention.value]
        if others:
            new = respell(rng.choice(others), text[mention.start : mention.end], mention.kind)
            edited, span = _put(text, mention.start, mention.end, new)
            return Edit("value elsewhere", edited, (span,), CorruptionType.temporal_shift)
    return None


def value_off(text: str, material: Material, rng: Random) -> Edit | None:
    """A number that is a little or much larger or smaller, or another month."""
    places = [*_NUMBER.finditer(text), *(m for month in MONTHS for m in re.finditer(rf"\b{month}\b", text))]
    if not places:
        return None
    place = rng.choice(places)
    if place[0] in MONTHS:
        new = rng.choice([month for month in MONTHS if month != place[0]])
    else:
        digits = place[0]
        at = rng.choice([n for n, sign in enumerate(digits) if sign.isdigit()])
        new = digits[:at] + rng.choice([d for d in "123456789" if d != digits[at]]) + digits[at + 1 :]
    edited, span = _put(text, *place.span(), new)
    return Edit("value off", edited, (span,), CorruptionType.temporal_shift)


def citation(text: str, material: Material, rng: Random) -> Edit | None:
    """Another number of a section or document than the one that is cited, or a citation where there was none."""
    mine = [m for m in mentions(text) if m.kind is ClaimKind.citation]
    others = sorted({text for text, m in _values(material) if m.kind is ClaimKind.citation})
    if mine:
        mention = rng.choice(mine)
        others = [other for other in others if other not in text]
        if others and rng.random() < 0.6:
            new = rng.choice(others)
        else:
            new = _NUMBER.sub(lambda m: f"{rng.randint(1, 12)}.{rng.randint(1, 19)}", text[mention.start : mention.end])
        edited, span = _put(text, mention.start, mention.end, new)
        return Edit("citation", edited, (span,), CorruptionType.authority_fabrication)
    body = rng.choice(["Section", "Rule", "Article", "Guideline", "Standard", "Directive", "Study", "Report"])
    new = f"{body} {rng.randint(1, 40)}.{rng.randint(1, 9)}"
    if rng.random() < 0.5:
        stop = len(text.rstrip(" .!?"))
        edited, span = _put(text, stop, stop, f" ({new})")
    else:
        edited = f"Under {new}, {_lowered(text)}"
        span = Span(start=6, end=6 + len(new))
    return Edit("citation", edited, (span,), CorruptionType.authority_fabrication)


def opposite(text: str, material: Material, rng: Random) -> Edit | None:
    """The sense turned by the arena's own grammar."""
    found = list(islice(opposites(text), _FEW))
    if not found:
        return None
    turned, how = rng.choice(found)
    type = CorruptionType.temporal_shift if how.sense == "time" else None
    return Edit("opposite", turned, (_changed(text, turned),), type)


def contrary(text: str, material: Material, rng: Random) -> Edit | None:
    """A word of the sentence gives way to its contrary."""
    found = list(_places_of_pairs(text, _CONTRARIES))
    if not found:
        return None
    start, end, new = rng.choice(found)
    edited, span = _put(text, start, end, new)
    return Edit("contrary", edited, (span,))


def name_exchange(text: str, material: Material, rng: Random) -> Edit | None:
    """Two names of the sentence change places, or a name of another passage takes the place of one."""
    names = [m for m in _NAME.finditer(text) if m[0] not in MONTHS]
    different = [(a, b) for a in names for b in names if a.end() < b.start() and a[0] != b[0]]
    if different and rng.random() < 0.7:
        a, b = rng.choice(different)
        edited = text[: a.start()] + b[0] + text[a.end() : b.start()] + a[0] + text[b.end() :]
        second = b.start() + len(b[0]) - len(a[0])
        spans = (Span(start=a.start(), end=a.start() + len(b[0])), Span(start=second, end=second + len(a[0])))
        return Edit("name exchange", edited, spans)
    others = sorted({m[0] for passage in material.elsewhere for m in _NAME.finditer(passage)} - set(MONTHS))
    others = [other for other in others if other not in text]
    if not names or not others:
        return None
    place = rng.choice(names)
    edited, span = _put(text, *place.span(), rng.choice(others))
    return Edit("name exchange", edited, (span,))


def word_exchange(text: str, material: Material, rng: Random) -> Edit | None:
    """Two words of the sentence that stand after the same small word change places: "the buyer pays the seller"."""
    slots: dict[tuple[str, str], list[re.Match[str]]] = defaultdict(list)
    words = list(_WORD.finditer(text))
    for before, word in pairwise(words):
        if before[0].lower() in _SMALL and word[0].islower() and word[0] not in _SMALL and len(word[0]) > 2:
            slots[before[0].lower(), ""].append(word)
    pairs = [(a, b) for group in slots.values() for a in group for b in group if a.end() < b.start() and a[0] != b[0]]
    if not pairs:
        return None
    a, b = rng.choice(pairs)
    edited = text[: a.start()] + b[0] + text[a.end() : b.start()] + a[0] + text[b.end() :]
    second = b.start() + len(b[0]) - len(a[0])
    spans = (Span(start=a.start(), end=a.start() + len(b[0])), Span(start=second, end=second + len(a[0])))
    return Edit("word exchange", edited, spans)


def word_elsewhere(text: str, material: Material, rng: Random) -> Edit | None:
    """A word of another sentence of the same source in the place of a word with the same ending."""
    theirs = {w for passage in material.elsewhere for w in _WORD.findall(passage) if w.islower() and w not in _SMALL}
    return _other_word("word elsewhere", text, sorted(theirs), rng)


def word_foreign(text: str, material: Material, rng: Random) -> Edit | None:
    """A word that stands nowhere in the source, in a place where such words stand."""
    words = list(_WORD.finditer(text))
    places = [
        (word, [w for w in fits if w != word[0] and w not in material.evidence])
        for before, word in pairwise(words)
        if word[0].islower() and word[0] not in _SMALL
        and (fits := material.followers.get((before[0].lower(), _ending(word[0])), ()))
    ]  # fmt: skip
    places = [(word, fits) for word, fits in places if fits]
    if not places:
        return None
    place, fits = rng.choice(places)
    edited, span = _put(text, *place.span(), rng.choice(fits))
    return Edit("word foreign", edited, (span,))


def splice(text: str, material: Material, rng: Random) -> Edit | None:
    """The beginning of the sentence and the end of another, joined where both have the same small word."""
    own = [m for m in _WORD.finditer(text) if m[0] in _JOINTS and m.start() > 8 and len(text) - m.end() > 8]
    rng.shuffle(own)
    for place in own:
        for other in rng.sample(material.elsewhere, min(8, len(material.elsewhere))):
            behind = [m for m in re.finditer(rf"\b{place[0]}\b", other) if len(other) - m.end() > 8]
            if behind:
                tail = other[rng.choice(behind).end() :].split(";")[0].split(". ")[0].rstrip(" .,") + "."
                if tail.strip(" .").lower() in material.evidence.lower() or len(tail.split()) > 14:
                    continue
                return Edit(
                    "splice", text[: place.end()] + tail, (Span(start=place.end(), end=place.end() + len(tail)),)
                )
    return None


def addition(text: str, material: Material, rng: Random) -> Edit | None:
    """A clause of a text about something else behind the sentence, or in its place."""
    if not material.foreign:
        return None
    other = rng.choice(material.foreign)
    clause = re.split(r"[;:,]| and ", other.rstrip(" ."))[0 if rng.random() < 0.5 else -1].strip()
    if not 3 <= len(clause.split()) <= 14:
        return None
    stop = len(text.rstrip(" .!?"))
    joint = rng.choice([", and ", "; ", ", because ", ", so that ", " and "])
    new = f"{joint}{_lowered(clause)}."
    edited, span = _put(text, stop, len(text), new)
    return Edit("addition", edited, (Span(start=span.start + len(joint), end=span.end),))


def tone(text: str, material: Material, rng: Random) -> Edit | None:
    """Praise or blame that the source does not have."""
    if rng.random() < 0.4:
        verbs = list(re.finditer(r"\b(?:is|are|was|were|has|have|will|must|can|may)\b", text))
        if not verbs:
            return None
        place = rng.choice(verbs)
        new = f" {rng.choice(_ADVERBS)}"
        edited, span = _put(text, place.end(), place.end(), new)
        return Edit("tone", edited, (Span(start=span.start + 1, end=span.end),), CorruptionType.bias_injection)
    new = rng.choice(
        [
            f", which is {rng.choice(_PRAISE)}.",
            f", and {rng.choice(_SUBJECT)} would agree that this is {rng.choice(_PRAISE)}.",
            f". This is {rng.choice(_ADVERBS)} {rng.choice(_PRAISE)}.",
        ]
    )
    stop = len(text.rstrip(" .!?"))
    edited, span = _put(text, stop, len(text), new)
    return Edit("tone", edited, (Span(start=span.start + 2, end=span.end - 1),), CorruptionType.bias_injection)


def unchanged(text: str, material: Material, rng: Random) -> Edit | None:
    """The sentence as it is, with a remark or a frame that claims nothing."""
    return Edit("frame", rng.choice(_FRAMES) + _lowered(text))


def remark(text: str, material: Material, rng: Random) -> Edit | None:
    """A sentence that claims nothing at all."""
    return Edit("remark", rng.choice(_REMARKS)) if rng.random() < 0.3 else None


def same_value(text: str, material: Material, rng: Random) -> Edit | None:
    """A value spelled as another value of the source is, or a number in another spelling."""
    mine = list(mentions(text))
    rng.shuffle(mine)
    for mention in mine:
        surface = text[mention.start : mention.end]
        likes = [like for like, m in _values(material) if m.kind is mention.kind]
        for like in rng.sample(likes, min(4, len(likes))):
            new = respell(surface, like, mention.kind)
            if new != surface:
                return Edit("same value", _put(text, mention.start, mention.end, new)[0])
    return None


def said_otherwise(text: str, material: Material, rng: Random) -> Edit | None:
    """One to three things of the sentence in other words."""
    edited = text
    for _ in range(rng.randint(1, 3)):
        places = [*_places_of_pairs(edited, _ALIKE), *((r.start, r.end, r.text) for r in other_words(edited))]
        if not places:
            break
        edited = _put(edited, *rng.choice(places))[0]
    return Edit("other words", edited) if edited != text else None


def reordered(text: str, material: Material, rng: Random) -> Edit | None:
    """The clauses, or the items of an enumeration, in another order."""
    found = list(islice(reorderings(text), _FEW))
    if not found:
        return None
    place = rng.choice(found)
    return Edit("reordering", _put(text, place.start, place.end, place.text)[0])


def shortened(text: str, material: Material, rng: Random) -> Edit | None:
    """Something is left out that the rest does not need: an aside, a clause, an item."""
    places = [m.start() for m in re.finditer(r"[,;(] *\w|\band \w", text)]
    rng.shuffle(places)
    for place in places[:_FEW]:
        for cut in islice(cuts(text, place, min(len(text), place + 3)), 2):
            if 0 < cut.end - cut.start < 0.6 * len(text):
                return Edit("shortened", text[: cut.start] + cut.text + text[cut.end :])
    return None


def joined(text: str, material: Material, rng: Random) -> Edit | None:
    """The sentence and another one that the evidence has too, as one sentence."""
    others = [s for s in re.split(r"(?<=[.!?]) ", material.evidence) if 4 <= len(s.split()) <= 18 and s[-1] == "."]
    others = [s for s in others if s[:-1] not in text and not s.startswith("(")]
    if not others:
        return None
    return Edit("joined", f"{text.rstrip(' .')}{rng.choice(['; ', ', and '])}{_lowered(rng.choice(others))}")


WRONG: tuple[Maker, ...] = (
    *(value_elsewhere, value_off, citation, opposite, contrary, name_exchange, word_exchange, word_elsewhere),
    *(word_foreign, splice, addition, tone),
)
HARMLESS: tuple[Maker, ...] = (unchanged, remark, same_value, said_otherwise, reordered, shortened, joined)


def _other_word(name: str, text: str, words: Sequence[str], rng: Random) -> Edit | None:
    places = [m for m in _WORD.finditer(text) if m[0].islower() and m[0] not in _SMALL and len(m[0]) > 3]
    rng.shuffle(places)
    for place in places:
        fits = [w for w in words if _ending(w) == _ending(place[0]) and w != place[0] and w not in text]
        if fits:
            edited, span = _put(text, *place.span(), rng.choice(fits))
            return Edit(name, edited, (span,))
    return None


def _places_of_pairs(text: str, pairs: Iterable[tuple[str, str]]) -> Iterator[tuple[int, int, str]]:
    """Each place where one side of a pair stands, with the other side."""
    for one, another in pairs:
        for mine, other in ((one, another), (another, one)):
            for match in re.finditer(rf"(?<![\w-]){re.escape(mine)}(?![\w-])", text, re.IGNORECASE):
                new = other[0].upper() + other[1:] if match[0][0].isupper() else other
                yield match.start(), match.end(), new


def _ending(word: str) -> str:
    """What a word ends in, so that a word may take the place of another: ing, ed, ly, s, or nothing of these."""
    for ending in ("ing", "ed", "ly", "ion", "er", "s"):
        if word.endswith(ending) and len(word) > len(ending) + 2:
            return ending
    return ""


def _lowered(text: str) -> str:
    """The text with a small first letter, unless its first word is a name or has capitals inside."""
    first = text.split(" ", 1)[0]
    return text[:1].lower() + text[1:] if first[1:].islower() and first.lower() in _SMALL else text


def _changed(old: str, new: str) -> Span:
    """Where the new text differs from the old one, in whole words."""
    mine, theirs = [*_TOKENS.finditer(old)], [*_TOKENS.finditer(new)]
    first = 0
    while first < min(len(mine), len(theirs)) and mine[first][0] == theirs[first][0]:
        first += 1
    last = 0
    while last < min(len(mine), len(theirs)) - first and mine[-1 - last][0] == theirs[-1 - last][0]:
        last += 1
    inside = theirs[first : len(theirs) - last] or theirs[max(0, first - 1) : first + 1]
    return Span(start=inside[0].start(), end=inside[-1].end()) if inside else Span(start=0, end=len(new))


_TOKENS = re.compile(r"\S+")
