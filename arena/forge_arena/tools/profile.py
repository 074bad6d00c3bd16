"""Say which tools an episode offers, how often each may be used, and what a use costs."""

from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, TypeAdapter, model_validator

from forge_arena.errors import FileError
from forge_arena.files import read_json
from forge_arena.suggest import did_you_mean
from forge_arena.tools.registry import registry
from forge_arena.types import Noun

MAX_USES = 1_000
Uses = Annotated[int, Field(ge=0, le=MAX_USES)]
Cost = Annotated[float, Field(ge=0.0, allow_inf_nan=False)]


class ToolProfileError(FileError):
    """A tool profile cannot be used; the message says why."""


class ToolProfile(Noun):
    """The budgets and costs of the tools of an episode.

    Attributes:
        name: shown beside what was earned with the profile.
        uses: how often one attempt may use tools in all.
        uses_of: how often one attempt may use a tool; a tool that is not named keeps its own number, and 0 takes the
            tool away.
        cost_of: what a use of a tool costs; a tool that is not named costs nothing. The cost is no part of the reward.
    """

    name: str = Field(default="default", min_length=1, max_length=64)
    uses: Uses = 16
    uses_of: dict[str, Uses] = {}
    cost_of: dict[str, Cost] = {}

    @model_validator(mode="after")
    def _names_tools(self) -> Self:
        for name in (*self.uses_of, *self.cost_of):
            known = [tool.name for tool in registry().values() if not tool.asks_worker]
            if name not in known:
                # A probe has a budget of its own, which is older than the tools.
                also = " (the number of probes is --probes)" if name in registry() else ""
                raise ValueError(
                    f"{name!r} cannot be set{also}: known are {', '.join(known)}.{did_you_mean(name, known)}"
                )
        return self


DEFAULT = ToolProfile()
# No tools at all, for a server whose episodes have probes only.
NONE = ToolProfile(name="none", uses=0)
EXAMPLE = '{"name": "few", "uses": 4, "uses_of": {"run_code": 0}, "cost_of": {"search_source": 0.01}}'
_NAMED = {profile.name: profile for profile in (DEFAULT, NONE)}


def tool_profile(spec: str | Path) -> ToolProfile:
    """The profile of a name (`default` or `none`), or the one in a JSON file.

    Raises:
        ToolProfileError: the file cannot be read, or holds no profile.
    """
    if isinstance(spec, str) and spec in _NAMED:
        return _NAMED[spec]
    path = Path(spec)
    wanted = f"a tool profile, such as {EXAMPLE}"
    try:
        return read_json(path, TypeAdapter(ToolProfile), wanted=wanted, error=ToolProfileError)
    except OSError as error:
        raise ToolProfileError(
            f"no tool profile in {path}: {error.strerror}; give {', '.join(_NAMED)}, or a JSON file"
        ) from None
