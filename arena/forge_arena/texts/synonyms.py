"""Say a small thing in other words of the same meaning, wherever the same two ways of saying it are both good English.

Each pair works in both directions, so neither side of a pair becomes more frequent than the other. Where a verb must
agree with its subject, the subject must be surely one thing: "bags must be weighed" stays. Many words mean something
else in a fixed phrase or in another sense ("in effect a ban", "get the train", "just cause", "all at once"). What must
stand around such a word is in `_ONLY_WHERE`.

Words that demand, allow or count have a scope (`_SCOPED`). Beside a denial they stay. "May" is "can" only where it
allows what somebody does on purpose: "you may lose it" is a risk. "Each" is "every" only of people and times, because
"every half" of two halves is no English, and "one from every team" is another number than "one from each team".
"""

import re
from collections.abc import Iterator

from forge_arena.texts.fitting import Replacement
from forge_arena.texts.scope import is_denied
from forge_arena.texts.subjects import begins_clause, is_one

_NUMBER = r"(?= (?:[$€£]?\d|one\b|two\b|three\b|four\b|five\b|six\b|seven\b|eight\b|nine\b|ten\b|twelve\b))"
_THING = r"(?= (?:a|an|the|your|our|that|`))"
_TIME = r"(?= (?:about |some |around )?[\w-]+ (?:second|minute|hour|day|night|week|month|year)s?\b)"
_WHO = (("it", "has"), ("they", "have"), ("you", "have"), ("we", "have"), ("he", "has"), ("she", "has"))
_WHO_DOES = (("it", "does"), ("they", "do"), ("you", "do"), ("we", "do"), ("he", "does"), ("she", "does"))
# "You must also ring" has its adverb where "you have to also ring" would split a verb.
_RIGHT_BEFORE_VERB = r"(?= (?!(?:not|never|then|also|first|always|only|still|already|ever|normally|usually)\b)[a-z])"
# What asks: "do you have to pay" is no "do you must pay".
_ASKS = re.compile(r"\b(?:do|does|did|will|would|could|should|might|may|can)\s+$", re.IGNORECASE)
# What stands behind "each" where "each" is no article: "they cost $2 each and hold a litre".
_NO_THING = (
    "of|other|side|case|and|or|but|plus|for|from|with|when|where|who|that|has|have|had|are|was|were|will|would|can|"
    "could|may|"
    "must|shall|should|gets?|the|into|under|over|than|then|while|because|per|not|if|as|at|by|in|is|on|to"
)
# What somebody gets from somebody else. Nobody receives the train or the hang of it.
_GIVEN = (
    "answer|badge|bill|bonus|card|certificate|code|confirmation|copy|credit|discount|email|form|gift|grant|invoice|key|"
    "letter|link|mail|message|notice|notification|number|order|parcel|password|payment|receipt|refund|reminder|reply|"
    "report|response|reward|statement|ticket|voucher|warning"
)
_BE = "is|are|was|were|be|been|being|remains?|stays?|comes?|came|not|still|now|already"
_DEMANDING = "section|clause|article|rule|policy|law|act|code|paragraph|contract|recipe|form|standard|notice|plan|guide"
_PAYMENTS = (
    "rent|fees?|payments?|deposits?|charges?|amounts?|balances?|sums?|instal?lments?|invoices?|premiums?|fines?|tax|"
    "taxes|"
    "interest|bills?|prices?|refunds?|bonus|dues|costs?"
)
_KEPT = (
    "data|records?|recordings?|deposits?|money|copy|copies|documents?|files?|information|papers?|footage|logs?|notes"
)
# What somebody is told to do: "simply ring us".
_DO = (
    "add|ask|bring|call|choose|click|come|contact|email|enter|fill|go|open|press|reply|return|ring|select|send|sign|"
    "tell|type|use|visit|write"
)
_COUNT = "one|two|three|four|five|six|seven|eight|nine|ten|dozen|hundred"
_MISHAP = r" for (?:the|any|this|that) (?:delay|inconvenience|trouble|confusion|mistake|error|wait)"
# "Tell us at once." Who pays "for the whole year at once" pays in one sum, and perhaps not immediately.
_WITHOUT_DELAY = (
    r"^(?![^\n]*\b(?:all|both|whole|entire|full|everything|everybody|together|sum|one go)\b[^.;!?\n]*$)[^\n]*"
    r"(?:^|[.!?] |\b(?:us|me|him|her|it|due|payable|effect|force|ends?|stops?|begins?|starts?|leave|call|ring|write|"
    r"reply|replies|answers?|responds?|acts?|appl(?:y|ies)|available|open|closed?|must|shall|should|please) )$"
)
# What somebody does on purpose, so that "may" allows it and speaks of no risk.
_ON_PURPOSE = (
    f"{_DO}|accept|appeal|appoint|apply|arrange|attend|book|borrow|bring|buy|cancel|carry|change|claim|collect|combine|"
    "complete|copy|create|decline|delete|download|exchange|extend|file|film|give|hand|invite|join|keep|leave|move|"
    "object|order|park|pass|pick|place|play|post|print|propose|publish|record|refuse|register|remove|renew|rent|"
    "repair|replace|report|request|reserve|resubmit|share|start|stop|store|submit|suspend|swap|switch|take|"
    "terminate|transfer|try|upload|vote|withdraw"
)
# "submitted" has two letters of the one of "submit", and "carried" has another one.
_DONE_ON_PURPOSE = "|".join(
    f"{verb[:-1]}ied" if re.search(r"[^aeiou]y$", verb) else rf"{verb.removesuffix('e')}{verb[-1]}?ed"
    for verb in _ON_PURPOSE.split("|")
)
_TIMES = "second|minute|hour|day|night|morning|afternoon|evening|week|weekend|month|quarter|term|semester|season|year"
_PEOPLE = (
    "person|member|student|pupil|child|adult|visitor|guest|customer|client|user|reader|tenant|lodger|buyer|seller|"
    "employee|worker|applicant|candidate|participant|player|holder|patient|passenger|driver|owner|volunteer|citizen|"
    "resident|household|borrower|subscriber|attendee|delegate|author|contributor|reviewer"
)


def _behind(words: str) -> str:
    return rf"\b(?:{words}) $"


def _not_behind(words: str) -> str:
    return "".join(rf"(?<!\b{word} )" for word in words.split("|")) + "$"


def _before(words: str) -> str:
    return rf"(?= (?:{words})\b)"


def _not_before(words: str) -> str:
    return rf"(?! (?:{words})\b)"


# (the words, what must stand in front of them, what must stand behind them)
_ONLY_WHERE: tuple[tuple[tuple[str, ...], str, str], ...] = (
    (
        ("in force", "in effect"),
        _behind(_BE),
        r"(?=[.,;:)]|$| (?:on|from|since|until|for|at|today|now|again|when|and|as)\b)",
    ),
    (("get", "gets"), "", _before(rf"(?:an?|the|your|our) (?:[a-z]+ )?(?:{_GIVEN})s?")),
    (("each",), _not_behind("of|every|from|between|among"), _before(f"{_TIMES}|{_PEOPLE}")),
    (
        ("every",),
        _not_behind("of|from|almost|nearly|not|virtually|practically"),
        _before(f"{_TIMES}|{_PEOPLE}"),
    ),
    (("you can", "you may"), "", rf"(?= (?:also |then )?(?:{_ON_PURPOSE})\b)"),
    (("can be", "may be"), "", _before(_DONE_ON_PURPOSE)),
    (("begins", "starts"), "", _not_before("up|over|off|out|afresh|anew")),
    (("asks for", "calls for"), rf"\b(?:{_DEMANDING})(?: [\w.]+)? $", ""),
    (("is due", "is payable"), rf"\b(?:{_PAYMENTS})\b[^.;:,]{{0,40}}$", _not_before("in part|in large")),
    (("at once",), _WITHOUT_DELAY, ""),
    (
        ("immediately",),
        _WITHOUT_DELAY,
        _not_before("after|before|above|following|below|adjacent|available|behind|next|prior|upon|obvious"),
    ),
    (("simply", "just"), r"(?:^|[.!?:,;-] |\b(?:please|then|you can|to|or|and) )$", _before(_DO)),
    (("at the moment",), "", _not_before("of|when|that|the|an?|you|it|we|they|he|she|in|someone|your|our")),
    (("we are sorry", "we apologise"), "", rf"(?={_MISHAP}\b)"),
    (("while",), r"\w, $", rf"{_not_before('we|you|it|they|he|she|I|[a-z]+ing')}(?= [\w$\u20ac\u00a3])"),
    (("the fault",), _not_behind("at|not"), _not_before("of|lies|is ours|is yours|is mine|is theirs")),
    (("a few",), _not_behind("in|for|only|quite|just|by|than|every|after|within|but|last|next"), ""),
    (("some",), _not_behind("for|in"), _not_before("is|was|has|as|this|goods|news|clothes|means|[a-z]+[sui]s")),
    (("is kept", "is held", "are kept", "are held"), _behind(_KEPT), ""),
    (("hi", "hello"), "^$", r"(?= (?!(?:Mr|Mrs|Ms|Miss|Mx|Dr|Prof)\b)[A-Z][a-z]+[,!\n])"),
    (("all the best", "best wishes"), "^$", r"(?=,?(?:\n|$))"),
    (("note that", "please note that", "if you have", "should you have"), r"(?:^|[.!?] )$", ""),
    (("too", "as well"), r"(?<!\bmight)(?<!\bmay)(?<!\bjust)(?<!\bvery) $", ""),
    (("the whole", "the entire"), _not_behind("on|On|as|As|in"), _not_before("of|time|thing|point|lot|truth")),
    (("usually", "normally"), "", _not_before("than|speaking")),
)
_WHERE = {
    words: (re.compile(before, re.MULTILINE), re.compile(behind))
    for of_one, before, behind in _ONLY_WHERE
    for words in of_one
}
# "Thank you for" and "thanks for" open a sentence: "we thank you for", "many thanks for".
_OPENS = frozenset({"thank you for", "thanks for"})
_PER = ("minute", "hour", "day", "week", "month", "quarter", "year")
# (one way, the other way, what must follow either of them)
_PAIRS: tuple[tuple[str, str, str], ...] = (
    ("at most", "no more than", _NUMBER),
    ("lasts", "runs for", _TIME),
    ("each", "every", rf"(?= (?!(?:{_NO_THING})\b)[a-z]{{3}})"),
    ("you can", "you may", r"(?= [a-z])"),
    ("can be", "may be", r"(?= [a-z]+ed\b)"),
    ("must be", "has to be", r"(?= [a-z]+(?:ed|en|ht|id|nt)\b)"),
    *((f"{who} must", f"{who} {verb} to", _RIGHT_BEFORE_VERB) for who, verb in _WHO),
    *((f"{who} need not", f"{who} {verb} not have to", r"(?= [a-z])") for who, verb in _WHO_DOES),
    ("receive", "get", _THING),
    ("receives", "gets", _THING),
    ("begins", "starts", ""),
    ("let us know", "tell us", ""),
    ("let me know", "tell me", ""),
    ("asks for", "calls for", _THING),
    ("says that", "states that", ""),
    ("is due", "is payable", r"(?= (?:on|in|by|at)\b)"),
    ("at once", "immediately", ""),
    ("simply", "just", ""),
    ("at present", "at the moment", ""),
    ("for example", "for instance", ""),
    ("by telephone", "by phone", ""),
    ("kind regards", "best regards", ""),
    ("thank you for", "thanks for", ""),
    ("we are sorry", "we apologise", r"(?= for\b)"),
    ("whereas", "while", ""),
    ("whoever", "anyone who", r"(?= [a-z]+s\b)"),
    ("in force", "in effect", ""),
    ("the fault", "the defect", r"(?=[ .,:])"),
    ("gives", "returns", r"(?= [`\[])"),
    ("fails", "breaks", r"(?= on\b)"),
    ("further", "other", r"(?= (?:points?|changes?|questions?|orders?)\b)"),
    ("a few", "some", r"(?= [a-z]+s\b)"),
    ("is kept", "is held", r"(?= (?:for|in|on)\b)"),
    ("are kept", "are held", r"(?= (?:for|in|on)\b)"),
    ("we have checked", "we have looked into", r"(?= (?:the|your|our|this)\b)"),
    ("replies", "answers", r"(?= within\b)"),
    *((f"{who} need to", f"{who} have to", _RIGHT_BEFORE_VERB) for who in ("they", "you", "we")),
    ("leaves out", "omits", _THING),
    ("leave out", "omit", _THING),
    ("hi", "hello", ""),
    ("all the best", "best wishes", ""),
    ("please note that", "note that", ""),
    (
        "if you have",
        "should you have",
        r"(?= (?:any |further |more |other )?(?:questions?|doubts?|concerns?|comments?)\b)",
    ),
    ("too", "as well", r"(?=[.;!](?:\s|$))"),
    ("the whole", "the entire", r"(?= [a-z])"),
    ("usually", "normally", ""),
    ("free of charge", "at no charge", r"(?=[.,;:)]|$)"),
    ("contact us", "get in touch with us", ""),
    ("in the meantime", "meanwhile", r"(?=,)"),
    ("questions about", "questions regarding", ""),
    ("in case of", "in the event of", r"(?= (?:an?|the)\b)"),
)
_REPLACES = [
    (mine, re.compile(rf"(?<![\w'-]){re.escape(mine)}(?![\w'-]){behind}", re.IGNORECASE), other)
    for one, another, behind in _PAIRS
    for mine, other in ((one, another), (another, one))
]
_OF_ONE = frozenset({"has to be"})
_OF_PRONOUN = frozenset(
    {f"{who} {verb} to" for who, verb in _WHO} | {f"{who} {verb} not have to" for who, verb in _WHO_DOES}
)
_IN_SHORT = frozenset(f"{who} {words}" for who, _ in _WHO for words in ("must", "need not", "need to"))
# What demands, allows or counts. A denial turns each of the two ways into something else.
_MODAL = ("must be", "has to be", "you can", "you may", "can be", "may be")
_COUNTING = (
    "at most",
    "no more than",
    "each",
    "every",
    "some",
    "a few",
    "whoever",
    "anyone who",
    "free of charge",
    "at no charge",
    "too",
)
_SCOPED = _OF_PRONOUN | _IN_SHORT | {*_MODAL, *_COUNTING}
# "£5 a month", but not "for a month".
_REPLACES += [
    (mine, re.compile(rf"(?<=[\d%] ){mine}\b"), other)
    for unit in _PER
    for one, another in [(f"{'an' if unit == 'hour' else 'a'} {unit}", f"per {unit}")]
    for mine, other in ((one, another), (another, one))
]


def other_words(text: str) -> Iterator[Replacement]:
    """Each place of a text that can be said in other words, with the other words."""
    for words, pattern, other in _REPLACES:
        for match in pattern.finditer(text):
            before = text[: match.start()]
            if not _fits(words, text, match) or (words in _OPENS and not match[0][0].isupper()):
                continue
            if words in _SCOPED and is_denied(text, *match.span()):
                continue
            if other in _OF_ONE and not is_one(before):
                continue
            if other in _OF_PRONOUN and not begins_clause(before):
                # "Whoever is given it must pay": "it" is no subject.
                continue
            if words in _OF_PRONOUN | _IN_SHORT and _ASKS.search(before):
                continue
            yield Replacement(*match.span(), other[0].upper() + other[1:] if match[0][0].isupper() else other)


def _fits(words: str, text: str, match: re.Match[str]) -> bool:
    """Whether words that mean something else in other places stand where they have their plain sense."""
    where = _WHERE.get(words)
    if where is None:
        return True
    line = text.rfind("\n", 0, match.start()) + 1
    before, behind = where
    return before.search(text, line, match.start()) is not None and behind.match(text, match.end()) is not None
