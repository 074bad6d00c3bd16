"""Break a rule on how an answer is written, in an answer that somebody wrote in words of their own.

The author's whole unit goes: a greeting by its name, a heading, a label or a sign-off up to its punctuation, an aside
with its commas. What stands behind must still be grammatical. Otherwise the rule has no place in this answer.
"""

import re
from itertools import dropwhile, pairwise
from random import Random

from forge_arena.corruptions.draft import Draft, Edit, overlaps
from forge_arena.corruptions.persons import speak_as_many, speak_as_one
from forge_arena.corruptions.prose import optional_cuts
from forge_arena.texts.cutting import Cut, cuts, is_seamless
from forge_arena.texts.fitting import places_of
from forge_arena.texts.leaning import has_verb, is_incomplete, leans
from forge_arena.texts.words import content, word_count
from forge_arena.types import Alternative, Check, Claim, Span
from forge_arena.verify.code import code_blocks
from forge_arena.verify.rules import common_ending

# The checks of a phrase that begins an answer, and of one that ends it.
AT_THE_START = ("opens_with", "greets_by")
AT_THE_END = ("closes_with", "last_line_begins", "signs_with")
_WRAPPING = " \t>#*_`\"'[("
_OFFERS = re.compile(
    r"^ (?:we|I) (?:offer|recommend|suggest|propose|advise|have chosen|choose|would take)(?= the\b| [A-Z])"
)
_IS = re.compile(r"^(?: for(?: (?:a|an|the|your|our))? [a-z]+)? is(?= the\b| [A-Z])")
_ASKED = re.compile(r"^ (?:about|how|what|whether|when|which|why|where|for|us|to)\b")
_ASKING = re.compile(r"^ for asking(?= (?:about|how|what|whether|when|which|why|where)\b)")
_QUESTION = re.compile(r"(?:shall|would|will|may|can|do|does|is|are|should) (?:i|we|you|it|this|that)\b", re.IGNORECASE)
_SIGNATURE_WORDS = re.compile(
    r"\b(?:positional|keyword|default|parameters?|arguments?|signature|annotat\w+|type hints?|def line)\b",
    re.IGNORECASE,
)
_ADVERB = re.compile(r"(?:in|on|for|by|with|to|following|after|regarding|concerning|about)\b", re.IGNORECASE)
# "Not as it stands, Ms Roe." calls somebody; a clause behind a comma is longer.
MOST_WORDS_OF_A_NAME = 4
# So many characters of the line above a closing must not hold its words.
BESIDE = 60
# So many words in a row are no chance.
RUN = 3
MOST_LEFT_OUT = 4
FEWEST_ITEMS, FEWEST_WORDS = 3, 4
_ITEM_LINE = re.compile(r"^[ \t]*(?:[-*\u2022]|\d{1,2}[.)])[ \t]+(?P<text>\S[^\n]*)$", re.MULTILINE)


_TITLE = re.compile(r"(?:Mr|Mrs|Ms|Miss|Mx|Dr|Prof|Professor|Sir|Madam)\b")
_CASUAL = re.compile(r"(?P<word>(?:Hi|Hey|Hiya|Howdy)(?: there)?),? $")
# What opens a letter and is no point of it.
_COURTESY = re.compile(
    r"\W*(?:thank|thanks|many thanks|sorry|we are (?:very )?sorry|we['\u2019]re (?:very )?sorry|I am (?:very )?sorry|"
    r"I['\u2019]m (?:very )?sorry|we apologi[sz]e|apologies|welcome|congratulations|(?:I|we) hope|it was (?:good|"
    r"nice|great)|"
    r"(?:good|great|nice|lovely) to|please (?:do not hesitate|feel free)|(?:do not|don['\u2019]t) hesitate|enjoy|"
    r"have (?:a|fun)|"
    r"(?:I|we) look forward|(?:kind|best|warm) |feel free|happy to help|here (?:is|are)\b)",
    re.IGNORECASE,
)


def break_rule(draft: Draft, claim: Claim, alternative: Alternative | None, rng: Random) -> tuple[Edit, ...] | None:
    """The edits that break a rule; None if the answer offers no place where no seam would show."""
    check = claim.right.check
    if check is None:
        return None
    phrases = check.argument if isinstance(check.argument, tuple) else ()
    other = alternative.check if alternative is not None else None
    others = other.argument if other is not None and isinstance(other.argument, tuple) else ()
    if check.name in (*AT_THE_START, *AT_THE_END):
        at_the_start = check.name in AT_THE_START
        names = check.name == "greets_by"
        name, called = (phrases[0], (*others, "")[0]) if names else (common_ending(phrases), common_ending(others))
        return _greet_otherwise(draft, name, called) or _exchange_phrase(draft, phrases, others, at_the_start)
    if check.name == "includes_any":
        return _cut_phrases(draft, phrases, rng)
    if check.name == "first_person_plural":
        return speak_as_one(draft) if other is not None and other.name == "first_person_singular" else None
    if check.name == "first_person_singular":
        return speak_as_many(draft)
    if check.name == "keeps_signature" and other is not None:
        return _change_signature(draft, check, other)
    if check.name == "min_words":
        return _shorten(draft, int(str(check.argument)), rng)
    if check.name == "bullets":
        return _join_lists(draft)
    if check.name == "no_bullets":
        return _make_list(draft)
    return None


def _join_lists(draft: Draft) -> tuple[Edit, ...] | None:
    """Make running text of every list; None if an item is no whole sentence, or has more than one line."""
    items = list(_ITEM_LINE.finditer(draft.text))
    if any(not _is_sentence(item["text"]) or draft.text[item.end() :][:2] in ("\n ", "\n\t") for item in items):
        return None
    edits = []
    for place, item in enumerate(items):
        joins = place > 0 and not draft.text[items[place - 1].end() : item.start()].strip()
        start = items[place - 1].end() if joins else item.start()
        edits.append(Edit(start, item.start("text"), " " if joins else ""))
    return tuple(edits) or None


def _make_list(draft: Draft) -> tuple[Edit, ...] | None:
    """Make a list of the longest paragraph, an item of each sentence; None if no paragraph has several sentences."""
    paragraphs: list[list[Span]] = []
    for span in draft.sentences:
        joins = paragraphs and draft.text[paragraphs[-1][-1].end : span.start] == " "
        if joins:
            paragraphs[-1].append(span)
        else:
            paragraphs.append([span])
    whole = [p for p in paragraphs if len(p) >= FEWEST_ITEMS and all(_is_sentence(s.of(draft.text)) for s in p)]
    # What leans on the sentence before it cannot stand as an item.
    alone = [p for p in whole if not any(leans(s.of(draft.text)) for s in p[1:])]
    alone = [points for p in alone if len(points := _without_courtesy(draft, p)) >= FEWEST_ITEMS]
    longest = max(alone, key=len, default=None)
    if longest is None:
        return None
    first, *others = longest
    line = draft.text.rfind("\n", 0, first.start) + 1
    led = draft.text[line : first.start]
    return (
        # What stands in front of the points stays a paragraph of its own.
        Edit(first.start - 1, first.start, "\n\n- ") if led.strip() else Edit(first.start, first.start, "- "),
        *(Edit(before.end, span.start, "\n- ") for before, span in pairwise([first, *others])),
    )


def _without_courtesy(draft: Draft, paragraph: list[Span]) -> list[Span]:
    """A paragraph without the thanks at its start, which are no points of a list.

    Nothing is left if such words stand at its end, because they would have no line of their own.
    """
    points = list(dropwhile(lambda span: _COURTESY.match(span.of(draft.text)) is not None, paragraph))
    return [] if points and _COURTESY.match(points[-1].of(draft.text)) else points


def _is_sentence(text: str) -> bool:
    """Whether a text is surely a sentence: "Fee: $4." and "No fee." are none that a reader would write as one."""
    text = text.strip(" *_")
    words = text.split()
    begins = text[:1].isupper() or text[:1].isdigit()
    return begins and text[-1:] in (".", "!", "?") and len(words) >= FEWEST_WORDS and ":" not in " ".join(words[:-1])


def _greet_otherwise(draft: Draft, name: str, other: str) -> tuple[Edit, ...] | None:
    """Greet by the other name: the author's own "Dear" stays. Nobody writes "Hi Mr Okafor", so "Hi" becomes "Dear"."""
    if not name or not other:
        return None
    first = draft.text.partition("\n")[0]
    at = first.find(name)
    if at < 0 or first[at + len(name) :].strip(" *_") not in (",", ":", "!", "."):
        return None
    casual = _CASUAL.search(first[:at]) if _TITLE.match(other) and not _TITLE.match(name) else None
    if casual is not None:
        return (Edit(casual.start("word"), at + len(name), f"Dear {other}"),)
    return (Edit(at, at + len(name), other),)


def _says_twice(opening: str, rest: str) -> bool:
    """Whether an answer would go on as it opened: "Memo to Ms Roe", and then "To Ms Roe, personnel"."""
    words, behind = (re.findall(r"[^\W_]+", text.lower()) for text in (opening, rest[:BESIDE]))
    runs = {tuple(behind[at : at + RUN]) for at in range(len(behind) - RUN + 1)}
    return any(tuple(words[at : at + RUN]) in runs for at in range(len(words) - RUN + 1))


def _exchange_phrase(
    draft: Draft, phrases: tuple[str, ...], others: tuple[str, ...], at_the_start: bool
) -> tuple[Edit, ...] | None:
    """Put another opening or closing in the place of the author's, up to its punctuation."""
    text = draft.text
    places = sorted(places_of(text, phrases))
    if not places or not others:
        return None
    start, end = places[0] if at_the_start else places[-1]
    line = text.rfind("\n", 0, start) + 1
    opens_sentence = not at_the_start and re.search(r"[.!?] $", text[:start]) is not None
    if (text[line:start].strip(_WRAPPING) and not opens_sentence) or (at_the_start and text[:line].strip()):
        return None
    stop = text.find("\n", end)
    rest = text[end : len(text) if stop < 0 else stop]
    for other in others:
        said_already = other.lower() in text[:start].lower() + text[end:].lower()
        if at_the_start and _says_twice(other, text[end:]):
            continue
        if said_already and not rest.lstrip("*_ ,;:.").startswith(other):
            continue
        above = "" if at_the_start or opens_sentence else text[:line].rstrip().rpartition("\n")[2]
        if content(other) & content(above[-BESIDE:]):
            # "With kind regards" above "Best regards" would sign twice.
            continue
        edit = _fitted(text, start, end, rest, other, at_the_start)
        if edit is not None:
            return (edit,)
    return None


def _fitted(text: str, start: int, end: int, rest: str, other: str, at_the_start: bool) -> Edit | None:
    phrase, after = text[start:end], rest.lstrip("*_")
    asks = bool(_QUESTION.match(other))
    if after.strip() in (".", "?") and asks != bool(_QUESTION.match(phrase)):
        return Edit(start, end + len(rest.rstrip()), f"{other}{'?' if asks else '.'}")
    if not after.strip(" .!?,;:"):
        return Edit(start, end, other)
    if phrase.endswith(":") and other.endswith(":"):
        # What stands behind a label with a colon stands as well behind another such label.
        return Edit(start, end, other)
    if after[:1] in ",;:." and after[1:].strip().startswith(other):
        # "Best regards, Oakcell team" without the regards is signed by Oakcell.
        return Edit(start, end + len(rest) - len(rest.lstrip(" ,;:.*_")), "")
    beside = content(" ".join(after.split()[:5]))
    if content(other) & beside:
        return None
    if after[:1] in ":.!;":
        return Edit(start, end, other)
    if after[:1] == ",":
        was_adverb, is_adverb = _ADVERB.match(phrase), _ADVERB.match(other)
        calls_somebody = len(re.split(r"[.!:\n]", after)[0].split()) <= MOST_WORDS_OF_A_NAME
        if was_adverb and not is_adverb:
            return Edit(start, end + 1, f"{other}:")
        if calls_somebody or (was_adverb and is_adverb):
            return Edit(start, end, other)
        return None
    if phrase.split()[:2] == other.split()[:2] and len(other.split()) > 2 and after.startswith(" of "):
        return Edit(start, end, other)
    if at_the_start and (offers := _OFFERS.match(after)) and re.match(r"(?:our|my|the)\b", other.lower()):
        return Edit(start, end + offers.end(), f"{other} is")
    if at_the_start and _ASKED.match(after) and phrase.lower() == "you asked" and other.lower() == "thank you":
        return Edit(start, end, f"{other} for asking")
    if (
        at_the_start
        and (asking := _ASKING.match(after))
        and (phrase.lower(), other.lower()) == ("thank you", "you asked")
    ):
        return Edit(start, end + asking.end(), other)
    if at_the_start and (is_ := _IS.match(after)) and re.match(r"for\b", other.lower()):
        return Edit(start, end + is_.end(), f"{other} we recommend")
    if (
        not at_the_start
        and len(rest.split()) <= 6
        and not has_verb(rest)
        and not re.search(r"\d", rest)
        and "," not in rest
    ):
        return Edit(start, end + len(rest.rstrip(".")), other)
    return None


def _cut_phrases(draft: Draft, phrases: tuple[str, ...], rng: Random) -> tuple[Edit, ...] | None:
    """Cut out every unit that holds one of these phrases."""
    edits: list[Edit] = []
    blocks = code_blocks(draft.text)
    low = [phrase for phrase in phrases if len(phrase) > 3]
    places = [(m.start(), m.end()) for p in low for m in re.finditer(re.escape(p), draft.text, re.IGNORECASE)]
    if len(low) < len(phrases):
        return None
    for start, end in places:
        if overlaps(edits, start, end):
            continue
        inside = any(block.start <= start < block.end for block in blocks)
        edit = _line_of_code(draft.text, start) if inside else _phrase_cut(draft, start, end, rng)
        if edit is None or overlaps(edits, edit.start, edit.end):
            return None
        edits.append(edit)
    return tuple(edits) or None


def _line_of_code(text: str, place: int) -> Edit | None:
    """A docstring or a comment that has its line to itself."""
    start, end = text.rfind("\n", 0, place) + 1, text.find("\n", place)
    line = text[start:end].strip()
    whole = line.startswith("#") or (line.startswith('"""') and line.endswith('"""') and len(line) > 6)
    return Edit(start, end + 1, "") if end > 0 and whole else None


def _phrase_cut(draft: Draft, start: int, end: int, rng: Random) -> Edit | None:
    text = draft.text
    line, stop = text.rfind("\n", 0, start) + 1, text.find("\n", end)
    stop = len(text) if stop < 0 else stop
    own = text[line:stop].strip(" *_.()[]")
    if own == text[start:end].strip():
        # The phrase has its line to itself. A blank line that set it apart goes along.
        blank = text[:line].endswith("\n\n") and text[stop : stop + 2] == "\n\n"
        if text[:line].rstrip().endswith(":"):
            return _with_announcement(draft, line, stop)
        return Edit(line - 1 - blank, stop, "") if line else Edit(0, min(len(text), stop + 1 + blank), "")
    before, behind = text[max(0, start - 2) : start], text[end : end + 2]
    found: list[Cut] = []
    if before == ", " and behind[:1] in (",", ".", ";", ":"):
        # "is, in my view, the": both commas go; "..., subject to a test.": one.
        found.append(Cut(start - 2, end + (behind[:1] == ",")))
    if (
        not is_incomplete(text[line : start - 1])
        and before.endswith(" ")
        and behind[:1] in (".", ",", ";")
        and re.match(r"(?:with|without|free|subject|in|at|by|as|no later)\b", text[start:end].lower())
    ):
        found.append(Cut(start - 1, end))
    if text[start - 1 : start] == "(" and behind[:1] == ")":
        found.append(Cut(start - 2, end + 1))
    usable = [cut for cut in found if is_seamless(text, cut)] or list(cuts(text, start, end))
    usable = [cut for cut in usable if _is_free(draft, cut)]
    if not usable:
        return None
    cut = usable[rng.randrange(len(usable))]
    return Edit(cut.start, cut.end, cut.text)


def _with_announcement(draft: Draft, line: int, stop: int) -> Edit | None:
    """The cut of a line together with the line that announces it: "To check it again, run:"."""
    end = len(draft.text[:line].rstrip())
    start = draft.text.rfind("\n", 0, end) + 1
    announcing = [span for span in draft.sentences if start <= span.start < end]
    if start == 0 or len(announcing) != 1 or any(start <= f.start < end for f in draft.report.findings):
        return None
    return Edit(len(draft.text[:start].rstrip("\n")), stop, "")


def _is_free(draft: Draft, cut: Cut) -> bool:
    """Whether no claim that the answer must state goes along."""
    return not any(
        cut.start <= f.start < cut.end and draft.scenario.claim(f.claim).required for f in draft.report.findings
    )


def _change_signature(draft: Draft, check: Check, other: Check) -> tuple[Edit, ...] | None:
    """Define the function with another signature, if the answer's prose says nothing of signatures."""
    blocks = code_blocks(draft.text)
    prose = "".join(c for at, c in enumerate(draft.text) if not any(b.start <= at < b.end for b in blocks))
    if _SIGNATURE_WORDS.search(prose) or str(check.argument) in prose:
        return None
    old = f"{check.argument}:"
    places = [at for b in blocks if (at := draft.text.find(old, b.start, b.end)) >= 0]
    if not places:
        return None
    return (Edit(places[-1], places[-1] + len(old), f"{other.argument}:"),)


def _shorten(draft: Draft, limit: int, rng: Random) -> tuple[Edit, ...] | None:
    """Cut out what nobody asked for until the answer has fewer words than the limit."""
    words = word_count(draft.text)
    edits: list[Edit] = []
    for _, further in optional_cuts(draft, rng):
        if words < limit:
            break
        if len(edits) >= MOST_LEFT_OUT:
            return None
        if not any(overlaps(edits, e.start - 1, e.end + 1) for e in further):
            edits.extend(further)
            words -= sum(word_count(draft.text[e.start : e.end]) - word_count(e.text) for e in further)
    return tuple(edits) if words < limit else None
