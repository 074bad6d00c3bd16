"""The REST bodies, frozen: a change that a client could notice must change the snapshot beside this file."""

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError
from pydantic.json_schema import JsonSchemaMode

from forge_arena import wire
from forge_arena.types import MAX_CORRECTION, MAX_EXPLANATION, MAX_RAW_COMPLETION, Noun, Verdict

SNAPSHOT = Path(__file__).with_name("wire.json")
BODIES: dict[str, type[BaseModel]] = {
    name: body
    for name, body in vars(wire).items()
    if isinstance(body, type) and issubclass(body, Noun) and body.__module__ == wire.__name__
}
KEY = "forge:5:train:0"
VERDICT = {"detection": True, "explanation": "", "correction": "", "confidence": 0.5}
CELL = {"family": "f", "corruption_type": "bias_injection", "stealth": 0, "episodes": 1, "pass_rate": 0.5}
RENEW = """\
import json
from pathlib import Path
from forge_arena import wire
from forge_arena.types import Noun
bodies = {n: b for n, b in vars(wire).items() if isinstance(b, type) and issubclass(b, Noun) and b.__module__ == wire.__name__}
schemas = {n: {m: b.model_json_schema(mode=m) for m in ("validation", "serialization")} for n, b in sorted(bodies.items())}
Path("tests/arena/wire.json").write_text(json.dumps(schemas, indent=1, sort_keys=True) + "\\n")
"""


def shapes() -> dict[str, Any]:
    both: tuple[JsonSchemaMode, ...] = ("validation", "serialization")
    return {name: {mode: body.model_json_schema(mode=mode) for mode in both} for name, body in sorted(BODIES.items())}


def test_the_shapes_are_the_frozen_ones() -> None:
    now = json.loads(json.dumps(shapes()))
    frozen = json.loads(SNAPSHOT.read_text(encoding="utf-8"))
    changed = [name for name in sorted({*now, *frozen}) if now.get(name) != frozen.get(name)]
    if changed:
        pytest.fail(
            f"the wire changed in {', '.join(changed)}. Clients out there will notice; if that is meant, say so in the"
            f" changelog and renew the snapshot by running this from the root of the repository:\n\n{RENEW}"
        )


def test_the_bodies_of_every_route_are_frozen() -> None:
    assert set(BODIES) >= {
        *("OpenEpisodes", "OpenedEpisodes", "SubmitVerdicts", "VerdictResults", "AskProbe", "ProbeAnswered"),
        *("EpisodeState", "Curriculum", "CurriculumState", "Stats", "Health", "ErrorBody"),
    }


def test_the_fields_of_a_verdict_go_by_these_names_and_only_the_step_may_be_left_out() -> None:
    assert list(Verdict.model_fields) == ["detection", "explanation", "correction", "confidence", "step"]
    assert [name for name, field in Verdict.model_fields.items() if not field.is_required()] == ["step"]
    assert json.loads(Verdict.model_validate(VERDICT).model_dump_json(exclude_none=True)) == VERDICT


def examples(schema: Any) -> list[Any]:
    if isinstance(schema, list):
        return [example for entry in schema for example in examples(entry)]
    if not isinstance(schema, dict):
        return []
    here = [(schema.get("title"), example) for example in schema.get("examples", [])]
    return here + [example for entry in schema.values() for example in examples(entry)]


def test_the_examples_in_the_schemas_are_valid() -> None:
    models: dict[str, type[BaseModel]] = {**BODIES, "Verdict": Verdict}
    found = [(title, example) for title, example in examples(shapes()) if title in models]
    assert found
    for title, example in found:
        models[title].model_validate(example)


@pytest.mark.parametrize(
    ("body", "sent"),
    [
        (wire.OpenEpisodes, {"count": 3}),
        (wire.OpenEpisodes, {"split": "val", "count": 256, "start": 7, "attempts": 64, "domain": "mixed"}),
        (wire.OpenEpisodes, {"count": 1, "corruption": "temporal_shift", "stealth": 3, "mechanism": "rewrite"}),
        (wire.OpenEpisodes, {"keys": [KEY, KEY], "attempts": 8}),
        (wire.OpenEpisodes, {"keys": [f"{KEY}:corrupted", f"{KEY}:placebo"]}),
        (wire.OpenEpisodes, {"count": 4, "start": 2, "form": "placebo"}),
        (wire.SubmitVerdicts, {"verdicts": [{"episode_id": "e", "verdict": VERDICT}]}),
        (wire.SubmitVerdicts, {"verdicts": [{"episode_id": "e", "attempt": 63, "completion": ""}]}),
        (wire.AskProbe, {"question": "Why?"}),
        (wire.Curriculum, {"cells": [CELL, {**CELL, "stealth": 3, "pass_rate": 1.0}]}),
        (wire.Curriculum, {"cells": [CELL], "low": 0.0, "high": 1.0}),
    ],
)
def test_what_clients_send_is_taken_and_given_back_unchanged(body: type[Noun], sent: dict[str, Any]) -> None:
    read = body.model_validate_json(json.dumps(sent))
    assert body.model_validate_json(read.model_dump_json()) == read
    assert json.loads(read.model_dump_json(exclude_unset=True)) == sent


def attempt(**fields: Any) -> dict[str, Any]:
    return {"verdicts": [{"episode_id": "e", **fields}]}


@pytest.mark.parametrize(
    ("body", "sent", "message"),
    [
        (wire.OpenEpisodes, {"count": 1, "keys": [KEY]}, "give either count or keys"),
        (wire.OpenEpisodes, {}, "give either count or keys"),
        (wire.OpenEpisodes, {"count": None, "keys": None}, "give either count or keys"),
        (wire.OpenEpisodes, {"keys": [KEY], "stealth": 1}, "keys already say everything"),
        (wire.OpenEpisodes, {"keys": [KEY], "start": 0}, "keys already say everything"),
        (wire.OpenEpisodes, {"keys": [KEY], "domain": "mixed"}, "keys already say everything"),
        (wire.OpenEpisodes, {"keys": [KEY], "form": "clean"}, "keys already say everything"),
        (wire.OpenEpisodes, {"count": 1, "form": "twin"}, "'clean', 'corrupted' or 'placebo'"),
        (wire.OpenEpisodes, {"keys": []}, "at least 1 item"),
        (wire.OpenEpisodes, {"keys": [KEY] * 257}, "at most 256 items"),
        (wire.OpenEpisodes, {"count": 0}, "greater than or equal to 1"),
        (wire.OpenEpisodes, {"count": 257}, "less than or equal to 256"),
        (wire.OpenEpisodes, {"count": 1.5}, "valid integer"),
        (wire.OpenEpisodes, {"count": 1, "start": 2**53}, "less than 9007199254740992"),
        (wire.OpenEpisodes, {"count": 1, "start": -1}, "greater than or equal to 0"),
        (wire.OpenEpisodes, {"count": 1, "attempts": 65}, "less than or equal to 64"),
        (wire.OpenEpisodes, {"count": 1, "stealth": 4}, "less than or equal to 3"),
        (wire.OpenEpisodes, {"count": 1, "split": "dev"}, "'train', 'val', 'test' or 'public'"),
        (wire.OpenEpisodes, {"count": 1, "domain": "sports"}, "Input should be 'customer_support'"),
        (wire.OpenEpisodes, {"count": 1, "seed": 7}, "Extra inputs are not permitted"),
        (wire.SubmitVerdicts, {"verdicts": []}, "at least 1 item"),
        (wire.SubmitVerdicts, attempt(), "give either verdict or completion"),
        (wire.SubmitVerdicts, attempt(verdict=VERDICT, completion="x"), "give either verdict or completion"),
        (wire.SubmitVerdicts, attempt(completion="x" * (MAX_RAW_COMPLETION + 1)), "at most 500000 characters"),
        (wire.SubmitVerdicts, attempt(completion="x", attempt=64), "less than 64"),
        (wire.SubmitVerdicts, attempt(completion="x", reward=1), "Extra inputs are not permitted"),
        (wire.SubmitVerdicts, attempt(verdict={**VERDICT, "confidence": 1.01}), "less than or equal to 1"),
        (wire.SubmitVerdicts, attempt(verdict={**VERDICT, "confidence": -0.1}), "greater than or equal to 0"),
        (wire.SubmitVerdicts, attempt(verdict={**VERDICT, "confidence": float("nan")}), "finite number"),
        (wire.SubmitVerdicts, attempt(verdict={**VERDICT, "confidence": float("inf")}), "finite number"),
        (wire.SubmitVerdicts, attempt(verdict={**VERDICT, "confidence": "0.5"}), "valid number"),
        (wire.SubmitVerdicts, attempt(verdict={**VERDICT, "detection": 1}), "valid boolean"),
        (wire.SubmitVerdicts, attempt(verdict={**VERDICT, "detection": "true"}), "valid boolean"),
        (wire.SubmitVerdicts, attempt(verdict={**VERDICT, "step": -2}), "greater than or equal to -1"),
        (wire.SubmitVerdicts, attempt(verdict={**VERDICT, "step": 1.0}), "valid integer"),
        (wire.SubmitVerdicts, attempt(verdict={**VERDICT, "note": "x"}), "Extra inputs are not permitted"),
        (wire.SubmitVerdicts, attempt(verdict={**VERDICT, "explanation": "x" * (MAX_EXPLANATION + 1)}), "at most 4000"),
        (wire.SubmitVerdicts, attempt(verdict={**VERDICT, "correction": "x" * (MAX_CORRECTION + 1)}), "at most 16000"),
        (wire.SubmitVerdicts, {"verdicts": [{"episode_id": "", "completion": "x"}]}, "at least 1 character"),
        (wire.SubmitVerdicts, {"verdicts": [{"episode_id": "e" * 65, "completion": "x"}]}, "at most 64 characters"),
        (wire.Curriculum, {"cells": []}, "at least 1 item"),
        (wire.Curriculum, {"cells": [CELL, CELL]}, "cells[1] measures the same cell as cells[0]"),
        (wire.Curriculum, {"cells": [CELL], "low": 0.9}, "low must not be above high"),
        (wire.Curriculum, {"cells": [CELL], "high": 1.1}, "less than or equal to 1"),
        (wire.Curriculum, {"cells": [{**CELL, "stealth": 4}]}, "less than or equal to 3"),
        (wire.Curriculum, {"cells": [{**CELL, "episodes": 0}]}, "greater than or equal to 1"),
        (wire.Curriculum, {"cells": [{**CELL, "pass_rate": float("nan")}]}, "finite number"),
        (wire.Curriculum, {"cells": [{**CELL, "corruption_type": "none"}]}, "Input should be 'factual_omission'"),
        (wire.Curriculum, {"cells": [{**CELL, "family": ""}]}, "at least 1 character"),
        (wire.AskProbe, {"question": ""}, "at least 1 character"),
        (wire.AskProbe, {"question": "x" * (wire.MAX_QUESTION + 1)}, "at most 2000 characters"),
    ],
)
def test_what_is_not_taken_is_refused_by_message(body: type[Noun], sent: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError) as refused:
        body.model_validate_json(json.dumps(sent))
    assert message in " ".join(error["msg"] for error in refused.value.errors())


def test_a_body_of_many_wrong_entries_is_refused_at_the_first() -> None:
    with pytest.raises(ValidationError) as refused:
        wire.SubmitVerdicts.model_validate({"verdicts": [{}] * 256})
    assert refused.value.error_count() <= 3
    with pytest.raises(ValidationError) as refused:
        wire.Curriculum.model_validate({"cells": [{}] * wire.MAX_CELLS})
    assert refused.value.error_count() <= len(wire.DifficultyCell.model_fields) + 1
