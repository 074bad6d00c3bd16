"""What an overseer sees and does, as Gymnasium spaces, and observations and verdicts as elements of these spaces."""

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
from gymnasium import spaces

from forge_arena.tools.profile import MAX_USES
from forge_arena.tools.toolbox import MAX_ARGUMENTS
from forge_arena.types import MAX_CORRECTION, MAX_EXPLANATION, Observation, Verdict
from forge_arena.wire import MAX_QUESTION

PROBE, VERDICT, TOOL = 0, 1, 2
MAX_TEXT = 200_000
MAX_PROBES = 16
MAX_TOOL_NAME = 64

ObsType = dict[str, Any]
ActType = dict[str, Any]


class UnicodeText(spaces.Text):
    """Any text up to a length. Gymnasium's own Text takes a finite character set only; samples come from that set."""

    def contains(self, x: Any) -> bool:
        return isinstance(x, str) and self.min_length <= len(x) <= self.max_length


def observation_space() -> spaces.Dict:
    """What an overseer sees: five texts, the probes and the tool uses so far, and how many of each are left."""
    return spaces.Dict(
        {
            "task": UnicodeText(MAX_TEXT, min_length=0),
            "source_material": UnicodeText(MAX_TEXT, min_length=0),
            "worker_reasoning": UnicodeText(MAX_TEXT, min_length=0),
            "worker_output": UnicodeText(MAX_TEXT, min_length=0),
            "domain": UnicodeText(64, min_length=0),
            "probes": spaces.Sequence(
                spaces.Dict(
                    {
                        "question": UnicodeText(MAX_QUESTION, min_length=0),
                        "answer": UnicodeText(MAX_TEXT, min_length=0),
                    }
                )
            ),
            "probes_left": spaces.Discrete(MAX_PROBES + 1),
            "tool_uses": spaces.Sequence(
                spaces.Dict(
                    {
                        "name": UnicodeText(MAX_TOOL_NAME, min_length=0),
                        "arguments": UnicodeText(MAX_ARGUMENTS, min_length=0),
                        "ok": spaces.Discrete(2),
                        "result": UnicodeText(MAX_TEXT, min_length=0),
                    }
                )
            ),
            "tools_left": spaces.Discrete(MAX_USES + 1),
        }
    )


def action_space() -> spaces.Dict:
    """A probe (`kind` 0, only `question` counts), a verdict (`kind` 1, the four verdict fields count), or the use of a
    tool (`kind` 2, only `tool` and `arguments`, a JSON object, count)."""
    return spaces.Dict(
        {
            "kind": spaces.Discrete(3),
            "question": UnicodeText(MAX_QUESTION, min_length=0),
            "detection": spaces.Discrete(2),
            "explanation": UnicodeText(MAX_EXPLANATION, min_length=0),
            "correction": UnicodeText(MAX_CORRECTION, min_length=0),
            "confidence": spaces.Box(0.0, 1.0, (), np.float32),
            "tool": UnicodeText(MAX_TOOL_NAME, min_length=0),
            "arguments": UnicodeText(MAX_ARGUMENTS, min_length=0),
        }
    )


def to_arrays(observation: Observation) -> ObsType:
    """An observation as an element of `observation_space()`."""
    return {
        "task": observation.task,
        "source_material": observation.source_material,
        "worker_reasoning": observation.worker_reasoning,
        "worker_output": observation.worker_output,
        "domain": observation.domain.value,
        "probes": tuple({"question": p.question, "answer": p.answer} for p in observation.probes),
        "probes_left": np.int64(observation.probes_left),
        "tool_uses": tuple(
            {"name": use.name, "arguments": json.dumps(use.arguments), "ok": np.int64(use.ok), "result": use.result}
            for use in observation.tool_uses
        ),
        "tools_left": np.int64(observation.tools_left),
    }


def verdict_from_action(action: Mapping[str, Any]) -> Verdict:
    """The verdict in an element of `action_space()`.

    Raises:
        ValueError: the element is no verdict.
    """
    return Verdict(
        detection=bool(action["detection"]),
        explanation=str(action["explanation"]),
        correction=str(action["correction"]),
        confidence=float(action["confidence"]),
    )


def verdict_action(verdict: Verdict) -> ActType:
    """A verdict as an element of `action_space()`."""
    return {
        "kind": np.int64(VERDICT),
        "question": "",
        "detection": np.int64(verdict.detection),
        "explanation": verdict.explanation,
        "correction": verdict.correction,
        "confidence": np.array(verdict.confidence, dtype=np.float32),
        "tool": "",
        "arguments": "",
    }


def probe_action(question: str) -> ActType:
    """A question to the Worker as an element of `action_space()`."""
    return _NOTHING | {"kind": np.int64(PROBE), "question": question}


def tool_action(name: str, **arguments: Any) -> ActType:
    """The use of a tool as an element of `action_space()`: `tool_action("search_source", query="refund")`."""
    return _NOTHING | {"kind": np.int64(TOOL), "tool": name, "arguments": json.dumps(arguments)}


# The fields of an action that is no verdict.
_NOTHING = verdict_action(Verdict(detection=False, explanation="", correction="", confidence=0.5))
