"""Overseers of several: how they combine, what they hand on, what they cost, and how a member fails."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from forge_agents.overseers import Completion, NoSuchOverseer, OverseerFailed, conditions, details, open_overseer
from forge_agents.overseers.replies import refusal_of, verdict_of
from forge_agents.overseers.several import Cascade, Highest, Mean, Several, Vote
from forge_arena.types import Domain, Observation, Trouble, Usage, Verdict

from ...brain import Brain, completion, refusal


def seen(answer: str) -> Observation:
    return Observation(
        task="Answer.", source_material="", worker_reasoning="", worker_output=answer, domain=Domain.mixed
    )


class Stating:
    """States for each answer the P(corrupted) that `says` has for it; abstains where it has None."""

    def __init__(self, says: str = "", tokens: int | None = None) -> None:
        self.name = "stating"
        self._says = dict(pair.split(":") for pair in says.split(";"))
        self._tokens = tokens
        self.asked: list[str] = []

    def review(self, observations: Sequence[Observation]) -> list[Completion]:
        self.asked += [o.worker_output for o in observations]
        return [self._reply(self._says[o.worker_output]) for o in observations]

    def _reply(self, p: str) -> Completion:
        usage = Usage(input_tokens=self._tokens, output_tokens=self._tokens)
        if p == "refused":
            return Completion("", trouble=Trouble.refused, reason="no such model", usage=usage)
        if p == "nothing":
            return Completion("I would rather not say.", usage=usage)
        flags = float(p) > 0.5
        verdict = Verdict(
            detection=flags, explanation=f"P is {p}", correction="", confidence=float(p) if flags else 1 - float(p)
        )
        return Completion(verdict.model_dump_json(exclude_none=True), usage=usage)


def member(says: str, **settings: Any) -> str:
    more = "".join(f",{name}={value}" for name, value in settings.items())
    return f"{__name__}:Stating#says='{says}'{more}"


def combined(kind: str, *says: str) -> list[Completion]:
    overseer = open_overseer(f"{kind}: {' '.join(repr(member(one)) for one in says)}")
    return list(overseer.review([seen(pair.split(":")[0]) for pair in says[0].split(";")]))  # type: ignore[arg-type]


def verdict(reply: Completion) -> Verdict:
    read = verdict_of(reply)
    assert read is not None
    return read


@pytest.mark.parametrize(
    ("kind", "stated", "p"),
    [
        ("mean", (0.9, 0.2, 0.1), 0.4),
        ("mean", (0.9, 0.8, 0.1), 0.6),
        ("max", (0.9, 0.2, 0.1), 0.9),
        ("max", (0.4, 0.2, 0.1), 0.4),
        ("vote", (0.9, 0.8, 0.1), 2 / 3),
        ("vote", (0.9, 0.2, 0.1), 1 / 3),
    ],
)
def test_members_are_combined_into_one_probability(kind: str, stated: tuple[float, ...], p: float) -> None:
    (reply,) = combined(kind, *(f"a:{one}" for one in stated))
    read = verdict(reply)
    assert read.p_corrupted == pytest.approx(p)
    assert read.detection is (p > 0.5)
    surest = max((s for s in stated if (s > 0.5) is read.detection), key=lambda s: abs(s - 0.5))
    assert read.explanation == f"P is {surest}"


def test_a_tie_flags_nothing() -> None:
    (reply,) = combined("vote", "a:0.9", "a:0.1")
    assert (verdict(reply).detection, verdict(reply).p_corrupted) == (False, 0.5)


def test_what_each_member_said_and_cost_is_in_the_reply() -> None:
    overseer = open_overseer(f"mean: {member('a:0.9', tokens=10)!r} {member('a:0.2', tokens=5)!r} {member('a:0.1')!r}")
    (reply,) = overseer.review([seen("a")])
    assert isinstance(reply, Completion)
    assert overseer.name == "mean(stating, stating (2), stating (3))"
    assert [review.p_corrupted for review in reply.members.values()] == pytest.approx([0.9, 0.2, 0.1])
    assert [review.usage.input_tokens for review in reply.members.values() if review.usage] == [10, 5, None]
    assert reply.usage is not None
    assert (reply.usage.input_tokens, reply.usage.output_tokens) == (15, 15)
    assert "[stating (2)]" in str(reply.thoughts)


def test_a_member_that_cannot_be_read_abstains_and_if_all_do_so_does_the_whole() -> None:
    some, none = combined("mean", "a:nothing;b:nothing", "a:0.9;b:nothing")
    assert verdict(some).p_corrupted == 0.9
    assert (verdict_of(none), none.trouble) == (None, Trouble.unusable)
    assert refusal_of(none) is None


@pytest.mark.parametrize("kind", ["mean", "max", "vote", "cascade"])
def test_a_member_whose_endpoint_refuses_makes_a_failure_and_no_score(kind: str) -> None:
    refused, other = combined(kind, "a:0.9;b:0.9", "a:refused;b:0.8")
    assert refusal_of(refused) == "stating (2): no such model"
    assert refusal_of(other) is None


def test_a_cascade_asks_the_next_about_what_the_first_flags() -> None:
    overseer = open_overseer(f"cascade: {member('a:0.9;b:0.4;c:0.1')!r} {member('a:0.2;b:0.7;c:0.7')!r}")
    assert isinstance(overseer, Cascade)
    first, second = overseer._members
    replies = overseer.review([seen("a"), seen("b"), seen("c")])
    assert isinstance(first, Stating)
    assert isinstance(second, Stating)
    assert (first.asked, second.asked) == (["a", "b", "c"], ["a"])
    assert [verdict(reply).p_corrupted for reply in replies] == pytest.approx([0.2, 0.4, 0.1])
    assert [list(reply.members) for reply in replies] == [["stating", "stating (2)"], ["stating"], ["stating"]]


def test_a_cascade_with_a_threshold_hands_on_what_is_above_it() -> None:
    spec = f"cascade: {member('a:0.9;b:0.4;c:0.1')!r} {member('a:0.2;b:0.7;c:0.7')!r}"
    overseer = open_overseer(spec, threshold=0.3)
    assert isinstance(overseer, Cascade)
    replies = overseer.review([seen("a"), seen("b"), seen("c")])
    assert [verdict(reply).p_corrupted for reply in replies] == pytest.approx([0.2, 0.7, 0.1])


def test_a_cascade_hands_on_what_a_member_cannot_say() -> None:
    (reply,) = combined("cascade", "a:nothing", "a:0.8")
    assert verdict(reply).p_corrupted == 0.8


def test_a_member_may_ask_several_itself_with_settings_of_its_members() -> None:
    overseer = open_overseer("mean: always_corrupted 'max: random#seed=3 random'")
    assert overseer.name == "mean(always_corrupted, max(random, random (2)))"
    replies = overseer.review([seen(f"answer {n}") for n in range(4)])
    for reply in replies:
        assert isinstance(reply, Completion)
        assert [review.p_corrupted is not None for review in reply.members.values()] == [True, True]


@pytest.fixture
def brains(brain: Brain) -> Brain:
    text = '{"detection": true, "explanation": "", "correction": "", "confidence": 0.9}'
    brain.reactions = [completion(text, usage={"prompt_tokens": 7, "completion_tokens": 3}, reasoning="It is free.")]
    return brain


def test_settings_of_a_member_stand_behind_one_sign() -> None:
    with pytest.raises(ValueError, match=r"settings after # read KEY=VALUE,KEY=VALUE, got 'seed=3#other=4'"):
        open_overseer("mean: always_corrupted random#seed=3#other=4")


def test_settings_of_the_whole_reach_the_members_that_take_them_and_those_of_a_member_only_it(brains: Brain) -> None:
    spec = f"cascade: always_corrupted openai:brain@{brains.url}#max_tokens=9"
    overseer = open_overseer(spec, prompt="compact", api_key="sk-x")
    (reply,) = overseer.review([seen("It is free.")])
    assert isinstance(reply, Completion)
    assert brains.seen[0]["max_tokens"] == 9
    assert brains.headers[0]["authorization"] == "Bearer sk-x"
    assert conditions(overseer)["openai:brain"]["max_tokens"] == 9
    assert details(overseer)["openai:brain"]["model"] == "brain"
    assert "End with JSON" in details(overseer)["openai:brain"]["prompt"]["messages"][0]["content"]
    usage = reply.members["openai:brain"].usage
    assert usage is not None
    assert (usage.input_tokens, usage.output_tokens) == (7, 3)
    assert "It is free." in str(reply.thoughts)
    overseer.close()  # type: ignore[attr-defined]


def test_one_key_is_not_sent_to_two_hosts(brains: Brain, monkeypatch: pytest.MonkeyPatch) -> None:
    here, there = f"openai:brain@{brains.url}", "openai:brain@https://elsewhere.example/v1"
    with pytest.raises(NoSuchOverseer, match="one key would be sent to 2 hosts"):
        open_overseer(f"mean: {here} {there}", api_key="sk-x")
    monkeypatch.setenv("KEY_OF_ELSEWHERE", "sk-y")
    overseer = open_overseer(f"mean: {here} {there}#api_key_env=KEY_OF_ELSEWHERE", api_key="sk-x")
    overseer.close()  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("mean: rules", "mean needs two members or more, between spaces, got 'rules'"),
        ("mean: rules rulse", "no overseer is called 'rulse'. Did you mean 'rules'?"),
        ("vote: rules 'random", "No closing quotation"),
        ("max: rules random#sed=3", "overseer 'random' has no setting 'sed'. Did you mean 'seed'?"),
        ("max: rules openai:m@http://h/v1#api_key=sk-x", "a secret like api_key must not stand in a name"),
        ("max: rules module:Class#hf_token=abc", "a secret like hf_token must not stand in a name"),
        ("max: rules openai:m@http://h/v1#api_key_env=NOT_THERE", "the environment has no variable NOT_THERE"),
    ],
)
def test_what_is_no_overseer_of_several_is_refused(spec: str, message: str) -> None:
    with pytest.raises(NoSuchOverseer, match=re.escape(message)):
        open_overseer(spec)


def test_a_threshold_of_a_cascade_is_a_probability() -> None:
    with pytest.raises(NoSuchOverseer, match=re.escape("threshold must be 0..1, got 2")):
        open_overseer("cascade: rules random", threshold=2)


def test_a_member_that_gives_no_verdict_at_all_ends_the_review(brain: Brain) -> None:
    brain.reactions = [refusal(400, "temperature must be 1")]
    overseer = open_overseer(f"mean: rules openai:brain@{brain.url}")
    with pytest.raises(OverseerFailed, match="gave no verdict on any of the first 8 episodes"):
        overseer.review([seen(f"answer {n}") for n in range(8)])
    overseer.close()  # type: ignore[attr-defined]


KINDS: Mapping[str, type[Several]] = {"mean": Mean, "max": Highest, "vote": Vote, "cascade": Cascade}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_found_by_its_name(kind: str) -> None:
    assert isinstance(open_overseer(f"{kind}: rules random"), KINDS[kind])
