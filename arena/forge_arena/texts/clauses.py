"""Read a sentence clause by clause: where each clause stands, whether the sentence asserts it, and who acts in it.

"If the desk agrees, a member may bring a guest" has two clauses, and asserts the second. "You asked whether a member
may bring a guest" asserts nothing about guests.
"""

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from forge_arena.texts.leaning import has_verb
from forge_arena.texts.modality import signs
from forge_arena.texts.turning import Statement, read_statement
from forge_arena.texts.verbs import root

# Behind these words "that" points to something: "later than that is too late".
_BEFORE_POINTING = "".join(
    rf"(?<!\b{word})" for word in ("than", "after", "before", "of", "on", "at", "by", "from", "with")
)
_JOINTS = re.compile(
    r"[,;:()\u2013\u2014]+\s*|\s(?=(?:if|unless|when|whenever|whereas|while|because|although|though|since|who|which|"
    rf"even if|only if|provided that|whether)\b)|{_BEFORE_POINTING}\s(?=that\b)",
    re.IGNORECASE,
)
_AND = re.compile(r"\s(?:and|but|or|so|yet)\s+", re.IGNORECASE)
_SUBORDINATE = re.compile(
    r"^(?:(?:and|but|or) )?(?:even |only |except |as )?(?:if|unless|when|whenever|where|while|whereas|because|although|"
    r"though|since|who|whom|whose|which|that|until|before|after|once|as long as|provided|whether|in case)\b",
    re.IGNORECASE,
)
# What makes of the words behind it something that nobody asserts, or that somebody else asserts.
_REPORTED = re.compile(
    r"\b(?:not (?:true|right|correct|the case)|untrue|wrong(?:ly)?|incorrect(?:ly)?|false(?:ly)?|mistake(?:n|nly)?|"
    r"myth|"
    r"misunderst\w+|misread\w*|contrary to|in error|erroneous(?:ly)?|whether|formerly|previously|"
    r"(?<!\bbe )(?<!\bis )(?<!\bare )(?<!\bwas )(?<!\bget )used to|in the past|"
    r"no longer true|as if|would have|doubt\w*|hardly|scarcely|barely|rarely|seldom|wish|unclear|unsure|uncertain|"
    r"not sure|"
    r"can(?:not|['\u2019]t| not) say|"
    r"(?:you|he|she|they|somebody|someone|people|many|some|draft|note|letter|e-?mail|message|request|question|"
    r"colleague|customer|client)\s+(?:\w+ )?(?:say|says|said|write|writes|wrote|think|thinks|thought|believe|believes|"
    r"believed|ask|asks|asked|claim|claims|claimed|assume|assumes|assumed|suggest|suggests|suggested|argue|argues|argued)|"
    r"(?:claims?|believes?|assumes?|alleges?|argues?|pretends?|supposes?) that)\b",
    re.IGNORECASE,
)
# "Had you asked, we would have helped" and "if you had asked, we would have helped".
_COUNTERFACTUAL = re.compile(
    r"(?:^|(?<=[.;:] )|(?<=\n))\W*(?:and |but )?(?:had (?=[^,;.?]{3,80},)|if [^,;.?]{3,80}?\bhad\b)"
    r"(?=[^.?;]*\bwould (?:not |never |also |only )?have\b)",
    re.IGNORECASE,
)
_CONDITION = re.compile(r"\b(?:if|when|where|once|after|provided|unless)\b", re.IGNORECASE)
_POINTING = re.compile(r"\s*that\b", re.IGNORECASE)
_BEGINNING = re.compile(r"\W*(?:(?:if so|and|but|so|then|yes|no)\W*)*", re.IGNORECASE)
_RELATIVE = re.compile(r"\s*(?:who|which|that)\b ?", re.IGNORECASE)
_FINITE_FORM = re.compile(
    r"\b(?:is|are|was|were|has|have|had|can|could|may|might|must|will|would|shall|should|does|do|cannot)\b(?! been\b)"
)
_CONTRACTED = re.compile(r"\b\w*n['\u2019]t\b|\bnon-", re.IGNORECASE)
_PLURAL = re.compile(r"(?<=[^s])s$")
_PRONOUNS = frozenset({"we", "you", "they", "he", "she", "i"})
_BY = re.compile(r"\bby $")
# "The tenant's duty", "the tenant is not responsible".
_OWNS_DUTY = re.compile(
    r"['\u2019]s? (?:\w+ )?(?:responsibility|duty|expense|costs?|job|task|obligation|account|liability)\b"
)
_NEGATED = re.compile(r"n['\u2019]t\b")
_IS_TOLD = re.compile(r" (?:not )?to [a-z]")
_IS_CHARGED = re.compile(
    r" (?:is|are|remains?|shall be|must be|will be)(?: not|n['\u2019]t)? (?:\w+ly )?(?:responsible|liable|in charge)\b"
)
_FALLS = re.compile(
    r"\b(?:falls? (?:to|on|upon)|lies? with|rests? (?:with|on)|up to|borne by|left to|is for|are for)\s+$", re.I
)
_CLEFT = re.compile(r"\b(?:it is|it's|it\u2019s) (?P<name>[^,;]{1,60}?) (?:who|that|which)\b", re.IGNORECASE)
_DETERMINER = re.compile(r"(?:\b(?:an?|the|any|each|every|your|our|its|their|his|her|this|that) )$", re.IGNORECASE)
_FORM_OF_BE = frozenset({"is", "are", "was", "were", "be", "been", "being", "am", "get", "gets", "got"})
_PRONOUN = re.compile(
    r"\b(?:you|they|he|she|it|we|i|one|(?:any|every|some|no)(?:body|one)|no one|all)\b", re.IGNORECASE
)
# "We confirm the facts": a pronoun that can only be a subject, and a verb, which the list need not know.
_ACTS = re.compile(
    r"\W*(?:(?:and|but|so|then) )?(?:we|you|they|he|she|i) "
    r"(?!(?:and|or|who|whom|too|yourself|ourselves|all|both)\b)\w+ \w",
    re.IGNORECASE,
)
MOST_BETWEEN = 4
FEWEST = 3


@dataclass(frozen=True, slots=True)
class Clause:
    """A clause: its text, its place in the sentence, and whether it only says when or about whom another one holds."""

    text: str
    start: int
    end: int
    subordinate: bool


def clauses(sentence: str) -> tuple[Clause, ...]:
    """The clauses of a sentence, in order. A piece without a verb belongs to the clause before it or behind it."""
    pieces: list[tuple[int, int]] = []
    at = 0
    for joint in _JOINTS.finditer(sentence):
        pieces.append((at, joint.start()))
        at = joint.end()
    pieces.append((at, len(sentence)))
    whole: list[tuple[int, int]] = []
    for start, end in pieces:
        whole.extend(_split_at_and(sentence, start, end))
    joined: list[tuple[int, int]] = []
    loose_start: int | None = None
    for start, end in whole:
        text = sentence[start:end]
        if not text.strip():
            continue
        if not _says_something(text):
            between = sentence[joined[-1][1] : start] if joined else ""
            if joined and "," in between and len(text.split()) >= FEWEST and _is_subordinate(sentence, joined[-1]):
                # "Unless the law asks for it, we delete it": the list does not know the verb "delete".
                joined.append((start, end))
            elif joined and loose_start is None and not _is_closed(between):
                joined[-1] = (joined[-1][0], end)
            elif loose_start is None:
                loose_start = start
            continue
        is_labelled = loose_start is not None and ":" in sentence[loose_start:start] and _SUBORDINATE.match(text)
        if loose_start is not None and (_RELATIVE.match(text) or is_labelled):
            # "A member | who has not paid | may bring a guest": the denial is not that of the member's right.
            # "Guests: | if a member agrees | ..." is no clause about guests.
            joined.append((loose_start, start))
            loose_start = None
        joined.append((start if loose_start is None else loose_start, end))
        loose_start = None
    if loose_start is not None or not joined:
        joined.append((loose_start or 0, len(sentence)))
    return tuple(clause for start, end in joined for clause in _with_predicate(sentence, start, end))


def is_mere_subject(own: Sequence[Clause], number: int) -> bool:
    """Whether a clause is only what a relative clause behind it is about: "Members | who have not paid | ..."."""
    behind = own[number + 1].text if number + 1 < len(own) else ""
    return _RELATIVE.match(behind) is not None and not _says_something(own[number].text)


def _with_predicate(sentence: str, start: int, end: int) -> Iterator[Clause]:
    """A clause; one that begins with a relative pronoun without a comma is parted from the predicate behind it.

    "A member who has paid may bring a guest" says of the member what stands behind "paid".
    """
    text = sentence[start:end]
    is_subordinate = bool(_SUBORDINATE.match(text.lstrip())) and not (
        # "That job must be paid": at the beginning of a sentence "that" points to something.
        _POINTING.match(text) and _BEGINNING.fullmatch(sentence[:start])
    )
    relative = _RELATIVE.match(text)
    if relative is not None and start and sentence[start - 1] not in ",;:(":
        predicate = _last_predicate(text, relative.end())
        if predicate is not None:
            yield Clause(text[:predicate], start, start + predicate, True)
            yield Clause(text[predicate:], start + predicate, end, False)
            return
    yield Clause(text, start, end, is_subordinate)


def _last_predicate(text: str, at: int) -> int | None:
    """Where the last verb begins that a list knows, or the last sign, behind the first verb of a relative clause."""
    first = re.compile(r"\S+ +\S+").match(text, at)
    places = [match.start() for match in _FINITE_FORM.finditer(text, first.end() if first else at)]
    places += [sign.start for sign in signs(text) if first is not None and sign.start >= first.end()]
    return max(places, default=None)


def _is_subordinate(sentence: str, place: tuple[int, int]) -> bool:
    return _SUBORDINATE.match(sentence[slice(*place)].lstrip()) is not None


def _is_closed(between: str) -> bool:
    return ";" in between or ":" in between


def _says_something(text: str) -> bool:
    return (
        has_verb(text)
        or next(signs(text), None) is not None
        or bool(_SUBORDINATE.match(text.lstrip()))
        or bool(_ACTS.match(text))
    )


def _split_at_and(sentence: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """The piece in parts, where "and" joins two clauses and not two words."""
    at = start
    for match in _AND.finditer(sentence, start, end):
        behind = sentence[match.end() : end]
        if _has_own_subject(behind) and _says_something(sentence[at : match.start()]) and _says_something(behind):
            yield at, match.start()
            at = match.end()
    yield at, end


def _has_own_subject(text: str) -> bool:
    """Whether a text begins with a subject and a verb of its own, and not with a second verb or object."""
    first = next(signs(text), None)
    if first is not None and first.start <= 1:
        # "must number them": the subject is that of the clause before.
        return first.signs not in ("",)
    words = text.split()
    verb = next((place for place, word in enumerate(words[:9]) if has_verb(word)), None)
    if first is not None:
        before = len(text[: first.start].split())
        verb = before if verb is None else min(verb, before)
    return verb is not None and verb > 0


def as_rule(sentence: str, statement: str) -> str:
    """What would have been, as the rule that it follows from, if a statement is a rule with a condition.

    "Had the order been late, no fee would have been due" follows from "If an order is late, no fee is due". Of a
    statement without a condition it asserts nothing, and stays as it is.
    """
    if _COUNTERFACTUAL.search(sentence) is None or _CONDITION.search(statement) is None:
        return sentence
    sentence = re.sub(r"\bwould ((?:not |never |also |only )?)have been\b", r"will \1be", sentence, flags=re.IGNORECASE)
    sentence = re.sub(r"\bwould ((?:not |never |also |only )?)have\b", r"will \1have", sentence, flags=re.IGNORECASE)
    sentence = re.sub(r"\b(if [^,;.?]{3,80}?) had been\b", r"\1 is", sentence, flags=re.IGNORECASE)
    sentence = re.sub(r"\b(if [^,;.?]{3,80}?) had\b", r"\1 has", sentence, flags=re.IGNORECASE)
    return re.sub(r"(^\W*(?:and |but )?|[.;:] |\n)had (?=[^,;.?]{3,80},)", r"\1If ", sentence, flags=re.IGNORECASE)


def is_asserted(sentence: str, known: str = "") -> bool:
    """Whether a sentence asserts what it says: it is no question, and reports no opinion and no former state.

    Args:
        known: a statement that the sentence may repeat. What the statement says itself reports nothing.
    """
    if sentence.rstrip().rstrip("\"'\u201d\u2019)*_").endswith("?"):
        return False
    low = known.lower()
    return all(match[0].lower() in low for match in _REPORTED.finditer(sentence))


def has_pronoun(text: str) -> bool:
    """Whether a clause has a pronoun that may stand for its subject."""
    return _PRONOUN.search(text) is not None


def is_passive(text: str, verb: str) -> bool:
    """Whether a clause has a verb, given by its root, in the passive voice: "is brought", "must have been brought"."""
    words = re.findall(r"[^\W_]+", _NEGATED.sub(" ", text.lower()))
    for place, word in enumerate(words):
        if root(word) != verb or word.endswith("ing") or word == verb:
            continue
        before = words[max(0, place - MOST_BETWEEN) : place]
        if any(other in _FORM_OF_BE for other in before):
            return True
    return False


def without_cleft(text: str) -> str:
    """A clause without a frame: "It is the owner who pays" says "the owner pays"."""
    return _CLEFT.sub(r"\g<name>", text)


def agents(text: str, names: Collection[str], verb: str | None) -> frozenset[str]:
    """Which of some parties act in a clause, as far as the clause shows it.

    Args:
        names: the parties, each by its words.
        verb: the root of the verb that the parties stand around; None if nobody knows it.
    """
    text = without_cleft(text)
    low = text.lower()
    places = {name: list(places_of_name(low, name)) for name in names}
    verb_at = _place_of_verb(low, verb)
    passive = verb is not None and is_passive(text, verb)

    def acts(name: str, start: int, end: int) -> bool:
        before, behind = _DETERMINER.sub("", low[:start]), low[end:]
        if _BY.search(before) and (passive or verb_at is None or "be" in _roots(before)):
            return True
        if _FALLS.search(before) or _OWNS_DUTY.match(behind) or _IS_CHARGED.match(behind):
            return True
        if _IS_TOLD.match(behind):
            # "Asks the owner to pay": the owner does not pay yet.
            return False
        is_before_verb = verb_at is not None and not passive and end <= verb_at
        return is_before_verb and _is_subject(low, start, end, verb_at or 0, places, name)

    return frozenset(name for name, found in places.items() for place in found if acts(name, *place))


def _is_subject(
    low: str, start: int, end: int, verb_at: int, places: dict[str, list[tuple[int, int]]], name: str
) -> bool:
    """Whether a name before a verb is the verb's subject: nothing but small words and no other party between them."""
    before = _DETERMINER.sub("", low[:start])
    if re.search(r"\b(?:to|from|for|with|of|by|against|between|and|or|in|on|at|than) $", before):
        return False
    return not any(
        end <= other_start and other_end <= verb_at
        for other, found in places.items()
        if other != name
        for other_start, other_end in found
    )


def _place_of_verb(low: str, verb: str | None) -> int | None:
    if verb is None:
        return None
    return next((m.start() for m in re.finditer(r"[^\W_]+", low) if root(m[0]) == verb), None)


def _roots(text: str) -> set[str]:
    return {root(word) for word in re.findall(r"[^\W_]+", text)}


def places_of_name(text: str, name: str) -> Iterator[tuple[int, int]]:
    """Where a text has the words of a name side by side, each in any form."""
    wanted = _surfaces(read_statement(name))
    offset = len(text) - len(text.lstrip())
    # A contraction would move the places, so it is blotted out.
    read = read_statement(_CONTRACTED.sub(lambda match: "x" * len(match[0]), text.strip()))
    surfaces = _surfaces(read)
    for place in range(len(surfaces) - len(wanted) + 1):
        if wanted and surfaces[place : place + len(wanted)] == wanted:
            yield offset + read.words[place].start, offset + read.words[place + len(wanted) - 1].end


def _surfaces(statement: Statement) -> list[str]:
    """The words of a text in the singular. Roots would take "employment" for "employer"."""
    return [
        token.word if token.word in _PRONOUNS else _PLURAL.sub("", statement.text[slice(*token.span)].lower())
        for token in statement.words
    ]
