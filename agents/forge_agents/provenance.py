"""Where a result comes from: what somebody else needs to make the same evaluation again.

The conditions of a result (`forge_agents.records.Task`) decide which verdicts may be compared or continued. The
provenance is everything else that a reader must know: addresses, every setting with its default, the words of the
prompt, the arena's grader and the fingerprint of its secret, the code and the date. What may be a secret is left out
(`forge_arena.secrecy`).
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from forge_agents.overseers import Overseer, details, every_setting
from forge_agents.records import settings_without_secrets
from forge_arena.secrecy import public_address, public_settings, settings_left_out
from forge_arena.software import Software, software
from forge_arena.storable import Text
from forge_arena.types import JsonObject, Noun
from forge_arena.wire import Edition, Stats


class Provenance(Noun):
    """How a result was made.

    Attributes:
        spec: the name that `--overseer` gave; None if a program made the overseer itself.
        settings: every setting of the overseer, with its default where none was given.
        details: what the overseer says of itself: model, endpoint, the messages of its prompt.
        left_out: the names of the settings and the details that have a value and are left out, because they may be
            secrets.
        arena: the address of the arena; None without an arena, or if a program made the client itself.
        edition: what the arena says of itself; None without an arena, or if it is older than this field.
        episodes: how many episodes, pairs or labelled answers the overseer was to review.
        batch: how many episodes the overseer reviewed at a time. An overseer may depend on it.
        software: the code that asked the overseer and computed the scores.
        ended: when the evaluation ended, as an ISO 8601 time in UTC.
    """

    spec: Text | None = None
    settings: JsonObject = {}
    details: JsonObject = {}
    left_out: tuple[Text, ...] = ()
    arena: str | None = None
    edition: Edition | None = None
    episodes: int
    paired: bool
    batch: int
    software: Software
    ended: str


def provenance(
    overseer: Overseer,
    *,
    spec: str | None,
    settings: Mapping[str, Any] | None,
    arena: str | None,
    stats: Stats | None,
    episodes: int,
    paired: bool,
    batch: int,
) -> Provenance:
    """The provenance of an evaluation that ends now."""
    given = dict(settings or {})
    every = given if spec is None else every_setting(spec, given)
    stated = details(overseer)
    return Provenance(
        spec=None if spec is None else public_address(spec),
        settings=settings_without_secrets(every),
        details=public_settings(stated),
        left_out=(*settings_left_out(every), *(f"details.{name}" for name in settings_left_out(stated))),
        arena=None if arena is None else public_address(arena),
        edition=None if stats is None else stats.edition,
        episodes=episodes,
        paired=paired,
        batch=batch,
        software=software(),
        ended=datetime.now(UTC).isoformat(timespec="seconds"),
    )
