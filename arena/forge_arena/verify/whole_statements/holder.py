"""Whether a text says of somebody else what a statement says of its subject, or leaves to choice what it demands.

The statement is "The society pays for the keys that you lose". "We pay for them" may well say it, and "the treasurer
pays" too, if nobody else is known by that name. What does not say it:

* "You pay for the keys": "you" is somebody else in the statement;
* "Only the warden pays for the keys", or "The warden pays", where the source knows a warden beside the society;
* "Pay for the keys if you like", where the statement demands it.
"""

import re

from forge_arena.texts.modality import Modality
from forge_arena.texts.turning import read_statement
from forge_arena.texts.words import content
from forge_arena.verify.opposites import are_opposed
from forge_arena.verify.passages import Passages
from forge_arena.verify.whole_statements.profiles import Profile
from forge_arena.verify.whole_statements.words import has_any, is_content

_PARTLY = re.compile(
    r"\b(?:half|parts?|some|most|a (?:third|quarter|portion|fraction)|only one) of "
    r"(?!(?:(?:the|our|your|these|those) )?(?:documents?|sections?|rules?)\b)",
    re.IGNORECASE,
)
_YOU_IF = re.compile(r"\b(?:if|when|once|unless|should) you\b(?! are (?:asked|told))", re.IGNORECASE)
_YOURS_IF = re.compile(r"\b(?:if|when|once|unless|should) (?:your|our|their|his|her) [a-z]+\b", re.IGNORECASE)
_VERB = r"(?:may|must|can|could|should|shall|will|would|need|needs|has to|have to|is|are|was|were|do|does)\b"
_YOU_ACT = re.compile(r"(?:^|[,;:.] |\b(?:and|but|so|that) )\W{0,3}you\b", re.IGNORECASE)
_YOU = re.compile(r"\b(?:you|your|yours|yourself)\b", re.IGNORECASE)
_NAMED = re.compile(
    r"(?:^|[,;:.] |\n)\W{0,4}(?P<only>only )?(?:the |an? |our |your |every |each |any |all )?"
    rf"(?P<name>[A-Za-z][\w'-]+) (?:{_VERB}|(?P<act>[a-z]+)\b)",
    re.IGNORECASE,
)
# How much of something is meant: the only opposed words that change a statement wherever they stand in its sentence.
_MEASURES = content("full part partial prorated gross net single double first last monthly annual advance arrears")
_PRONOUN = re.compile(
    r"(?:i|you|we|they|he|she|it|this|that|there|who|which|everybody|everyone|anyone|somebody|nobody)$", re.I
)
_LEFT_TO_CHOICE = re.compile(
    r"\b(?:if you (?:like|want|wish|prefer|feel like it)|as you (?:like|wish|prefer)|feel free|optional(?:ly)?"
    r"|at your (?:own )?(?:option|discretion)|up to you|not obliged)\b",
    re.IGNORECASE,
)


def is_of_another(text: str, profile: Profile, passage: str, passages: Passages) -> bool:
    """Whether a text says a statement of somebody else than its subject.

    Args:
        passage: the passage of the source that bears the statement out.
    """
    statement = profile.statement.text
    # Of "the society will pay for what you need to replace" the profile takes all before "need to" for the subject.
    subject = _words_before_verb(statement) or profile.subject
    if not subject or has_any(text, subject):
        return False
    if _YOU.search(statement) and not _YOU.match(statement) and _YOU_ACT.search(text):
        return True
    acts = content(statement)
    known = content(f"{statement} {passage} {passages.task}")
    for match in _NAMED.finditer(text):
        name = content(match["name"])
        if not name or _PRONOUN.match(match["name"]) or name & known:
            continue
        if match["act"] and content(match["act"]).isdisjoint(acts):
            # Only what the statement says that somebody does: "the warden pays", and no "warden on duty".
            continue
        if match["only"] or all(word in passages.rarity for word in name):
            return True
    return False


def says_another_measure(text: str, profile: Profile, passage: str) -> bool:
    """Whether a text says a statement of a part alone, in another measure, or of somebody else's doing.

    Examples: "half of the rest is due", "a full refund" for "a prorated refund", "if your friend leaves" for "if you
    leave".
    """
    known = f"{profile.statement.text} {passage}"
    if _PARTLY.search(text) and not _PARTLY.search(known):
        return True
    if _YOU_IF.search(profile.statement.text) and _YOURS_IF.search(text) and not _YOU_IF.search(text):
        return True
    return are_opposed(content(text) & _MEASURES, content(known) & _MEASURES)


def _words_before_verb(statement: str) -> frozenset[str]:
    """The words of who is spoken of in a statement: "society" of "the society will pay"."""
    verb = re.search(rf" {_VERB}", statement)
    before = "" if verb is None else statement[: verb.start()]
    return frozenset(word for word in read_statement(before).roots if is_content(word)) if before else frozenset()


def is_left_to_choice(text: str, profile: Profile, passage: str) -> bool:
    """Whether a text leaves to choice what a statement demands or asserts."""
    if profile.modality not in (Modality.must, Modality.yes, Modality.ban):
        return False
    return _LEFT_TO_CHOICE.search(text) is not None and not _LEFT_TO_CHOICE.search(
        f"{profile.statement.text} {passage}"
    )
