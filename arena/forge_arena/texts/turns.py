"""Turn a sentence that somebody wrote in words of their own, with the least change, so that no seam shows.

"Members are allowed to bring a guest" becomes "Members are not allowed to bring a guest". Verbs, articles and a "Yes,"
at the start follow. A sentence that cannot be turned without a seam is not turned.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from forge_arena.texts.clauses import clauses, places_of_name
from forge_arena.texts.fitting import Replacement, article
from forge_arena.texts.modality import Modality, modality, signs
from forge_arena.texts.turning import EARLY, Sense, Turned, is_turned
from forge_arena.texts.verbs import base_form, root, third_person

# What a match becomes: a template of the match, or a function of it.
_Made: TypeAlias = str | Callable[[re.Match[str]], str]
_Rule: TypeAlias = tuple[str, Mapping[Modality, _Made]]

# What somebody feels or concedes about the sense would tell that the sense was turned.
_FELT = re.compile(
    r"\b(?:(?:un)?fortunately|sadly|regrettably|luckily|however|nevertheless|even though|although|though|"
    r"(?:am|are|is|be|[a-z]+['\u2019](?:m|re)) (?:very )?(?:sorry|afraid|happy|glad|pleased)|regret)\b",
    re.IGNORECASE,
)
_ANSWERED = re.compile(r"^(?P<lead>\W*)(?P<word>Yes|No)\b(?=[,.:;!\u2013\u2014])", re.IGNORECASE)
_ASSERTING = (Modality.yes, Modality.may, Modality.must)
_DENYING = (Modality.no, Modality.ban, Modality.exempt)
_ADVERB = r"(?P<adverb>(?: (?:also|always|generally|normally|expressly|therefore|still|usually|really))?)"
_ALLOWED = r"(?P<word>allowed|permitted|entitled|authori[sz]ed|free|able|eligible|welcome)"
_DEMANDED = r"(?P<word>required|obliged|obligated|expected|bound)"
_BE = r"(?P<be>is|are|was|were|be|been)"
_NOT_ONLY = r"(?! (?:not|only|just|either|both|well|no)\b)"
_OBJECT = (
    r"(?P<object>[a-z][\w-]*(?: (?!(?:is|are|was|were|has|have|may|can|must|shall|will|needs?|of|for|to|in|on|at|by|"
    r"and|or|from|with)\b)[a-z][\w-]*)?)"
)
_HAVE_TO = {"has to": "does not have to", "have to": "do not have to", "had to": "did not have to"}
_NEED_TO = {"needs to": "does not need to", "need to": "do not need to"}
_DUTY_OF_DO = {"does": "has to", "do": "have to", "did": "had to"}


def _lower(words: Mapping[str, str]) -> _Made:
    return lambda match: words[match[0].lower()]


def _of_all(modalities: Sequence[Modality], made: _Made) -> dict[Modality, _Made]:
    return dict.fromkeys(modalities, made)


def _with_article(match: re.Match[str]) -> str:
    """The object of "no" with the article that it has without "no": "an annual fee" of "no annual fee"."""
    words = match["object"].split()
    is_plural = any(re.search(r"[^su]s$", word) for word in words)
    return match["object"] if is_plural else f"{article(match['object'])} {match['object']}"


def _rules() -> Iterator[_Rule]:
    """(what is written, and what is written instead for each thing that the sentence is to do)."""
    may_or_can: _Made = lambda match: "may" if match[0].lower().startswith("may") else "can"  # noqa: E731
    yield r"may not|cannot|can not|can['\u2019]t", {**_of_all(_ASSERTING, may_or_can), Modality.must: "must"}
    yield r"could not|couldn['\u2019]t", _of_all((Modality.yes, Modality.may), "could")
    yield (
        r"(?P<modal>must|shall|should)(?: not|n['\u2019]t)",
        {**_of_all(_ASSERTING, "may"), Modality.must: r"\g<modal>", Modality.exempt: "need not"},
    )
    yield r"need not|needn['\u2019]t", {Modality.must: "must", Modality.ban: "must not"}
    yield (
        r"(?P<do>does|do|did)(?: not|n['\u2019]t) (?:have|need) to",
        {Modality.must: lambda match: _DUTY_OF_DO[match["do"].lower()]},
    )
    yield rf"may{_NOT_ONLY}", {**_of_all(_DENYING, "may not"), Modality.must: "must", Modality.exempt: "need not"}
    yield rf"can{_NOT_ONLY}", {**_of_all(_DENYING, "cannot"), Modality.must: "must"}
    yield rf"could{_NOT_ONLY}", {Modality.ban: "could not"}
    yield rf"must{_NOT_ONLY}", {**_of_all(_DENYING, "must not"), Modality.exempt: "need not", Modality.may: "may"}
    yield (
        rf"(?P<modal>shall|should){_NOT_ONLY}",
        {**_of_all(_DENYING, r"\g<modal> not"), Modality.exempt: "need not", Modality.may: "may"},
    )
    yield rf"(?:has|have|had) to{_NOT_ONLY}", {**_of_all(_DENYING, _lower(_HAVE_TO)), Modality.ban: "must not"}
    yield rf"needs? to{_NOT_ONLY}", {**_of_all(_DENYING, _lower(_NEED_TO)), Modality.ban: "must not"}
    be, not_be = r"\g<be>\g<adverb> \g<word> ", r"\g<be>\g<adverb> not \g<word> "
    yield rf"{_BE} not{_ADVERB} {_ALLOWED} to", {**_of_all(_ASSERTING, f"{be}to"), Modality.must: r"\g<be> required to"}
    yield rf"{_BE}{_ADVERB} {_ALLOWED} to", {**_of_all(_DENYING, f"{not_be}to"), Modality.must: r"\g<be> required to"}
    yield rf"{_BE} not{_ADVERB} {_DEMANDED} to", {Modality.must: f"{be}to"}
    yield (
        rf"{_BE}{_ADVERB} {_DEMANDED} to",
        {**_of_all(_DENYING, f"{not_be}to"), Modality.ban: r"\g<be>\g<adverb> not allowed to"},
    )
    yield (
        rf"{_BE}{_ADVERB} (?:prohibited|forbidden|banned)(?! from\b)",
        _of_all(_ASSERTING, r"\g<be>\g<adverb> allowed"),
    )
    yield rf"{_BE}{_ADVERB} (?P<word>prohibited|barred|banned) from", _of_all(_ASSERTING, f"{not_be}from")
    yield r"optional|voluntary", {Modality.must: "mandatory"}
    yield r"mandatory|compulsory|obligatory", _of_all((Modality.exempt, Modality.no), "optional")
    yield r"(?P<have>has|have) no (?:right|option) to", _of_all(_ASSERTING, r"\g<have> the right to")
    yield r"(?P<have>has|have) (?:the|a) right to", _of_all(_DENYING, r"\g<have> no right to")
    # Everything below asserts or denies.
    yield r"(?P<be>is|are|was|were)(?: not|n['\u2019]t)", _of_all(_ASSERTING, r"\g<be>")
    yield rf"(?P<be>is|are|was|were){_NOT_ONLY}", _of_all(_DENYING, r"\g<be> not")
    yield (
        r"(?P<will>will|would) not|(?P<would>would)n['\u2019]t",
        _of_all(_ASSERTING, lambda m: m["will"] or m["would"]),
    )
    yield r"won['\u2019]t", _of_all(_ASSERTING, "will")
    yield rf"(?P<will>will|would){_NOT_ONLY}", _of_all(_DENYING, r"\g<will> not")
    yield r"(?P<have>has|have|had) (?:an?|the) (?P<object>[a-z][\w-]*)", _of_all(_DENYING, r"\g<have> no \g<object>")
    yield r"(?P<have>has|have|had) (?P<verb>been|[a-z]+ed)", _of_all(_DENYING, r"\g<have> not \g<verb>")
    yield r"(?P<have>has|have|had)(?: not|n['\u2019]t)", _of_all(_ASSERTING, r"\g<have>")
    yield r"there (?P<be>is|are) (?:an? )?(?P<object>[a-z][\w-]*)", _of_all(_DENYING, r"there \g<be> no \g<object>")
    yield r"does(?: not|n['\u2019]t) (?P<verb>[a-z]+)", _of_all(_ASSERTING, lambda match: third_person(match["verb"]))
    yield r"do(?: not|n['\u2019]t) (?P<verb>[a-z]+)", _of_all(_ASSERTING, r"\g<verb>")
    yield r"(?P<do>do|does)(?= (?!not\b|so\b)[a-z]+\b)", _of_all(_DENYING, r"\g<do> not")
    # "It must always be left open" would command what was forbidden.
    yield r"(?:must|shall|should) never", _of_all(_ASSERTING, "may")
    yield r"(?<!must )(?<!shall )(?<!should )never(?= [a-z])", _of_all((Modality.yes, Modality.must), "always")
    yield r"always(?= [a-z])", _of_all((Modality.no, Modality.ban), "never")
    yield r"nobody|no one", _of_all(_ASSERTING, "anybody")
    yield r"any(?:body|one)(?= (?:may|can)\b)", {Modality.ban: "nobody"}
    yield rf"no {_OBJECT}", _of_all(_ASSERTING, _with_article)
    yield r"non-(?P<word>[a-z]+)", _of_all(_ASSERTING, r"\g<word>")


_COMPILED = tuple(
    (re.compile(rf"(?<![\w'\u2019-])(?:{pattern})(?![\w'\u2019-])", re.IGNORECASE), made) for pattern, made in _rules()
)
_TIMES = {
    "before": "after", "prior to": "after", "ahead of": "after", "in advance of": "after", "earlier than": "later than",
    "no later than": "no earlier than", "not later than": "not earlier than", "after": "before", "following": "before",
    "subsequent to": "prior to", "later than": "earlier than", "no earlier than": "no later than", "once": "before",
    "not earlier than": "not later than", "beforehand": "afterwards", "in advance": "afterwards",
    "afterwards": "beforehand", "afterward": "beforehand", "at the earliest": "at the latest",
    "at the latest": "at the earliest", "until": "from", "first": "last", "last": "first", "by": "after",
    "on or before": "after", "on or after": "before",
}  # fmt: skip
_BOUNDS = {
    "at least": "at most", "no less than": "no more than", "no fewer than": "no more than",
    "not less than": "not more than", "a minimum of": "a maximum of", "minimum": "maximum", "at most": "at least",
    "no more than": "no less than", "not more than": "not less than", "a maximum of": "a minimum of",
    "maximum": "minimum", "up to": "at least", "more than": "less than", "less than": "more than",
    "fewer than": "more than", "longer than": "shorter than", "shorter than": "longer than", "above": "below",
    "below": "above", "over": "under", "under": "over", "within": "outside", "inside": "outside", "with": "without",
    "without": "with", "including": "excluding", "excluding": "including", "includes": "excludes",
    "include": "exclude", "excludes": "includes", "exclude": "include", "included in": "excluded from",
    "excluded from": "included in", "only if": "even if", "only when": "even when", "even if": "only if",
    "even when": "only when", "provided that": "even if", "unless": "if", "if": "unless", "most": "least",
    "least": "most", "out of": "in", "in": "out of", "except for": "including", "comes with": "comes without",
}  # fmt: skip
# Words that turn a sense only if the statement turns the same words.
_COMMON = frozenset({"in", "if", "by", "first", "last", "most", "least", "over", "under", "from", "once", "until"})
# A verb that shows whether its subject is one or many.
_AGREES = re.compile(
    r"^ (?:(?:also|always) )?(?!(?:must|may|can|shall|will|should|to|by|of|in|for|and|or)\b)[a-z]+\b",
    re.IGNORECASE,
)
# "Any" as the object of a denied verb. "At any time", "any two" and "if any part" stay as they are.
_ANY_OBJECT = re.compile(
    r"[^,;:.()]*?\b(?!(?:at|in|on|by|of|to|for|from|with|under|between|without|than|if|when|whether|unless|where|that)\b)"
    r"[a-z]+ (?P<any>any (?P<noun>(?!(?:two|three|four|five|six|other|more|of|such|longer|further)\b)[a-z][\w-]*))"
)
_CONDITION = re.compile(
    r"\W*(?:(?:and|but|or) )?(?:even |only )?(?:if|when|whenever|unless|once|where|until|before|after|as long as)\b",
    re.IGNORECASE,
)
_ARTICLE = re.compile(r"(?:an?|the|any|each|every|all) ", re.IGNORECASE)
_TIME_BEHIND = re.compile(
    r" (?:the |that )?(?:\d|(?:end|start|beginning|close|deadline|date|day|time|last|first|next|due|noon|midnight|"
    r"(?:mon|tues|wednes|thurs|fri|satur|sun)day|january|february|march|april|may|june|july|august|september|october|"
    r"november|december)\b)",
    re.IGNORECASE,
)
_SUBJECTS = {"me": "i", "us": "we", "him": "he", "them": "they", "our": "we", "your": "you", "their": "they", "my": "i"}
_OBJECTS = {"i": "me", "we": "us", "he": "him", "she": "her", "they": "them", "you": "you"}
_POSSESSIVES = {"i": "my", "we": "our", "he": "his", "she": "her", "they": "their", "you": "your"}


@dataclass(frozen=True, slots=True)
class _Named:
    """A party in a sentence: its place with its determiner, and the two parts of it."""

    start: int
    end: int
    determiner: str
    core: str


def turns(sentence: str, turned: Turned, verb: str | None = None) -> Iterator[tuple[Replacement, ...]]:
    """The ways to turn the sense of a sentence, as a statement is turned. Each way leaves a grammatical sentence.

    Not every way turns what the statement says: the sentence may have further clauses. The caller reads the result.

    Args:
        verb: the root of the verb of the statement, which may take the denial ("the tenant pays", "the tenant does not
            pay").
    """
    if sentence.rstrip().endswith("?") or _FELT.search(sentence):
        return
    match turned.sense:
        case Sense.duty:
            yield from _exchanged_prefix(sentence, turned)
            conditions = list(_conditions(sentence))
            for made in _turned_duties(sentence, Modality(turned.after), verb):
                if not any(start <= edit.start < end for edit in made for start, end in conditions):
                    yield made
        case Sense.time:
            yield from _exchanged(sentence, _TIMES, turned)
        case Sense.bound:
            yield from _exchanged(sentence, _BOUNDS, turned)
            yield from _turned_duties(sentence, Modality.no, verb)
            yield from _turned_duties(sentence, Modality.yes, verb)
        case Sense.party:
            yield from _turned_parties(sentence, turned)


def _conditions(sentence: str) -> Iterator[tuple[int, int]]:
    """The clauses that say when another one holds: "if you are late" of "If you are late, ring us"."""
    own = clauses(sentence)
    if all(clause.subordinate for clause in own):
        return
    for clause in own:
        if clause.subordinate and _CONDITION.match(clause.text):
            yield clause.start, clause.end


def _turned_duties(sentence: str, after: Modality, verb: str | None) -> Iterator[tuple[Replacement, ...]]:
    for pattern, made in _COMPILED:
        if after not in made:
            continue
        for match in pattern.finditer(sentence):
            if match[0] == "May" and match.start() and not sentence[: match.start()].rstrip().endswith((".", ":")):
                continue
            template = made[after]
            words = match.expand(template) if isinstance(template, str) else template(match)
            if words.lower() != match[0].lower():
                yield _with_followers(sentence, Replacement(*match.span(), _cased(words, match[0])), after)
    denied = _denied_verb(sentence, after, verb)
    if denied is not None:
        yield _with_followers(sentence, denied, after)


def _exchanged_prefix(sentence: str, turned: Turned) -> Iterator[tuple[Replacement, ...]]:
    """ "Limited" in the place of "unlimited", if the statement is turned so."""
    if len(turned.words) == 2:
        old, new = turned.words
        for match in re.finditer(rf"(?<![\w'-]){re.escape(old)}(?![\w'-])", sentence, re.IGNORECASE):
            yield (Replacement(*match.span(), _cased(new.lower(), match[0])),)


def _denied_verb(sentence: str, after: Modality, verb: str | None) -> Replacement | None:
    """The verb of a sentence with a denial: "pays" becomes "does not pay", "does not have to pay" or "must not pay"."""
    if verb is None or after not in _DENYING:
        return None
    for match in re.finditer(r"[^\W\d_]+", sentence):
        base = base_form(match[0])
        is_third = base is not None and root(match[0]) == verb
        if not is_third and (root(match[0]) != verb or match[0].lower() != match[0] or match.start() == 0):
            continue
        before = sentence[: match.start()].rstrip().rsplit(" ", 1)[-1].lower()
        if is_third and base is not None:
            do, plain = "does", base
        elif before.endswith("s") or before in ("you", "we", "they"):
            if match[0].endswith(("ed", "ing", "s")):
                continue
            do, plain = "do", match[0].lower()
        else:
            continue
        if before in ("the", "a", "an", "of", "to", "your", "our", "its", "their", "no", "any"):
            continue
        words = {
            Modality.exempt: f"{do} not have to {plain}",
            Modality.ban: f"must not {plain}",
        }.get(after, f"{do} not {plain}")
        return Replacement(*match.span(), words)
    return None


def _with_followers(sentence: str, turn: Replacement, after: Modality) -> tuple[Replacement, ...]:
    """A turn with what must follow it: "Yes," at the start, and "any" behind a denial that is gone."""
    edits = [turn]
    answered = _ANSWERED.match(sentence)
    if answered is not None and answered.end() <= turn.start:
        other = "No" if answered["word"].lower() == "yes" else "Yes"
        edits.append(Replacement(answered.start("word"), answered.end("word"), _cased(other, answered["word"])))
    if after not in _DENYING:
        some = _ANY_OBJECT.match(sentence, turn.end, turn.end + 60)
        if some is not None:
            noun = some["noun"]
            words = noun if noun.endswith("s") and not noun.endswith("ss") else f"{article(noun)} {noun}"
            edits.append(Replacement(*some.span("any"), words))
    else:
        some = re.compile(r"\bsome(?= [a-z])").search(sentence, turn.end, turn.end + 60)
        if some is not None:
            edits.append(Replacement(some.start(), some.end(), "any"))
    return tuple(sorted(edits, key=lambda edit: edit.start))


def _exchanged(sentence: str, words: Mapping[str, str], turned: Turned) -> Iterator[tuple[Replacement, ...]]:
    phrases = sorted(words, key=len, reverse=True)
    pattern = re.compile(rf"(?<![\w'-])(?:{'|'.join(map(re.escape, phrases))})(?![\w'-])", re.IGNORECASE)
    for match in pattern.finditer(sentence):
        low = match[0].lower()
        before = sentence[: match.start()].rstrip().lower()
        if low in _COMMON and turned.before != low and not (low in ("by", "once", "until") and _is_time(turned)):
            continue
        if low == "by" and not _TIME_BEHIND.match(sentence[match.end() :]):
            continue
        if low == "until" and re.search(r"\bnot\b[^.;]*$", before):
            continue
        if low == "following" and before.endswith((" the", "the")):
            continue
        yield (Replacement(*match.span(), _cased(words[low], match[0])),)


def _is_time(turned: Turned) -> bool:
    return turned.before in EARLY or turned.after in EARLY


def _turned_parties(sentence: str, turned: Turned) -> Iterator[tuple[Replacement, ...]]:
    first, second = turned.parties
    firsts, seconds = _named(sentence, first), _named(sentence, second)
    if turned.exchanged or (firsts and seconds):
        if not firsts or not seconds:
            # A sentence that names only one of two parties takes the other in its place.
            for places, name in ((firsts, second), (seconds, first)):
                if len(places) == 1:
                    edit = _replaced(sentence, places[0], name)
                    if edit is not None:
                        yield (edit,)
            return
        # Only the first time each of them is named, because "the tenant's own rent" stays the tenant's.
        edits = [
            _put_instead(sentence, firsts[0], seconds[0], second),
            _put_instead(sentence, seconds[0], firsts[0], first),
        ]
        if all(edit is not None for edit in edits):
            yield tuple(sorted((edit for edit in edits if edit is not None), key=lambda edit: edit.start))
        return
    for place in firsts:
        edit = _replaced(sentence, place, second)
        if edit is not None:
            yield (edit,)


def _named(sentence: str, name: str) -> list[_Named]:
    places = []
    for start, end in places_of_name(sentence, name):
        before = re.search(
            r"\b(?:an?|the|any|each|every|your|our|its|their|his|her) $", sentence[:start], re.IGNORECASE
        )
        if before is not None and name[:1].isupper() and not _ARTICLE.match(name):
            # "The SpinCo licence": the article is that of the licence.
            before = None
        at = before.start() if before else start
        places.append(_Named(at, end, before[0].strip() if before else "", sentence[start:end]))
    return places


def _replaced(sentence: str, place: _Named, name: str) -> Replacement | None:
    """The edit that puts a name in the place of another party; None if the grammar of the place does not take it."""
    old = place.core.lower()
    if (_is_pronoun(old) and not place.determiner) or _is_pronoun(name.lower()):
        return _replaced_pronoun(sentence, place, name)
    core = re.sub(r"^(?:an?|the|any|each|every|all) ", "", name, flags=re.IGNORECASE)
    determiner = place.determiner
    own = name[: len(name) - len(core)].strip()
    core = _of_same_number(core, place.core)
    if core[:1].isupper() and not own:
        determiner = ""
    elif determiner.lower() in ("a", "an"):
        determiner = _cased(article(core), determiner)
    elif determiner.lower() in ("your", "our", "its", "their", "his", "her"):
        determiner = _cased("the", determiner)
    elif not determiner and own.lower() in ("the", "a", "an") and not _is_plural(core):
        determiner = own.lower()
    text = f"{determiner} {core}".strip()
    is_first = place.start == 0 or sentence[: place.start].rstrip().endswith((".", ":", "!"))
    if is_first or (sentence[place.start].isupper() and not place.core[:1].isupper()):
        text = text[0].upper() + text[1:]
    return Replacement(place.start, place.end, text)


def _put_instead(sentence: str, place: _Named, other: _Named, name: str) -> Replacement | None:
    """The edit that puts another party of the sentence in the place of a party, as the sentence writes it."""
    if _is_pronoun(place.core.lower()) or _is_pronoun(other.core.lower()):
        return _replaced_pronoun(sentence, place, f"{other.determiner} {other.core}".strip())
    if _is_plural(place.core) != _is_plural(other.core) and _AGREES.match(sentence[place.end :]):
        return None
    core = other.core
    # A plural at the start of a sentence has a capital for that alone: "Members must notify the club".
    is_common = name.islower() or name.startswith("The ") or re.fullmatch(r"[A-Z][a-z]+s", core) is not None
    if is_common and other.start == 0 and not other.determiner:
        core = core[0].lower() + core[1:]
    text = f"{other.determiner.lower()} {core}".strip()
    if place.start == 0 or sentence[: place.start].rstrip().endswith((".", ":", "!")):
        text = text[0].upper() + text[1:]
    return Replacement(place.start, place.end, text)


def _of_same_number(core: str, other: str) -> str:
    if _is_plural(core) == _is_plural(other) or core[:1].isupper():
        return core
    if _is_plural(other):
        return (
            f"{core[:-1]}ies"
            if re.search(r"[^aeiou]y$", core)
            else f"{core}es"
            if core.endswith(("s", "x", "ch"))
            else f"{core}s"
        )
    return core[:-3] + "y" if core.endswith("ies") else core.removesuffix("s")


def _is_plural(core: str) -> bool:
    return bool(re.search(r"[^s]s$", core))


def _is_pronoun(word: str) -> bool:
    return word in _OBJECTS or word in _SUBJECTS


def _replaced_pronoun(sentence: str, place: _Named, name: str) -> Replacement | None:
    """A pronoun in the place of another, in the same case. Nouns and pronouns trade places only before a modal verb."""
    behind = sentence[place.end :]
    sign = next(signs(behind), None)
    is_subject = sign is not None and sign.start <= 1 and sign.signs[:1] in "PD"
    low = name.lower()
    if not _is_pronoun(low):
        if not is_subject and re.match(r" [a-z]", behind) and place.start == 0:
            return None
        text = name
    elif not _is_pronoun(place.core.lower()):
        if place.start == 0 and not is_subject:
            return None
        text = low if is_subject or place.start == 0 else _OBJECTS.get(low, low)
    else:
        old = place.core.lower()
        person = _SUBJECTS.get(low, low)
        is_subject = is_subject or old in ("i", "we", "he", "she", "they") or place.start == 0
        cases = _POSSESSIVES if old in _POSSESSIVES.values() else {person: person} if is_subject else _OBJECTS
        text = cases[person]
    text = "I" if text == "i" else text
    if place.start == 0:
        text = text[0].upper() + text[1:]
    return Replacement(place.start, place.end, text)


def _cased(words: str, like: str) -> str:
    return words[0].upper() + words[1:] if like[:1].isupper() and words else words


def opposites(statement: str) -> Iterator[tuple[str, Turned]]:
    """A statement with its sense turned in each way that leaves a statement turned and nothing else, the order first.

    A party has no opposite here, because only a document knows another party. Nor has a plain verb ("the tenant pays"),
    because nothing tells a verb from a plural noun.
    """
    own = modality(list(signs(statement)))
    ways = [Turned(Sense.time, "before", "after")]
    ways += [Turned(Sense.duty, own.value, other.value) for other in _FROM.get(own, ()) if own is not None]
    asserted = [clause for clause in clauses(statement) if not clause.subordinate]
    known = {statement}
    for way in ways:
        for edits in turns(statement, way):
            # A condition is no part of what the statement asserts.
            if not all(any(c.start <= edit.start and edit.end <= c.end for c in asserted) for edit in edits):
                continue
            text, at = "", 0
            for edit in edits:
                text, at = text + statement[at : edit.start] + edit.text, edit.end
            text += statement[at:]
            turned = is_turned(statement, text) if text not in known else None
            known.add(text)
            if turned is not None:
                yield text, turned


# What a statement is turned into, the plainest first.
_FROM: Mapping[Modality | None, tuple[Modality, ...]] = {
    Modality.may: (Modality.ban,),
    Modality.must: (Modality.exempt, Modality.ban, Modality.no),
    Modality.ban: (Modality.may,),
    Modality.exempt: (Modality.must,),
    Modality.yes: (Modality.no,),
    Modality.no: (Modality.yes,),
}
