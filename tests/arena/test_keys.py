"""A key is a text that can be taken apart, and filters say which keys a client wants."""

from random import Random

import pytest
from pydantic import ValidationError

from forge_arena.keys import EVERYTHING, MAX_INDEX, Filters, Key
from forge_arena.types import CorruptionType, Domain, Form, Mechanism, Split

FORMS = (None, *Form)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("split", Split)
def test_a_key_is_read_back_from_its_text(split: Split, form: Form | None) -> None:
    for index in (0, 7, MAX_INDEX - 1):
        key = Key("forge", "4", split, index, form)
        assert Key.parse(str(key)) == key


def test_a_key_reads_as_it_always_did() -> None:
    assert str(Key("forge", "4", Split.train, 7)) == "forge:4:train:7"
    assert str(Key("forge", "4", Split.val, 0, Form.placebo)) == "forge:4:val:0:placebo"


@pytest.mark.parametrize(
    "text",
    ["", "forge", "forge:4:val", "forge:4:dev:0", "forge:4:val:-1", "forge:4:val:01", "forge:4:val:1_0", ":3:val:0",
     "forge::val:0", "forge:4:val:٣", "forge:4:val:" + "9" * 5000, "forge:4:val: 1", f"forge:4:val:{MAX_INDEX}",
     "forge:4:val:0:", "forge:4:val:0:dirty", "forge:4:val:0:clean:clean", "forge:4:val:0\n"],
)  # fmt: skip
def test_another_text_is_no_key(text: str) -> None:
    with pytest.raises(ValueError, match="a key reads SUITE:VERSION:SPLIT:INDEX with SPLIT one of train, val, test"):
        Key.parse(text)


def test_the_keys_of_a_stream_are_in_the_order_of_their_indices() -> None:
    keys = [Key("forge", "4", Split.train, index, form) for index in (2, 9, 10, 100) for form in FORMS]
    shuffled = Random(0).sample(keys, len(keys))
    assert [key.index for key in sorted(shuffled)] == [key.index for key in keys]
    assert max(shuffled).index == 100


def test_the_forms_of_a_draw_have_one_draw() -> None:
    key = Key("forge", "4", Split.train, 7)
    assert {key.in_form(form).draw for form in Form} == {key} == {key.draw}
    assert str(key.in_form(Form.corrupted)) == "forge:4:train:7:corrupted"
    assert key.suite_and_version == "forge:4"
    assert Key.of(key.suite_and_version, Split.train, 7, Form.clean) == key.in_form(Form.clean)


def test_filters_allow_what_each_of_them_allows() -> None:
    decided = (Domain.code_review, CorruptionType.temporal_shift, 2, Mechanism.rewrite)
    assert EVERYTHING.allow(*decided)
    assert Filters(domain=Domain.mixed).allow(*decided)
    assert Filters(form=Form.clean).allow(*decided)
    names = ("domain", "corruption", "stealth", "mechanism")
    others = (Domain.customer_support, CorruptionType.bias_injection, 1, Mechanism.prompt)
    assert Filters(**dict(zip(names, decided, strict=True))).allow(*decided)
    for name, other in zip(names, others, strict=True):
        assert not Filters(**{name: other}).allow(*decided)


def test_only_filters_that_pass_keys_over_are_narrow() -> None:
    assert not EVERYTHING.narrow
    assert not Filters(form=Form.clean).narrow
    for given in ({"stealth": 0}, {"domain": Domain.mixed}, {"mechanism": Mechanism.rewrite}):
        filters = Filters(**given)
        assert filters.narrow
        assert filters.given() == given


def test_a_stealth_that_there_is_not_is_refused() -> None:
    with pytest.raises(ValidationError, match="less than or equal to 3"):
        Filters(stealth=4)
