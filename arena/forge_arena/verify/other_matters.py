"""Whether a value that is wrong for a claim is given for another matter, for which the source gives it.

An answer may say more than its task asks for: "The credit is 10% down to 99%. Below 99% it is 25%." The 25% are wrong
for the claim about the 10%, and the answer is right all the same. What shows it:

* the case: the source gives 25% beside "less than 99%", and so does the clause. It gives the right value beside no such
  bound;
* another claim: the value is the right one of another claim, and no alternative of this one;
* the words: of the claim's words the sentence has only such as other claims have as well.

A value of another matter contradicts a claim only if the answer does not state the claim rightly (`settling`). What is
only imagined says nothing of anything: "Had you cancelled yesterday, we would have charged 20%".
"""

import re
from collections.abc import Hashable
from typing import TypeAlias

from forge_arena.texts.sentences import lower
from forge_arena.texts.values import mentions, same_amount, value_of
from forge_arena.types import VALUE_KINDS, Claim, ClaimKind, Scenario, Standing
from forge_arena.verify.bounds import Side, bound_at, clause_around
from forge_arena.verify.passages import Passages

# A bounded value, which says of which case a sentence speaks: "less than 99%".
_Case: TypeAlias = tuple[ClaimKind, Hashable, Side]

_WOULD_HAVE = re.compile(r"\b(?:would|could|might)(?:n['\u2019]t| not)? have\b|['\u2019]d have\b", re.IGNORECASE)
_IF_HAD = re.compile(
    r"(?:^|[,;:.] |\b(?:but|and) )\W{0,3}had \w+ (?!to\b)|\bif [^,;.]{1,40}\b(?:had|were|was)\b|\bif only\b",
    re.IGNORECASE,
)
_WOULD = re.compile(r"\b(?:would|could|might)\b|['\u2019]d\b", re.IGNORECASE)
_IF_WERE = re.compile(
    r"\bif [^,;.]{1,40}\b(?:had|were)\b|(?:^|, )\W{0,3}were (?:you|he|she|it|we|they|the)\b", re.IGNORECASE
)
_MARK = re.compile(r"[.;]")


class OtherMatters:
    """The matters of one scenario's source beside those of its claims."""

    def __init__(self, scenario: Scenario, passages: Passages) -> None:
        self._passages = passages
        claims = [claim for claim in scenario.claims if claim.kind in VALUE_KINDS and claim.of is None]
        self._rights: dict[tuple[ClaimKind, Hashable], set[str]] = {}
        for claim in claims:
            for form in claim.right.forms[:1]:
                self._rights.setdefault((claim.kind, same_amount(value_of(claim.kind, form))), set()).add(claim.id)
        self._words = {c.id: frozenset(word for group in c.about for word in group) for c in scenario.claims if c.about}
        self._subjects = {c.id: c.subject for c in scenario.claims}
        self._cases: dict[tuple[ClaimKind, Hashable], frozenset[_Case]] = {}

    def is_unreal(self, sentence: str, at: int) -> bool:
        """Whether the place of a sentence stands in what is only imagined."""
        left = max((mark.end() for mark in _MARK.finditer(sentence, 0, at)), default=0)
        right = _MARK.search(sentence, at)
        clause = sentence[left : right.start() if right else len(sentence)]
        if _IF_HAD.search(clause) and _WOULD_HAVE.search(clause):
            return True
        return _IF_WERE.search(clause) is not None and _WOULD.search(clause) is not None

    def is_of_another(self, claim: Claim, names: tuple[str, ...], sentence: str, start: int, end: int) -> bool:
        """Whether a value that is wrong for a claim is given for another matter at a place of a sentence."""
        if claim.kind not in VALUE_KINDS or claim.of is not None:
            return False
        value = next(
            (
                same_amount(m.value)
                for m in mentions(sentence)
                if m.kind is claim.kind and m.start < end and start < m.end
            ),
            None,
        )
        if value is None:
            return False
        if not names:
            return bool(self._rights.get((claim.kind, value), set()) - {claim.id})
        if any(claim.alternative(name).standing is not Standing.elsewhere for name in names):
            return False
        return self._is_of_other_case(claim, value, sentence, start, end) or self._has_no_word_of_its_own(
            claim, sentence
        )

    def _is_of_other_case(self, claim: Claim, value: Hashable, sentence: str, start: int, end: int) -> bool:
        left, right = clause_around(sentence, start, end)
        mine = frozenset(_cases_in(sentence[left:right]))
        if not mine:
            return False
        right_value = same_amount(value_of(claim.kind, claim.right.forms[0]))
        return bool(mine & self._cases_of(claim.kind, value) - self._cases_of(claim.kind, right_value))

    def _cases_of(self, kind: ClaimKind, value: Hashable) -> frozenset[_Case]:
        """The cases beside which the source gives a value."""
        if (kind, value) not in self._cases:
            self._cases[kind, value] = frozenset(
                case
                for _, text in self._passages.unbroken
                if any(m.kind is kind and same_amount(m.value) == value for m in mentions(text))
                for case in _cases_in(text)
            )
        return self._cases[kind, value]

    def _has_no_word_of_its_own(self, claim: Claim, sentence: str) -> bool:
        """Whether a sentence has none of a claim's words but such as other claims have, too."""
        others = [
            words for other, words in self._words.items() if other != claim.id and self._subjects[other] != claim.id
        ]
        own = {word for word in self._words.get(claim.id, ()) if not any(word in words for words in others)}
        words = re.findall(r"\w+", lower(sentence))
        return bool(own) and not any(word.startswith(stem) for word in words for stem in own)


def _cases_in(text: str) -> frozenset[_Case]:
    cases = set()
    for mention in mentions(text):
        bound = bound_at(text, mention.start, mention.end)
        if bound is not None:
            cases.add((mention.kind, same_amount(mention.value), bound.side))
    return frozenset(cases)
