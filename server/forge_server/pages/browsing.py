"""Browse the episodes that were scored, by what they are and what came of them."""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from forge_arena.types import CorruptionType, Domain, Outcome, Split
from forge_server.access import Caller
from forge_server.episodes import Episodes
from forge_server.errors import InvalidRequest, UnknownEpisode
from forge_server.records import EpisodeView

KINDS = (*(type.value for type in CorruptionType), "clean", "placebo")
# What each filter may be. Workers have any name.
CHOICES: dict[str, tuple[str, ...]] = {
    "split": tuple(Split),
    "domain": tuple(domain for domain in Domain if domain is not Domain.mixed),
    "kind": KINDS,
    "stealth": ("0", "1", "2", "3"),
    "outcome": (Outcome.scored, Outcome.invalid_verdict),
}
LABELS = {"split": "Split", "domain": "Domain", "kind": "Truth", "stealth": "Stealth", "outcome": "Outcome"}
_PLACE = re.compile(r"(\d{1,12}(?:\.\d{1,9})?)~([A-Za-z0-9_-]{1,64})", re.ASCII)


async def browse(episodes: Episodes, query: Mapping[str, str], caller: Caller) -> dict[str, Any]:
    """What the list shows for the filters in a query string.

    Raises:
        InvalidRequest: a filter has a value that is none of its choices.
    """
    filters = {name: query.get(name, "") for name in (*CHOICES, "worker")}
    for name, choices in CHOICES.items():
        if filters[name] not in ("", *choices):
            raise InvalidRequest(f"{name}: must be one of {', '.join(choices)}, or empty")
    asked = {name: value for name, value in filters.items() if value}
    page = await episodes.records.finished(
        caller,
        split=Split(asked["split"]) if "split" in asked else None,
        kind=asked.get("kind"),
        stealth=int(asked["stealth"]) if "stealth" in asked else None,
        domain=asked.get("domain"),
        worker=asked.get("worker"),
        outcome=Outcome(asked["outcome"]) if "outcome" in asked else None,
        before=_place(query.get("before", "")),
    )
    older = None if page.more is None else urlencode({**asked, "before": f"{page.more[0]!r}~{page.more[1]}"})
    return {
        "title": "Episodes",
        "filters": filters,
        "choices": CHOICES,
        "labels": LABELS,
        "asked": asked,
        "episodes": page.episodes,
        "older": older,
        "everybody": caller.admin,
    }


def _place(text: str) -> tuple[float, str] | None:
    if not text:
        return None
    if (match := _PLACE.fullmatch(text)) is None:
        raise InvalidRequest("before: use the link to older episodes")
    return float(match[1]), match[2]


async def finished_episode(episodes: Episodes, episode_id: str, caller: Caller) -> EpisodeView:
    """A finished episode that this caller may see in the list. Raises `UnknownEpisode`."""
    view = await episodes.records.view(episode_id)
    if view.state.attempts_left or not (caller.admin or view.owner == caller.owner):
        raise UnknownEpisode("there is no such finished episode among yours")
    return view
