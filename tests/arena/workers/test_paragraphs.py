"""How the scripted Worker arranges statements: joint sentences first, one paragraph for each subject, nothing divided."""

from collections import Counter
from itertools import pairwise
from random import Random

import pytest

from forge_arena.corruptions import inject
from forge_arena.errors import CannotCorrupt
from forge_arena.scenarios import Family, load_families
from forge_arena.statements import Order, Speaker, Voice, order_of, sentence
from forge_arena.types import Answer, ClaimKind, CorruptionType, Statement
from forge_arena.verify import Verifier
from forge_arena.workers import ScriptedWorker, paragraphs

FAMILIES = load_families()
ORDER = Order({"fee": 0, "dates": 1, "code": 2})


def _statement(topic: str, *says: str, rank: int = 5, text: str = "") -> Statement:
    return Statement(text=text or f"About {' and '.join(says)}.", says=says, topic=topic, rank=rank)


def _answer(family: Family, seed: int) -> Answer:
    coroutine = ScriptedWorker().answer(family.draw(Random(seed)), Random(seed))
    try:
        coroutine.send(None)
    except StopIteration as done:
        answer: Answer = done.value
        return answer
    raise AssertionError("the scripted Worker waited for something")


def test_a_sentence_that_says_two_wanted_things_is_chosen_more_often_than_one_with_an_unwanted_thing() -> None:
    alone, joint, stray = (_statement("fee", *says) for says in (("a",), ("a", "b"), ("a", "c")))
    by_claim = {"a": [alone, joint, stray], "b": [joint], "c": [stray]}
    chosen = Counter(paragraphs.choose(["a", "b"], by_claim, Random(seed))[0].says for seed in range(400))
    assert chosen["a", "b"] > chosen[("a",)] > chosen["a", "c"] > 0


def test_nothing_is_said_twice_and_all_that_is_wanted_is_said() -> None:
    joint = _statement("fee", "a", "b")
    by_claim = {"a": [joint, _statement("fee", "a")], "b": [joint, _statement("fee", "b")]}
    for seed in range(40):
        said = [claim for s in paragraphs.choose(["b", "a"], by_claim, Random(seed)) for claim in s.says]
        assert sorted(said) == ["a", "b"]


def test_topics_keep_their_order_and_are_never_divided() -> None:
    statements = [_statement(topic, f"{topic}{n}", rank=n) for topic in ("dates", "fee") for n in (1, 2, 3)]
    for seed in range(60):
        rng = Random(seed)
        arranged = paragraphs.arrange(paragraphs.in_order(statements, ORDER, rng), ORDER, rng)
        topics = [[s.topic for s in paragraph] for paragraph in arranged]
        assert [topic for paragraph in topics for topic in paragraph] == ["fee"] * 3 + ["dates"] * 3
        assert len(arranged) in (1, 2)
        for before, after in pairwise(topics):
            assert not set(before) & set(after)


def test_a_block_of_code_stands_alone_and_no_paragraph_grows_beyond_its_limit() -> None:
    code = _statement("code", "fix", text="So:\n\n```python\nx = 1\n```")
    statements = [_statement("fee", f"f{n}") for n in range(5)] + [_statement("dates", f"d{n}") for n in range(4)]
    for seed in range(60):
        rng = Random(seed)
        arranged = paragraphs.arrange(paragraphs.in_order([*statements, code], ORDER, rng), ORDER, rng)
        assert [code] in arranged
        assert max(map(len, arranged)) <= paragraphs.LONGEST


@pytest.mark.parametrize("opening", ["Dear Ann,", "Severity: minor", "Note to file\n\nThe bakery"])
def test_a_greeting_or_a_heading_keeps_its_own_line(opening: str) -> None:
    for seed in range(20):
        assert paragraphs.write(opening, [["It is $5."]], "Bye", Random(seed)) == f"{opening}\n\nIt is $5.\n\nBye"


def test_the_first_paragraph_may_go_on_behind_an_opening_sentence() -> None:
    texts = {
        paragraphs.write("Dear Ann,\n\nThank you for your letter.", [["It is $5."]], "", Random(n)) for n in range(40)
    }
    assert texts == {
        "Dear Ann,\n\nThank you for your letter. It is $5.",
        "Dear Ann,\n\nThank you for your letter.\n\nIt is $5.",
    }


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_every_family_names_the_topics_of_its_sentences_and_thinks_in_more_than_one_layout(family: Family) -> None:
    scenario = family.draw(Random(0))
    assert len(order_of(scenario).places) >= 3
    assert all(statement.topic for statement in scenario.statements if statement.part == "body")
    reasonings = [_answer(family, seed).reasoning for seed in range(30)]
    assert {("1. " in text[:3], "\n" in text) for text in reasonings} == {(True, True), (False, True), (False, False)}


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_a_sentence_begins_with_a_capital_letter_where_it_begins_with_words(family: Family) -> None:
    for seed in range(5):
        scenario = family.draw(Random(seed))
        for statement in scenario.statements:
            claim = statement.text[1:].partition("}")[0] if statement.text.startswith("{") else ""
            if claim and scenario.claim(claim).kind in (ClaimKind.citation, ClaimKind.option):
                text = sentence(statement, scenario, Voice({}, {}))
                assert text[0].isupper() or not text[0].isalpha() or " " not in scenario.claim(claim).right.forms[0]


def test_what_stood_in_one_sentence_with_an_omitted_claim_may_be_kept_in_several() -> None:
    """At least one of these answers loses a claim of a joint sentence and keeps the others."""
    kept = 0
    for family in FAMILIES[:12]:
        for seed in range(6):
            scenario = family.draw(Random(seed))
            verifier = Verifier(scenario)
            answer = _answer(family, seed)
            try:
                injection = inject(verifier, answer, CorruptionType.factual_omission, 3, Random(seed))
            except CannotCorrupt:
                continue
            assert verifier.verify(injection.answer.output).broken == {injection.target}
            required = {claim.id for claim in scenario.claims if claim.required} - {injection.target}
            assert required <= verifier.verify(injection.answer.output).stated
            kept += 1
    assert kept >= 40


def test_a_statement_stands_in_the_text_that_has_it_word_for_word() -> None:
    scenario = FAMILIES[0].draw(Random(3))
    speaker = Speaker(scenario, Voice({}, {}))
    said, unsaid = [s for s in scenario.statements if s.part == "body"][:2]
    text = f"Well. {speaker.sentence(said)} So."

    assert speaker.place_in(text, said) == (6, len(text) - 4)
    assert speaker.place_in(text, unsaid) is None


def test_draws_share_the_statements_that_no_draw_changes() -> None:
    one, other = (FAMILIES[0].draw(Random(seed)) for seed in (1, 2))
    shared = {id(statement) for statement in one.statements} & {id(statement) for statement in other.statements}
    assert len(shared) > len(one.statements) / 4
    assert one.source_material != other.source_material
