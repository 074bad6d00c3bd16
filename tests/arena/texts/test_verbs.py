"""The forms of a verb have one root, and the third person is made and unmade."""

import pytest

from forge_arena.texts.verbs import base_form, root, third_person


@pytest.mark.parametrize(
    "forms",
    ["pay pays paid paying", "keep keeps kept keeping", "bring brings brought bringing", "is are was were been",
     "carry carries carried carrying", "notify notifies notified", "withdraw withdraws withdrew withdrawn"],
)  # fmt: skip
def test_the_forms_of_a_verb_have_one_root(forms: str) -> None:
    assert len({root(form) for form in forms.split()}) == 1


@pytest.mark.parametrize(
    "base", ["pay", "carry", "pass", "fix", "teach", "go", "use", "choose", "release", "have", "be"]
)
def test_the_third_person_is_unmade(base: str) -> None:
    assert base_form(third_person(base)) == base


@pytest.mark.parametrize("word", ["pay", "pass", "gas", "paid"])
def test_what_is_no_third_person_has_no_base(word: str) -> None:
    assert base_form(word) is None
