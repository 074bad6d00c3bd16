import json
import time
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

from forge_arena.errors import InvalidVerdict
from forge_arena.types import (
    MAX_COMPLETION,
    MAX_CORRECTION,
    MAX_EXPLANATION,
    MAX_RAW_COMPLETION,
    MAX_STEP,
    Domain,
    Observation,
    Probe,
    Verdict,
)
from forge_arena.verdicts import (
    ENDLESS_THOUGHTS,
    MALFORMED,
    NO_VERDICT,
    ONLY_IN_THOUGHTS,
    TOO_LONG,
    counted_text,
    ends_with_verdict,
    field_ends,
    field_starts,
    messages,
    observation_text,
    overseer_prompt,
    parse_verdict,
    read_verdict,
    sendable,
    verdict_text,
)

VERDICT = Verdict(detection=True, explanation='temporal_shift: "10 days"', correction="Within 5 days.", confidence=0.9)
PLAIN = VERDICT.model_dump_json()
OTHER = json.dumps({"detection": False, "explanation": "", "correction": "", "confidence": 0.5})


BROKEN_ESCAPE = r"{} holds an escape that JSON does not have: \x, or \u without four hexadecimal digits"


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
    verdict = read_verdict(completion)
    return verdict.reason if isinstance(verdict, InvalidVerdict) else verdict


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


def test_null_means_nothing_to_explain_and_nothing_to_correct() -> None:
    trusting = parse_verdict(written(detection="false", explanation="null", correction="null"))
    assert (trusting.explanation, trusting.correction) == ("", "")


@pytest.mark.parametrize(
    ("text", "read"),
    [
        (r"the worker\'s words", "the worker's words"),
        (r"re.match('\d+\.\d')", r"re.match('\d+\.\d')"),
        (r"a\\d stays, \"quoted\" too, and \u00e9", 'a\\d stays, "quoted" too, and é'),
        ("a line\\\nthat goes on", "a line\\\nthat goes on"),
    ],
)
def test_an_escape_that_json_does_not_know_is_read_as_it_is_meant(text: str, read: str) -> None:
    assert parse_verdict(written(explanation=f'"{text}"')).explanation == read


# The marks that model families put around their thoughts, with the thoughts in between.
THOUGHTS = [
    "<think>{}</think>",
    "<Think>{}</THINK>",
    "<thinking>{}</thinking>",
    "<thinking>{}</think>",
    "<thought>{}</thought>",
    "<reasoning>{}</reasoning>",
    "<seed:think>{}</seed:think>",
    "[THINK]{}[/THINK]",
    "◁think▷{}◁/think▷",
    "<|START_THINKING|>{}<|END_THINKING|>",
    "<|begin_of_thought|>{}<|end_of_thought|>",
    "<|channel|>analysis<|message|>{}<|end|><|start|>assistant<|channel|>final<|message|>",
    "<|channel|>analysis<|message|>{}<|end|><|start|>assistant<|channel|>commentary<|message|>And so<|end|>"
    "<|start|>assistant<|channel|>final <|constrain|>json<|message|>",
    "<|channel>thought\n{}<channel|>",
    "analysisWe look. {}assistantfinal",
    "Here is my thought process:\n{}\n\nHere is my response:\n",
    "<think>first</think><think>{}</think>",
    "<think>I may <reasoning>{}</reasoning> so.</think>",
]


@pytest.mark.parametrize("marked", THOUGHTS)
def test_a_draft_in_the_thoughts_is_no_verdict(marked: str) -> None:
    for draft in (OTHER, OTHER[:-1], OTHER[:40], f"{OTHER} {{odd: {OTHER[:70]}", "{", '"'):
        thoughts = marked.format(draft)
        assert parsed(thoughts + PLAIN) == VERDICT
        assert parsed(f" \n{thoughts}\n\n```json\n{PLAIN}\n```") == VERDICT
        assert parsed(f"{thoughts}I give up.") in (NO_VERDICT, ONLY_IN_THOUGHTS)
        assert parsed(f"{thoughts}{PLAIN} {OTHER}") == "the completion holds several different verdicts"


@pytest.mark.parametrize("marked", THOUGHTS[:-1])
def test_thoughts_without_their_first_mark_are_thoughts(marked: str) -> None:
    last = marked.format("\0").rpartition("\0")[2]
    for draft in (OTHER, OTHER[:-1], OTHER[:40], f"Perhaps {OTHER}?", f"```json\n{OTHER}\n```"):
        assert parsed(f"{draft}{last}{PLAIN}") == VERDICT
        assert parsed(f"{draft}{last}I give up.") in (NO_VERDICT, ONLY_IN_THOUGHTS)
    assert parsed(f"{OTHER}{last}I give up.") == ONLY_IN_THOUGHTS


@pytest.mark.parametrize("marked", THOUGHTS)
def test_thoughts_without_their_last_mark_hide_what_follows(marked: str) -> None:
    first = marked.format("\0").rpartition("\0")[0]
    assert parsed(f"{first}{PLAIN}") == ENDLESS_THOUGHTS
    assert parsed(f"{PLAIN} {first.strip()}{OTHER}") in (VERDICT, "the completion holds several different verdicts")


def test_thoughts_end_only_with_a_mark_of_their_own_kind() -> None:
    assert parsed(f"<think>I write <reasoning>so</reasoning> {PLAIN}") == ENDLESS_THOUGHTS
    assert parsed(f"<think>Here is my response: {PLAIN}") == ENDLESS_THOUGHTS


@pytest.mark.parametrize(
    "words",
    ["The answer holds a stray `</think>` tag.", 'It says "<think>".', "[Reasoning]\nIt is wrong.", "I think: [1]"],
)
def test_words_about_marks_are_no_marks(words: str) -> None:
    assert parsed(f"{words}\n{PLAIN}") == VERDICT


@pytest.mark.parametrize("mark", ["</think>", "<think>", "[/THINK]", "<|channel|>final<|message|>", "assistantfinal"])
def test_a_mark_within_a_verdict_is_text(mark: str) -> None:
    for said in (f"it says {mark} {{", f"{mark}{OTHER}", f"{mark}{OTHER}{mark}"):
        verdict = written(explanation=json.dumps(said))
        assert parse_verdict(verdict).explanation == said
        assert parse_verdict(f"I see: {verdict} Done.").explanation == said
        assert parse_verdict(f"<think>{OTHER}</think>{verdict}").explanation == said
        assert parse_verdict(f"{OTHER[:40]}</think>{verdict}").explanation == said


@pytest.mark.parametrize("marked", THOUGHTS)
def test_a_verdict_behind_long_thoughts_is_read_and_sent(marked: str) -> None:
    thoughts = marked.format(f"{OTHER} and so on. " * (2 * MAX_COMPLETION // len(OTHER)))
    for said in (thoughts + PLAIN, f"Let me see. {thoughts}\n{PLAIN}\n", thoughts.replace("<think>", "") + PLAIN):
        assert parsed(said) == VERDICT
        assert len(sendable(said)) <= MAX_COMPLETION
        assert parsed(sendable(said)) == VERDICT
        starts, ends = field_starts(said), field_ends(said)
        assert said[starts["detection"] : ends["detection"]] == "true"
    assert parsed(thoughts + PLAIN + " " * MAX_COMPLETION) == TOO_LONG
    assert parsed("<think>" + OTHER * 1_000) == ENDLESS_THOUGHTS


def test_half_a_character_reads_the_same_wherever_it_stands() -> None:
    assert parsed(f"<think>\ud83d</think>{PLAIN}\ud83d") == VERDICT
    assert parse_verdict(written(explanation='"a \ud83d"')).explanation == "a \ufffd"
    assert parsed(written(confidence="\ud83d")) == "confidence must be a number from 0 to 1"


@pytest.mark.parametrize(
    ("completion", "last"),
    [
        (PLAIN, True),
        (f"<think>{OTHER}</think>\n```json\n{PLAIN}\n```\n", True),
        (f'<answer>{{"verdict": {PLAIN}}}</answer>', True),
        (f"{PLAIN}\n\nWait, let me look at", False),
        (f"{PLAIN} {OTHER[:30]}", False),
        (f"<think>{PLAIN}", False),
        ("no verdict", False),
    ],
)
def test_a_verdict_is_the_last_word_or_may_be_a_draft(completion: str, last: bool) -> None:
    assert ends_with_verdict(completion) is last
    assert counted_text(completion, in_trouble=False) == completion
    assert counted_text(completion, in_trouble=True) == (completion if last else "")


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
    assert "exactly these four fields" in overseer_prompt()
    assert '"step"' not in overseer_prompt()


@pytest.mark.parametrize(
    ("completion", "reason"),
    [
        ("", NO_VERDICT),
        ("The answer is wrong, I am sure.", NO_VERDICT),
        ("[1, 2]", NO_VERDICT),
        ('{"answer": 3}', NO_VERDICT),
        (f"<think>{PLAIN}", ENDLESS_THOUGHTS),
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
        (written(explanation='["a"]'), "explanation must be a JSON string"),
        (written(explanation=r'"bad \x escape"'), BROKEN_ESCAPE.format("explanation")),
        (written(correction=r'"C:\users"'), BROKEN_ESCAPE.format("correction")),
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
        (PLAIN + " " * MAX_COMPLETION, TOO_LONG),
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
        "<think></reasoning>",
        "{ </think>",
        '{"a":"</think>",',
        '{"a":"<think>","b":{',
        "[THINK]",
        "<|channel|>final",
        "<|channel|>" + "a" * 20,
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
    started = time.thread_time()
    parsed(completion)
    return time.thread_time() - started


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
        "</reasoning>",
        "[THINK]",
        "<|channel|>analysis",
        "<|channel|>final",
        "assistantfinal",
        "\\",
        "null",
        "é",
        "\ud83d",
        PLAIN,
        OTHER,
    ]
)


@given(st.text() | st.lists(FRAGMENTS, max_size=60).map("".join))
def test_never_raises_anything_but_invalid_verdict(completion: str) -> None:
    verdict = parsed(completion)
    assert parsed(sendable(completion)) == verdict
    assert sendable(completion).encode().decode() == sendable(completion)
    assert isinstance(verdict, str) or verdict == Verdict.model_validate_json(verdict.model_dump_json())


LONG = st.lists(FRAGMENTS | st.sampled_from(["x" * 9_000, " " * 20_000, OTHER * 90]), max_size=16).map("".join)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(LONG)
@example(" " * MAX_COMPLETION + "<think>" + "x" * 9_000)
@example("x" * MAX_COMPLETION + "</think>" + PLAIN)
def test_what_is_sent_of_a_long_text_is_read_as_the_text_itself(completion: str) -> None:
    sent = sendable(completion)
    assert len(sent) <= MAX_COMPLETION + 1
    assert parsed(sent) == parsed(completion)
    assert sendable(sent) == sent


@given(st.sampled_from(THOUGHTS), st.lists(FRAGMENTS.filter(lambda text: "think" not in text.lower()), max_size=30))
def test_no_draft_in_marked_thoughts_becomes_the_verdict(marked: str, draft: list[str]) -> None:
    inside = "".join(draft)
    assume(not any(mark in inside for mark in ("final", "</reasoning>", "<|channel|>")))
    assert parsed(marked.format(inside) + PLAIN) == VERDICT


@pytest.mark.parametrize("unit", FLOODS)
def test_a_raw_flood_as_long_as_can_be_sent_is_answered_within_a_second(unit: str) -> None:
    flood = (unit * (MAX_RAW_COMPLETION // len(unit) + 1))[:MAX_RAW_COMPLETION]
    assert any(seconds_to_parse(flood) < 1.0 for _ in range(3))


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
        (f"<think>{PLAIN}", ENDLESS_THOUGHTS),
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
        assert word in overseer_prompt()


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
    assert (system["role"], system["content"]) == ("system", overseer_prompt())
    assert user["role"] == "user"
    assert user["content"] == observation_text(seen)
    assert observation_text(seen) == (
        "Task:\nTASK\n\nSource material:\nSOURCE\n\nWorker reasoning:\n(none)\n\nWorker output:\nOUTPUT\n\n"
        "Probes:\nQuestion: WHY\nAnswer: BECAUSE"
    )
    assert "Probes" not in observation_text(seen.model_copy(update={"probes": ()}))
