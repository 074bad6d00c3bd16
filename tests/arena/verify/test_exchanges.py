"""One value, citation, option or sentence of a right answer is exchanged or taken out: hardly any such answer may be clean."""

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from forge_arena.texts.sentences import sentences
from forge_arena.types import Claim, ClaimKind, Scenario
from forge_arena.verify import ClaimReport, Verifier
from forge_arena.workers.prompts import split_reasoning

REAL = Path(__file__).parents[3].parent / "shared" / "data" / "live_answers_dev.jsonl"
WHOLE_TEXT_KINDS = {ClaimKind.constraint, ClaimKind.behaviour}
MOST_ALTERNATIVES = 3
# A word may stand elsewhere for something else, and a term may be said twice, so a few exchanges change no meaning.
CLEAN_SHARE = 0.01


def places_of(claim: Claim, found: ClaimReport) -> list[tuple[int, int]]:
    """The places where a report finds a claim stated; none of two that overlap twice."""
    places: list[tuple[int, int]] = []
    for finding in sorted(found.of(claim.id), key=lambda finding: finding.start):
        if not places or finding.start >= places[-1][1]:
            places.append((finding.start, finding.end))
    return places


def exchanges(text: str, scenario: Scenario, found: ClaimReport) -> Iterator[tuple[str, str]]:
    """(what was done, text) for each exchange of one claim's words and each loss of one required claim's sentences."""
    for claim in scenario.claims:
        places = places_of(claim, found)
        if claim.kind in WHOLE_TEXT_KINDS or not places:
            continue
        for alternative in claim.wrong[:MOST_ALTERNATIVES]:
            exchanged = text
            for start, end in reversed(places):
                exchanged = exchanged[:start] + alternative.forms[0] + exchanged[end:]
            yield f"{claim.kind} {claim.id} -> {alternative.name}", exchanged
        if claim.required:
            kept = [
                text[start:end]
                for start, end in sentences(text)
                if not any(start < place_end and place_start < end for place_start, place_end in places)
            ]
            yield f"{claim.kind} {claim.id} taken out", "\n".join(kept)


def clean_exchanges(path: Path) -> tuple[list[str], Counter[str]]:
    """The exchanges in a file's right answers after which the answer is still clean, and how many exchanges there are."""
    still_clean: list[str] = []
    counts: Counter[str] = Counter()
    for line in path.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        if not row["right"]:
            continue
        scenario = Scenario.model_validate(row["scenario"])
        verifier = Verifier(scenario)
        text = split_reasoning(row["content"]).output
        found = verifier.verify(text)
        if not found.clean:
            continue
        for what, exchanged in exchanges(text, scenario, found):
            counts["all"] += 1
            if verifier.verify(exchanged).clean:
                still_clean.append(f"{row['id']}: {what}")
    return still_clean, counts


@pytest.mark.shared
@pytest.mark.skipif(not REAL.exists(), reason="the real documents are not beside the repository")
def test_an_answer_with_one_thing_exchanged_is_hardly_ever_clean() -> None:
    still_clean, counts = clean_exchanges(REAL)
    assert counts["all"] > 1_000
    assert len(still_clean) <= CLEAN_SHARE * counts["all"], "\n".join(still_clean)
