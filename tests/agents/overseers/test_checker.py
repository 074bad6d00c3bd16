"""The checker: what it reads beside what, how it sums up and calibrates, and that it learns to compare a value."""

import time
from pathlib import Path
from random import Random

import pytest

from forge_agents.overseers import NoSuchOverseer, open_overseer
from forge_agents.overseers.checker.evidence import (
    SUMS,
    UNCALIBRATED,
    Calibration,
    Signs,
    any_wrong,
    two_highest,
)
from forge_agents.overseers.checker.reading import (
    BESIDE,
    LONGEST,
    MOST_DEMANDS,
    RULE,
    Pieces,
    Question,
    lacking_share,
    pairs,
    support,
)
from forge_arena.errors import BadArgument
from forge_arena.types import Domain, Observation

torch = pytest.importorskip("torch")

from forge_agents.models import ModelError  # noqa: E402
from forge_agents.overseers.checker.baselines import Cosine, LackingWords  # noqa: E402
from forge_agents.overseers.checker.encoder import Encoder, Read  # noqa: E402
from forge_agents.overseers.checker.overseer import CALIBRATION, Checker, wrong_words  # noqa: E402
from forge_agents.train.checker.fitting import fit  # noqa: E402
from forge_agents.train.checker.pairs import LabelledPair  # noqa: E402
from forge_agents.train.checker.settings import Settings  # noqa: E402
from forge_agents.train.progress import Silent  # noqa: E402

from ...tiny_encoder import CONTEXT, LAYERS, make_encoder  # noqa: E402

SOURCE = """3.1 Scope
This chapter governs replies to customers who were charged twice.

3.2 Refunds
A confirmed duplicate is refunded within 5 days. The adviser does not choose the card.

3.3 Style of replies
Every reply must state the case number.

Case: R-58213
"""
THINGS = ("fee", "fine", "rent", "fare", "price", "charge", "levy", "toll")


def observation(output: str, source: str = SOURCE, task: str = "Answer the customer.") -> Observation:
    return Observation(
        task=task, source_material=source, worker_reasoning="", worker_output=output, domain=Domain.customer_support
    )


def sentence(thing: str, value: int) -> str:
    return f"The {thing} is {value} dollars."


def lesson(rng: Random) -> LabelledPair:
    """A price beside the prices of two things: the price of the thing, or one that contradicts it."""
    thing, other = rng.sample(THINGS, 2)
    mine, theirs, neither = rng.sample(range(2, 60), 3)
    wrong = rng.random() < 0.5
    text = sentence(thing, neither if wrong else mine)
    start = text.index(" is ") + 4
    return LabelledPair(
        question=Question.support,
        text=text,
        beside=(sentence(thing, mine), sentence(other, theirs)),
        wrong=wrong,
        spans=({"start": start, "end": text.index(" dollars")},) if wrong else (),  # type: ignore[arg-type]
        kind="toy",
        family="toy",
    )


@pytest.fixture(scope="module")
def untaught(tmp_path_factory: pytest.TempPathFactory) -> Path:
    texts = [sentence(thing, value) for thing in THINGS for value in range(2, 60)]
    return make_encoder(tmp_path_factory.mktemp("encoder"), [*texts, SOURCE, "Answer the customer."])


@pytest.fixture(scope="module")
def taught(untaught: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny checker that has compared some hundred prices."""
    folder = tmp_path_factory.mktemp("taught")
    rng = Random(0)
    torch.set_num_threads(1)
    encoder = Encoder.of(str(untaught), apart=0)
    settings = Settings(batch=32, learning_rate=2e-3, save_every=10_000)
    fit(encoder, [lesson(rng) for _ in range(960)], settings, folder, Silent())
    encoder.save(folder)
    return folder


def test_a_sentence_is_read_beside_the_passage_that_shares_its_rarest_words() -> None:
    piece = Pieces.of("A duplicate is refunded within 9 days.").pieces[0]
    pair = support(piece, Pieces.of(SOURCE))
    assert pair.best == "(3.2) A confirmed duplicate is refunded within 5 days."
    assert pair.best in pair.beside
    assert pair.question is Question.support


def test_passages_cover_the_parts_of_a_sentence_that_comes_from_several() -> None:
    source = "The cup is blue. The saucer is red. The spoon is old. " + "The spoon, the spoon, the spoon. " * 9
    given = Pieces.of(source)
    chosen = given.find(frozenset({"cup", "saucer", "spoon"}), BESIDE)
    first = {given.pieces[number].text for number in chosen[:3]}
    assert {"The cup is blue.", "The saucer is red."} <= first


def test_a_piece_keeps_its_place_and_the_number_of_its_section() -> None:
    for piece in Pieces.of(SOURCE).pieces:
        assert SOURCE[piece.start : piece.end].split() == piece.text.split()
    assert Pieces.of(SOURCE).pieces[3].numbered.startswith("(3.2) A confirmed")


def test_a_long_sentence_is_read_in_parts() -> None:
    pieces = Pieces.of("word " * (3 * LONGEST) + "end.").pieces
    assert len(pieces) == 4
    assert max(len(piece.text.split()) for piece in pieces) <= LONGEST


def test_what_a_rule_demands_is_asked_for_with_the_rule() -> None:
    demands = [pair for pair in pairs(observation("It is refunded.")) if pair.question is Question.demand]
    asked = {pair.piece.text: pair.beside[0] for pair in demands}
    assert asked["Case: R-58213"] == f"{RULE} Every reply must state the case number."


def test_without_a_source_only_the_task_is_asked_for() -> None:
    task = "Write a poem about snow. It must rhyme."
    asked = pairs(observation("Snow falls.", source="", task=task))
    assert [(pair.question, pair.piece.text) for pair in asked] == [
        (Question.demand, "Write a poem about snow."),
        (Question.demand, "It must rhyme."),
    ]


def test_an_answer_without_words_asks_nothing() -> None:
    assert pairs(observation("")) == []
    assert lacking_share(observation("")) == 0.0


def test_the_share_of_lacking_words_counts_the_words_of_the_task_as_known() -> None:
    assert lacking_share(observation("A refund and a parrot.", source="Refunds.", task="Answer.")) == 0.5


def test_a_source_of_thirty_thousand_words_is_read_in_seconds() -> None:
    source = " ".join(f"Rule {n} says that the {THINGS[n % 8]} of case {n} is {n} dollars." for n in range(2500))
    begin = time.process_time()
    asked = pairs(observation("The toll of case 1203 is 9 dollars.", source=source))
    assert time.process_time() - begin < 20
    assert any("Rule 1203 says" in passage for passage in asked[0].beside)
    assert len(asked) <= 2 + MOST_DEMANDS


def test_a_sum_never_falls_if_a_sentence_looks_worse() -> None:
    rng = Random(1)
    for how in SUMS.values():
        for _ in range(50):
            odds = [rng.uniform(-6, 6) for _ in range(rng.randint(1, 9))]
            worse = [odds[0] + 1.0, *odds[1:]]
            assert how(worse) >= how(odds) - 1e-9


def test_more_right_sentences_hardly_change_the_two_highest_but_raise_the_chance_that_any_is_wrong() -> None:
    few, many = [2.0, -2.0], [2.0] + [-2.0] * 30
    assert two_highest(few) == two_highest(many)
    assert any_wrong(many) > any_wrong(few)


def test_a_calibration_follows_the_signs_and_gives_none_a_negative_weight() -> None:
    rng = Random(0)
    corrupted = [n % 2 == 0 for n in range(200)]
    signs = [Signs(support=rng.gauss(2.0 * c, 1), demand=rng.gauss(-1.0 * c, 1), rules=0.0) for c in corrupted]
    fitted = Calibration.fit(signs, corrupted, "highest")
    assert fitted.weights["support"] > 0.5
    assert min(fitted.weights.values()) >= 0.0
    assert fitted.weights["demand"] == 0.0
    low, high = (fitted.p_corrupted(Signs(support=s, demand=0, rules=0)) for s in (-3.0, 5.0))
    assert low < 0.2 < 0.8 < high


def test_a_sign_that_an_answer_lacks_changes_nothing() -> None:
    nothing = Signs(support=None, demand=None, rules=0.0)
    assert UNCALIBRATED.p_corrupted(nothing) == 0.5


def test_one_label_alone_cannot_be_calibrated() -> None:
    signs = [Signs(support=1.0, demand=None, rules=0.0)] * 3
    with pytest.raises(BadArgument, match="the 3 episodes of val all have the same label: set val_episodes higher"):
        Calibration.fit(signs, [True] * 3, "highest")


def test_the_wrong_words_are_whole_words() -> None:
    text = "The fee is 9 dollars."
    read = Read(logit=1.0, tokens=((0, 3, -1.0), (8, 10, -2.0), (11, 12, 3.0), (13, 20, -1.0)), types=(0.0,) * 5)
    assert wrong_words(text, read) == "9"
    assert wrong_words(text, Read(logit=1.0, tokens=((0, 3, -1.0),), types=(0.0,) * 5)) == text


def test_a_contradicted_value_raises_the_suspicion_after_training(taught: Path) -> None:
    source = f"{sentence('fee', 7)} {sentence('rent', 23)}"
    observations = [observation(sentence("fee", value), source=source) for value in (7, 41)]
    checker = Checker(str(taught))
    right, wrong = (finding.odds(Question.support)[0] for finding in checker.read(observations))
    assert wrong > right + 1.0


def test_the_explanation_quotes_the_wrong_words_and_the_passage(taught: Path) -> None:
    source = f"{sentence('fee', 7)} {sentence('rent', 23)}"
    # Alone, because the rules object to the same value and may be surer.
    checker = open_overseer(f"checker:{taught}", rules=False)
    (verdict,) = checker.review([observation(sentence("fee", 41), source=source)])
    assert not isinstance(verdict, str)
    assert verdict.detection
    assert '"41"' in verdict.explanation
    assert "The fee is 7 dollars." in verdict.explanation


def test_a_checker_that_is_loaded_again_says_the_same(taught: Path, tmp_path: Path) -> None:
    seen = [observation("The fee is 7 dollars. The toll is 9 dollars.")]
    first = Encoder.of(str(taught))
    first.save(tmp_path)
    asked = pairs(seen[0])
    before, after = dict(first.read(asked)), dict(Encoder.of(str(tmp_path)).read(asked))
    assert before == after


def test_pairs_are_read_the_same_alone_and_in_a_batch(taught: Path) -> None:
    encoder = Encoder.of(str(taught))
    asked = pairs(observation("A duplicate is refunded within 9 days. The toll is 9."))
    together = dict(encoder.read(asked))
    for number, pair in enumerate(asked):
        alone = dict(encoder.read([pair]))[0]
        assert alone.logit == pytest.approx(together[number].logit, abs=0.05)


def test_a_text_longer_than_the_encoder_can_read_is_cut(taught: Path) -> None:
    encoder = Encoder.of(str(taught))
    asked = pairs(observation("x9! " * 400, source="y8? " * 400))
    for read in dict(encoder.read(asked)).values():
        assert len(read.tokens) < CONTEXT


def test_every_observation_gets_a_verdict_in_order(taught: Path) -> None:
    seen = [observation(""), observation("Hello.", source=""), observation("The fee is 7 dollars.")]
    checker = Checker(str(taught))
    alone = [checker.review([one])[0] for one in seen]
    together = checker.review(seen)
    assert [v.detection for v in alone] == [v.detection for v in together]
    assert checker.pace.answers == 6
    assert Checker(str(taught)).conditions == checker.conditions


def test_what_is_no_encoder_is_refused_with_what_is_needed(tmp_path: Path, untaught: Path) -> None:
    with pytest.raises(NoSuchOverseer, match=r"no encoder in '.*nothing'"):
        open_overseer(f"checker:{tmp_path / 'nothing'}")
    with pytest.raises(ModelError, match=f"has {LAYERS} layers, so apart must be 0 to {LAYERS - 1}, got {LAYERS}"):
        Encoder.of(str(untaught), apart=LAYERS)


def test_a_calibration_of_another_version_is_refused(taught: Path, tmp_path: Path) -> None:
    Encoder.of(str(taught)).save(tmp_path)
    (tmp_path / CALIBRATION).write_text(UNCALIBRATED.model_copy(update={"sum": "median"}).model_dump_json())
    with pytest.raises(NoSuchOverseer, match="sum must be one of highest, two_highest, any_wrong, got 'median'"):
        open_overseer(f"checker:{tmp_path}")
    older = UNCALIBRATED.model_copy(update={"weights": {"support": 1.0, "demand": 1.0, "form": 1.0}})
    (tmp_path / CALIBRATION).write_text(older.model_dump_json())
    with pytest.raises(
        NoSuchOverseer, match="weighs the signs support, demand, form, and this version has the signs s"
    ):
        open_overseer(f"checker:{tmp_path}")


def test_one_sign_alone_can_count(taught: Path) -> None:
    checker = open_overseer(f"checker:{taught}", sign="rules")
    source = sentence("fee", 7)
    verdicts = checker.review([observation(sentence("fee", value), source=source) for value in (7, 41)])
    low, high = (v.p_corrupted for v in verdicts if not isinstance(v, str))
    assert low < high
    with pytest.raises(NoSuchOverseer, match="sign must be one of support, demand, rules, got 'words'"):
        open_overseer(f"checker:{taught}", sign="words")


def test_the_baselines_count_and_compare_without_training(untaught: Path) -> None:
    known, strange = observation("The adviser does not choose the card."), observation("Parrots whistle loudly.")
    for overseer in (LackingWords(), Cosine(str(untaught))):
        low, high = (verdict.p_corrupted for verdict in overseer.review([known, strange]))
        assert low < high
