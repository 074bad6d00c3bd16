"""Say whether a sentence speaks of words as past, or of an option as turned down.

"Refunds, formerly 10 days, take 5 days": the word "formerly" marks 10 days, and no number stands between them. The mark
reaches no further than its clause.
"""

import re

from forge_arena.types import Claim, Standing

_CLAUSE_START = re.compile(r"[,;:()\u2013\u2014]| but | and | now | to the | which ")
PAST = re.compile(
    r"\b(?:formerly|previously|(?:was|were|had) once|once(?= [\d$\u20ac\u00a3])|used to|superseded|former|outdated"
    r"|out of date"
    r"|no longer(?! than)|earlier(?! than)|prior(?! to)|older?(?! than)"
    r"|(?:up|down|raised|lowered|changed|increased|reduced|cut|moved|shortened|lengthened) from"
    r"|(?<!is )(?<!are )(?<!be )(?<!was )(?<!been )(?<!were )(?<!being )replac(?:es|ed"
    r"|ing)(?! (?:every|each|after|within)\b)|(?:replace|swap|exchange)"
    r"|until (?:then|\w+ ?\d* ?\d{4}|\d+ \w+ \d{4})|instead of|rather than|in place of)\b"
)
_PAST_AFTER = re.compile(
    r"^[ ,]{0,2}(?:\w+ ){0,2}(?:previously|formerly|in the past|until then|no longer(?! than)|as it used to"
    r"|(?:was|were|is) (?:the|an?) (?:former|old|older|previous|earlier|superseded|outdated|lapsed))\b"
    r"(?![ ,(]{0,2}(?:\w+ )?[\d$€£])"
)
_PAST_AFTER_REACH = 60
# A name of which something is said that is over: "`fetch` is gone", "`fetch`, which no longer exists".
_GONE_AFTER = re.compile(
    r"^[`'\"*_)\]\u2019\u201d]{0,3}(?: \([^()]{1,20}\))?,?(?: which| that)? (?:(?:is"
    r"|are|was|were|has been|have been|has|have)"
    r" (?:now |since |long |all )?(?:no longer|not any ?more|gone|history|removed"
    r"|dropped|withdrawn|retired|abolished|deprecated"
    r"|obsolete|dead|deleted|discontinued|outdated|out of date|taken out|struck out)"
    r"|no longer|(?:does|do|did)(?: not|n['\u2019]t) exist)\b"
)
# "Not with X", "and not X": what stands right behind is turned down.
_TURNED_DOWN = re.compile(
    r"\b(?:not|nor|never|rather than|instead of)(?: (?:by|to|the|an?|with|in|from|on|at|for|as|of|our|your|their|its))*"
    r"[ *_(\"'\u201c`]*$",
    re.IGNORECASE,
)
# "No longer covered once 45 days have passed": the 45 days lie in another clause than what is over.
# "Replaced twice a year" is no value that was replaced.
_HOW_OFTEN = re.compile(r"twice\b|\w+ times\b")
_OTHER_CLAUSE = re.compile(r"\b(?:after|once|if|when|whenever|unless|where|because|as soon as|for more than)\b")
# What becomes something else, or gives way to it, is past. "To become" stands behind auxiliaries: "has to become".
_GIVES_WAY = re.compile(
    r"^[`'\"*)\]\u2019\u201d]{0,3} ?(?:\u2192|->"
    r"|(?:(?:has|have|had|is|are|was|were|must|should|shall|will|would|can|could|may|might|needs?|ought|to|be|been|now"
    r"|then|therefore|thus|also) ){0,5}"
    r"(?:becomes?|became|turn(?:s|ed)? into|(?:give|gave|given|gives) way to|mak(?:es?|ing) way for|made way for"
    r"|(?:replaced|superseded) (?:by|with)|(?:exchanged|swapped) for|changed (?:in)?to))\W"
)
# "Replace the old by the new": what stands behind "by" is not replaced.
_EXCHANGED_FOR = re.compile(r"\b(?:replac|swap|exchang)\w*\b.*\b(?:with|by|for|to)\b")
REJECTED = re.compile(
    r"\b(?:rather than|instead of|in place of|in preference to|over|unlike|ahead of|not|nor|never|against|than|avoid"
    r"|passed over|ruled? out|no)\b(?!.*\bbut\b)"
)
# "You still call it so" and "it was 10 days" speak of what is not in force, if the text says as well what is right.
STILL = re.compile(r"\bstill\b", re.IGNORECASE)
WAS = re.compile(r"\b(?:was|were|had|stood|lapsed|expired|ended|before)\b", re.IGNORECASE)
# What is over is not asserted: "the £13.50 of the booklet is history", "£13.50 applied until May".
_OVER = re.compile(
    r"\b(?:(?:is|are|'s) (?:now )?(?:history|gone|over|void|obsolete|out|off|dead"
    r"|old)|no (?:longer|more)|not any ?more|ceased"
    r"|(?:is|are|do|does|did|can|may|need|has|have|wo|ca|was|were)(?: not"
    r"|n['\u2019]t)|applied|used to|failed|fell through"
    r"|came to nothing|withdrawn|rejected|refused|struck out|replaced|superseded|abandoned|dropped|deleted)\b",
    re.IGNORECASE,
)
_SET_ASIDE_BEFORE = re.compile(
    r"\b(?:instead of|rather than|not|never|nor|neither|no longer|without|except"
    r"|unlike|against|ignor\w+|disregard\w*|forget"
    r"|replac\w+|old|older|former|earlier|original|initial|previous|proposed|draft|rejected|failed|until|before)\b[^,;:()]*$",
    re.IGNORECASE,
)
# A value with which another one is only compared: "stricter than the 70 decibels".
COMPARED = re.compile(
    r"\b(?:than|against|versus|unlike|compared (?:to|with)|on top of|in addition to)(?: (?:the|an?|its|their))?"
    r"[ *_\"'\u201c(]*$",
    re.IGNORECASE,
)
_QUOTED = re.compile(r"[\"\u201c][^\"\u201c\u201d]*[\"\u201d]|(?<!\w)'[^']*'(?!\w)|\u2018[^\u2018\u2019]*\u2019")
_YEARS = re.compile(r"\b(?:\d{1,2} )?(?:\w+ )?(?:19|20)\d\d\b")


def is_marked(low: str, start: int, end: int, marker: re.Pattern[str]) -> bool:
    """Whether a marker in the same clause speaks of the words at `start`, and of no number between them."""
    clause_start = 0
    for delimiter in _CLAUSE_START.finditer(low, 0, start):
        clause_start = delimiter.end()
    before = low[clause_start:start]
    last = None
    for last in marker.finditer(before):  # noqa: B007  (the last match is what counts)
        pass
    if last is not None and _is_quoted(before, last.start(), last.end()):
        # 'Either "no longer needed" or "ordered by mistake"': the quoted words mark nothing.
        last = None
    if last is not None and last[0] == "no longer" and _OTHER_CLAUSE.search(before, last.end()):
        last = None
    if last is not None and last[0].startswith("replac") and _HOW_OFTEN.match(low, start):
        last = None
    if last is not None and not any(c.isdigit() for c in _YEARS.sub("", before[last.end() :])):
        return marker is not PAST or _EXCHANGED_FOR.match(before, last.start()) is None
    behind = low[end : end + _PAST_AFTER_REACH]
    return marker is PAST and (_PAST_AFTER.match(behind) is not None or _GIVES_WAY.match(behind) is not None)


def is_turned_down(text: str, start: int) -> bool:
    """Whether a text turns down what begins at a place, by the words right before it: "and not with the old call"."""
    return _TURNED_DOWN.search(text, 0, start) is not None


def is_gone(low: str, end: int) -> bool:
    """Whether a text, in lower case, says behind a name that it is gone."""
    return _GONE_AFTER.match(low[end : end + _PAST_AFTER_REACH]) is not None


def is_set_aside(low: str, start: int, end: int) -> bool:
    """Whether the clause around a place says that what stands there is not, or not any more, in force.

    `low` is a sentence in lower case. More words set a value aside here than elsewhere, because the sentence gives the
    value that is in force as well.
    """
    clause_start = max((mark.end() for mark in _CLAUSE_START.finditer(low, 0, start)), default=0)
    clause_end = _CLAUSE_START.search(low, end)
    before, behind = low[clause_start:start], low[end : clause_end.start() if clause_end else len(low)]
    return (
        WAS.search(before) is not None
        or WAS.search(behind) is not None
        or _OVER.search(before) is not None
        or _OVER.search(behind) is not None
        or _SET_ASIDE_BEFORE.search(before) is not None
    )


def _is_quoted(text: str, start: int, end: int) -> bool:
    """Whether a stretch stands in quotation marks that are closed behind it."""
    return any(quoted.start() < start and end < quoted.end() for quoted in _QUOTED.finditer(text))


def superseded_name(claim: Claim) -> str | None:
    """The name of the alternative that was right once, if the claim has one."""
    return next((a.name for a in claim.wrong if a.standing is Standing.superseded), None)
