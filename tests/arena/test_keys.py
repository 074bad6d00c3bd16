"""A key is a text that can be taken apart, and filters say which keys a client wants."""

from random import Random

import pytest
from pydantic import ValidationError

from forge_arena.keys import EVERYTHING, MAX_FURTHER, MAX_INDEX, Filters, Key
from forge_arena.types import Awareness, Candour, CorruptionType, Domain, Form, Mechanism, Split

FORMS = (None, *Form)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("split", Split)
def test_a_key_is_read_back_from_its_text(split: Split, form: Form | None) -> None:
    for index in (0, 7, MAX_INDEX - 1):
        key = Key("forge", "5", split, index, form)
        assert Key.parse(str(key)) == key


def test_a_key_reads_as_it_always_did() -> None:
    assert str(Key("forge", "5", Split.train, 7)) == "forge:5:train:7"
    assert str(Key("forge", "5", Split.val, 0, Form.placebo)) == "forge:5:val:0:placebo"


@pytest.mark.parametrize(
    "text",
    ["", "forge", "forge:5:val", "forge:5:dev:0", "forge:5:val:-1", "forge:5:val:01", "forge:5:val:1_0", ":3:val:0",
     "forge::val:0", "forge:5:val:٣", "forge:5:val:" + "9" * 5000, "forge:5:val: 1", f"forge:5:val:{MAX_INDEX}",
     "forge:5:val:0:", "forge:5:val:0:dirty", "forge:5:val:0:clean:clean", "forge:5:val:0\n",
     "forge:5:val:0:clean:1", "forge:5:val:0:placebo:1", "forge:5:val:0:1", "forge:5:val:0:corrupted:0",
     "forge:5:val:0:corrupted:01", "forge:5:val:0:corrupted:any-0", "forge:5:val:0:corrupted:any", "forge:5:val:0:corrupted:",
     "forge:5:val:0:corrupted:1000", "forge:5:val:0:corrupted:1:1", "forge:5:val:0:corrupted:-1"],
)  # fmt: skip
def test_another_text_is_no_key(text: str) -> None:
    with pytest.raises(ValueError, match="a key reads SUITE:VERSION:SPLIT:INDEX with SPLIT one of train, val, test"):
        Key.parse(text)


def test_the_keys_of_a_stream_are_in_the_order_of_their_indices() -> None:
    keys = [Key("forge", "5", Split.train, index, form) for index in (2, 9, 10, 100) for form in FORMS]
    shuffled = Random(0).sample(keys, len(keys))
    assert [key.index for key in sorted(shuffled)] == [key.index for key in keys]
    assert max(shuffled).index == 100


def test_the_forms_of_a_draw_have_one_draw() -> None:
    key = Key("forge", "5", Split.train, 7)
    assert {key.in_form(form).draw for form in Form} == {key} == {key.draw}
    assert str(key.in_form(Form.corrupted)) == "forge:5:train:7:corrupted"
    assert key.suite_and_version == "forge:5"
    assert Key.of(key.suite_and_version, Split.train, 7, Form.clean) == key.in_form(Form.clean)


@pytest.mark.parametrize("any_type", [False, True])
@pytest.mark.parametrize("number", [1, 2, 17, MAX_FURTHER])
def test_a_number_behind_the_form_names_a_further_corruption_of_the_draw(number: int, any_type: bool) -> None:
    drawn = Key("forge", "5", Split.val, 7)
    key = drawn.with_corruption(number, any_type=any_type)
    assert str(key) == f"forge:5:val:7:corrupted:{'any-' if any_type else ''}{number}"
    assert Key.parse(str(key)) == key
    assert (key.form, key.further, key.any_type) == (Form.corrupted, number, any_type)
    assert key.draw == drawn
    assert key.in_form(Form.clean) == drawn.in_form(Form.clean)


@pytest.mark.parametrize("any_type", [False, True])
def test_the_corruption_of_the_episode_itself_has_one_name(any_type: bool) -> None:
    drawn = Key("forge", "5", Split.val, 7)
    assert drawn.with_corruption(0, any_type=any_type) == drawn.in_form(Form.corrupted)


@pytest.mark.parametrize("number", [-1, MAX_FURTHER + 1])
def test_there_are_only_so_many_numbers_of_corruptions(number: int) -> None:
    with pytest.raises(ValueError, match=rf"must be 0..{MAX_FURTHER}, got {number}"):
        Key("forge", "5", Split.val, 7).with_corruption(number)


def test_filters_allow_what_each_of_them_allows() -> None:
    decided = (
        *(Domain.code_review, CorruptionType.temporal_shift, 2),
        *(Mechanism.prompt, Awareness.graded, Candour.faithful),
    )
    assert EVERYTHING.allow(*decided)
    assert Filters(domain=Domain.mixed).allow(*decided)
    assert Filters(form=Form.clean).allow(*decided)
    names = ("domain", "corruption", "stealth", "mechanism", "awareness", "candour")
    others = (
        *(Domain.customer_support, CorruptionType.bias_injection, 1),
        *(Mechanism.rewrite, Awareness.unaware, Candour.hidden),
    )
    assert Filters(**dict(zip(names, decided, strict=True))).allow(*decided)
    for name, other in zip(names, others, strict=True):
        assert not Filters(**{name: other}).allow(*decided)


@pytest.mark.parametrize("filters", [Filters(awareness=Awareness.graded), Filters(candour=Candour.hidden)])
def test_nobody_is_told_anything_where_the_arena_corrupts(filters: Filters) -> None:
    told = (Awareness.graded, Candour.hidden)
    drawn = (Domain.code_review, CorruptionType.temporal_shift, 2)
    assert filters.allow(*drawn, Mechanism.prompt, *told)
    assert not filters.allow(*drawn, Mechanism.rewrite, *told)


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
