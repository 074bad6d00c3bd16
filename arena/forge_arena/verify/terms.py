"""Find a term in prose that says it in other words.

A term is known by its forms, such as "a touchpad that misses light taps". Prose turns them round: "Light taps on the
touchpad are sometimes missed." Words come in any order and in any form, verbs are exchanged for other verbs, and a
sentence may go on in the next. What carries the term are its content words, above all those that are rare in the
source. So a text states a term if

* it has most of the term's words, by weight. A word weighs the more, the fewer sentences of the source have it. A verb
  weighs half: "a chat desk *staffed* by the engineers" says "a chat desk *run* by the engineers".
* it has what sets the term apart from each wrong alternative. "A chat desk" alone says neither "a chat desk run by the
  engineers" nor "a chat desk open through the night".
* it denies what the form denies, and nothing else. "The keyboard has a number block" does not say "a keyboard without a
  number block". "It lacks a reminder" says "no reminder".
* nothing has changed places around the same word: "the rent is paid by the owner to the tenant" does not say "the
  tenant pays rent to the owner". Of two numbers, each stays with its noun: "seat 7, coach 76" does not say "coach 7,
  seat 76".

What has the words but fails by a denial or an exchange is read with doubt.

A scenario about code has further ways to say its term, because the source explains the term: most words of this
explanation, or the example of the source that shows the case, in code.
"""

import math
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence, Set, Sized
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property, lru_cache
from itertools import pairwise

from forge_arena.texts.number_words import SMALL
from forge_arena.texts.sentences import lower, whole_starts_of
from forge_arena.texts.words import placed_stems
from forge_arena.types import Alternative, Case, Claim, ClaimKind, Standing
from forge_arena.verify.passages import Passages

_BARE_NUMBER = re.compile(r"\d{1,9}\.\d{1,4}")
_ANY_NUMBER = re.compile(
    r"(?<![\w.,])\d{1,3}(?:,\d{3}){1,3}(?:\.\d{1,4})?(?![\w]|[.,]\d)|(?<![\w.,])\d{1,9}(?:\.\d{1,4})?(?![\w]|[.,]\d)"
)
# The share of a form's weight that a text must have if it speaks of the claim, and if only the term's words show it.
MOST, NEARLY_ALL = 0.6, 0.75
# The share of what sets a form apart from a wrong alternative.
APART = 0.5
LEAST_WEIGHT = 0.5
VERB = 0.5
# Shorter beginnings are shared by words of different meaning.
SHORTEST_BEGINNING, LONGEST_ENDING = 4, 4
# Words between the first and the last word of a term, for each word of the term.
FURTHEST, FURTHEST_PER_WORD = 6, 4
# A denial denies what stands at most so many content words behind it.
DENIED_PER_WORD = 1
EXPLAINED, EXPLAINED_WORDS = 0.5, 4
SHORTEST_EXAMPLE = 5

NEGATIONS = frozenset(
    {"not", "cannot", "never", "no", "none", "nor", "neither", "without", "noth", "nobodi", "nothing", "nobody"}
)
# Words that deny what stands beside them, like "no" and "without".
_LACKS = frozenset({"lack", "miss", "absent", "absenc", "imposs", "unabl"})
CONTRACTED = re.compile(r"n['\u2019]t\b", re.IGNORECASE)
_NOBODY_BUT = re.compile(
    r"\b(?:nobody|no one|none|nothing|nowhere|not|no)\b(?: \w+){0,2} (?:but|except|other than)\b", re.IGNORECASE
)
_FREE_OF = re.compile(r"\bfree (?:of|from)\b", re.IGNORECASE)
# Between these words stand two things that must not change places.
_BETWEEN = re.compile(
    r"\b(?:by|to|than|from|before|after|over|against|into|onto|under|instead of|rather than)\b", re.IGNORECASE
)
_JOINED = re.compile(r"\b(?:and|or) $", re.IGNORECASE)
# A passage that is cited by its title or by its number: 'section "Fees"', "clause 4".
_TITLE_OR_NUMBER = re.compile(
    r"(?:section|article|clause|paragraph|part|chapter|schedule|appendix|annex|rule) ?(?:[\"\u201c]|\d+(?:\.\d+)*$)",
    re.IGNORECASE,
)
_ARTICLE = re.compile(r"^(?:an?|the) ")
_NOUN_FOLLOWS = re.compile(
    r"^(?:an?|the|no|by|in|on|at|with|without|for|through|to|from|of|under|all|any|his|her|their|its|our|your)\b",
    re.IGNORECASE,
)
_VERB_PHRASE = re.compile(r"^\w+ (?:an?|the|its|their|your|his|her|all|any|out|over|up|off|back|whether|that)\b", re.I)
_VERB_AFTER = re.compile(
    r"\b(?:that|which|who)(?: (?:only|is|are|has|have|must|cannot|can|may|does|do|not|no|be|to))* (\w+)"
)
_VERB_AT_END = re.compile(r"\b(?:before|after|when|while|until|if) (?:the|an?) \w+ (\w+)$")
_VERB_BEFORE_BY = re.compile(r"\b(\w+) by\b")
_BEFORE_A_VERB = ("must", "to", "shall", "should")
# What "must" or "to" makes a verb has no ending: "the limit applies to claims about taxes" has no verb "to claims".
_NO_INFINITIVE = re.compile(r"\w+[^\Ws]s\b", re.IGNORECASE)
_NUMBER_WORDS = {word: str(number) for number, word in enumerate(SMALL)}


@dataclass(frozen=True, slots=True)
class Saying:
    """A place of a text that says something, and whether it says so for certain."""

    start: int
    end: int
    certain: bool = True


@dataclass(frozen=True, slots=True)
class Words:
    """The content words of a form, in order, and those of them that are verbs."""

    ordered: tuple[str, ...]
    verbs: frozenset[str]


class Terms:
    """The terms of one scenario. What belongs to one claim is worked out when the claim is first asked for."""

    def __init__(self, passages: Passages, cases: Iterable[Case] = ()) -> None:
        self._passages = passages
        self._cases = tuple(cases)
        self._words: dict[str, Words] = {}
        self._explanations: dict[str, tuple[str, ...]] = {}

    @cached_property
    def _examples(self) -> tuple[str, ...]:
        """The calls with which the source shows what is wrong with the code, and their arguments, without spaces."""
        calls = [call for case in self._cases if self._passages.has_code(call := _without_spaces(case.call))]
        return (*calls, *(rest for call in calls if len(rest := call.partition("(")[2][:-1]) >= SHORTEST_EXAMPLE))

    def says(
        self, text: str, claim: Claim, alternative: Alternative, *, is_about: bool, neighbours: bool = False
    ) -> Saying | None:
        """Where a text of a sentence or two says an alternative; None if nowhere.

        Args:
            is_about: whether other words of the text show that it speaks of the claim.
            neighbours: whether the text is more than one sentence. Then it must have nearly all of the term's words.
        """
        exact = exactly(text, alternative.forms)
        if exact is not None:
            return exact
        if claim.kind is ClaimKind.citation and _TITLE_OR_NUMBER.match(alternative.forms[0]):
            # Words of a title cite nothing: "A flight can be cancelled" does not cite "Cancel flight".
            return None
        if claim.kind is ClaimKind.identifier:
            # A name is no phrase: its parts say nothing alone.
            return self._in_one_piece(window_of(text), alternative)
        rivals = [other for other in claim.alternatives if other.name != alternative.name and other.forms]
        doubtful = None
        window = window_of(text)
        for form in alternative.forms:
            saying = self._in_other_words(window, form, rivals, MOST if is_about and not neighbours else NEARLY_ALL)
            if saying is not None and saying.certain:
                return saying
            doubtful = doubtful or saying
        return doubtful

    def may_say(self, whole: "Window", alternative: Alternative) -> bool:
        """Whether a whole text has so many words of an alternative that one of its sentences may say it."""
        low = lower(whole.text)
        for form in alternative.forms:
            letters, number = _without_article(form)
            if number is not None or letters in low:
                return True
            ordered = _form_words(form).ordered
            present = [word for word in ordered if whole.place_of(word) is not None]
            if not present or _is_too_few(present, ordered):
                continue
            verbs = self._words_of(form).verbs
            if self._weight(present, verbs) >= MOST * self._weight(ordered, verbs):
                return True
        return False

    def explains(self, text: str, claim: Claim) -> Saying | None:
        """Where a text says the right term by the words with which the source explains it.

        A number of the term must be there, because the words around it do not tell how many. If the sentence that
        explains the term also states another claim, a word of the term must be there: "There are up to 6 lockers and 40
        hooks" is said of the hooks only by a text that speaks of hooks.
        """
        ordered = self._explanations.get(claim.id)
        if ordered is None:
            sentences = self._passages.explanation_of(claim)
            ordered = tuple(dict.fromkeys(word for sentence in sentences for word in _form_words(sentence).ordered))
            self._explanations[claim.id] = ordered
        if len(ordered) <= EXPLAINED_WORDS:
            return None
        window = window_of(text)
        own = _form_words(claim.right.forms[0]).ordered
        if any(word[0].isdigit() and window.place_of(word) is None for word in own):
            return None
        if self._passages.states_another_beside(claim) and all(window.place_of(word) is None for word in own):
            return None
        found = [word for word in ordered if window.place_of(word) is not None]
        if len(found) < max(EXPLAINED_WORDS, EXPLAINED * len(ordered)):
            return None
        for other in claim.wrong:
            words = [word for word in _form_words(other.forms[0]).ordered if word not in ordered]
            if words and any(window.place_of(word) is not None for word in words):
                return None
        return Saying(0, len(text))

    def shows(self, text: str, claim: Claim) -> Saying | None:
        """Where a text shows the right term by the source's example, if all other alternatives are unfit cases."""
        if not claim.wrong or any(other.standing is not Standing.unfit for other in claim.wrong):
            return None
        plain = _without_spaces(text)
        return Saying(0, len(text)) if any(example in plain for example in self._examples) else None

    def _in_other_words(
        self, window: "Window", form: str, rivals: Sequence[Alternative], share: float
    ) -> Saying | None:
        wanted = self._words_of(form)
        places = {word: at for word in wanted.ordered if (at := window.place_of(word)) is not None}
        is_known_by_more = share < NEARLY_ALL or len(wanted.ordered) > 1
        if not places or not is_known_by_more or _is_too_few(places, wanted.ordered):
            return None
        if self._weight(places, wanted.verbs) < share * self._weight(wanted.ordered, wanted.verbs):
            return None
        if not self._is_set_apart(window, wanted, rivals):
            return None
        stretch = window.narrowest(set(places))
        if stretch is None or stretch[1] - stretch[0] > FURTHEST + FURTHEST_PER_WORD * len(places):
            return None
        start, end = window.placed[stretch[0]][1], window.placed[stretch[1]][2]
        certain = window.denies_alike(form, start, end) and not (
            window.exchanges_sides(form, start, end) or window.exchanges_numbers(form)
        )
        return Saying(start, end, certain)

    def _words_of(self, form: str) -> Words:
        """The words of a form. If the source says "must" or "to" before the form, the form begins with a verb.

        A form that begins with a plural begins with no verb.
        """
        words = self._words.get(form)
        if words is None:
            words = _form_words(form)
            may_be_verb = bool(words.ordered) and _NO_INFINITIVE.match(form) is None
            if may_be_verb and any(self._passages.has_phrase(f"{before} {form}") for before in _BEFORE_A_VERB):
                words = Words(words.ordered, words.verbs | {words.ordered[0]})
            self._words[form] = words
        return words

    def _in_one_piece(self, window: "Window", alternative: Alternative) -> Saying | None:
        """Where a text has all words of a name side by side. A number is no word."""
        for form in alternative.forms:
            words = set(_form_words(form).ordered)
            is_name = len(words) > 1 and not any(word.isdigit() for word in words)
            stretch = window.narrowest(words) if is_name and words <= window.words else None
            if stretch is not None and stretch[1] - stretch[0] <= len(words):
                return Saying(window.placed[stretch[0]][1], window.placed[stretch[1]][2])
        return None

    def _is_set_apart(self, window: "Window", wanted: Words, rivals: Sequence[Alternative]) -> bool:
        """Whether a text has what sets a form apart from each other alternative, and more of that than of the other."""
        for rival in rivals:
            other = _form_words(rival.forms[0])
            own = [word for word in wanted.ordered if not any(map(_alike(word), other.ordered))]
            others = [word for word in other.ordered if not any(map(_alike(word), wanted.ordered))]
            has = self._share(window, own, wanted.verbs)
            if has < APART or (has < 1 and others and self._share(window, others, other.verbs) >= has):
                return False
        return True

    def _share(self, window: "Window", words: Sequence[str], verbs: frozenset[str]) -> float:
        whole = self._weight(words, verbs)
        return self._weight([w for w in words if window.place_of(w) is not None], verbs) / whole if whole else 1.0

    def _weight(self, words: Iterable[str], verbs: frozenset[str] = frozenset()) -> float:
        """How much words tell together. A word that no sentence of the source has tells as much as the rarest."""
        return math.fsum(self._weight_of(word) * (VERB if word in verbs else 1.0) for word in words)

    def _weight_of(self, word: str) -> float:
        return max(
            LEAST_WEIGHT * self._passages.greatest_rarity,
            self._passages.rarity.get(word, self._passages.greatest_rarity),
        )


@lru_cache(maxsize=128)
def window_of(text: str) -> "Window":
    """The window of a sentence or two, made once for all claims that ask for it."""
    return Window(text)


class Window:
    """A text, mostly of a sentence or two, with the place of each of its content words."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.placed = [(_NUMBER_WORDS.get(word, word), start, end) for word, start, end in placed_stems(text)]
        # From the last to the first, so that the first place of a word is the one that is kept.
        last = len(self.placed) - 1
        self._first = {word: last - place for place, (word, _, _) in enumerate(reversed(self.placed))}
        self._known: dict[str, str | None] = {}

    @cached_property
    def _like(self) -> dict[str, list[str]]:
        """The words by their first letters, because forms of one word share these."""
        like: dict[str, list[str]] = defaultdict(list)
        for word in self._first:
            like[word[:SHORTEST_BEGINNING]].append(word)
        return like

    @property
    def words(self) -> Set[str]:
        """The content words of the text."""
        return self._first.keys()

    def place_of(self, word: str) -> int | None:
        """The number of the first word of the text that is a form of `word`."""
        same = self.same_word(word)
        return None if same is None else self._first[same]

    def same_word(self, word: str) -> str | None:
        """The word of the text that is a form of `word`: the same stem or beginning, or its opposite ("unpaid")."""
        if word in self._first:
            return word
        if word not in self._known:
            alike = [other for other in self._like.get(word[:SHORTEST_BEGINNING], ()) if are_alike(word, other)]
            alike += [other for other in (f"un{word}", word.removeprefix("un")) if other in self._first]
            self._known[word] = min(alike, key=self._first.__getitem__, default=None)
        return self._known[word]

    def narrowest(self, wanted: set[str]) -> tuple[int, int] | None:
        """The first and the last number of the narrowest stretch of words that holds all wanted ones."""
        words = {self.same_word(word) for word in wanted}
        counts: dict[str, int] = {}
        best: tuple[int, int] | None = None
        left = 0
        for right, (word, _, _) in enumerate(self.placed):
            if word not in words:
                continue
            counts[word] = counts.get(word, 0) + 1
            while len(counts) == len(words):
                if best is None or right - left < best[1] - best[0]:
                    best = (left, right)
                leaving = self.placed[left][0]
                left += 1
                if leaving in counts:
                    counts[leaving] -= 1
                    if counts[leaving] == 0:
                        del counts[leaving]
        return best

    def denies_alike(self, form: str, start: int, end: int) -> bool:
        """Whether the words around a place deny just if the form denies.

        What a form denies may be denied anywhere in the sentence: "One thing is missing: a spare wheel."
        """
        if not _denials(form):
            return not _denials(self.text[self._words_before(start) : end])
        from_start = max(self.text.rfind(mark, 0, start) for mark in (". ", "; ", "\n")) + 1
        to_end = min(
            (at for mark in (", ", ". ", "; ", "\n") if (at := self.text.find(mark, end)) >= 0), default=len(self.text)
        )
        return _denials(self.text[from_start:to_end]) > 0

    def _words_before(self, start: int) -> int:
        """Where the words begin that may deny what starts at a place: a few words before, in the same clause.

        "No licence is needed for a book stall" does not deny the stall.
        """
        places = [at for word, at, _ in self.placed if at < start and not _is_denial(word)]
        return max(clause_start(self.text, start), places[-DENIED_PER_WORD - 1] if len(places) > DENIED_PER_WORD else 0)

    def exchanges_sides(self, form: str, start: int, end: int) -> bool:
        """Whether two words stand on the other sides of a word such as "by" than in the form.

        "The engineers run the desk" exchanges nothing of "a desk run by the engineers", because nothing is *by*
        anything.
        """
        for between in _BETWEEN.finditer(form):
            if _JOINED.search(form, 0, between.start()):
                # "By post and by email" has no sides.
                continue
            before, behind = (_form_words(form[: between.start()]).ordered, _form_words(form[between.end() :]).ordered)
            for same in re.finditer(rf"\b{between[0]}\b", self.text[start:end], re.IGNORECASE):
                at = start + same.start()
                left = {word for word, word_start, _ in self.placed if start <= word_start < at}
                right = {word for word, word_start, _ in self.placed if at < word_start < end}
                nearest_left, nearest_right = before[-1:], behind[:1]
                crossed = [self.same_word(word) in right - left for word in before if self.same_word(word)]
                crossed_back = [self.same_word(word) in left - right for word in behind if self.same_word(word)]
                if nearest_left and nearest_right and crossed and crossed_back and any(crossed) and any(crossed_back):
                    return True
        return False

    def exchanges_numbers(self, form: str) -> bool:
        """Whether a number stands beside another noun than in a form with several numbers."""
        words = [_NUMBER_WORDS.get(word, word) for word, _, _ in placed_stems(form)]
        pairs = {(noun, number) for noun, number in pairwise(words) if number[0].isdigit()}
        if len(pairs) < 2:
            return False
        mine = [word for word, _, _ in self.placed]
        return not pairs <= set(pairwise(mine))


def exactly(sentence: str, forms: Iterable[str]) -> Saying | None:
    """Where a sentence has a form to the letter, whatever its case and its article."""
    low = lower(sentence)
    for form, number in map(_without_article, forms):
        if number is not None:
            # "1464.0" in a record is "1,464.00" in prose.
            for match in _ANY_NUMBER.finditer(low):
                if Decimal(match[0].replace(",", "")) == number:
                    return Saying(match.start(), match.end())
        at = next(whole_starts_of(low, form), None) if form in low else None
        if at is not None:
            return Saying(at, at + len(form))
    return None


def clause_start(sentence: str, at: int) -> int:
    """Where the clause begins in which a place of a sentence stands."""
    return (
        max(
            sentence.rfind(mark, 0, at)
            for mark in (",", ";", ":", "(", "\u2014", "\u2013", " and ", " but ", ". ", "\n")
        )
        + 1
    )


@lru_cache(maxsize=8_192)
def _without_article(form: str) -> tuple[str, Decimal | None]:
    """A form in lower case, and its number if the form is a bare number.

    The article is left out, because "no room for it" names "the room for it". A single word keeps its article.
    """
    low = lower(form)
    rest = _ARTICLE.sub("", low)
    words = rest if " " in rest else low
    return words, Decimal(words) if _BARE_NUMBER.fullmatch(words) else None


@lru_cache(maxsize=8_192)
def _form_words(form: str) -> Words:
    """The content words of a form without its denials, because `Window.denies_alike` compares these."""
    ordered = tuple(
        dict.fromkeys(
            _NUMBER_WORDS.get(word, word)
            for word, _, _ in placed_stems(form)
            if word not in NEGATIONS and word != "free"
        )
    )
    verbs = [match[1] for verb in (_VERB_AFTER, _VERB_AT_END, _VERB_BEFORE_BY) for match in verb.finditer(form)]
    if _VERB_PHRASE.match(form) and not _NOUN_FOLLOWS.match(form):
        verbs.append(form.partition(" ")[0])
    return Words(ordered, frozenset(word for verb in verbs for word, _, _ in placed_stems(verb)))


def _is_too_few(present: Sized, wanted: Sized) -> bool:
    """Whether one word says nothing of a form."""
    return len(wanted) > 2 and len(present) == 1


def _alike(word: str) -> Callable[[str], bool]:
    return lambda other: are_alike(word, other)


@lru_cache(maxsize=65_536)
def are_alike(one: str, other: str) -> bool:
    """Whether two stems are forms of one word: "sign" and "signatur", "paid" and "unpaid"."""
    short, long = (one, other) if len(one) <= len(other) else (other, one)
    if short == long or long == f"un{short}":
        return True
    return len(short) >= SHORTEST_BEGINNING and long.startswith(short) and len(long) - len(short) <= LONGEST_ENDING


def _without_spaces(text: str) -> str:
    return "".join(text.split()).replace("'", '"')


def _is_denial(word: str) -> bool:
    return word in NEGATIONS or word in _LACKS


def _denials(text: str) -> int:
    # "Nobody but the dealer" means "only the dealer".
    text = _NOBODY_BUT.sub("only", text)
    count = sum(_is_denial(word) for word, _, _ in placed_stems(text))
    return count + len(CONTRACTED.findall(text)) + len(_FREE_OF.findall(text))
