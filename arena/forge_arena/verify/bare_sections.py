"""Find the sections that a text cites by their bare number and that its source does not have: "(7.19)", "(see 7.19)".

A bare number cites a section only where it can be nothing else: it has the form of the source's own section numbers, no
unit or currency belongs to it, and it stands

* in brackets of its own, at most with a word such as "see" or "Part": "(7.19)", "(Part 7.19)", "(7.12; 7.19)";
* behind a word that points to a passage: "see 7.19", "under 7.19", "point 7.19";
* behind another citation, joined to it: "section 7.12 and 7.19".

An example: the source has the sections 7.12 to 7.16. "You get 56% back (7.19)" cites a section that does not exist.
"You get 56% back (7.14)" does not, and "the score rose (to 7.19 points)" cites nothing.
"""

import re
from collections.abc import Sequence

from forge_arena.texts.sentences import contains_whole
from forge_arena.texts.values import Mention, mentions
from forge_arena.types import ClaimKind, Scenario
from forge_arena.verify.passages import section_numbers

# Fewer sections may be a figure that only looks like them.
FEWEST_SECTIONS = 2
_NUMBER = r"\d{1,3}(?:\.\d{1,3}){1,4}"
_BARE = re.compile(rf"(?<![\w.,$\u20ac\u00a3%#/:-]){_NUMBER}(?![\w%]|[.,/:-]\d)")
_WORD = r"(?:[^\W\d]+\.? ){0,2}"
_BRACKETS = re.compile(
    rf"[(\[]{{1,2}} ?{_WORD}(?:\u00a7+ ?)?{_NUMBER}"
    rf"(?: ?(?:[,;/&+]|and|or|to|[-\u2013]) ?{_WORD}(?:\u00a7+ ?)?{_NUMBER})*"
    r" ?[)\]]{1,2}"
)
_POINTED_AT = re.compile(
    r"\b(?:see(?: also)?|cf\.?|under|per|according to|pursuant to|in line with|part|point|item|number|no\.|nos?\.?"
    r"|heading|entry|passage|provision|sub-?section|sub-?clause)[ *_]*$",
    re.IGNORECASE,
)
_JOINED = re.compile(r"[*_)\]]* ?(?:,|;|and|or|&|to|[-\u2013])(?: and| or)? ?[*_(\[]*", re.IGNORECASE)
# "It fell by half (to 3.5)": what these words bring is a figure.
_FIGURE = re.compile(r"\b(?:to|from|by|about|around|nearly|only|now|was|is|score[sd]?|version|v|scale|factor)\.? ")


class BareSections:
    """The section numbers of one source, and what looks like one of them."""

    def __init__(self, scenario: Scenario) -> None:
        self._source, self._task = scenario.source_material, scenario.task
        self._known = frozenset(number for a in scenario.authorities for number in section_numbers(a.forms))
        self._depths = frozenset(number.count(".") for number in self._known)
        self._chapters = frozenset(number.partition(".")[0] for number in self._known)

    def invented_in(self, sentence: str) -> Sequence[Mention]:
        """The bare citations of a sentence that name no section of the source."""
        if len(self._known) < FEWEST_SECTIONS or "." not in sentence:
            return ()
        bare = [match for match in _BARE.finditer(sentence) if self._may_be_section(match[0])]
        unknown = [match for match in bare if not self._is_known(match[0])]
        if not unknown:
            return ()
        values = mentions(sentence)
        alone = [brackets.span() for brackets in _BRACKETS.finditer(sentence) if not _FIGURE.search(brackets[0])]
        cited = [(v.start, v.end) for v in values if v.kind is ClaimKind.citation]
        cited += [match.span() for match in bare if match not in unknown]
        found: list[Mention] = []
        for match in unknown:
            start, end = match.span()
            if any(value.start < end and start < value.end for value in values):
                continue
            is_in_chapter = match[0].partition(".")[0] in self._chapters
            if (
                any(left < start and end < right for left, right in alone)
                or (is_in_chapter and _POINTED_AT.search(sentence, 0, start) is not None)
                or (
                    is_in_chapter
                    and any(_JOINED.fullmatch(sentence, stop, start) for _, stop in cited if stop <= start)
                )
            ):
                found.append(Mention(ClaimKind.citation, ("section", match[0]), start, end))
                cited.append((start, end))
        return found

    def _may_be_section(self, number: str) -> bool:
        return number.count(".") in self._depths and not number.startswith("0")

    def _is_known(self, number: str) -> bool:
        return number in self._known or contains_whole(self._source, number) or contains_whole(self._task, number)
