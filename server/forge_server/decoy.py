"""Grade a sealed episode under the other label as well, and throw that grade away.

Grading does other work on a corrupted answer than on a right one: it looks for the quotes of the explanation, and it
measures the repair. A request may hold many attempts on one episode, so even tenths of a millisecond would reveal the
label by the response time. A sealed episode is therefore graded twice: as what it is, and as its decoy.
"""

import zlib
from collections.abc import Mapping

from forge_arena.types import CorruptionType, Episode, Span, Truth, Verdict
from forge_arena.verify import Verifier
from forge_server.grading import grade


class Decoy:
    """The answer of an episode under the other label: a corrupted answer as if it were right, a right answer as if the
    first claim that it makes were wrong.

    Everything here is done under both labels. The type of corruption that a right answer would have depends on the key
    alone. `repaired` is the decoy for a verdict that changes the claim, `unrepaired` for the other verdicts.
    """

    def __init__(self, episode: Episode, verifier: Verifier) -> None:
        seen, truth = episode.observation, episode.truth
        findings = verifier.verify(seen.worker_output).findings
        claims = episode.scenario.claims
        target = next((claim for claim in claims if any(finding.claim == claim.id for finding in findings)), claims[0])
        types = sorted(CorruptionType)
        wrong = Truth(
            corrupted=True,
            corruption_type=types[zlib.crc32(episode.key.encode()) % len(types)],
            family=truth.family,
            target=target.id,
            output_spans=tuple(Span(start=f.start, end=f.end) for f in findings if f.claim == target.id),
            source_spans=target.source_spans,
            clean_output=truth.clean_output,
        )
        # Grading breaks off at a target that is not repaired. It also breaks off at a target that is not named.
        unrepaired = wrong.model_copy(update={"target": None})
        right = Truth(corrupted=False, family=truth.family, clean_output=seen.worker_output)
        self._target = target.id
        self._said = {finding.alternative for finding in findings if finding.claim == target.id}
        self.repaired = episode.model_copy(update={"truth": right if truth.corrupted else wrong})
        self.unrepaired = episode.model_copy(update={"truth": right if truth.corrupted else unrepaired})

    def grade(self, verdict: Verdict, verifier: Verifier, paid: Mapping[str, float]) -> None:
        """Do what grading the verdict would do under the other label."""
        repaired = False
        if verdict.detection:
            # The verifier has kept this report, which is made under both labels before the verdict is graded.
            report = verifier.verify(verdict.correction.strip())
            repaired = {finding.alternative for finding in report.of(self._target)} != self._said
        grade(verdict, self.repaired if repaired else self.unrepaired, verifier, paid)
