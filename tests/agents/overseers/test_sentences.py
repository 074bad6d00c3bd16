"""The overseer that asks another about each sentence: what it shows, how it combines, and what it costs."""

import re
from collections.abc import Sequence

import pytest

from forge_agents.overseers import Completion, NoSuchOverseer, conditions, open_overseer
from forge_agents.overseers.replies import refusal_of, verdict_of
from forge_agents.overseers.sentences import Sentences, parts
from forge_arena.types import Domain, Observation, Trouble, Usage, Verdict

SOURCE = (
    "Refunds take 5 days. The desk is open on Mondays.\n\n"
    "3.2 Parcels above 20 kg are collected at the depot. Members park free of charge."
)


def seen(answer: str, source: str = SOURCE) -> Observation:
    return Observation(
        task="Answer the customer.",
        source_material=source,
        worker_reasoning="The refund first.",
        worker_output=answer,
        domain=Domain.customer_support,
    )


class Suspicious:
    """Flags each answer that has one of its words, and repairs it; abstains on what it cannot read, and may refuse."""

    def __init__(self, wrong: str = "", right: str = "") -> None:
        self.name = "suspicious"
        self.asked: list[Observation] = []
        self._wrong, self._right = wrong, right

    def review(self, observations: Sequence[Observation]) -> list[Completion]:
        self.asked += observations
        return [self._reply(observation.worker_output) for observation in observations]

    def _reply(self, answer: str) -> Completion:
        usage = Usage(input_tokens=10, output_tokens=2)
        if "unreadable" in answer:
            return Completion("Well.", usage=usage)
        if "refused" in answer:
            return Completion("", trouble=Trouble.refused, reason="no such model", usage=usage)
        flags = bool(self._wrong) and self._wrong in answer
        repaired = answer.replace(self._wrong, self._right) if flags and self._right else ""
        verdict = Verdict(
            detection=flags, explanation=f'"{answer}"', correction=repaired, confidence=0.9 if flags else 0.7
        )
        return Completion(verdict.model_dump_json(), 2.0 if flags else -1.0, usage=usage)


def opened(wrong: str = "", right: str = "", **settings: object) -> Sentences:
    spec = f"{__name__}:Suspicious#wrong='{wrong}',right='{right}'"
    overseer = open_overseer(f"sentences: {spec!r}", **settings)
    assert isinstance(overseer, Sentences)
    return overseer


def one(overseer: Sentences, answer: str, source: str = SOURCE) -> Completion:
    (reply,) = overseer.review([seen(answer, source)])
    return reply


def verdict(reply: Completion) -> Verdict:
    read = verdict_of(reply)
    assert read is not None
    return read


def test_each_sentence_is_shown_beside_the_passages_that_share_its_words() -> None:
    answer = "Your refund takes 8 days. Heavy parcels are collected at the depot."
    (refund, first), (parcels, second) = parts(seen(answer), words=10)
    assert (first.worker_output, first.source_material) == ("Your refund takes 8 days.", "Refunds take 5 days.")
    assert second.source_material == "3.2 Parcels above 20 kg are collected at the depot."
    assert answer[refund.start : refund.end] == "Your refund takes 8 days."
    assert answer[parcels.start : parcels.end] == "Heavy parcels are collected at the depot."
    assert (first.task, first.worker_reasoning) == ("Answer the customer.", "")


def test_more_words_show_more_passages_in_the_order_of_the_source() -> None:
    ((_, shown),) = parts(seen("Members have refunds in 5 days, and the depot is open."))
    assert shown.source_material.index("Refunds") < shown.source_material.index("depot")
    assert "Members park free of charge." in shown.source_material


def test_a_sentence_that_shares_no_word_is_shown_beside_the_first_passages() -> None:
    ((_, shown),) = parts(seen("Certainly!"))
    assert shown.source_material == "Refunds take 5 days.\nThe desk is open on Mondays."


@pytest.mark.parametrize(("answer", "source"), [("It takes 5 days. Call us.", ""), ("", SOURCE), ("---", SOURCE)])
def test_an_answer_without_a_source_or_a_sentence_is_reviewed_whole(answer: str, source: str) -> None:
    observation = seen(answer, source)
    assert [shown for _, shown in parts(observation)] == [observation]


def test_the_most_suspicious_sentence_decides_and_only_it_is_corrected() -> None:
    reply = one(opened("8", "5"), "Hello.  Your refund takes 8 days.\nMembers park free of charge.")
    read = verdict(reply)
    assert (read.detection, read.p_corrupted, read.explanation) == (True, 0.9, '"Your refund takes 8 days."')
    assert read.correction == "Hello.  Your refund takes 5 days.\nMembers park free of charge."
    assert reply.log_odds == 2.0


def test_a_wrong_sentence_without_a_correction_is_struck_out() -> None:
    assert verdict(one(opened("8"), "Hello. It takes 8 days. Call us.")).correction == "Hello. Call us."


def test_an_answer_whose_sentences_are_all_right_is_clean() -> None:
    reply = one(opened("8"), "Your refund takes 5 days. Call us.")
    read = verdict(reply)
    assert (read.detection, read.correction, read.confidence) == (False, "", 0.7)
    assert reply.log_odds == -1.0


def test_the_cost_is_that_of_all_sentences_and_stands_at_the_member() -> None:
    reply = one(opened(), "Your refund takes 5 days. Call us.")
    assert reply.usage is not None
    assert (reply.usage.input_tokens, reply.usage.output_tokens) == (20, 4)
    assert list(reply.members) == ["suspicious"]
    assert reply.members["suspicious"].usage == reply.usage
    assert reply.members["suspicious"].p_corrupted == pytest.approx(0.3)


def test_a_sentence_that_cannot_be_read_is_left_out_and_the_log_odds_are_not_known() -> None:
    reply = one(opened("8"), "This is unreadable. It takes 8 days.")
    assert verdict(reply).detection
    assert reply.log_odds is None
    nothing = one(opened(), "This is unreadable.")
    assert (verdict_of(nothing), nothing.trouble) == (None, Trouble.unusable)


def test_a_sentence_that_is_refused_makes_a_failure_and_no_score() -> None:
    replies = opened("8").review([seen("It takes 8 days. This is refused."), seen("It takes 8 days.")])
    assert refusal_of(replies[0]) == "suspicious: no such model"
    assert refusal_of(replies[1]) is None


def test_all_sentences_of_a_batch_are_asked_at_once() -> None:
    overseer = opened("8")
    replies = overseer.review([seen("It takes 8 days. Call us."), seen("Hello."), seen("It takes 5 days.")])
    (member,) = overseer._members
    assert isinstance(member, Suspicious)
    assert len(member.asked) == 4
    assert [verdict(reply).detection for reply in replies] == [True, False, False]


def test_sentences_may_be_one_of_several_and_their_member_may_be_several() -> None:
    overseer = open_overseer("max: rules 'sentences: rules'")
    assert overseer.name == "max(rules, sentences(rules))"
    overseer = open_overseer("sentences: 'mean: rules always_clean'", words=40)
    assert overseer.name == "sentences(mean(rules, always_clean))"
    assert conditions(overseer)["words"] == 40


@pytest.mark.parametrize(
    ("spec", "settings", "message"),
    [
        ("sentences: rules random", {}, "sentences needs one member"),
        ("sentences:", {}, "sentences needs one member"),
        ("sentences: rules", {"words": 0}, "words must be 1 or more, got 0"),
    ],
)
def test_what_asks_about_no_sentence_is_refused(spec: str, settings: dict[str, object], message: str) -> None:
    with pytest.raises(NoSuchOverseer, match=re.escape(message)):
        open_overseer(spec, **settings)
