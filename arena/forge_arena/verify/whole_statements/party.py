"""Which of two parties acts, gives, owns or comes before "than" in a text, beside the parties of a statement."""

import re
from collections.abc import Sequence

from forge_arena.texts.clauses import agents
from forge_arena.texts.turning import Sense, read_statement
from forge_arena.verify.terms import are_alike
from forge_arena.verify.whole_statements.profiles import Agreement, Profile, verb_of_parties

_BEFORE_PARTY = "to|by|from|of|for|with|between|and|or|nor|not"
_BESIDE = frozenset({"for", "with", "between", "and", "or", "nor", "not"})
_RECEIVES = re.compile(r"\b(?:receiv|get|got|obtain|accept|tak|took|collect|borrow|hir|rent|lend)\w*", re.IGNORECASE)


def agreement_of_party(stretch: str, profile: Profile) -> Agreement | None:
    """Whether the party acts that acts in a statement, if that is what its opposite turns."""
    turned = profile.turned
    if turned is None or turned.sense is not Sense.party or len(turned.parties) != 2:
        return None
    verb = verb_of_parties(profile.statement, turned)
    first, second = turned.parties
    own = agents(profile.statement.text, (first, second), verb)
    if len(own) != 1:
        return Agreement.unknown
    acting = agents(stretch, (first, second), verb)
    if len(acting) != 1:
        return Agreement.unknown
    return Agreement.same if acting == own else Agreement.turned


def without_rejected(stretch: str, profile: Profile) -> str:
    """A text without the party that it turns down: "not the landlord but the tenant" speaks of the tenant."""
    if profile.turned is None or profile.sense is not Sense.party:
        return stretch
    for name in profile.turned.parties:
        head = re.escape(_bare(name))
        stretch = re.sub(
            rf",? ?\b(?:and )?(?:not|rather than|instead of)(?: by| to)? (?:an? |the )?{head}\b(?: but|,)?",
            "",
            stretch,
            flags=re.IGNORECASE,
        )
    return stretch


def has_parties_of(text: str, profile: Profile) -> bool | None:
    """Whether a text that speaks freely gives two parties the places that they have in a statement.

    The places show in what belongs to whom, in who gives to whom, and in who stands before "than". None if nothing
    shows them.
    """
    turned = profile.turned
    if turned is None or len(turned.parties) != 2:
        return None
    own = profile.statement.text
    own_things, things = _owners_in(own, turned.parties), _owners_in(text, turned.parties)
    if own_things and things:
        exchanged = frozenset((1 - number, word) for number, word in own_things)
        same, crossed = _count_shared(own_things, things), _count_shared(exchanged, things)
        return same > crossed if same != crossed else None
    if not turned.exchanged:
        named = [_is_named(text, name) for name in turned.parties]
        return named[0] if named[0] is not named[1] else None
    giving, given = _giver_in(own, turned.parties), _giver_in(text, turned.parties)
    if giving is not None and given is not None:
        return giving == given
    mine, theirs = _is_before_than(own, turned.parties), _is_before_than(text, turned.parties)
    if mine is None or theirs is None or _comparatives(own) != _comparatives(text):
        return None
    return mine is theirs


def _bare(name: str) -> str:
    """A party's name without its article."""
    return re.sub(r"^(?:an?|the) ", "", name, flags=re.IGNORECASE)


def _owners_in(text: str, parties: Sequence[str]) -> frozenset[tuple[int, str]]:
    """What belongs to which of some parties: "the owner's costs", "the costs of the owner"."""
    found: set[tuple[int, str]] = set()
    for number, name in enumerate(parties):
        head = re.escape(_bare(name))
        for match in re.finditer(rf"\b{head}(?:['\u2019]s?) (?P<thing>(?:[\w-]+ ){{0,2}}[\w-]+)", text, re.IGNORECASE):
            found |= {(number, word) for word in _things(match["thing"])}
        for match in re.finditer(
            rf"(?P<thing>(?:[\w-]+ ){{1,3}})(?:of|for) (?:an? |the )?{head}\b", text, re.IGNORECASE
        ):
            found |= {(number, word) for word in _things(match["thing"])}
    # What belongs to both tells nothing.
    return frozenset((n, word) for n, word in found if not any(m != n and word == other for m, other in found))


def _things(words: str) -> frozenset[str]:
    """The words that name things, each by its root."""
    return frozenset(root for root in read_statement(words).roots if root[0] != "<" and len(root) > 3)


def _count_shared(some: frozenset[tuple[int, str]], others: frozenset[tuple[int, str]]) -> int:
    """How many pairs of a party and a thing two texts share."""
    return sum(number == other and are_alike(word, thing) for number, word in some for other, thing in others)


def _is_named(text: str, name: str) -> bool:
    """Whether a text has a party's name."""
    return re.search(rf"\b{re.escape(_bare(name))}s?\b", text, re.IGNORECASE) is not None


def _giver_in(text: str, parties: Sequence[str]) -> int | None:
    """Which of two parties gives, tells or does something to the other one; None if it cannot be told.

    "A grants B a licence", "A notifies B", "notice of A to B" and "B is told by A" say it of A.
    """
    if re.search(r"\bthan\b", text, re.IGNORECASE):
        return None
    placed: list[tuple[int, str]] = []
    for name in parties:
        head = re.escape(_bare(name))
        pattern = rf"(?:\b(?P<before>{_BEFORE_PARTY}) )?(?:an? |the )?\b{head}\b(?P<own>['\u2019])?"
        found = list(re.finditer(pattern, text, re.IGNORECASE))
        if len(found) != 1 or found[0]["own"] or (found[0]["before"] or "").lower() in _BESIDE:
            return None
        placed.append((found[0].start(), (found[0]["before"] or "").lower()))
    gives = [before in ("by", "from", "of") for _, before in placed]
    takes = [before == "to" for _, before in placed]
    if any(takes) or any(gives):
        told = {number if gives[number] else 1 - number for number in (0, 1) if gives[number] or takes[number]}
        return told.pop() if len(told) == 1 else None
    if _RECEIVES.search(text) or re.search(r"\b(?:is|are|be|been|being|was|were) \w+(?:ed|en)\b", text):
        return None
    return 0 if placed[0][0] < placed[1][0] else 1


def _is_before_than(text: str, parties: Sequence[str]) -> bool | None:
    """Whether the first of two parties stands before "than" and the second behind it; None if neither order does."""
    at = [text.lower().find(_bare(name).lower()) for name in parties]
    than = re.search(r"\bthan\b", text, re.IGNORECASE)
    if than is None or min(at) < 0:
        return None
    if at[0] < than.start() < at[1]:
        return True
    return False if at[1] < than.start() < at[0] else None


def _comparatives(text: str) -> frozenset[str]:
    """The words that compare before "than", with the word that they compare: "more important", "later"."""
    return frozenset(match[1].lower() for match in re.finditer(r"\b(more|less|fewer|\w{2,}er)\b", text, re.IGNORECASE))
