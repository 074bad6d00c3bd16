"""Use the tools of an episode within their budget. Every way to play an episode uses this one class."""

import inspect
import json
from collections import Counter
from collections.abc import Sequence
from typing import Any

from pydantic import ValidationError

from forge_arena.storable import storable
from forge_arena.suggest import did_you_mean
from forge_arena.tools.base import Tool, ToolFailed
from forge_arena.tools.profile import DEFAULT, ToolProfile
from forge_arena.tools.registry import registry
from forge_arena.types import Noun, Observation, ToolUse
from forge_arena.wire import OfferedTool, OfferedTools, ToolAnswered

# The longest arguments, in characters of JSON. The longest that make sense are a snippet, with escapes.
MAX_ARGUMENTS = 50_000
# The longest result, in characters.
MAX_RESULT = 8_000
CUT = "\n[cut off here: ask for less]"


class Toolbox:
    """The tools that an episode offers under a profile.

    Args:
        profile: budgets and costs.
        probes: how many probes an episode has. Without any, the tool `probe` is not offered.
    """

    def __init__(self, profile: ToolProfile = DEFAULT, *, probes: int = 0) -> None:
        self.profile = profile
        self._probes = probes

    @property
    def offered(self) -> OfferedTools:
        """The tools with their budgets, for an overseer that chooses among them."""
        return OfferedTools(
            profile=self.profile.name,
            uses=self.profile.uses,
            tools=tuple(
                OfferedTool(
                    name=name,
                    description=description(tool),
                    arguments=arguments_schema(tool),
                    uses=uses,
                    cost=self._cost(name),
                )
                for name, tool in registry().items()
                if (uses := self._uses(tool)) > 0
            ),
        )

    def tool(self, name: str) -> Tool | None:
        """The tool of that name, None if this episode does not offer it."""
        tool = registry().get(name)
        return tool if tool is not None and self._uses(tool) > 0 else None

    def left(self, uses: Sequence[ToolUse]) -> int:
        """How many uses are left after these."""
        return max(0, self.profile.uses - len(uses))

    def refusal(self, name: str, uses: Sequence[ToolUse]) -> str | None:
        """Why a tool cannot be used after these uses, in words for the overseer; None if it can."""
        tool = self.tool(name)
        names = [known for known, offered in registry().items() if self._uses(offered) > 0]
        if tool is None:
            known = f"use one of {', '.join(names)}" if names else "there are none: give your verdict"
            return f"there is no tool {storable(name)[:64]!r}: {known}.{did_you_mean(name[:64], names)}"
        if tool.asks_worker:
            return None
        if not self.left(uses):
            return f"all {self.profile.uses} tool uses of this attempt are spent: give your verdict"
        of_this = Counter(use.name for use in uses)[name]
        if of_this >= self._uses(tool):
            return f"all {self._uses(tool)} uses of {name} are spent: use another tool, or give your verdict"
        return None

    def answer(self, name: str, arguments: dict[str, Any], uses: Sequence[ToolUse], seen: Observation) -> ToolAnswered:
        """What a tool says after the earlier `uses` of the attempt. Raises what `use` raises."""
        known = self.answer_without_use(name, arguments, uses)
        if known is not None:
            return known
        use = self.use(name, arguments, seen)
        return answered(use, self.left((*uses, use)))

    def answer_without_use(self, name: str, arguments: dict[str, Any], uses: Sequence[ToolUse]) -> ToolAnswered | None:
        """The answer that costs nothing, None if the tool is to be used.

        The same arguments again get the answer of the earlier use. A tool that cannot be used says why.
        """
        left = self.left(uses)
        for use in uses:
            if (use.name, use.arguments) == (name, arguments):
                return answered(use, left)
        why = self.refusal(name, uses)
        if why is None and len(json.dumps(arguments)) > MAX_ARGUMENTS:
            why = f"the arguments are longer than {MAX_ARGUMENTS} characters: send less"
        if why is None and (tool := registry()[name]).asks_worker:
            why = _wrong_arguments(tool, arguments)
        if why is None:
            return None
        return ToolAnswered(name=name, ok=False, result=why, counted=False, cost=0.0, tools_left=left)

    def use(self, name: str, arguments: dict[str, Any], seen: Observation) -> ToolUse:
        """Use a tool that is not refused. Whatever the arguments are, the use has a result.

        Args:
            seen: the whole observation, whatever the view hides.

        Raises:
            ChildProcessError: a process could not be started, through no fault of the overseer.
        """
        tool = registry()[name]
        try:
            result, ok = tool.use(read_arguments(tool, arguments), seen), True
        except ToolFailed as failed:
            result, ok = str(failed), False
        result = storable(result)
        if len(result) > MAX_RESULT:
            result = result[:MAX_RESULT] + CUT
        return ToolUse(name=name, arguments=arguments, ok=ok, result=result, cost=self._cost(name))

    def _uses(self, tool: Tool) -> int:
        if tool.asks_worker:
            return self._probes
        return min(self.profile.uses, self.profile.uses_of.get(tool.name, tool.uses))

    def _cost(self, name: str) -> float:
        return self.profile.cost_of.get(name, 0.0)


def answered(use: ToolUse, left: int) -> ToolAnswered:
    """The answer that tells of a use."""
    return ToolAnswered(name=use.name, ok=use.ok, result=use.result, counted=True, cost=use.cost, tools_left=left)


def description(tool: Tool) -> str:
    """What the tool does, in words for an overseer."""
    return " ".join((inspect.getdoc(type(tool)) or "").split())


def arguments_schema(tool: Tool) -> dict[str, Any]:
    """The JSON schema of a tool's arguments, without the titles that no model needs."""
    schema = tool.arguments.model_json_schema()
    properties = {
        name: {key: value for key, value in field.items() if key != "title"}
        for name, field in schema.get("properties", {}).items()
    }
    return {
        "type": "object",
        "properties": properties,
        "required": schema.get("required", []),
        "additionalProperties": False,
    }


def read_arguments(tool: Tool, arguments: dict[str, Any]) -> Noun:
    """The arguments, checked.

    Raises:
        ToolFailed: names the argument that is wrong, and what the tool takes.
    """
    try:
        return tool.arguments.model_validate(arguments)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"])) or "arguments"
        takes = ", ".join(f"{name} ({field.description})" for name, field in tool.arguments.model_fields.items())
        raise ToolFailed(f"{storable(where)[:64]}: {first['msg']}. {tool.name} takes {takes}") from None


def _wrong_arguments(tool: Tool, arguments: dict[str, Any]) -> str | None:
    """What is wrong with the arguments, None if nothing is."""
    try:
        read_arguments(tool, arguments)
    except ToolFailed as failed:
        return str(failed)
    return None
