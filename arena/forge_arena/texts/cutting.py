"""Cut something that a sentence says out of a text, so that what is left reads as if it had never been there.

A person who leaves a fact out takes away the smallest unit that holds it: a parenthesis, a clause behind "and", an item
of a list, an aside between commas, the day of an event, or the whole sentence. Commas, capitals and the "and" of a list
are repaired. If what is left would lean on what is gone ("It takes ..."), would announce it ("Two points."), or would
be no sentence, there is no such cut: no cut is better than a seam.

Only the shape of English is known here. Nothing is known of what a text is about.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from forge_arena.texts.citing_clauses import clause_cuts, is_governed
from forge_arena.texts.emphasis import has_emphasis, pairs_of_marks
from forge_arena.texts.leaning import (
    ANAPHOR,
    FINITE,
    SUBJECT,
    begins_with_verb,
    follows_alone,
    has_verb,
    is_incomplete,
    is_inside,
    leans,
    refers_back,
)
from forge_arena.texts.number_words import SMALL, TENS
from forge_arena.texts.pointing_back import points_back
from forge_arena.texts.sentences import sentences
from forge_arena.texts.values import MONTHS
from forge_arena.texts.words import content, stem


@dataclass(frozen=True, slots=True)
class Cut:
    """Take away the characters `start` to `end`; `text` stands in their place, a repaired comma or capital."""

    start: int
    end: int
    text: str = ""


# An imperative has no finite verb that a list could know.
FEWEST_WORDS = 6
FEWEST_WORDS_OF_A_CLAUSE = 3
SENTENCES_BEHIND = 2
_ANNOUNCES = re.compile(
    r"\b(?:one|another|a (?:second|third|further|last)) (?:\w+ )?(?:point|thing|matter|note|remark|reason|thought|question|change|"
    r"problem|fault|case)\b|\b(?:two|three|four|five|six|several|some|few|both|following|below|further|other|more)\b[^.]*"
    r"\b(?:points?|things?|periods?|matters?|notes?|changes?|items?|remarks?|reasons?|dates?|figures?|questions?|ways?|"
    r"terms?|rules?|limits?|conditions?|requests?|others?)\b|:\s*$|\bas follows\b",
    re.IGNORECASE,
)
_SUBORDINATE = re.compile(
    r"^(?:if|when|where|whereas|while|because|since|as|although|though|unless|until|after|before|should|whoever|whatever|"
    r"whether|once|for|with|under|by|in|on|of|at|from|to)\b",
    re.IGNORECASE,
)
# "delay in payment costs 7%": a subject without a determiner.
_BARE_SUBJECT = re.compile(
    rf"(?!(?:{FINITE})\b)[a-z-]+(?: (?!(?:{FINITE}|which|who|that|and|or)\b)[a-z-]+){{0,3}} (?:{FINITE})\b"
)
_SIMPLE_SUBJECT = re.compile(
    rf"(?:It|They|We|You|I|(?:The|A|An|Your|Our|This|Each|Every) [\w'-]+(?: [\w'-]+){{0,2}}) (?=(?:{FINITE})\b)"
)
_HAS_CLAUSES = re.compile(
    r"[,;:()]| (?:and|but|or|if|that|which|who|whose|when|where|while|because|since|so|until|unless|once|what|whether|how)\b"
)
_LABEL = re.compile(
    r"^\s*(?:[-*\u2022]\s+|\d{1,2}[.)]\s+)?(?:\*\*[^*\n]{1,60}\*\*|__[^_\n]{1,60}__|[^.,;:\n]{1,40}:(?=\s))"
)
_ITEM = re.compile(r"^[ \t]*(?P<mark>[-*\u2022]|\d{1,2}[.)])[ \t]+")
_TAIL = re.compile(
    r"^,\s+(?:which|who|with|without|counted|as|until|from|including|rising|payable|taken|measured|plus|and not|not|"
    r"rather than|instead of|in line with|in answer to|subject to|so|since|because|though|although|after|before|"
    r"\w+(?:ing|ed))\b"
)
_MONTH = "|".join(MONTHS)
_MONTH_AND_DAY = re.compile(rf"(?:{_MONTH}) \d{{1,2}}$")
_DAY = re.compile(
    rf"(?P<lead> (?:on|of|dated|from)) (?:(?:the )?\d{{1,2}}(?:st|nd|rd|th)?(?: of)? (?:{_MONTH})(?:,? \d{{4}})?"
    rf"|(?:{_MONTH}) \d{{1,2}}(?:st|nd|rd|th)?(?:,? \d{{4}})?|\d{{4}}-\d{{2}}-\d{{2}})"
)
_PARTICIPLE = re.compile(
    r"(?:ed|en|made|held|sent|set|put|met|read|laid|built|sold|bought|brought|paid|found|left|kept)$"
)
_DONE_BY = re.compile(r"(?<!\w)(?:[a-z]+ed|given|made|held|set|taken) by (?:the )?[A-Z][\w'-]+$")
# A thing that has a day: "your call", "the last meeting". A part of a day or of a year is no such thing, and what
# ends in "-ed" is what a thing did.
_EVENT = re.compile(
    r"(?<![\w-])(?:your|our|my|the|a|an|his|her|their|its|this)\s+(?:\w+\s+)?"
    r"(?!(?:end|start|beginning|close|day|date|morning|afternoon|evening|night|week|month|quarter|year|rest|eve)$)"
    rf"(?!(?:{FINITE})$)(?![a-z]+ed$)[a-z]+$",
    re.IGNORECASE,
)
_FREE_OF_VERBS = re.compile(
    r"(?:^|[,:;(]|\b(?:about|after|and|at|before|by|during|following|for|from|in|of|since|to|under|until|with))[\s*_-]*$",
    re.IGNORECASE,
)
_PERIOD = re.compile(r"\s(?:within|no later than|not later than|at the latest)\s+[^,;.()]*(?: \([^()]*\))?$")
# "A crate may hold": the verb has lost what it is said of.
_BARE_VERB = re.compile(
    r"\b(?:may|can|must|will|shall|should|would|could|might|cannot|need not|(?:may|must|shall|should|will) not|to)"
    r" (?!be$)[a-z]+$",
    re.IGNORECASE,
)
# "This is explained" and "as set out" say nothing without where.
_FRAME = re.compile(
    r"(?:as|(?:and |but )?(?:this|that|it|which|these|they) (?:is|are|was|were|can be|may be)) [a-z]+(?: [a-z]+)?",
    re.IGNORECASE,
)
# "See rule 4" points to the source of what is said in front of it.
_POINTS = re.compile(
    r"[,;:(\s]*(?:see|cf\.|compare|as (?:explained|stated|set out|laid down|described))\b", re.IGNORECASE
)
# "Arrive within 5 days": a figure that belongs to a verb. "At most 6" and "up to 6" are figures.
_FIGURE_OF_VERB = re.compile(
    r"\b(?:within|in|for|after|before|by|on|until|till|from|over|under|between|at(?! most| least)|(?<!up )to)"
    r"(?: [a-z]+)? [^\w\s]?\d",
    re.IGNORECASE,
)
# "Three prizes are given: ..." says how many items follow.
_COUNTED = re.compile(
    rf"\b(?:both|{'|'.join(SMALL[2:13])}|[2-9]|1[0-2]) (?:[a-z-]+ ){{0,3}}[a-z]+s\b[^.:]*[:.]?[\s*_]*$", re.IGNORECASE
)
# "The log puts the fault in build 7": without the build the log puts the fault nowhere.
_WANTS_A_PLACE = re.compile(r"\b(?:puts?|lays?|places?|sets|stores?|files?)\b")
# "One of your 5 plums": without the plums nobody knows one of what.
_SHARE = re.compile(
    rf"\b(?:\d+|{'|'.join(SMALL)}|{'|'.join(TENS)}|each|any|none|some|most|all|half|part|(?:a )?few|many|several|much|"
    r"either|neither|both|which|those|number|rest|majority|share|percent)$|%$",
    re.IGNORECASE,
)
# "The pass is issued by the warden" is a rule. "The pass is issued" is what happened.
_RULES = re.compile(rf"\b(?:is|are) (?:\w+ly )?\w*{_PARTICIPLE.pattern}", re.IGNORECASE)
_BAD = re.compile(
    r" [,.;:!?](?!\w)|,[,.;:]|;[.,;]|\(\s*\)|[^\S\n]{2,}(?=\S)|\b(?:and|or|but|the|a|an|of|with|to)[.;,)]|\b(\w+) \1\b"
)
# A section in parentheses is nothing on which the next sentence could lean.
_SECTION = (
    r"(?:see |under |in )?(?:the )?(?:(?:sections?|clauses?|articles?|rules?|paragraphs?|chapters?|parts?|annex) |\u00a7|"
    r"[\"\u201c])[^()]*"
)
_CITED = re.compile(rf" \({_SECTION}\)", re.IGNORECASE)
_CITES_LAST = re.compile(
    rf" (?:\((?:{_SECTION}|(?:see )?\d[\d.]*(?:\([a-z\d]{{1,3}}\))?)\)|\(?\[\d[^\[\]]{{0,12}}\]\)?)(?=[.;]|$)",
    re.IGNORECASE,
)
# "The work is finished" tells what happened, and "Critical faults are answered" tells nothing. "The loan was made" does.
_BARE_PASSIVE = re.compile(
    rf"\b(?:is|are|be|gets?|(?:have|has|get|gets) (?:this|that|it|them|everything)) (?:[a-z]+ly )?[a-z]*{_PARTICIPLE.pattern}"
)
# "It comes up", "and rosters stay": a verb that said when, how long or where, and now says nothing.
_BARE_INTRANSITIVE = re.compile(
    r"\b(?:applies|apply|arrives?|becomes?|begins?|closes?|comes?|counts?|ends?|expires?|falls?|follows?|goes|go|lapses?|"
    r"lasts?|lies?|opens?|remains?|renews?|rises?|runs?|sits?|stands?|starts?|stays?|takes? place|waits?)"
    r"(?: (?:up|out|off|on|in|back|away|over|down|due))?$"
)
# "PR 1548, moved, wants one list": a participle that has lost by whom or when.
_BARE_PARTICIPLE = re.compile(rf"(?:[a-z]+ly )?[a-z]*{_PARTICIPLE.pattern}")
# "For a delay of that length": something that only the sentence before has told.
_POINTS_BACK = re.compile(
    r"\b(?:of|for|in|at|by|on|to|from|after|before|until|since|within|with|under) (?:that|this|these|those|such)\b|"
    r"\b(?:of|for) (?:it|them)\b|\b(?:therefore|thus|hence|instead|accordingly)\b",
    re.IGNORECASE,
)
_OF_THAT = re.compile(r"\b(?:of|for) (?:that|such an?) [a-z]", re.IGNORECASE)
# "If the search comes to nothing" supposes that the text has told of a search.
_SUPPOSES = re.compile(
    r"\b(?:if|when|once|should|after|before|unless|until|as soon as|during|despite) "
    r"(?:the|this|that|these|those) (?P<thing>[a-z]{4,})",
    re.IGNORECASE,
)
# What only goes on with what was cut: "(the second would have been $5)", ", and only in summer".
_GOES_ON = re.compile(
    rf" \((?!{_SECTION}\)|(?:see )?[\d.]+\))|"
    r",? (?:and|but|or) (?:only|then|even|also|not|never|always|at|in|on|within|for|by|until|no|after|before)\b",
    re.IGNORECASE,
)


def cuts(text: str, start: int, end: int) -> Iterator[Cut]:
    """The ways to cut what stands from `start` to `end` out of a text, the smaller units first."""
    spans = sentences(text)
    number = next((n for n, (a, b) in enumerate(spans) if a <= start < b), None)
    if number is None or "```" in text[slice(*spans[number])]:
        return
    found = [
        *_parenthesis(text, spans[number], start, end),
        *_aside(text, spans[number], start, end),
        *_day(text, spans[number], start, end),
        *_period(text, spans[number], start, end),
        *(Cut(*cut) for cut in clause_cuts(text, spans[number], start, end)),
        *_reference(text, spans[number], start, end),
        *_item_of_enumeration(text, spans[number], start, end),
        *_clause(text, spans[number], start, end),
        *_line_of_list(text, start, end),
        *_sentence(text, spans, number),
    ]
    for cut in dict.fromkeys(found):
        if (
            cut.start <= start
            and end <= cut.end
            and is_seamless(text, cut)
            and _can_go(text, spans, number, cut)
            and not _is_spoken_of_behind(text, spans, number, cut)
        ):
            yield cut


def is_seamless(text: str, cut: Cut) -> bool:
    """Whether the text has no broken punctuation, no doubled word and no half emphasis where something was cut out."""
    if not has_emphasis(cut.text) and any(
        (cut.start <= pair.before < cut.end) != (cut.start <= pair.end < cut.end) for pair in pairs_of_marks(text)
    ):
        return False
    after = text[: cut.start] + cut.text + text[cut.end :]
    low, high = max(0, cut.start - 24), cut.start + len(cut.text) + 24
    return len(_BAD.findall(after[low:high])) <= len(_BAD.findall(text[low : cut.end + 24]))


def _can_go(text: str, spans: Sequence[tuple[int, int]], number: int, cut: Cut) -> bool:
    start, end = spans[number]
    if cut.start <= start and end <= cut.end:
        return True
    before = text[slice(*spans[number - 1])] if number else ""
    if cut.start == start and _ANNOUNCES.search(before):
        return False
    if (
        cut.end >= end - 1
        and not _CITED.fullmatch(text[cut.start : cut.end])
        and not follows_alone(text, spans, number)
    ):
        return False
    following = text[slice(*spans[number + 1])] if number + 1 < len(spans) else ""
    if points_back(following) and not _CITED.fullmatch(text[cut.start : cut.end]):
        # "A loan lasts 3 days, and no fee is charged. For anything longer, ask us."
        return False
    if _leaves_stump(text, (start, end), cut) or (not cut.text and _GOES_ON.match(text, cut.end, end)):
        return False
    left = (text[start : cut.start] + cut.text + text[cut.end : end]).strip()
    return len(left.split()) >= 3 and (has_verb(left) or not has_verb(text[start:end]))


def _is_spoken_of_behind(text: str, spans: Sequence[tuple[int, int]], number: int, cut: Cut) -> bool:
    """Whether a sentence behind a cut supposes what only the cut has told: "If the search comes to nothing".

    The next two sentences are read, because farther away a thing is mostly named anew.
    """
    known = content(text[: cut.start]) | content(cut.text) | content(text[cut.end : spans[number][1]])
    gone = content(text[cut.start : cut.end]) - known
    for place, (start, end) in enumerate(spans[number + 1 : number + 1 + SENTENCES_BEHIND]):
        following = text[start:end]
        if start < cut.end:
            continue
        is_near = "\n\n" not in text[cut.end : start]
        if _OF_THAT.search(following) or (place == 0 and is_near and _POINTS_BACK.search(following)):
            return True
        things = {stem(match["thing"].lower()) for match in _SUPPOSES.finditer(following)}
        if things & gone:
            return True
        gone -= content(following)
    return False


def _leaves_stump(text: str, span: tuple[int, int], cut: Cut) -> bool:
    """Whether a clause in front of a cut says nothing any more: "a crate may hold", "this is explained".

    So does a clause whose figure goes and whose section stays: "it should be paid; see rule 4".
    """
    before, behind = text[span[0] : cut.start], text[cut.end : span[1]]
    if (
        cut.text
        or not re.match(r" [^(\[]", text[cut.start : cut.end])
        or not re.match(r"\W|$| (?:and|but|or)\b", behind)
    ):
        return False
    clause = re.split(r"[,;:(]\s|\s(?:and|but|or)\s", before)[-1].strip()
    is_frame = _FRAME.fullmatch(clause) is not None
    is_pointed_to = re.search(r"\d", text[cut.start : cut.end]) is not None and _POINTS.match(behind) is not None
    is_torso = any(torso.search(clause) for torso in (_BARE_VERB, _BARE_PASSIVE, _BARE_INTRANSITIVE))
    return is_frame or is_pointed_to or is_torso or _BARE_PARTICIPLE.fullmatch(clause) is not None


def _parenthesis(text: str, span: tuple[int, int], start: int, end: int) -> Iterator[Cut]:
    opening = text.rfind("(", span[0], start + 1)
    closing = text.find(")", end - 1, span[1])
    if opening > span[0] and closing > 0 and "(" not in text[opening + 1 : closing] and ")" not in text[opening:end]:
        yield Cut(opening - (text[opening - 1] == " "), closing + 1)


def _commas(text: str, span: tuple[int, int]) -> list[int]:
    """The commas of a sentence that are outside parentheses and numbers."""
    depth, places = 0, []
    for at in range(*span):
        depth += {"(": 1, "[": 1, ")": -1, "]": -1}.get(text[at], 0)
        # "March 5, 2026" is one day.
        in_a_day = re.match(r", \d{4}\b", text[at : at + 6]) and _MONTH_AND_DAY.search(text, max(0, at - 14), at)
        if text[at] == "," and depth <= 0 and text[at + 1 : at + 2] in (" ", "\n") and not in_a_day:
            places.append(at)
    return places


def _aside(text: str, span: tuple[int, int], start: int, end: int) -> Iterator[Cut]:
    """An aside without a verb between two commas, or a last part behind a comma that only adds to what was said."""
    commas = _commas(text, span)
    before = max((at for at in commas if at < start), default=None)
    if before is None:
        return
    head = text[span[0] : before]
    behind = min((at for at in commas if at >= end), default=None)
    if behind is None:
        stop = _stop(text, span)
        if (
            has_verb(head)
            and not _SUBORDINATE.match(head.strip())
            and _TAIL.match(text[before:stop])
            and start > before + 1
        ):
            yield Cut(before, stop)
        return
    aside, rest = text[before + 2 : behind], text[behind + 1 : _stop(text, span)]
    is_short = not re.search(r"\b(?:and|or)\b", aside) and not has_verb(aside) and len(aside.split()) <= 6
    # "The card, Amex ending 5449, is not ...": a verb must follow, otherwise the aside may be an item of a list.
    # "ADR 12, decided by Castillo, wants ...": right behind a subject further commas do no harm.
    is_subject = commas.index(before) == 0 and len(head.split()) <= 4 and not has_verb(head)
    if (len(commas) == 2 or (is_subject and commas.index(behind) == 1)) and is_short and begins_with_verb(rest.strip()):
        yield Cut(before, behind + 1)


def _stop(text: str, span: tuple[int, int]) -> int:
    """Where the words of a sentence end and its last signs begin."""
    return span[0] + len(text[slice(*span)].rstrip(".!?*_ "))


def _day(text: str, span: tuple[int, int], start: int, end: int) -> Iterator[Cut]:
    """The day of an event that happened: "confirmed on 5 May", "your call of 5 May"."""
    for match in _DAY.finditer(text, span[0], span[1]):
        if match.start() <= start and end <= match.end():
            before, behind = text[span[0] : match.start()], text[match.end() : match.end() + 2]
            word = re.search(r"[\w'-]+$", before)
            # Right behind a comma or the start there is no event.
            if word is None or not re.match(
                r"[.,;:)]|\s(?=and|to|was|is|has|about|in|by|with|under|at|for)|$",
                behind + text[match.end() + 2 : match.end() + 6],
            ):
                continue
            passive = _PARTICIPLE.search(word[0]) and re.search(r"\b(?:was|were|been|is|are)\b", before)
            passive = passive or _DONE_BY.search(before)
            event = _EVENT.search(before)
            # "You bought the lamp on 5 May": the day is that of buying, and not that of a lamp.
            is_object = (
                event is not None and match["lead"] == " on" and not _FREE_OF_VERBS.search(before[: event.start()])
            )
            if (match["lead"] != " of" and passive) or (
                match["lead"] in (" of", " dated", " on") and event is not None and not is_object
            ):
                yield Cut(match.start(), match.end())


def _period(text: str, span: tuple[int, int], start: int, end: int) -> Iterator[Cut]:
    """A period at the end of a clause that is whole without it: "The buyer confirms the order within 6 hours."."""
    stop = min(
        [text.find(sign, end, span[1]) for sign in (",", ";") if text.find(sign, end, span[1]) > 0]
        or [_stop(text, span)]
    )
    match = _PERIOD.search(text[span[0] : stop])
    if match is None or not span[0] + match.start() <= start:
        return
    before = text[span[0] : span[0] + match.start()]
    if has_verb(match[0]) or _SUBORDINATE.match(re.split(r"[,;] | and | but ", before)[-1].removeprefix("and ")):
        return
    # "Tokens are rotated." says nothing.
    is_clause = len(re.split(r"[,;:] ", before)[-1].split()) > FEWEST_WORDS_OF_A_CLAUSE and not _SUBORDINATE.match(
        before.strip()
    )
    if is_clause and not is_incomplete(before):
        yield Cut(span[0] + match.start(), stop)


def _reference(text: str, span: tuple[int, int], start: int, end: int) -> Iterator[Cut]:
    """A number or a name that only says which one or by whom: "looked at it for ticket T-12", "the rule by Obi"."""
    before, behind = text[span[0] : start], text[end : span[1]]
    if not (re.match(r"[.,;:)]", behind) or re.match(rf" (?:{FINITE})\b", behind)):
        return
    which = re.search(
        rf" (?:for|under|in|of|against|with|on|as|at|by way of|by) (?:the |your |our |its )?(?:(?!(?:{FINITE}|most|least)\b)[a-z]+ ){{1,2}}(?:number |no\.? )?$",
        before,
    ) or re.search(r" by (?:the )?(?:Mr |Ms |Mrs |Dr )?$", before)
    # A clause in front of a comma may be a list, whose items must stay alike.
    opened = before.rfind("(")
    if opened > before.rfind(")") and len(before[opened + 1 :].split()) < 4:
        return
    if which is None or is_incomplete(before[: which.start()]) or (behind.startswith(",") and "," in before[-40:]):
        return
    clause = re.split(r"[,;]", before[: which.start()])[-1]
    if _WANTS_A_PLACE.search(clause):
        return
    if (which[0].startswith(" of ") and _SHARE.search(clause)) or (
        which[0].startswith(" by ") and _RULES.search(clause)
    ):
        return
    if re.search(r"[\w)`]$", before[: which.start()].rstrip(",")) and len(before[: which.start()].split()) >= 2:
        comma = before[: which.start()].endswith(",")
        low = span[0] + which.start() - comma
        if not is_governed(text, span, low, end):
            yield Cut(low, end)


def _item_of_enumeration(text: str, span: tuple[int, int], start: int, end: int) -> Iterator[Cut]:
    """An item of "A, B and C", if each item holds a figure and no verb. The first item may begin with the verb."""
    if _ITEM.match(text[slice(*span)]):
        return
    # "We sell this: 2 pegs, 3 ropes and 1 bag." Behind the colon the first item is no more than an item.
    colon = text.rfind(": ", span[0], start)
    low = span[0] if colon < 0 or has_verb(text[colon : span[1]]) else colon + 2
    if low > span[0] and _COUNTED.search(text, span[0], colon):
        return
    marks = [
        m for m in re.finditer(r", and |,? and |, ", text[low : span[1]]) if not is_inside(text, span, low + m.start())
    ]
    bounds = [(low + m.start(), low + m.end()) for m in marks]
    edges = [low, *(b for _, b in bounds)]
    stops = [*(a for a, _ in bounds), _stop(text, span)]
    here = next((n for n, (a, b) in enumerate(zip(edges, stops, strict=True)) if a <= start and end <= b), None)
    is_list = low > span[0]
    if here is None or (here == 0 and not is_list):
        return

    def plain(n: int) -> bool:
        item = text[edges[n] : stops[n]]
        return (
            bool(re.search(r"\d", item))
            and not has_verb(item)
            and not re.search(r"\b(?:if|which|who|that|but)\b", item)
        )

    if not plain(here):
        return
    if is_list and here == 0:
        # "Cards arrive in 5 days, cheques in 9 and cash in 2": the verb of the first item is that of all.
        is_gapped = any(_FIGURE_OF_VERB.search(text[a:b]) for a, b in zip(edges, stops, strict=True))
        if len(edges) > 2 and all(plain(n) for n in range(len(edges))) and not is_gapped:
            yield Cut(edges[0], edges[1])
        return
    first = here
    while first > 1 and plain(first - 1):
        first -= 1
    last = here
    while last + 1 < len(edges) and plain(last + 1):
        last += 1
    lead = first - 1 if re.search(r"\d", text[edges[first - 1] : stops[first - 1]]) else first
    # The items are `lead` to `last`; the last of them must stand behind "and" at the end of the sentence.
    joint = text[bounds[last - 1][0] : bounds[last - 1][1]]
    if last != len(edges) - 1 or "and" not in joint or here == lead:
        return
    if here < last:
        yield Cut(bounds[here - 1][0], stops[here])
    elif last - lead >= 2:
        before = bounds[last - 2]
        yield Cut(before[0], stops[last], f"{joint}{text[edges[last - 1] : stops[last - 1]]}")
    elif not re.search(r"\b(?:are|were|two|both|following)\b", text[span[0] : stops[lead]]):
        # "The limits are 3 rows" has one limit too few.
        yield Cut(bounds[last - 1][0], stops[last])


def _clause(text: str, span: tuple[int, int], start: int, end: int) -> Iterator[Cut]:
    """A main clause before or behind a semicolon or a conjunction, or what a subject does besides ("and costs $5")."""
    stop = _stop(text, span)
    item = _ITEM.match(text[slice(*span)])
    low = span[0] + (item.end() if item else 0)
    joints = [
        m for m in re.finditer(r"; |,? (?:and|but) ", text[low:stop]) if not is_inside(text, span, low + m.start())
    ]
    for joint in joints:
        a, b = low + joint.start(), low + joint.end()
        before, behind = text[low:a], text[b:stop]
        # "Once that is in, the change waits": the main clause begins behind the comma.
        # Behind a colon something new begins: "On the branch: it carries 4 panels, the soak lasts 9 days, and ...".
        led = before.rpartition(": ")[2]
        main = before.rpartition(", ")[2] if _SUBORDINATE.match(led.strip()) and ", " in led else before
        if re.search(r"\bboth\b|\beither\b|\bbetween\b", before) or _SUBORDINATE.match(main.strip()):
            continue
        if main is not before and not has_verb(main):
            continue
        # "A is here, B is there, and C is gone": without C the comma would join two sentences.
        is_series = (
            main is before and joint[0].startswith(",") and has_verb(before.rpartition(", ")[2]) and ", " in before
        )
        if is_series and not re.match(r"(?:which|who|where|as|so|if|when)\b", before.rpartition(", ")[2]):
            continue
        strong = joint[0].startswith((";", ","))
        named = re.match(rf"{SUBJECT}\b", behind) or (strong and _BARE_SUBJECT.match(behind))
        whole = named and has_verb(behind) and (strong or ANAPHOR.match(behind))
        semicolon = behind.find("; ")
        end_of_clause = stop if semicolon < 0 else b + semicolon
        shared = re.match(rf"(?:{FINITE})\b", behind)
        is_last = not re.search(r",? (?:and|but) ", text[b:end_of_clause])
        if b <= start and end <= end_of_clause and has_verb(before) and (whole or shared) and is_last:
            cited = _CITES_LAST.search(text, b, end_of_clause)
            if cited and end <= cited.start():
                # The section behind the last clause is cited for the clause before it, too.
                yield Cut(a, cited.start())
            yield Cut(a, end_of_clause)
        subject = _SIMPLE_SUBJECT.match(text, low)
        if subject and end <= a and subject.end() <= start and shared and not _HAS_CLAUSES.search(before):
            # "It weighs 2 kg and has a lid" has one subject for both. "It says that tea costs $2 and has lemon" has two.
            yield Cut(subject.end(), b)
        first_clause = (
            strong
            and whole
            and not leans(behind)
            and not refers_back(behind)
            and not points_back(behind)
            and not re.search(r"\b(?:enough|sufficient|suffices?|will do)\b", behind)
            and not re.search(r"; ", before)
        )
        if end <= a and first_clause and has_verb(before) and not _LABEL.match(text[low:stop]) and ", " not in before:
            yield Cut(low, b + 1, text[b].upper())


def _line_of_list(text: str, start: int, end: int) -> Iterator[Cut]:
    """A whole item of a list that keeps two items. In a numbered list only the last item can go."""
    low = text.rfind("\n", 0, start) + 1
    high = text.find("\n", end)
    high = len(text) if high < 0 else high
    item = _ITEM.match(text[low:high])
    if item is None:
        return
    before, behind = text[:low].rstrip("\n").rpartition("\n")[2], text[high + 1 :].partition("\n")[0]
    above = text[:low].rstrip("\n").split("\n")
    while above and (_ITEM.match(above[-1]) or not above[-1].strip() or above[-1][0].isspace()):
        above.pop()
    if above and _COUNTED.search(above[-1]) and above[-1].rstrip(" *_").endswith((":", ".")):
        return
    beside = [line for line in (before, behind) if _ITEM.match(line)]
    is_last = _ITEM.match(behind) is None
    if beside and (item["mark"] in "-*\u2022" or is_last) and not behind.startswith((" ", "\t")):
        items = sum(1 for line in text.split("\n") if _ITEM.match(line))
        if items >= 3:
            yield Cut(low - 1, high) if low else Cut(low, high + 1)


def _sentence(text: str, spans: Sequence[tuple[int, int]], number: int) -> Iterator[Cut]:
    start, end = spans[number]
    own = text[start:end]
    yield from _paragraph(text, spans, number)
    is_whole = has_verb(own) or (own.endswith(".") and len(own.split()) >= FEWEST_WORDS)
    if _LABEL.match(own) or _ITEM.match(own) or own.rstrip().endswith(":") or not is_whole:
        return
    if not follows_alone(text, spans, number) or number == 0:
        return
    line = text.rfind("\n", 0, start) + 1
    stop = text.find("\n", end)
    stop = len(text) if stop < 0 else stop
    before = text[line:start].strip()
    alone = not before and not text[end:stop].strip()
    previous = text[slice(*spans[number - 1])] if number else ""
    if previous and _ANNOUNCES.search(previous):
        return
    if before and (not has_verb(previous) or any(_ANNOUNCES.search(text[a:b]) for a, b in spans if line <= a < start)):
        # "Rent. The rent is ...": the label would stand alone, or before what it does not announce.
        return
    if alone:
        above = text[:line].rstrip("\n").rpartition("\n")[2]
        if (
            not above
            or above.startswith("#")
            or above.rstrip().endswith((":", "**"))
            or not re.search(r"[.!?,)]$", above.rstrip())
        ):
            return
        yield Cut(text.rfind("\n\n", 0, line) if text[:line].endswith("\n\n") else line - 1, stop)
    elif before:
        yield Cut(start - len(text[line:start]) + len(text[line:start].rstrip()), end)
    else:
        after = len(text[end:stop]) - len(text[end:stop].lstrip(" "))
        yield Cut(start, end + after)


def _paragraph(text: str, spans: Sequence[tuple[int, int]], number: int) -> Iterator[Cut]:
    """A whole paragraph that consists of a label and one sentence: "**Notices.** Any notice goes by letter."."""
    start, end = spans[number]
    line, stop = text.rfind("\n", 0, start) + 1, text.find("\n", end)
    inside = [text[a:b] for a, b in spans if line <= a and (stop < 0 or b <= stop)]
    if not text[:line].endswith("\n\n") or text[stop : stop + 2] != "\n\n" or _ITEM.match(text[line:end]):
        return
    is_label = (
        len(inside) == 2 and inside[1] == text[start:end] and not has_verb(inside[0]) and len(inside[0].split()) <= 6
    )
    is_bold = len(inside) == 1 and text[start:end].startswith("**") and _LABEL.match(text[start:end])
    above = text[: line - 2].rpartition("\n\n")[2]
    if (is_label or is_bold) and number > 1 and not above.rstrip().endswith(":") and follows_alone(text, spans, number):
        yield Cut(line - 2, stop)
