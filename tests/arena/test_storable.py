"""Text from outside: half of a character is replaced, everything else stays where it is."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forge_arena.storable import DEEPEST, storable, storable_json
from forge_arena.types import MAX_EXPLANATION, Answer, Domain, Observation, Probe, Verdict
from forge_arena.wire import AskProbe, Attempt, UseTool

HALF = "half \ud83d of one"
WHOLE = "half \ufffd of one"


@given(st.text(st.characters(), max_size=50))
def test_what_is_storable_can_be_stored_and_every_other_character_keeps_its_place(text: str) -> None:
    stored = storable(text)
    assert stored.encode().decode() == stored
    assert [(a, b) for a, b in zip(text, stored, strict=True) if a != b] == [
        (a, "\ufffd") for a in text if "\ud800" <= a <= "\udfff"
    ]


def test_json_from_outside_holds_storable_text_in_keys_and_values() -> None:
    content = json.dumps({HALF: [HALF, {"a": HALF}], "n": [1, 0.5, None, True], "😀": "😀"})
    assert storable_json(content.encode()) == {
        WHOLE: [WHOLE, {"a": WHOLE}],
        "n": [1, 0.5, None, True],
        "😀": "😀",
    }


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe{", b"[" * 100_000, b'{"a":' * 990 + b"1" + b"}" * 990])
def test_what_is_no_json_is_one_kind_of_error(content: bytes) -> None:
    with pytest.raises(ValueError, match=r"JSON|Expecting|codec"):
        storable_json(content)


def nested(levels: int) -> str:
    return '{"a":' * levels + "1" + "}" * levels


def test_what_is_read_can_be_written_and_read_by_the_server() -> None:
    """A model's arguments for a tool may be nested as deep as it likes. What passes here must pass everywhere."""
    ask = UseTool(arguments=storable_json(nested(DEEPEST)))
    assert UseTool.model_validate_json(ask.model_dump_json(), strict=True) == ask
    for levels in (DEEPEST + 1, 300):
        with pytest.raises(ValueError, match="nested too deeply: more than 100 levels"):
            storable_json(nested(levels))


def test_every_noun_that_holds_text_from_outside_can_be_written() -> None:
    nouns = (
        Answer(reasoning=HALF, output=HALF),
        Probe(question=HALF, answer=HALF),
        Observation(
            task=HALF,
            source_material=HALF,
            worker_reasoning=HALF,
            worker_output=HALF,
            domain=Domain.mixed,
            probes=(Probe(question=HALF, answer=HALF),),
        ),
        Verdict(detection=True, explanation=HALF, correction=HALF, confidence=0.5),
        Attempt(episode_id="e", completion=HALF),
        AskProbe(question=HALF),
    )
    for noun in nouns:
        assert type(noun).model_validate_json(noun.model_dump_json()) == noun
        assert WHOLE in noun.model_dump_json()


def test_a_limit_speaks_of_characters() -> None:
    with pytest.raises(ValueError, match=f"at most {MAX_EXPLANATION} characters"):
        Verdict(detection=True, explanation="x" * (MAX_EXPLANATION + 1), correction="", confidence=0.5)
