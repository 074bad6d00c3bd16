"""Let the words that announce a turned clause go along with its new sense, so that they do not announce the opposite.

"One caveat: you will receive no payment" becomes "You will receive a payment". "He can take it later, but he must not
take two" becomes "He can take it later, and he may take two". A late payment that "may incur" a penalty "will not
incur" one, because "may not incur" leaves it open whether one is due.
"""

import re

from forge_arena.texts.fitting import Replacement
from forge_arena.texts.modality import Modality, modality, signs
from forge_arena.texts.turning import Turned

_DENYING = frozenset({Modality.no.value, Modality.ban.value, Modality.exempt.value})
# A label that promises something bad or something good, with the first letter of what it labels. Once the sense is
# turned, what was bad is good.
_LABEL = re.compile(
    r"^[\W_]*(?:(?:one|an?|the|only|another|just|but|small|little|important|last|final) )*(?:caveat|exception|warning|"
    r"catch|snag|drawback|restriction|limitation|downside|caution|word of (?:warning|caution)|note of (?:warning|"
    r"caution)|"
    r"(?:bad|good|best|great) (?:news|thing|part)|beware|be careful|careful|attention|advantage|upside|bonus|relief)"
    r"(?::(?:\*\*)?|,? is(?:,? that|:)) (?P<first>\w)",
    re.IGNORECASE,
)
_BUT = re.compile(r"(?:^|[,;]? )(?P<word>[Bb]ut|[Yy]et) (?=[^,;:.()]*$)")
_CONTRASTS = re.compile(r"\bwhereas\b", re.IGNORECASE)
# Somebody who may be allowed something. A payment that may incur a fee is allowed nothing.
_ALLOWED = re.compile(
    r"(?:\b(?:I|you|we|he|she|they|who|one|anyone|anybody|somebody|someone|whoever|nobody|those|people|children|staff|"
    r"(?:the |a |an |any |each |every )?[\w' -]*(?:[a-z]{2}(?:er|or|ee|ant|ist|ian|man|men)|parent|student|resident|"
    r"agent|"
    r"client|president|member|guest|child|party|parties|company|board|council|committee|court|bank|firm|team|staff)"
    r"(?:e?s)?))\s*$",
    re.IGNORECASE,
)


def announce(sentence: str, made: tuple[Replacement, ...], turned: Turned) -> tuple[Replacement, ...] | None:
    """The replacements that turn a sentence, with those that its frame needs; None if the frame cannot go along."""
    first = made[0]
    before = sentence[: first.start]
    now_denies = turned.after in _DENYING
    made = (_surely(sentence, first), *made[1:])
    if now_denies != (turned.before in _DENYING):
        if _CONTRASTS.search(sentence):
            return None
        but = _BUT.search(before)
        if but is not None:
            if not sentence[: but.start("word")].strip():
                return None
            earlier = modality(list(signs(re.split(r"[,;:(] ", sentence[: but.start()])[-1])))
            if ((earlier.value if earlier else "") in _DENYING) == now_denies:
                made = (Replacement(*but.span("word"), "and"), *made)
    label = _LABEL.match(sentence)
    if label is None:
        return made
    if made[0].start < label.end():
        return None
    return Replacement(label.start(), label.end(), label["first"].upper()), *made


def surely_said(statement: str, turned: str) -> str:
    """A turned statement, with "will not" for "may not" where the statement says what can happen."""
    place = re.search(r"\bmay not\b", turned)
    if place is None or statement != f"{turned[: place.start()]}may{turned[place.end() :]}":
        return turned
    edit = _surely(statement, Replacement(place.start(), place.start() + len("may"), "may not"))
    return f"{turned[: place.start()]}{edit.text}{turned[place.end() :]}"


def _surely(sentence: str, edit: Replacement) -> Replacement:
    """ "Will not" in the place of "may not" where "may" speaks of what can happen."""
    if edit.text.lower() != "may not" or sentence[edit.start : edit.end].lower() != "may":
        return edit
    behind = sentence[edit.end :]
    if re.match(r" (?:be|have)\b", behind) or _ALLOWED.search(re.split(r"[,;:.(] ", sentence[: edit.start])[-1]):
        return edit
    return Replacement(edit.start, edit.end, "will not")
