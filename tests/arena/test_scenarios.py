"""Scenario files: what is refused and how, and what the arena's own families hold."""

import re
from collections import Counter
from pathlib import Path
from random import Random

import pytest

from forge_arena.errors import ScenarioError
from forge_arena.scenarios import Family, families, load_families, load_family
from forge_arena.testing import check_family
from forge_arena.texts.sentences import sentences
from forge_arena.types import HOMES, ClaimKind, CorruptionType, Domain, Split, Standing
from forge_arena.verify import Verifier

FAMILIES = load_families()
NO_FACTS = frozenset({ClaimKind.behaviour, ClaimKind.constraint, ClaimKind.citation})
DOMAINS = [domain for domain in Domain if domain is not Domain.mixed]

SMALL = """\
family: small
domain: customer_support
split: train
summary: as small as a family can be
slots:
  window: {duration: {unit: days, values: [3, 5, 7, 9]}, draws: 2}
claims:
  window:
    kind: duration
    label: the window
    about: [[take]]
    required: always
    slot: window
    superseded: window.2
source:
  title: Policy
  sections:
    - id: times
      heading: Times
      text: "Since May it takes <<window: ${window}>>, before it was ${window.2}. State ${required}."
task: Answer.
statements:
  - says: [window]
    text: "It takes {window}."
"""


def small(tmp_path: Path, text: str = SMALL) -> Family:
    path = tmp_path / "small.yaml"
    path.write_text(text, encoding="utf-8")
    return load_family(path, {})


def test_a_small_file_draws_a_scenario(tmp_path: Path) -> None:
    scenario = small(tmp_path).draw(Random(0))
    claim = scenario.claim("window")
    assert claim.required
    assert [a.name for a in claim.alternatives][:2] == ["current", "superseded"]
    assert claim.source_spans[0].of(scenario.source_material) == claim.right.forms[0]
    assert "State the window." in scenario.source_material


def test_a_slot_with_no_more_values_than_it_needs_always_finds_them(tmp_path: Path) -> None:
    family = small(tmp_path, SMALL.replace("[3, 5, 7, 9]", "[3, 5]"))
    for seed in range(1_000):
        claim = family.draw(Random(seed)).claim("window")
        assert {"current", "superseded"} <= {alternative.name for alternative in claim.alternatives}


UNLIKE = SMALL.replace(
    "  window: {",
    "  delay: {duration: {unit: days, values: [3, 5, 7, 9, 11]}}\n  window: {unlike: [delay], ",
)


def test_a_slot_that_is_unlike_another_never_has_its_value(tmp_path: Path) -> None:
    family = small(tmp_path, UNLIKE.replace("State", "The delay is ${delay}. State"))
    for seed in range(200):
        scenario = family.draw(Random(seed))
        drawn = [a for a in scenario.claim("window").alternatives if a.standing is not Standing.absent]
        assert len(drawn) == 2
        assert all(f"The delay is {value.forms[0]}." not in scenario.source_material for value in drawn)


def test_a_slot_that_finds_no_value_unlike_another_is_refused(tmp_path: Path) -> None:
    family = small(tmp_path, UNLIKE.replace("[3, 5, 7, 9]", "[3]").replace("[3, 5, 7, 9, 11]", "[3]"))
    with pytest.raises(ScenarioError, match="small: slot 'window': no value was drawn that is unlike 3 days"):
        family.draw(Random(0))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("split: train", "split: training", r"small\.yaml:3: split: .*got 'training'"),
        ("kind: duration", "kind: length", r"small\.yaml:9: claims\.window\.kind: .*got 'length'"),
        ("slot: window", "slot: windw", r"small\.yaml:8: unknown slot 'windw'"),
        ("${window.2}", "${window.3}", r"small\.yaml:18: unknown slot \$\{window\.3\}; slots are"),
        ("<<window: ${window}>>", "${window}", r"small\.yaml:8: no passage of the source is marked <<window"),
        ("says: [window]", "says: [windows]", r"small\.yaml:23: unknown claim 'windows'; claims are window"),
        ("label: the window", "label: ''", r"small\.yaml:8: a claim that can be required needs a label"),
        ("required: always", "required: task", r"small\.yaml:8: required: task is for options and code"),
        ("[[take]]", "[[take, with]]", r"small\.yaml:8: about holds words that tell .*'with' stands in any sentence"),
        ("[[take]]", "[[take, last for]]", r"small\.yaml:8: about holds beginnings of single words, got 'last for'"),
        ("summary: as small", "sumary: as small", r"small\.yaml:4: sumary: Extra inputs are not permitted"),
        ("family: small", "family: [", r"small\.yaml:\d+: not YAML"),
        ("split: train", "split: 2024-99-99", r"small\.yaml: not YAML: month must be in 1..12"),
        ("summary: as small", "summary: \x01", r"small\.yaml: not YAML: .*control characters"),
        ("It takes {window}", "$[It takes {window}", r"small\.yaml:23: .*not closed"),
        (
            "It takes {window}",
            "It takes {window}, once {window.supersedde}",
            r"small\.yaml:23: claim 'window' has no alternative 'supersedde'; it has .*superseded",
        ),
    ],
)
def test_a_bad_file_is_refused_with_file_line_given_and_wanted(
    tmp_path: Path, old: str, new: str, message: str
) -> None:
    with pytest.raises(ScenarioError, match=message):
        small(tmp_path, SMALL.replace(old, new, 1))


SLOT, CLAIM = "slots:\n", "claims:\n"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (SLOT, "{integer: {low: 1, high: 5, step: 0}}", r":\d+: slots\.more\.integer\.step: .*greater than 0"),
        (SLOT, "{money: {low: 1, high: 5, currency: CHF}}", r":\d+: .*wanted one of USD, EUR, GBP, got 'CHF'"),
        (SLOT, "{duration: {unit: days}}", r":\d+: .*a duration needs values or ranges"),
        (SLOT, "{choice: []}", r":\d+: slots\.more\.choice: .*at least 1 item"),
        (SLOT, "{draws: 2}", r":\d+: .*a slot is drawn in one way, got none"),
        (SLOT, "{choice: [a], pattern: '#'}", r":\d+: .*a slot is drawn in one way, got choice and pattern"),
        (SLOT, "{map: window}", r":\d+: .*map and to belong together"),
        (SLOT, "{pattern: '${window'}", r":\d+: '\$\{' at character 0 is not closed"),
        (SLOT, "{choice: ['${windw}']}", r":\d+: unknown slot \$\{windw\}"),
        (SLOT, "{choice: ['${window}']}", r":\d+: slot 'window' is drawn later"),
        (
            SLOT,
            "{choice: [a], unlike: [window]}",
            r":\d+: unlike names 'window', which is no slot that is drawn before",
        ),
        (CLAIM, "{kind: constraint, right: a, options: {a: {}}}", r":\d+: option 'a' needs forms, or a check"),
        (CLAIM, "{kind: term, right: a, options: {a: {forms: ['${windw}']}}}", r":\d+: unknown slot \$\{windw\}"),
        (CLAIM, "{kind: term, right: '${windw}', options: {a: {forms: [b]}}}", r":\d+: unknown slot \$\{windw\}"),
        (
            CLAIM,
            "{kind: constraint, right: a, options: {a: {check: max_wrods}}}",
            r":\d+: option 'a': no check 'max_wrods'\. Did you mean 'max_words'\?",
        ),
        (
            CLAIM,
            "{kind: constraint, right: a, options: {a: {check: max_words, argument: [b]}}}",
            r":\d+: option 'a': check max_words needs a whole number",
        ),
        ("task: Answer.", "task: Answer ${windw}.", r":\d+: unknown slot \$\{windw\}"),
        ("title: Policy", "title: Policy ${windw", r":\d+: '\$\{' at character 7 is not closed"),
        ("label: the window", "label: the ${times.number}", r":\d+: unknown slot \$\{times\.number\}"),
        (
            "  window: {duration",
            "  rules: {choice: [a]}\n  window: {duration",
            r":\d+: a slot must not be named 'rules'",
        ),
        ("  sections:", "  sections:\n    - {id: times, text: Twice.}", r":\d+: two sections have the id 'times'"),
        ("It takes {window}", "It takes {windw}", r":23: the statement names \{windw\}, but there is no claim 'windw'"),
        (
            "source:",
            "authorities: {act: {forms: [Act], supports: [a]}}\nsource:",
            r":\d+: supports 'a', but there is no",
        ),
    ],
)
def test_a_fault_that_would_end_a_draw_is_refused_when_the_file_is_read(
    tmp_path: Path, old: str, new: str, message: str
) -> None:
    text = f"{old}  more: {new}\n" if old in (SLOT, CLAIM) else new
    with pytest.raises(ScenarioError, match=r"small\.yaml" + message):
        small(tmp_path, SMALL.replace(old, text, 1))


@pytest.mark.parametrize("how", ["number: false", "chance: 0.5"])
def test_a_section_that_is_cited_has_a_number_in_every_draw(tmp_path: Path, how: str) -> None:
    text = SMALL.replace(CLAIM, f"{CLAIM}  cited: {{kind: citation, authority: times, subject: window}}\n")
    with pytest.raises(
        ScenarioError, match=r"small\.yaml:8: section 'times' is cited: it needs a number, and no chance"
    ):
        small(tmp_path, text.replace("id: times", f"id: times\n      {how}"))


@pytest.mark.parametrize(
    ("slot", "message"),
    [
        ("{integer: {low: 'windw + 1', high: 5}}", "no slot 'windw' is drawn before it"),
        ("{integer: {low: 'name * 2', high: 5}}", "slot 'name' is not a number"),
        ("{integer: {low: 'window * 2', high: 5}}", "low must not exceed high, got 6 and 5"),
        ("{map: name, to: {Bob: b}}", "map has no entry for 'Ann'; it has 'Bob'"),
        ("{sum: [windw]}", "no slot 'windw' is drawn before it"),
        ("{date: {after: window}}", "slot 'window' is not a date"),
    ],
)
def test_values_that_do_not_fit_end_a_draw_in_a_scenario_error(tmp_path: Path, slot: str, message: str) -> None:
    text = SMALL.replace("values: [3, 5, 7, 9]}, draws: 2}", "values: [3]}}").replace("    superseded: window.2\n", "")
    family = small(
        tmp_path,
        text.replace(", before it was ${window.2}", "").replace(
            CLAIM, f"  name: {{choice: [Ann]}}\n  more: {slot}\n{CLAIM}"
        ),
    )
    with pytest.raises(ScenarioError, match=f"small: slot 'more': {message}"):
        family.draw(Random(0))


def test_a_file_in_the_wrong_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "code_review").mkdir()
    (tmp_path / "code_review" / "small.yaml").write_text(SMALL, encoding="utf-8")
    with pytest.raises(ScenarioError, match="domain must be its folder's name 'code_review'"):
        load_families(tmp_path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"train: [Ann]", r"vocabulary\.yaml: train: Input should be a valid dictionary.*; wanted for each split"),
        (b"train: [", r"vocabulary\.yaml:\d: not YAML"),
        (b"train:\n  man: [Ren\xe9]", r"vocabulary\.yaml:2: not UTF-8"),
    ],
)
def test_words_that_cannot_be_read_are_refused(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "vocabulary.yaml").write_bytes(content)
    with pytest.raises(ScenarioError, match=message):
        load_families(tmp_path)


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match="no scenario files"):
        load_families(tmp_path)


@pytest.mark.parametrize("domain", DOMAINS)
def test_every_domain_has_six_families_and_some_in_each_split(domain: Domain) -> None:
    here = [family for family in FAMILIES if family.spec.domain is domain]
    assert len(here) >= 6
    assert {family.spec.split for family in here} == set(HOMES)


@pytest.mark.parametrize(("split", "least"), [(Split.train, 12), (Split.val, 10), (Split.test, 12)])
def test_every_split_has_enough_families_for_an_interval_and_two_a_domain(split: Split, least: int) -> None:
    assert len(families(split)) >= least
    for domain in DOMAINS:
        assert len(families(split, domain)) >= 2


@pytest.mark.parametrize("split", HOMES)
def test_every_split_can_take_every_corruption_in_every_domain(split: Split) -> None:
    for domain in DOMAINS:
        assert frozenset().union(*(f.corruptions for f in families(split, domain))) == set(CorruptionType)


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_a_family_is_proven(family: Family) -> None:
    assert check_family(family, draws=2) == 2


@pytest.mark.nightly
@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_a_family_is_proven_in_many_draws(family: Family) -> None:
    assert check_family(family, draws=12) == 12


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_every_claim_has_a_name_for_a_sentence(family: Family) -> None:
    assert [name for name, claim in family.spec.claims.items() if not claim.label] == []


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_no_marked_passage_states_a_former_value_alone(family: Family) -> None:
    for seed in range(30):
        scenario = family.draw(Random(seed))
        for claim in scenario.claims:
            former = [form for a in claim.alternatives if a.standing is Standing.superseded for form in a.forms]
            for passage in (span.of(scenario.source_material) for span in claim.source_spans):
                assert not any(form in passage for form in former) or any(
                    form in passage for form in claim.right.forms
                ), (claim.id, passage)


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_a_family_yields_different_scenarios_and_the_same_ones_again(family: Family) -> None:
    drawn = [family.draw(Random(i)) for i in range(20)]
    assert len({s.source_material for s in drawn}) == 20
    assert len({s.task for s in drawn}) > 5
    assert family.draw(Random(7)) == drawn[7]


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_another_wording_of_a_draw_differs_in_its_sentences_alone(family: Family) -> None:
    reworded = 0
    for seed in range(5):
        one, other = Random(seed), Random(seed)
        scenario, again = family.draw(one), family.draw(other, wording=1)
        assert one.getstate() == other.getstate()
        assert again.model_copy(update={"statements": scenario.statements}) == scenario
        without_text = [[s.model_copy(update={"text": ""}) for s in drawn.statements] for drawn in (scenario, again)]
        assert without_text[0] == without_text[1]
        reworded += scenario.statements != again.statements
        assert family.draw(Random(seed), wording=0) == scenario
        assert family.draw(Random(seed), wording=1) == again
        drawn, reword = family.draw_to_reword(Random(seed))
        assert (drawn, reword(1)) == (scenario, again)
    assert reworded == 5


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_what_an_answer_must_say_can_be_said_in_the_words_of_the_source(family: Family) -> None:
    """Otherwise a Worker that copies the deciding sentence to the letter is told that the fact is missing."""
    for seed in range(9):
        scenario = family.draw(Random(seed))
        source, verifier = scenario.source_material, Verifier(scenario)
        chosen = {claim.of for claim in scenario.claims}
        for claim in scenario.claims:
            # The source does not choose among its products, and what belongs to a product is read beside the choice.
            if not claim.required or claim.kind in NO_FACTS or claim.of is not None or claim.id in chosen:
                continue
            own = " ".join(
                source[start:end]
                for start, end in sentences(source)
                if any(start < span.end and span.start < end for span in claim.source_spans)
            )
            label = f"{claim.label[0].upper()}{claim.label[1:]}"
            passages = " ".join(span.of(source) for span in claim.source_spans)
            texts = (own, f"{label}: {own}", f"{label}: {passages}")
            assert any(claim.id in verifier.verify(text).stated for text in texts), (claim.id, own, claim.right.forms)


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_an_invented_section_has_the_chapter_of_the_source_and_does_not_stand_in_it(family: Family) -> None:
    """An answer cites one chapter, so a section of another chapter would show the corruption without the source."""
    for seed in range(6):
        scenario = family.draw(Random(seed))
        sections = [
            match[1]
            for authority in scenario.authorities
            if (match := re.search(r"(?<![\w.])(\d+\.\d+)$", authority.forms[0])) is not None
        ]
        for claim in scenario.claims:
            for alternative in claim.wrong if claim.kind is ClaimKind.citation else ():
                if alternative.standing is Standing.absent and alternative.forms[0][-1].isdigit():
                    number = alternative.forms[0].split()[-1]
                    if "." in number:
                        assert number.split(".")[0] in {section.split(".")[0] for section in sections}, (
                            claim.id,
                            number,
                        )
                        assert number not in sections


def test_splits_share_no_statement() -> None:
    """A phrase of a training family in a test family would let an overseer learn it by heart."""
    seen: dict[str, Split] = {}
    shared: Counter[str] = Counter()
    for family in FAMILIES:
        for statement in family.spec.statements:
            for text in (statement.text,) if isinstance(statement.text, str) else statement.text:
                if seen.setdefault(text, family.spec.split) is not family.spec.split:
                    shared[text] += 1
    assert shared == {}
