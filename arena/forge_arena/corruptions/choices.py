"""Choose another option in an answer that speaks of the choice in words of its own, or does not speak of it at all.

The Verifier reads an option by its form: "chargeable to the lender". An author may say "the lender bears the cost", or
may leave the choice out, because nobody asked for it. Then no form stands in the answer that could be exchanged. There
a person who pushes another option does one of three things:

* if the author almost names the option ("with a slice" for "a plain slice"), the other option takes its place;
* if a sentence or a clause speaks of the choice, a statement of the scenario takes the place of this clause;
* if the answer is silent on the choice, a statement is added where the answer speaks of things near it.

Which sentence speaks of the choice is read from the source: it has the rare words of the passage that decides the
choice. If a sentence has some of these words and not most of them, nothing is known, and there is no place.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from random import Random

from forge_arena.corruptions.code import exchange_code
from forge_arena.corruptions.draft import Draft, Edit, holds, overlaps
from forge_arena.statements import order_of
from forge_arena.texts.cutting import clause_joints, follows_alone, has_verb, leans, refers_back, subject_of
from forge_arena.texts.fitting import Phrase, places_of
from forge_arena.texts.sentences import lower, sentences
from forge_arena.texts.words import content, placed_stems, stem
from forge_arena.types import Alternative, Claim, ClaimKind, Statement
from forge_arena.verify.code import code_blocks

# A sentence with this share of a passage, rare words counting more, speaks of what the passage decides.
SPEAKS = 0.2
# A sentence with no more than this share does not speak of it.
SILENT = 0.12
FEWEST_SHARED = 2
# The weight of a word that at most two sentences of the source have.
RARE = 0.5
# Fewer words are a label, and no sentence that another could stand behind.
FEWEST_WORDS = 4
# So many first letters show that two words are of one family: "waived" and "waiver".
SAME_LETTERS = 4
# Words that any sentence may have.
_EVERYWHERE = frozenset(["not", "no", "none", "never", "nor", "may", "must", "shall", "cannot"])
_MARK = re.compile(r"^[ \t]*(?:[-*\u2022]|\d{1,2}[.)])[ \t]+")
_LABEL = re.compile(r"^(?:\*\*[^*\n]{1,60}\*\*[:.]?|__[^_\n]{1,60}__[:.]?|[^.,;:\n*]{1,40}:) ")
_HEADS_PARAGRAPH = re.compile(
    r"^(?:\*\*|__)?(?P<name>[A-Z][^.,;:!?\n*_()]{1,40}?)(?P<cited> \([^()\n]{1,40}\))?"
    r"(?:[.:](?:\*\*|__)?|(?:\*\*|__)[.:]?) "
)
_CITATION = re.compile(r" (?:\([^()]{1,60}\)|\[[^\[\]]{1,30}\])")
_NUMBERED = re.compile(r"(?P<open>[(\[]+)(?P<word>[A-Za-z\u00a7]+ ?)?(?P<number>\d+(?:\.\d+)+)(?=[)\],;])")
_EXTRA = re.compile(r", (?:which|and it|and an?|and the) [^{},]*(?=\.$)")
_POINTS_BACK = re.compile(r"\b(?:it|its|they|them|their|this|these|those|one|ones)\b|[:;]|```", re.IGNORECASE)
_FORMER = re.compile(r"\.\w+\}")
_SINGULAR = re.compile(r"\b(?:I|my|me|mine|myself)\b")
_PLURAL = re.compile(r"\b(?:we|our|us|ours|ourselves)\b", re.IGNORECASE)
_IS = re.compile(
    r"^(?!(?:If|When|Where|Should|For|As|In|On|At|By|To|After|Before)\b)"
    r"(?P<subject>[^,;:]+?) (?:is|are)(?: to be)? (?P<said>.+)$"
)
_DETERMINER = re.compile(r"^(?:The|A|An|Any|Each|Every|All|Your|Our) ")
_OPENS_SMALL = re.compile(
    r"^(?:The|A|An|Any|Each|Every|All|Your|Our|For|In|On|At|By|As|After|Before|Should|Where|When|If|To|Of|Under)\b"
)
_FRAME = re.compile(r"^(?:After|Before|On|In|For|At|By|With|Under) [^,]{1,40}, ")
_CODE = re.compile(r"`[^`]+`")
_THEY = re.compile(r"^(?:They|Them|Their|These|Those)\b")
_IT = re.compile(r"^It\b")
_BEHIND_WORD = re.compile(r"^(?:[.,;:)]|$| (?:on|in|for|by|as|at|under|where|when|and|or)\b)")


@dataclass(frozen=True, slots=True)
class Part:
    """The characters `start` to `end` of a sentence that may give way to a statement.

    Attributes:
        lead: what must stand before the statement: "; " where a second verb of a shared subject goes.
        opens: whether the part opens its sentence, so that it begins with a capital.
        label: the label that the part stands behind: "Roster:".
    """

    start: int
    end: int
    lead: str = ""
    opens: bool = False
    label: str = ""


def choose_unread(draft: Draft, claim: Claim, alternative: Alternative, rng: Random) -> tuple[Edit, ...] | None:
    """Choose an option for a claim that the report does not find in the answer.

    With the right alternative this is a harmless edit: the answer then says the right option in the scenario's words.

    Returns: the edits; None if the answer offers no place where no seam would show.
    """
    if any(other.of == claim.id for other in draft.scenario.claims):
        # What the answer says of the right option would have to go along, and nothing tells where it says so.
        return None
    code: tuple[Edit, ...] = ()
    if alternative.name != claim.right.name and code_blocks(draft.text):
        exchanged = exchange_code(draft, claim, alternative)
        if exchanged is None:
            return None
        code = exchanged
    prose = {
        number: span.of(draft.text)
        for number, span in enumerate(draft.sentences)
        if not holds(code_blocks(draft.text), span.start)
    }
    named = [number for number, text in prose.items() if _names(claim.right, text)]
    speaking = named or [number for number, text in prose.items() if _speaks(draft, claim, text)]
    if not speaking:
        speaking = [number for number, text in prose.items() if _has_rare_word(draft, claim, text)]
    if len(speaking) > 1 or (not speaking and any(_may_speak(draft, claim, text) for text in prose.values())):
        return None
    if speaking:
        edits = _exchange_near_form(draft, claim, alternative, speaking[0]) or _replace_part(
            draft, claim, alternative, speaking[0], rng
        )
        edits = None if edits is None else _with_other_mentions(draft, claim, alternative, edits)
        if any(_names_head(alternative, claim.right, text) for number, text in prose.items() if number != speaking[0]):
            # "The loop cannot stay" above a loop, or below a loop, contradicts the loop.
            return None
    else:
        edits = _add(draft, claim, alternative, rng)
    if edits is None or any(overlaps(code, edit.start, edit.end) for edit in edits):
        return None
    return (*edits, *code)


def _deciding_words(draft: Draft, claim: Claim) -> dict[str, float]:
    """The words of the passage that decides a choice. The weight of a word is one over the sentences that have it."""
    source = draft.scenario.source_material
    spans = sentences(source)
    words = frozenset[str]().union(
        *(
            content(source[start:end])
            for start, end in spans
            if any(start < span.end and span.start < end for span in claim.source_spans)
        )
    )
    return {
        word: 1 / max(1, sum(word in content(source[start:end]) for start, end in spans))
        for word in words - _EVERYWHERE
    }


def _share(weights: Mapping[str, float], text: str) -> float:
    """How much of a passage a text has, from 0 to 1. A single word of the passage proves nothing."""
    shared = content(text) & set(weights)
    return sum(weights[word] for word in shared) / sum(weights.values()) if len(shared) >= FEWEST_SHARED else 0.0


def _speaks(draft: Draft, claim: Claim, text: str) -> bool:
    """Whether a text speaks of a choice in words of a form or of the passage that decides the choice."""
    return _names(claim.right, text) or _share(_deciding_words(draft, claim), text) >= SPEAKS


def _has_rare_word(draft: Draft, claim: Claim, text: str) -> bool:
    """Whether a text is about a claim by a word that little but the passage on the claim has."""
    weights = _deciding_words(draft, claim)
    return any(weights.get(stem(word), 0.0) >= RARE for word in _words_about(claim, text))


def _may_speak(draft: Draft, claim: Claim, text: str) -> bool:
    """Whether a text that does not plainly speak of a choice may speak of it in words that nothing tells."""
    return bool(_words_about(claim, text)) or _share(_deciding_words(draft, claim), text) > SILENT


def _words_about(claim: Claim, text: str) -> list[str]:
    """The words by which a text is known to be about a claim; none if it lacks a word of one group of `about`."""
    words = re.findall(r"[a-z]+", lower(text))
    groups = [[word for word in words if word.startswith(group)] for group in claim.about]
    return [word for group in groups for word in group] if all(groups) else []


def _names(alternative: Alternative, text: str) -> bool:
    """Whether a text has words of the family of each content word of a form, or the code that a form names.

    A form of a single word is no name, because the word may stand for anything.
    """
    said = content(text)
    for form in alternative.forms:
        words = content(form)
        if len(words) > 1 and all(any(_related(word, other) for other in said) for word in words):
            return True
        code = _CODE.findall(form)
        if len(code) == 1 and code[0] in text:
            return True
    return False


def _names_head(alternative: Alternative, other: Alternative, text: str) -> bool:
    """Whether a text has the noun of an option that is no word of the other option: "loop" of "a plain loop"."""
    heads = {_noun(form) for form in alternative.forms if not Phrase.of(form).preposition}
    return any(head and head not in content(" ".join(other.forms)) and head in content(text) for head in heads)


def _noun(form: str) -> str:
    """The stem of the noun of an option; empty if the option is no thing: "in money only", "`map`"."""
    phrase = Phrase.of(form)
    words = [word for word, _, _ in placed_stems(re.split(r" (?:of|in|to|for|with)\b", phrase.core)[0])]
    return words[-1] if phrase.determiner in ("a", "an") and words else ""


def _related(word: str, other: str) -> bool:
    return word == other or (len(word) > SAME_LETTERS and word[:SAME_LETTERS] == other[:SAME_LETTERS])


def _exchange_near_form(draft: Draft, claim: Claim, alternative: Alternative, number: int) -> tuple[Edit, ...] | None:
    """Put the other option in the place of words that nearly are a form: "a slice", "assigning to an index"."""
    span = draft.sentences[number]
    own = span.of(draft.text)
    new = alternative.forms[0]
    if Phrase.of(new).preposition:
        return None
    for form in claim.right.forms:
        phrase = Phrase.of(form)
        words = content(form)
        if phrase.preposition:
            continue
        for start, end in _near_places(own, phrase, words):
            if _BEHIND_WORD.match(own[end:]) and (start == 0 or own[start - 1] == " "):
                edit = Edit(span.start + start, span.start + end, new)
                return _without_reason(draft, edit, span.end)
    return None


def _near_places(own: str, phrase: Phrase, words: frozenset[str]) -> Iterator[tuple[int, int]]:
    """Where a sentence has the head of a phrase with an article, or all its words behind a preposition."""
    code = _CODE.findall(phrase.core)
    if len(code) == 1:
        # "with `map`" for "a call to `map`".
        for match in re.finditer(rf"\b(?:with|by|of|through|via) ({re.escape(code[0])})", own):
            yield match.span(1)
    head = re.escape(phrase.core.split()[-1])
    if phrase.determiner in ("a", "an") and " of " not in phrase.core:
        for match in re.finditer(rf"\b(?:a|an) {head}\b", own):
            yield match.span()
    placed = placed_stems(own)
    for first in range(len(placed)):
        window = placed[first : first + len(words)]
        start, end = window[0][1], window[-1][2]
        doing = re.match(r"[a-z]+ing\b", own[start:]) and re.search(r"\b(?:by|with|through) $", own[:start])
        if len(window) == len(words) > 1 and doing and frozenset(stem for stem, _, _ in window) == words:
            yield start, end


def _without_reason(draft: Draft, edit: Edit, stop: int) -> tuple[Edit, ...] | None:
    """The edit, and a cut of the consequence behind it, which is one of the right option: ", so the loop goes"."""
    behind = draft.text[edit.end : stop]
    match = re.search(r",? (?:so that|so|because|since|as it|which)\b[^;.]*(?=[;.])", behind)
    if match is None:
        return (edit,)
    start, end = edit.end + match.start(), edit.end + match.end()
    if any(start <= f.start < end for f in draft.report.findings):
        return None
    return edit, Edit(start, end, "")


def _with_other_mentions(
    draft: Draft, claim: Claim, alternative: Alternative, edits: tuple[Edit, ...]
) -> tuple[Edit, ...] | None:
    """The edits, and the other option wherever else the right one is named by its head: "The waiver is booked"."""
    more: list[Edit] = []
    for form in claim.right.forms:
        phrase = Phrase.of(form)
        if phrase.preposition or phrase.determiner not in ("", "a", "an"):
            continue
        head = re.split(r" (?:of|in|to|for|with)\b", phrase.core)[0].split()[-1]
        if head in ("only", "alone", "together") or not phrase.determiner:
            continue
        other = Phrase.of(alternative.forms[0])
        for start, end in places_of(draft.text, [head, f"{head}s"]):
            if overlaps(edits, start, end) or alternative.name == claim.right.name:
                continue
            article = re.search(r"\b(?:[Tt]he|[Tt]his|[Tt]hat|[Yy]our) $", draft.text[max(0, start - 5) : start])
            if other.preposition or article is None or draft.text[start:end].lower() != head.lower():
                return None
            more.append(Edit(start, end, other.core))
    return (*edits, *more)


def _replace_part(
    draft: Draft, claim: Claim, alternative: Alternative, number: int, rng: Random
) -> tuple[Edit, ...] | None:
    """Put a statement in the place of the clause or the sentence that speaks of the choice."""
    span = draft.sentences[number]
    texts = list(_statements(draft, claim, alternative))
    if not texts:
        return None
    text = rng.choice(texts)[1]
    cited = {other.id for other in draft.scenario.claims if other.subject == claim.id}
    weights = _deciding_words(draft, claim)
    for part in _parts(draft, number):
        said = draft.text[part.start : part.end]
        rest = draft.text[span.start : part.start] + " " + draft.text[part.end : span.end]
        speaks = _speaks(draft, claim, said) or _has_rare_word(draft, claim, said)
        if not speaks or _share(weights, rest) > _share(weights, said) / 2:
            continue
        citations = [match for match in _CITATION.finditer(said) if re.search(r"\d", match[0])]
        if len(citations) > 1:
            continue
        is_last = bool(citations) and citations[0].end() == len(said)
        stop = part.start + citations[0].start() if is_last else part.end
        # The clause may cite an authority for the choice. Anything else that the clause states would be lost.
        if any(part.start <= f.start < stop and f.claim not in cited for f in draft.report.findings):
            continue
        following = _following(draft, number, part, text)
        if following is None:
            continue
        moved = citations[0][0] if citations and not is_last else ""
        return Edit(part.start, stop, part.lead + _fit_in(draft, text, part) + moved), *following
    return None


def _statements(draft: Draft, claim: Claim, alternative: Alternative) -> Iterator[tuple[Statement, str]]:
    """The statements of a choice that any sentence could stand before, without what they add to the choice."""
    speaker = draft.speaker(**{claim.id: alternative.name})
    for statement in draft.scenario.statements:
        if statement.part != "body" or set(statement.says) != {claim.id} or not speaker.fits(statement):
            continue
        bare = statement.model_copy(update={"text": _EXTRA.sub("", statement.text)})
        text = speaker.sentence(bare)
        if _POINTS_BACK.search(text) or leans(text) or _FORMER.search(bare.text) or not text.endswith("."):
            continue
        if any(words.search(text) and not words.search(draft.text) for words in (_SINGULAR, _PLURAL)):
            continue
        if not _strange_names(draft, text):
            yield statement, text


def _strange_names(draft: Draft, text: str) -> set[str]:
    """The capitalised words of a statement that the answer does not use: an author who writes "Roe" has no "Buyer"."""
    return {word for word in re.findall(r"(?<=[a-z,] )[A-Z][a-z]+\b", text) if word not in draft.text}


def _parts(draft: Draft, number: int) -> Iterator[Part]:
    """The clauses of a sentence, the smallest first, then the whole sentence behind its mark and its label."""
    span = draft.sentences[number]
    own = span.of(draft.text)
    mark = _MARK.match(own)
    low = mark.end() if mark else 0
    label = _LABEL.match(own[low:])
    low += label.end() if label else 0
    stop = len(own.rstrip(".!"))
    name = label[0] if label else ""
    for joint in clause_joints(own, low, stop):
        before, behind = own[low : joint.start], own[joint.end : stop]
        if joint.is_shared:
            # "or are made good by time off": what shares the subject becomes a clause of its own.
            end = next((j.start for j in clause_joints(own, joint.end, stop)), stop)
            if has_verb(before):
                yield Part(span.start + joint.start, span.start + end, lead="; ")
            continue
        if not has_verb(before):
            continue
        yield Part(span.start + joint.end, span.start + stop)
        if not refers_back(behind) and not leans(behind):
            yield Part(span.start + low, span.start + joint.start, opens=not (label and ":" in name), label=name)
    yield Part(span.start + low, span.start + stop, opens=not (label and ":" in name), label=name)


def _fit_in(draft: Draft, text: str, part: Part) -> str:
    """A statement without its full stop, as it stands in a part: behind a label its subject may go."""
    text = text.rstrip(".")
    rest = draft.text[_start_of_sentence(draft, part.start) : part.start] + part.label
    frame = _FRAME.match(text)
    if frame and content(frame[0]) & content(rest):
        # "Stalls close at 5, and after closing, the sweeping is a task for all" would say twice what the time is.
        text = text[frame.end()].upper() + text[frame.end() + 1 :]
    if ":" in part.label and (match := _IS.match(text)) and content(match["subject"]) & content(part.label):
        return match["said"]
    return text if part.opens else small(draft, text)


def _start_of_sentence(draft: Draft, place: int) -> int:
    return next(span.start for span in draft.sentences if span.start <= place < span.end)


def small(draft: Draft, text: str) -> str:
    """A sentence as it goes on behind a comma: the first word keeps its capital only if it is a name."""
    first = re.split(r"\W", text, maxsplit=1)[0]
    known = draft.text + draft.scenario.source_material + " ".join(s.text for s in draft.scenario.statements)
    is_name = not _OPENS_SMALL.match(text) and not re.search(rf"(?<![.!?:] )\b{re.escape(first.lower())}\b", known)
    return text if is_name else text[:1].lower() + text[1:]


def _following(draft: Draft, number: int, part: Part, text: str) -> tuple[Edit, ...] | None:
    """What must change in the sentence behind a part that goes; None if the sentence leans on words that go.

    "They" may stand if the new words have the same plural. "It" gives way to the subject that it stood for.
    """
    spans = [(span.start, span.end) for span in draft.sentences]
    if part.end < draft.sentences[number].end - 1:
        behind = draft.text[part.end : draft.sentences[number].end]
        return None if refers_back(behind) else ()
    if follows_alone(draft.text, spans, number):
        return ()
    following = draft.sentences[number + 1]
    begins = following.of(draft.text)
    old = draft.sentences[number].of(draft.text)
    if _THEY.match(begins) and _plurals(old) & _plurals(text):
        return ()
    subject = subject_of(draft.text[part.start : part.end])
    later = " ".join(begins.split()[1:10])
    if _IT.match(begins) and subject and not re.search(r"\b(?:they|them|their|this|these|same|then)\b", later):
        return (Edit(following.start, following.start + 2, subject[0].upper() + subject[1:]),)
    return None


def _plurals(text: str) -> set[str]:
    return {word.lower() for word in re.findall(r"\b[a-zA-Z]{4,}s\b", text) if not word.endswith(("ss", "us", "is"))}


def _add(draft: Draft, claim: Claim, alternative: Alternative, rng: Random) -> tuple[Edit, ...] | None:
    """Add a statement behind what the answer says of the nearest things, as one more sentence or item."""
    texts = list(_statements(draft, claim, alternative))
    rng.shuffle(texts)
    for statement, text in texts:
        for number in _neighbours(draft, claim, statement):
            edit = (
                _item(draft, claim, number, text) if _is_item(draft, number) else _sentence(draft, claim, number, text)
            )
            if edit is not None:
                return (edit,)
    return None


def _neighbours(draft: Draft, claim: Claim, statement: Statement) -> list[int]:
    """The sentences that state other claims, those on the nearest things first."""
    order = order_of(draft.scenario)
    sections = [a for a in draft.scenario.authorities if claim.id in a.supports]
    topics = {
        said: order.topic(other)
        for other in draft.scenario.statements
        if other.part == "body" and other.topic
        for said in other.says
    }
    place = min((span.start for span in claim.source_spans), default=0)
    far: dict[int, tuple[bool, bool, int]] = {}
    for finding in draft.report.findings:
        other = draft.scenario.claim(finding.claim)
        if other.kind in (ClaimKind.citation, ClaimKind.constraint, ClaimKind.behaviour) or not other.source_spans:
            continue
        number = next(n for n, span in enumerate(draft.sentences) if span.start <= finding.start < span.end)
        distance = (
            not any(other.id in section.supports for section in sections),
            not statement.topic or topics.get(other.id) != order.topic(statement),
            min(abs(span.start - place) for span in other.source_spans),
        )
        far[number] = min(far.get(number, distance), distance)
    return sorted(far, key=lambda number: (far[number], number))


def _line(text: str, place: int) -> tuple[int, int]:
    start, end = text.rfind("\n", 0, place) + 1, text.find("\n", place)
    return start, len(text) if end < 0 else end


def _is_item(draft: Draft, number: int) -> bool:
    start, end = _line(draft.text, draft.sentences[number].start)
    return _MARK.match(draft.text[start:end]) is not None


def _sentence(draft: Draft, claim: Claim, number: int, text: str) -> Edit | None:
    """One more sentence behind a sentence in the midst of the answer."""
    span = draft.sentences[number]
    own = span.of(draft.text)
    start, end = _line(draft.text, span.start)
    spans = [(other.start, other.end) for other in draft.sentences]
    paragraphs = [at for at, _ in spans if draft.text[:at].endswith("\n\n") or at == 0]
    last = paragraphs[-1] if paragraphs else 0
    if not own.endswith(".") or number == 0 or span.start >= last or "```" in own or len(own.split()) < FEWEST_WORDS:
        return None
    if draft.text[span.end : end].strip() and not follows_alone(draft.text, spans, number):
        return None
    if any(_must_stay_apart(draft, f.claim) and start <= f.start < end for f in draft.report.findings):
        return None
    cited = _cited_as_here(draft, claim, start, end)
    label = _HEADS_PARAGRAPH.match(draft.text[start:end])
    if label is None or has_verb(label["name"]) or _is_of_its_section(draft, claim, start, end):
        return Edit(span.end, span.end, f" {text[:-1]}{cited}.")
    # Below a label "Claims." nobody expects the transfer duty. The duty gets a paragraph with a label of its own.
    match = _IS.match(text[:-1])
    if match is None or not draft.text.startswith("\n\n", end):
        return None
    name = _head(match["subject"])
    said = text[:-1]
    if name == match["subject"]:
        said = f"{'These are' if ' are ' in text[: match.start('said')] else 'This is'} {match['said']}"
    if label["cited"]:
        name, cited = f"{name}{cited}", ""
    return Edit(end, end, f"\n\n{_labelled(name, said, label[0])}{cited}.")


def _head(subject: str) -> str:
    """A subject without what stands behind its noun: "A valuation of pledged goods" is "A valuation"."""
    return re.split(r" (?:of|in|on|at|for|to|with|by|from|under)\b", subject)[0]


def _is_of_its_section(draft: Draft, claim: Claim, start: int, end: int) -> bool:
    """Whether the text from `start` to `end` states a claim of the section that decides a choice."""
    sections = [a for a in draft.scenario.authorities if claim.id in a.supports]
    stated = {f.claim for f in draft.report.findings if start <= f.start < end}
    return any(stated & set(section.supports) for section in sections)


def _must_stay_apart(draft: Draft, claim_id: str) -> bool:
    """Whether a claim is a rule on the place of words, so that its line stays as it is."""
    return draft.scenario.claim(claim_id).kind in (ClaimKind.constraint, ClaimKind.behaviour)


def _item(draft: Draft, claim: Claim, number: int, text: str) -> Edit | None:
    """One more item of a list, with a label if the items have labels."""
    start, end = _line(draft.text, draft.sentences[number].start)
    line = draft.text[start:end]
    mark = _MARK.match(line)
    if mark is None or mark[0].strip()[0].isdigit():
        return None
    lines = [other for other in draft.text.split("\n") if _MARK.match(other)]
    labels = [_LABEL.match(other[len(mark[0]) :]) for other in lines]
    stop = "." if line.endswith(".") else ""
    cited = _cited_as_here(draft, claim, start, end)
    if not any(labels):
        said = text[:-1] if has_verb(line) else None
    else:
        match = _IS.match(text[:-1])
        own = _LABEL.match(line[mark.end() :])
        said = _labelled(match["subject"], match["said"], own[0]) if all(labels) and match and own else None
    return None if said is None else Edit(end, end, f"\n{mark[0]}{said}{cited}{stop}")


def _labelled(subject: str, said: str, like: str) -> str:
    """What a statement says, as an item with a label: "**Roster:** drawn up by the council"."""
    name = _DETERMINER.sub("", subject)
    name = name[0].upper() + name[1:]
    bare = re.sub(r"[*_]", "", like).strip()
    dressed = like.replace(bare.rstrip(":."), name, 1)
    return f"{dressed}{said}"


def _cited_as_here(draft: Draft, claim: Claim, start: int, end: int) -> str:
    """The section of a claim in brackets, if the line from `start` to `end` cites in brackets; otherwise nothing."""
    numbers: Sequence[str] = [
        match[0]
        for authority in draft.scenario.authorities
        if claim.id in authority.supports
        for form in authority.forms
        if (match := re.search(r"\d+(?:\.\d+)+$", form)) is not None
    ]
    like = list(_NUMBERED.finditer(draft.text, start, end))
    if not like or not numbers:
        return ""
    last = like[-1]
    close = last["open"][::-1].translate(str.maketrans("([", ")]"))
    return f" {last['open']}{last['word'] or ''}{numbers[0]}{close}"
