"""Put a phrase in the place of another phrase, if it fits there grammatically.

"sent to the full council" takes "the magistrates", but not "before the magistrates". "a 6-day search" becomes "an 8-day
search". A phrase that does not fit is refused, because a broken sentence shows that it was changed.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from forge_arena.texts.words import content

_PREPOSITIONS = frozenset(
    [
        "about",
        "above",
        "across",
        "after",
        "against",
        "along",
        "among",
        "around",
        "as",
        "at",
        "before",
        "behind",
        "below",
        "beside",
        "between",
        "beyond",
        "by",
        "down",
        "during",
        "except",
        "for",
        "from",
        "in",
        "inside",
        "into",
        "near",
        "of",
        "off",
        "on",
        "onto",
        "out",
        "outside",
        "over",
        "per",
        "past",
        "round",
        "since",
        "through",
        "throughout",
        "till",
        "to",
        "toward",
        "towards",
        "under",
        "until",
        "up",
        "upon",
        "via",
        "with",
        "within",
        "without",
    ]
)
_DETERMINERS = frozenset("a an the your our my his her its their this that these those any each every no some".split())  # noqa: SIM905
_PHRASE = re.compile(r"^(?:(?P<prep>[a-z]+) )?(?:(?P<det>[A-Za-z]+) )?(?P<core>.+)$", re.DOTALL)
_AGREES = re.compile(
    r"^\s+(?:is|are|was|were|has|have|does|do)\b|^\s+(?!as\b|this\b|its\b|is\b|us\b)[a-z]+s\b(?!\s*(?:of|and|or)\b)"
)
_VOWEL = re.compile(r"^[`\"'(\u201c]*(?:[aeioAEIO]|u(?!ni|se|ti)|8|11(?!\d)|18(?!\d)|hour|honest|heir)")
_GENITIVE = re.compile(r"(?P<mark>['\u2019])s\b")
# Behind an s only a genitive that a word follows, because a quotation may end there.
_GENITIVE_OF_S = re.compile(r"(?P<mark>['\u2019])(?= [a-z])")
_LOUD_LETTER = re.compile(r"^[`\"'(\u201c]*(?:one\b|once\b|eu|[AEFHILMNORSX](?:[A-Z]|-?\d))")


@dataclass(frozen=True, slots=True)
class Phrase:
    """A phrase in its parts: "before the full council" is `before`, `the`, `full council`."""

    preposition: str
    determiner: str
    core: str

    @classmethod
    def of(cls, text: str) -> "Phrase":
        words = text.split(" ")
        preposition = words.pop(0) if len(words) > 1 and words[0].lower() in _PREPOSITIONS else ""
        determiner = words.pop(0) if len(words) > 1 and words[0].lower() in _DETERMINERS else ""
        return cls(preposition, determiner, " ".join(words))

    @property
    def is_plural(self) -> bool:
        head = re.split(
            r" (?:that|which|who|of|in|with|without|on|by|for|from|to|inside|at|ahead|exactly)\b|,", self.core
        )[0]
        if " and " in head:
            return True
        return self.determiner not in ("a", "an", "this", "each", "every") and bool(re.search(r"[^s`]s$", head))


@dataclass(frozen=True, slots=True)
class Replacement:
    """Replace the characters `start` to `end` by `text`."""

    start: int
    end: int
    text: str


def replacement(text: str, start: int, end: int, old: Sequence[str], new: Sequence[str]) -> Replacement | None:
    """How to put one of the phrases `new` in the place of one of the phrases `old`; None if none of them fits there.

    Args:
        start: where the old phrase, or its end without preposition or determiner, stands in the text.
    """
    surface = text[start:end]
    for place, form in enumerate(old):
        # The spelling with the same number is tried first, because it has the same words around it.
        for other in dict.fromkeys((new[min(place, len(new) - 1)], *new)):
            fit = _fit(text, start, end, surface, Phrase.of(form), form, other)
            if fit is not None:
                return fit
    return None


def _fit(text: str, start: int, end: int, surface: str, old: Phrase, form: str, other: str) -> Replacement | None:
    new = Phrase.of(other)
    agrees = old.is_plural == new.is_plural or not _AGREES.match(text[end:])
    if not agrees or not surface:
        return None
    # "run by the engineers themselves": what stresses the old phrase goes along.
    stress = re.match(r" (?:themselves|itself|alone)(?=[.,;:)])", text[end:])
    end += stress.end() if stress else 0
    capital = surface[0].isupper() and form[:1].islower()
    own = _word_before(text, start)
    if own in _PREPOSITIONS and re.search(rf"\b{own}\b", new.core):
        return None
    if own == "as" and old.determiner and not new.determiner and not new.is_plural and "`" not in new.core:
        # "Paid as a voucher" takes no "bank transfer".
        return None
    if surface.lower() == form.lower():
        if bool(old.preposition) != bool(new.preposition):
            return None
        if old.determiner in ("a", "an", "the") and not new.preposition and _word_before(text, start) in _DETERMINERS:
            return None
        return Replacement(start, end, other[0].upper() + other[1:] if capital else other)
    without = {old.core.lower(): "", f"{old.determiner} {old.core}".lower().strip(): old.determiner}
    if surface.lower() not in without and _is_said_alike(surface, old.core):
        without[surface.lower()] = ""
    if surface.lower() not in without:
        return None
    if new.preposition and new.preposition != old.preposition:
        return None
    if bool(old.preposition) != bool(new.preposition):
        return None
    if without[surface.lower()]:
        phrase = f"{new.determiner} {new.core}".strip()
        return Replacement(start, end, phrase[0].upper() + phrase[1:] if capital else phrase)
    if own not in _DETERMINERS:
        return None if old.determiner else Replacement(start, end, f"{new.determiner} {new.core}".strip())
    if own in ("a", "an"):
        at = start - len(own) - 1
        if not new.determiner:
            phrase = new.core
        else:
            phrase = (
                f"{article(new.core)} {new.core}" if new.determiner in ("a", "an") else f"{new.determiner} {new.core}"
            )
        return Replacement(at, end, phrase[0].upper() + phrase[1:] if text[at].isupper() else phrase)
    if own == "the" and new.determiner in ("a", "an") and re.search(r"\b(?:and|or) an? ", new.core):
        # "The built-in" becomes "a condition and an addition", and not "the condition and an addition".
        at = start - len(own) - 1
        phrase = f"{new.determiner} {new.core}"
        return Replacement(at, end, phrase[0].upper() + phrase[1:] if text[at].isupper() else phrase)
    if own == "the" and not new.determiner and new.core.startswith("`"):
        at = start - len(own) - 1
        return None if text[at].isupper() else Replacement(at, end, new.core)
    return Replacement(start, end, new.core)


def _is_said_alike(surface: str, core: str) -> bool:
    """Whether phrases share head and content words, as "a line that is run by us" and "a line run by us" do."""
    return surface.split()[:1] == core.split()[:1] and content(surface) == content(core)


def article(phrase: str) -> str:
    """The indefinite article before a phrase: "an" before 8 and 18, "a" before "user" and "one"."""
    if _LOUD_LETTER.match(phrase):
        return "a" if re.match(r"[`\"'(\u201c]*(?:one|once|eu)", phrase) else "an"
    number = re.match(r"[`\"'(\u201c]*(\d+)", phrase)
    if number is not None:
        return "an" if number[1].startswith("8") or number[1] in ("11", "18") else "a"
    return "an" if _VOWEL.match(phrase) else "a"


def with_article(text: str, fit: Replacement) -> Replacement:
    """The replacement with the "a" or "an" before it adapted."""
    own = _word_before(text, fit.start)
    if own not in ("a", "an") or not text[: fit.start].endswith(" ") or article(text[fit.start : fit.end]) != own:
        return fit
    right = article(fit.text)
    at = fit.start - len(own) - 1
    if right == own:
        return fit
    return Replacement(at, fit.end, f"{right.capitalize() if text[at].isupper() else right} {fit.text}")


def with_genitive(text: str, fit: Replacement) -> Replacement:
    """The replacement with the genitive behind it adapted: "two months' notice" for "one month's notice"."""
    old_ends, new_ends = (phrase[-1:].lower() == "s" for phrase in (text[fit.start : fit.end], fit.text))
    own = (_GENITIVE_OF_S if old_ends else _GENITIVE).match(text, fit.end)
    if own is None or old_ends is new_ends:
        return fit
    return Replacement(fit.start, own.end(), f"{fit.text}{own['mark']}{'' if new_ends else 's'}")


def _word_before(text: str, start: int) -> str:
    match = re.search(r"([A-Za-z]+) $", text[max(0, start - 16) : start])
    return match[1].lower() if match else ""


def places_of(text: str, phrases: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Where one of the phrases stands as a whole, the longest first at each place."""
    taken: list[tuple[int, int]] = []
    for phrase in sorted(phrases, key=len, reverse=True):
        for match in re.finditer(rf"(?<![\w`]){re.escape(phrase)}(?![\w`])", text, re.IGNORECASE):
            if not any(a < match.end() and match.start() < b for a, b in taken):
                taken.append(match.span())
                yield match.span()
