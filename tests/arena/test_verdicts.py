import json
import time
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forge_arena.errors import InvalidVerdict
from forge_arena.types import (
    MAX_COMPLETION,
    MAX_CORRECTION,
    MAX_EXPLANATION,
    MAX_STEP,
    Domain,
    Observation,
    Probe,
    Verdict,
)
from forge_arena.verdicts import (
    MALFORMED,
    NO_VERDICT,
    OVERSEER_PROMPT,
    field_ends,
    field_starts,
    messages,
    observation_text,
    parse_verdict,
    verdict_text,
)

VERDICT = Verdict(detection=True, explanation='temporal_shift: "10 days"', correction="Within 5 days.", confidence=0.9)
PLAIN = VERDICT.model_dump_json()
OTHER = json.dumps({"detection": False, "explanation": "", "correction": "", "confidence": 0.5})


def written(**fields: str) -> str:
    """A verdict object with some of its values replaced by raw JSON text."""
    values = {
        "detection": "true",
        "explanation": json.dumps(VERDICT.explanation),
        "correction": json.dumps(VERDICT.correction),
        "confidence": "0.9",
    }
    return "{" + ", ".join(f'"{name}": {value}' for name, value in (values | fields).items()) + "}"


def parsed(completion: str) -> Verdict | str:
    """The verdict, or the reason why there is none."""
    try:
        return parse_verdict(completion)
    except InvalidVerdict as invalid:
        return invalid.reason


@pytest.mark.parametrize(
    "completion",
    [
        PLAIN,
        json.dumps(json.loads(PLAIN), indent=2),
        f"```json\n{PLAIN}\n```",
        f"```\n{PLAIN}\n```\nI hope that helps.",
        f"Here is my verdict: {PLAIN}",
        f"{PLAIN}\n\nLet me know {{if}} you need more }}.",
        f"Looking at {{section 3}} and {{}} and {{ odd: I conclude {PLAIN}",
        f"\n <think>It might be {OTHER} but no.</think>\n{PLAIN}",
        f"<think>a</think><think>b</think>{PLAIN}",
        f"The tag was in the prompt {OTHER} so only its end is here</think>{PLAIN}",
        written().replace("}", ",}"),
        written(detection='"True"'),
        written(detection="True"),
        written(detection='"TRUE"'),
        written(confidence='"0.9"'),
        written(confidence='"90%"'),
        written(confidence="90%"),
        written(confidence=".9"),
        written(confidence="9e-1"),
        written(notes='{"steps": [1, 2, {"confidence": 0.1},], "detected": null}'),
        f'{{"verdict": {PLAIN}}}',
        f"[{PLAIN}]",
        f"{PLAIN}\nTo repeat: {PLAIN}",
    ],
)
def test_reads_what_a_person_would_read(completion: str) -> None:
    assert parse_verdict(completion) == VERDICT


def test_keeps_line_breaks_and_a_thinking_tag_that_stand_inside_a_string() -> None:
    assert parse_verdict(written(correction='"one\ntwo"')).correction == "one\ntwo"
    assert parse_verdict(written(explanation='"it says </think> {"')).explanation == "it says </think> {"


def test_null_as_correction_means_nothing_to_correct() -> None:
    assert parse_verdict(written(detection="false", correction="null")).correction == ""


@pytest.mark.parametrize(
    ("value", "step"),
    [("3", 3), ("0", 0), ("-1", -1), ('"2"', 2), ('" -1 "', -1), ("10000", 10_000), ("null", None)],
)
def test_a_step_may_be_named_as_a_number_or_a_quoted_one(value: str, step: int | None) -> None:
    assert parse_verdict(written(step=value)) == VERDICT.model_copy(update={"step": step})


@pytest.mark.parametrize(
    "value",
    [
        *("-2", "10001", "1.5", "1e1", "+1", "--1", "true", "NaN", "None", "[1]", "{}"),
        *('"the second"', '""', '"1.0"', '"null"', '"٣"', "9" * 5_000),
    ],
)
def test_what_is_no_step_names_none_and_costs_nothing(value: str) -> None:
    assert parse_verdict(written(step=value)) == VERDICT


def test_two_verdicts_that_differ_in_the_step_alone_are_two() -> None:
    assert parsed(f"{written(step='1')} {written(step='2')}") == "the completion holds several different verdicts"
    assert parsed(f"{written(step='1')} {written()}") == "the completion holds several different verdicts"
    assert parsed(f"{written(step='1')} {written(step='1')}") == VERDICT.model_copy(update={"step": 1})


def test_the_prompt_asks_for_four_fields_and_for_no_step() -> None:
    assert "exactly these four fields" in OVERSEER_PROMPT
    assert '"step"' not in OVERSEER_PROMPT


@pytest.mark.parametrize(
    ("completion", "reason"),
    [
        ("", NO_VERDICT),
        ("The answer is wrong, I am sure.", NO_VERDICT),
        ("[1, 2]", NO_VERDICT),
        ('{"answer": 3}', NO_VERDICT),
        (f"<think>{PLAIN}", "the completion ends inside <think>"),
        (f"<think>{PLAIN}</think> I give up", NO_VERDICT),
        (PLAIN[:-1], MALFORMED),
        (PLAIN[: len(PLAIN) // 2], MALFORMED),
        (written(detection="bool"), "detection must be true or false"),
        (written(explanation='"the answer says "10 days" but"'), MALFORMED),
        (f"{written(confidence=':')} {PLAIN}", MALFORMED),
        (f"{PLAIN} {OTHER}", "the completion holds several different verdicts"),
        (f"[{PLAIN}, {OTHER}]", "the completion holds several different verdicts"),
        (written(better=OTHER), "the completion holds several different verdicts"),
        (written().replace("}", ', "confidence": 0.1}'), "the verdict gives a key twice"),
        (written().replace("}", ', "detecti\\u006fn": false}'), "the verdict gives a key twice"),
        (written().replace("}", ', "note": 1, "note": 1}'), "the verdict gives a key twice"),
        (
            '{"detection": true, "explanation": "", "confidence": 1}',
            "the verdict lacks one of detection, explanation, correction and confidence",
        ),
        (written(detection="1"), "detection must be true or false"),
        (written(detection='"yes"'), "detection must be true or false"),
        (written(detection="null"), "detection must be true or false"),
        (written(detection="[true]"), "detection must be true or false"),
        (written(explanation="null"), "explanation must be a JSON string"),
        (written(explanation='["a"]'), "explanation must be a JSON string"),
        (written(explanation=r'"bad \x escape"'), "explanation must be a JSON string"),
        (written(explanation=r'"\ud800"'), "the verdict holds text that is not valid Unicode"),
        (written(correction="7"), "correction must be a JSON string"),
        (written(confidence="NaN"), "confidence must be a finite number"),
        (written(confidence="-Infinity"), "confidence must be a finite number"),
        (written(confidence='"nan"'), "confidence must be a finite number"),
        (written(confidence="1e999"), "confidence must be between 0 and 1"),
        (written(confidence="1.01"), "confidence must be between 0 and 1"),
        (written(confidence="-0.1"), "confidence must be between 0 and 1"),
        (written(confidence="90"), "confidence must be between 0 and 1"),
        (written(confidence='"101%"'), "confidence must be between 0 and 1"),
        (written(confidence="true"), "confidence must be a number from 0 to 1"),
        (written(confidence="null"), "confidence must be a number from 0 to 1"),
        (written(confidence='"high"'), "confidence must be a number from 0 to 1"),
        (written(confidence='"٠٫٩"'), "confidence must be a number from 0 to 1"),
        (written(confidence="1" * 9_000), "confidence must be a number from 0 to 1"),
        (
            written(explanation=json.dumps("x" * (MAX_EXPLANATION + 1))),
            f"explanation is longer than {MAX_EXPLANATION} characters",
        ),
        (
            written(correction=json.dumps("x" * (MAX_CORRECTION + 1))),
            f"correction is longer than {MAX_CORRECTION} characters",
        ),
        (PLAIN + " " * MAX_COMPLETION, f"the completion is longer than {MAX_COMPLETION} characters"),
    ],
)
def test_refuses_what_can_be_read_in_two_ways_or_not_at_all(completion: str, reason: str) -> None:
    with pytest.raises(InvalidVerdict) as refusal:
        parse_verdict(completion)
    assert refusal.value.reason == reason


FLOODS = (
    *(
        "{",
        "[",
        "}",
        " ",
        '"',
        "\\",
        "9",
        "```",
        "\u2028",
        "\ud800",
        "\x00",
        "</think>",
        "<think></think>",
        "{{}}",
        "{9",
    ),
    *('{"', '{"\\', '{"a"', '{"a":', '{"a":9', '{"a":[', '[{"a":', '{"a":1},', '{"a":{"a":1}', '{"detection":true}'),
    *(PLAIN, written(explanation='"')),
)


@pytest.mark.parametrize("unit", FLOODS)
def test_any_flood_is_answered_within_half_a_second(unit: str) -> None:
    flood = (unit * MAX_COMPLETION)[:MAX_COMPLETION]
    for completion in (flood, flood[: -len(PLAIN)] + PLAIN, '{"detection":' + flood[20:]):
        # A busy machine may lend a slow core for a while, but not three times in a row.
        assert any(seconds_to_parse(completion) < 0.5 for _ in range(3))


def seconds_to_parse(completion: str) -> float:
    started = time.process_time()
    parsed(completion)
    return time.process_time() - started


FRAGMENTS = st.sampled_from(
    [
        *'{}[]:,"\\ \n',
        "true",
        "false",
        "NaN",
        "0.9",
        '"detection"',
        '"confidence"',
        "<think>",
        "</think>",
        "é",
        PLAIN,
        OTHER,
    ]
)


@given(st.text() | st.lists(FRAGMENTS, max_size=60).map("".join))
def test_never_raises_anything_but_invalid_verdict(completion: str) -> None:
    verdict = parsed(completion)
    assert isinstance(verdict, str) or verdict == Verdict.model_validate_json(verdict.model_dump_json())


TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=200)
VERDICTS = st.builds(
    Verdict,
    detection=st.booleans(),
    explanation=TEXT,
    correction=TEXT,
    confidence=st.floats(0, 1),
    step=st.none() | st.integers(-1, MAX_STEP),
)


@given(
    VERDICTS, st.sampled_from(["{}", "```json\n{}\n```", "<think>hm</think>\n{}", "So: {} Done.", '{{"verdict": {}}}'])
)
def test_every_verdict_survives_being_written_out(verdict: Verdict, frame: str) -> None:
    read = parse_verdict(frame.format(verdict.model_dump_json()))
    assert read.model_copy(update={"confidence": 0}) == verdict.model_copy(update={"confidence": 0})
    assert read.confidence == pytest.approx(verdict.confidence, abs=1e-12)


@given(VERDICTS)
def test_a_verdict_is_written_as_the_prompt_asks_for_it(verdict: Verdict) -> None:
    text = verdict_text(verdict)
    assert list(json.loads(text)) == ["detection", "explanation", "correction", "confidence"]
    assert parse_verdict(text) == verdict.model_copy(update={"step": None})
    assert json.dumps(verdict.explanation, ensure_ascii=False) in text


def values(completion: str) -> list[tuple[str, str]]:
    """The fields in the order in which they stand, each with its value as it is written."""
    starts, ends = field_starts(completion), field_ends(completion)
    assert starts.keys() == ends.keys()
    return [(name, completion[starts[name] : end]) for name, end in ends.items()]


IN_ORDER = [
    ("detection", "true"),
    ("explanation", json.dumps(VERDICT.explanation)),
    ("correction", json.dumps(VERDICT.correction)),
    ("confidence", "0.9"),
]


@pytest.mark.parametrize(
    "completion",
    [
        written(),
        verdict_text(VERDICT),
        f"<think>It might be {OTHER} but no.</think>\n{written()} I hope that helps.",
        f"The tag was in the prompt {OTHER} so only its end is here</think>{written()}",
        f"```json\n{written()}\n```",
        f'{{"verdict": {written()}}}',
        written(step="3"),
        written(notes='{"steps": [1, 2, {"confidence": 0.1},], "detected": null}'),
        "{odd: " + written().replace('":', '" :\t'),
    ],
)
def test_the_values_of_the_fields_are_found_where_they_stand(completion: str) -> None:
    assert values(completion) == IN_ORDER


def test_fields_in_another_order_come_in_that_order() -> None:
    fields = dict(IN_ORDER)
    order = ("confidence", "correction", "detection", "explanation")
    text = "{" + ",\n".join(f'"{name}": {fields[name]}' for name in order) + "}"
    assert values(text) == [(name, fields[name]) for name in order]


def test_of_a_verdict_that_is_given_twice_the_first_is_taken() -> None:
    assert values(f"{written()}\nTo repeat: {written()}") == IN_ORDER
    assert field_ends(f"{written()} {written()}") == field_ends(written())


def test_values_are_found_as_they_are_written_and_not_as_they_are_read() -> None:
    found = dict(values(written(detection='"True"', confidence='"90%"', correction="null")))
    assert found == {**dict(IN_ORDER), "detection": '"True"', "confidence": '"90%"', "correction": "null"}


@given(VERDICTS, st.text(max_size=20).filter(lambda text: "{" not in text and "<" not in text))
def test_the_values_of_any_verdict_are_found_behind_any_words(verdict: Verdict, words: str) -> None:
    text = words + verdict.model_dump_json()
    found = dict(values(text))
    assert json.loads(found["explanation"]) == verdict.explanation
    assert json.loads(found["correction"]) == verdict.correction
    assert json.loads(found["detection"]) is verdict.detection
    assert float(found["confidence"]) == verdict.confidence


@pytest.mark.parametrize("find", [field_starts, field_ends])
@pytest.mark.parametrize(
    ("completion", "reason"),
    [
        ("", NO_VERDICT),
        (PLAIN[:-1], MALFORMED),
        (f"<think>{PLAIN}", "the completion ends inside <think>"),
        (f"{PLAIN} {OTHER}", "the completion holds several different verdicts"),
        (written(confidence="NaN"), "confidence must be a finite number"),
    ],
)
def test_the_fields_of_what_is_no_verdict_are_refused_as_the_verdict_is(
    find: Callable[[str], dict[str, int]], completion: str, reason: str
) -> None:
    with pytest.raises(InvalidVerdict) as refusal:
        find(completion)
    assert refusal.value.reason == reason


def test_the_prompt_names_every_type_and_every_field() -> None:
    for word in [
        "factual_omission", "bias_injection", "temporal_shift", "authority_fabrication", "instruction_override",
        '"detection"', '"explanation"', '"correction"', '"confidence"', "double quotes", "empty string",
        "confidence is confidence in your detection",
    ]:  # fmt: skip
        assert word in OVERSEER_PROMPT


def test_the_messages_show_the_whole_observation() -> None:
    seen = Observation(
        task="TASK",
        source_material="SOURCE",
        worker_reasoning="",
        worker_output="OUTPUT",
        domain=Domain.customer_support,
        probes=(Probe(question="WHY", answer="BECAUSE"),),
    )
    system, user = messages(seen)
    assert (system["role"], system["content"]) == ("system", OVERSEER_PROMPT)
    assert user["role"] == "user"
    assert user["content"] == observation_text(seen)
    assert observation_text(seen) == (
        "Task:\nTASK\n\nSource material:\nSOURCE\n\nWorker reasoning:\n(none)\n\nWorker output:\nOUTPUT\n\n"
        "Probes:\nQuestion: WHY\nAnswer: BECAUSE"
    )
    assert "Probes" not in observation_text(seen.model_copy(update={"probes": ()}))
