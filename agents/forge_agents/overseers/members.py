"""Overseers that ask others: open the members, ask them, and put together what they said and what it cost.

Members are separated by spaces, and quotation marks keep a member with spaces together, so a member may itself ask
others. Settings of one member follow its name after a `#`: `#max_tokens=4096,temperature=0.7`. The key of a member's
endpoint may lie in a variable of the environment, which `#api_key_env=NAME` names.
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

# The beginnings of the names of overseers that ask others.
PREFIXES = ("mean:", "max:", "vote:", "cascade:", "sentences:")
_SETTINGS = re.compile(r"(?P<spec>[^#]+)#(?P<settings>\w+=\S*)")
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
class Review:
    """What one member said of one observation. `verdict` is None if it abstains."""

    member: str
    reply: Reply
    verdict: Verdict | None
    seconds: float

    @property
    def p(self) -> float | None:
        return None if self.verdict is None else self.verdict.p_corrupted

    @property
    def log_odds(self) -> float | None:
        return self.reply.log_odds if isinstance(self.reply, Completion) else None

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


class AsksMembers(ABC):
    """An overseer that asks one or several members.

    Args:
        members: the names of the members, separated by spaces, each with settings of its own after a `#`.
        opener: opens them.
        api_key: for each member that takes a key and has none. Refused if they are at several hosts, because a key of
            one host must not reach another.
        prompt, system: for each member that takes them and has none of its own.

    Raises:
        NoSuchOverseer: a member cannot be opened.
        ValueError: there are too few or too many members, or the key would reach several hosts.
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
        if (wanted := self.wanted(len(specs))) is not None:
            raise BadArgument(f"{self.kind} needs {wanted}, got {members.strip()!r}")
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

    @staticmethod
    @abstractmethod
    def wanted(count: int) -> str | None:
        """How many members there must be, in words; None if `count` will do."""

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

    def _ask(self, number: int, observations: Sequence[Observation]) -> list[Review]:
        """The reviews of one member."""
        begin = perf_counter()
        replies = self._reviewers[number].review(observations) if observations else []
        shared = (perf_counter() - begin) / max(1, len(observations))
        return [Review(self._names[number], reply, verdict_of(reply), own_seconds(reply, shared)) for reply in replies]


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


def completion(reviews: Sequence[Review], verdict: Verdict | None) -> Completion:
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
        if not equals or not name.isidentifier() or "#" in value:
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
