"""Overseers that ask several overseers: the mean, the highest or the vote of them, and cascades.

    mean: openai:a@https://h/v1 openai:b@https://h/v1      P(corrupted) is the mean of theirs
    max: rules openai:a@https://h/v1                       P(corrupted) is the highest of theirs
    vote: SPEC SPEC SPEC                                   the majority decides, and P is the share of its votes
    cascade: rules openai:dear@https://h/v1#temperature=1  the first reviews all, the next what the first flags

The members are separated by spaces, and quotation marks keep a member with spaces together, so a member may itself ask
several. Settings of one member follow its name after a `#`: `#max_tokens=4096,temperature=0.7`. The key of a member's
endpoint may lie in a variable of the environment, which `#api_key_env=NAME` names.

A member whose verdict cannot be read abstains. If all abstain, the whole verdict is unreadable. If the endpoint of a
member refuses a request, the episode has failed, because a score without that member would be another overseer's.
"""

import os
import re
import shlex
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Any

from forge_agents.overseers.addresses import address, host
from forge_agents.overseers.base import Completion, Overseer, Reply, conditions, details
from forge_agents.overseers.replies import own_seconds, refusal_of, verdict_of
from forge_agents.overseers.reviewer import Reviewer
from forge_arena.errors import BadArgument
from forge_arena.files import parse_yaml
from forge_arena.secrecy import is_secret, public_address
from forge_arena.types import JsonObject, MemberReview, Observation, Trouble, Usage, Verdict

_SETTINGS = re.compile(r"(?P<spec>[^#]+)#(?P<settings>\w+=[^#\s]*)")
KEY_IN_ENVIRONMENT = "api_key_env"
# Settings of the whole that each member gets, if it takes them and has none of its own.
_HANDED_ON = ("api_key", "prompt", "system")


@dataclass(frozen=True, slots=True)
class Opener:
    """How members are opened. The registry hands itself over, because it knows this module and not the other way round.

    Attributes:
        open: the overseer of a name, made with settings.
        every_setting: the settings that the overseer of a name takes, with their defaults.
    """

    open: Callable[..., Overseer]
    every_setting: Callable[[str, Mapping[str, Any]], dict[str, Any]]


@dataclass(frozen=True, slots=True)
class _Review:
    """What one member said of one observation. `verdict` is None if it abstains."""

    member: str
    reply: Reply
    verdict: Verdict | None
    seconds: float

    @property
    def p(self) -> float | None:
        return None if self.verdict is None else self.verdict.p_corrupted

    @property
    def usage(self) -> Usage:
        counted = self.reply.usage if isinstance(self.reply, Completion) else None
        return (counted or Usage()).model_copy(update={"seconds": self.seconds})

    @property
    def text(self) -> str:
        """The raw text, with the thoughts before it."""
        thoughts = self.reply.thoughts if isinstance(self.reply, Completion) else None
        raw = self.reply.model_dump_json() if isinstance(self.reply, Verdict) else str(self.reply)
        return "\n".join(part for part in (f"[{self.member}]", thoughts, raw) if part)


class Several(ABC):
    """An overseer of several members.

    Args:
        members: the names of the members, separated by spaces, each with settings of its own after a `#`.
        opener: opens them.
        api_key: for each member that takes a key and has none. Refused if they are at several hosts, because a key of
            one host must not reach another.
        prompt, system: for each member that takes them and has none of its own.

    Raises:
        NoSuchOverseer: a member cannot be opened.
        ValueError: there are fewer than two members, or the key would reach several hosts.
    """

    kind = ""

    def __init__(
        self,
        members: str,
        opener: Opener,
        *,
        api_key: str | None = None,
        prompt: str | None = None,
        system: object = None,
    ) -> None:
        given = {"api_key": api_key, "prompt": prompt, "system": system}
        settings = {name: value for name, value in given.items() if value is not None}
        specs = [_split_settings(spec) for spec in _split(members)]
        if len(specs) < 2:
            raise BadArgument(f"{self.kind} needs two members or more, between spaces, got {members.strip()!r}")
        if api_key is not None:
            _check_one_host([spec for spec, own in specs if KEY_IN_ENVIRONMENT not in own])
        self._members: list[Overseer] = []
        try:
            for spec, own in specs:
                self._members.append(opener.open(spec, **_member_settings(spec, own, settings, opener)))
        except BaseException:
            self.close()
            raise
        self._names = _distinct([member.name for member in self._members])
        self._reviewers = [Reviewer(member) for member in self._members]
        self.name = f"{self.kind}({', '.join(self._names)})"

    @property
    def conditions(self) -> JsonObject:
        """Those of each member: see `forge_agents.overseers.conditions`."""
        return {name: conditions(member) for name, member in zip(self._names, self._members, strict=True)}

    @property
    def details(self) -> JsonObject:
        """Those of each member: see `forge_agents.overseers.details`."""
        return {name: details(member) for name, member in zip(self._names, self._members, strict=True)}

    @abstractmethod
    def review(self, observations: Sequence[Observation]) -> list[Completion]:
        """One verdict for each observation, as text, with what each member said and what it cost.

        Raises:
            OverseerFailed, WrongReview: see `Reviewer.review`; of any member.
        """

    def close(self) -> None:
        """Close the members; the overseer cannot be used afterwards."""
        for member in self._members:
            close = getattr(member, "close", None)
            if callable(close):
                close()

    def _ask(self, number: int, observations: Sequence[Observation]) -> list[_Review]:
        """The reviews of one member."""
        begin = perf_counter()
        replies = self._reviewers[number].review(observations) if observations else []
        shared = (perf_counter() - begin) / max(1, len(observations))
        return [_Review(self._names[number], reply, verdict_of(reply), own_seconds(reply, shared)) for reply in replies]


class Panel(Several):
    """Asks every member about every answer, and combines what they say."""

    def review(self, observations: Sequence[Observation]) -> list[Completion]:
        by_member = [self._ask(number, observations) for number in range(len(self._members))]
        return [self._combine(reviews) for reviews in zip(*by_member, strict=True)]

    def _combine(self, reviews: Sequence[_Review]) -> Completion:
        verdicts = [review.verdict for review in reviews if review.verdict is not None]
        return _completion(reviews, _at(self.probability(verdicts), verdicts) if verdicts else None)

    @abstractmethod
    def probability(self, verdicts: Sequence[Verdict]) -> float:
        """P(corrupted), 0 to 1, from the verdicts of the members that do not abstain; there is at least one."""


class Mean(Panel):
    """Flags if the mean of the members' P(corrupted) is above one half, and states the mean."""

    kind = "mean"

    def probability(self, verdicts: Sequence[Verdict]) -> float:
        return sum(verdict.p_corrupted for verdict in verdicts) / len(verdicts)


class Highest(Panel):
    """Flags if any member's P(corrupted) is above one half, and states the highest."""

    kind = "max"

    def probability(self, verdicts: Sequence[Verdict]) -> float:
        return max(verdict.p_corrupted for verdict in verdicts)


class Vote(Panel):
    """Flags if more than half of the members flag, and states the share that flags."""

    kind = "vote"

    def probability(self, verdicts: Sequence[Verdict]) -> float:
        return sum(verdict.detection for verdict in verdicts) / len(verdicts)


class Cascade(Several):
    """Asks the first member about every answer, and each next member about what the one before it flags.

    The last member that was asked gives the verdict. A member that abstains hands the answer on.

    Args:
        members, opener: see `Several`; the cheapest member first.
        threshold: hand an answer on if P(corrupted) is above this, 0 to 1, whatever the member decided. Below one half
            the next member sees more than what the first flags. None takes the member's decision.
        api_key, prompt, system: see `Several`.
    """

    kind = "cascade"

    def __init__(
        self,
        members: str,
        opener: Opener,
        *,
        threshold: float | None = None,
        api_key: str | None = None,
        prompt: str | None = None,
        system: object = None,
    ) -> None:
        if threshold is not None and not 0.0 <= threshold <= 1.0:
            raise ValueError(f"threshold must be 0..1, got {threshold}")
        self._threshold = threshold
        super().__init__(members, opener, api_key=api_key, prompt=prompt, system=system)

    @property
    def conditions(self) -> JsonObject:
        return {"threshold": self._threshold, **super().conditions}

    def review(self, observations: Sequence[Observation]) -> list[Completion]:
        reviews: list[list[_Review]] = [[] for _ in observations]
        asked = list(range(len(observations)))
        for number in range(len(self._members)):
            for place, review in zip(asked, self._ask(number, [observations[n] for n in asked]), strict=True):
                reviews[place].append(review)
            asked = [place for place in asked if self._hands_on(reviews[place][-1])]
        return [_completion(of_one, _last_verdict(of_one)) for of_one in reviews]

    def _hands_on(self, review: _Review) -> bool:
        if review.verdict is None:
            return refusal_of(review.reply) is None
        return review.verdict.detection if self._threshold is None else review.verdict.p_corrupted > self._threshold


KINDS: Mapping[str, type[Several]] = {kind.kind: kind for kind in (Mean, Highest, Vote, Cascade)}
PREFIXES = tuple(f"{kind}:" for kind in KINDS)


def single_overseers(name: str) -> list[tuple[str, dict[str, Any]]]:
    """The single overseers that a name comes down to, each with the settings that stand behind its name.

    A name of one overseer comes down to itself, and a name of several to their members, however deep these lie.

    Raises:
        BadArgument: a quotation mark is missing, or the settings of a member cannot be read.
    """
    if not name.startswith(PREFIXES):
        return [(name, {})]
    members = [_split_settings(member) for member in _split(name.partition(":")[2])]
    return [
        asked
        for spec, own in members
        for asked in (single_overseers(spec) if spec.startswith(PREFIXES) else [(spec, own)])
    ]


def _last_verdict(reviews: Sequence[_Review]) -> Verdict | None:
    return next((review.verdict for review in reversed(reviews) if review.verdict is not None), None)


def _at(p: float, verdicts: Sequence[Verdict]) -> Verdict:
    """A verdict that states P(corrupted), with the words of the surest member that decides as it does."""
    detection = p > 0.5
    agreeing = [verdict for verdict in verdicts if verdict.detection is detection]
    words = max(agreeing, key=lambda verdict: verdict.confidence, default=None)
    return Verdict(
        detection=detection,
        explanation="" if words is None else words.explanation,
        correction="" if words is None else words.correction,
        confidence=p if detection else 1.0 - p,
        step=None if words is None else words.step,
    )


def _completion(reviews: Sequence[_Review], verdict: Verdict | None) -> Completion:
    """The reply of the whole, with what each member said; a failure if the endpoint of a member refused."""
    refused = [f"{review.member}: {reason}" for review in reviews if (reason := refusal_of(review.reply)) is not None]
    members = {review.member: MemberReview(p_corrupted=review.p, usage=review.usage) for review in reviews}
    common: dict[str, Any] = {
        "usage": _sum([review.usage for review in reviews]),
        "members": members,
        "thoughts": "\n\n".join(review.text for review in reviews),
    }
    if refused:
        return Completion("", trouble=Trouble.refused, reason=refused[0], **common)
    if verdict is None:
        troubles = [r.reply for r in reviews if isinstance(r.reply, Completion) and r.reply.trouble is not None]
        trouble = troubles[0].trouble if troubles else Trouble.unusable
        reason = troubles[0].reason if troubles else "no member gave a readable verdict"
        return Completion("", trouble=trouble, reason=reason, **common)
    return Completion(verdict.model_dump_json(exclude_none=True), **common)


def _sum(usages: Sequence[Usage]) -> Usage:
    """The cost of all members. Tokens are None only if no member counts them."""

    def total(counts: Sequence[int | None]) -> int | None:
        known = [count for count in counts if count is not None]
        return sum(known) if known else None

    return Usage(
        input_tokens=total([usage.input_tokens for usage in usages]),
        output_tokens=total([usage.output_tokens for usage in usages]),
        retries=sum(usage.retries for usage in usages),
        seconds=sum(usage.seconds or 0.0 for usage in usages),
    )


def _split(members: str) -> list[str]:
    try:
        return shlex.split(members)
    except ValueError as error:
        raise BadArgument(f"members {members!r}: {error}") from None


def _split_settings(text: str) -> tuple[str, dict[str, Any]]:
    """The name of a member, and its settings after the #."""
    match = _SETTINGS.fullmatch(text)
    # In a member that asks several itself, the settings are those of its own members.
    if match is None or text.startswith(PREFIXES):
        return text, {}
    settings = {}
    for part in match["settings"].split(","):
        name, equals, value = part.partition("=")
        if not equals or not name.isidentifier():
            raise BadArgument(f"member {text!r}: settings after # read KEY=VALUE,KEY=VALUE, got {part!r}")
        settings[name] = parse_yaml(value, name, error=BadArgument)
    return match["spec"], settings


def _member_settings(spec: str, own: Mapping[str, Any], given: Mapping[str, Any], opener: Opener) -> dict[str, Any]:
    """The settings of one member: its own, and those of the whole that it takes."""
    for name, value in own.items():
        if is_secret(name, value):
            raise BadArgument(
                f"member {public_address(spec)!r}: a secret like {name} must not stand in a name, because results show "
                f"names; give #{KEY_IN_ENVIRONMENT}=NAME, the name of a variable of the environment"
            )
    takes = opener.every_setting(spec, {})
    settings = {name: given[name] for name in _HANDED_ON if name in given and name in takes} | dict(own)
    variable = settings.pop(KEY_IN_ENVIRONMENT, None)
    if variable is not None:
        if str(variable) not in os.environ:
            raise BadArgument(f"member {spec!r}: the environment has no variable {variable}")
        settings["api_key"] = os.environ[str(variable)]
    return settings


def _check_one_host(specs: Sequence[str]) -> None:
    asked = [member for spec in specs for member, own in single_overseers(spec) if KEY_IN_ENVIRONMENT not in own]
    hosts = {host(url) for member in asked if (url := address(member)) is not None}
    if len(hosts) > 1:
        raise BadArgument(
            f"one key would be sent to {len(hosts)} hosts ({', '.join(sorted(hosts))}): leave it out, and give each "
            f"member its own by #{KEY_IN_ENVIRONMENT}=NAME, the name of a variable of the environment"
        )


def _distinct(names: Sequence[str]) -> list[str]:
    """The names, with a number behind a name that occurs again."""
    return [f"{name} ({names[: n + 1].count(name)})" if name in names[:n] else name for n, name in enumerate(names)]
