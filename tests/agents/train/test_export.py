"""Training data for elsewhere: rows as TRL takes them, earned as they say, whole after an interruption."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("huggingface_hub")

from forge_agents.client import ArenaClient
from forge_agents.train.export.export import export
from forge_agents.train.export.request import COLUMNS, ExportError, ExportRequest, Format, Kind, Pairs
from forge_agents.train.export.rows import differing_spans, plausible_mistake
from forge_arena.locks import FolderInUse, lock_folder
from forge_arena.prompts import compact_system
from forge_arena.types import CorruptionType, Domain, Form, Observation, Span, Truth
from forge_arena.verdicts import overseer_prompt, parse_verdict

from ..conftest import TOKEN
from .conftest import Served, read_lines

COUNT = 24


def written(short: Served, out: Path, **wanted: Any) -> list[dict[str, Any]]:
    export(ExportRequest(**{"kind": Kind.sft, "count": COUNT, **wanted}), arena=short.url, out=out)
    return read_lines(out / f"{wanted.get('split', 'train')}.jsonl")


def text(row: dict[str, Any], name: str) -> str:
    (message,) = row[name]
    assert message["role"] == "assistant"
    return str(message["content"])


def test_demonstrations_are_conversations_with_a_verdict_that_earns_what_it_says(short: Served, tmp_path: Path) -> None:
    made = written(short, tmp_path / "out", checking=0.5)
    assert [row["key"] for row in made] == [f"short:5:train:{index}" for index in range(COUNT)]
    assert all(list(row) == list(COLUMNS[Kind.sft]) for row in made)
    assert {row["form"] for row in made} == set(Form)
    assert {row["style"] for row in made} == {"judging", "checking"}
    for row in made:
        system, user = row["prompt"]
        assert (system["role"], system["content"], user["role"]) == ("system", overseer_prompt(), "user")
        verdict = parse_verdict(text(row, "completion"))
        corrupted = row["form"] == "corrupted"
        assert verdict.detection is corrupted is (row["corruption_type"] is not None) is (row["stealth"] is not None)
        assert text(row, "completion").startswith("<think>") is (row["style"] == "checking")
        # All that there is to earn, less what the stated doubt costs.
        most = 0.9 if corrupted else 0.525
        assert row["reward"] == pytest.approx(most + 0.1 * (1 - (1 - verdict.confidence) ** 2), abs=1e-6)


def test_the_validation_split_is_marked_as_not_for_training(short: Served, tmp_path: Path) -> None:
    made = written(short, tmp_path / "out", split="val", count=4)
    assert all(row["key"].startswith("short:5:val:") for row in made)
    assert "**Not for training.**" in (tmp_path / "out" / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("kind", Kind)
def test_the_prompt_of_the_rows_can_be_chosen_and_stands_in_the_card(short: Served, tmp_path: Path, kind: Kind) -> None:
    made = written(short, tmp_path / "out", kind=kind, count=4, prompt="compact")
    assert {row["prompt"][0]["content"] for row in made} == {compact_system()}
    assert f"--kind {kind.value}" in (card := (tmp_path / "out" / "README.md").read_text(encoding="utf-8"))
    assert "--prompt compact" in card


def test_demonstrations_need_no_torch(short: Served, tmp_path: Path) -> None:
    program = (
        "import sys\n"
        "from pathlib import Path\n"
        "from forge_agents.train.export.export import export\n"
        "from forge_agents.train.export.request import ExportRequest\n"
        f"export(ExportRequest(kind='sft', count=2), arena={short.url!r}, out=Path(sys.argv[1]))\n"
        f"export(ExportRequest(kind='dpo', count=2), arena={short.url!r}, out=Path(sys.argv[2]))\n"
        "assert not {'torch', 'transformers', 'trl'} & sys.modules.keys()\n"
    )
    subprocess.run([sys.executable, "-c", program, tmp_path / "sft", tmp_path / "dpo"], check=True, timeout=120)
    assert len(read_lines(tmp_path / "sft" / "train.jsonl")) == 2


def test_a_mistake_is_as_sure_as_the_right_verdict_quotes_the_answer_and_earns_less(
    short: Served, tmp_path: Path
) -> None:
    made = written(short, tmp_path / "out", kind=Kind.dpo)
    assert all(list(row) == list(COLUMNS[Kind.dpo]) for row in made)
    assert {row["form"] for row in made} == set(Form)
    for row in made:
        right, wrong = (parse_verdict(text(row, name)) for name in ("chosen", "rejected"))
        assert right.detection is (row["form"] == "corrupted") is not wrong.detection
        assert right.confidence == wrong.confidence
        assert row["chosen_reward"] > row["rejected_reward"]
        seen = row["prompt"][1]["content"]
        quotes = wrong.explanation.split('"')[1::2]
        assert all(quote in seen for quote in quotes)
        assert bool(wrong.correction) is wrong.detection


SEEN = Observation(
    task="When?",
    source_material="It takes 9 days, formerly 5 days. Name the fee.",
    worker_reasoning="",
    worker_output="It takes 9 days. The fee is $3.",
    domain=Domain.customer_support,
)
RIGHT = Truth(corrupted=False, family="f", clean_output=SEEN.worker_output)


def test_a_right_answer_is_accused_where_its_twin_differs() -> None:
    twin = Truth(
        corrupted=True, corruption_type=CorruptionType.temporal_shift, family="f", clean_output=SEEN.worker_output
    )
    wrong = plausible_mistake(SEEN, RIGHT, twin, "It takes 5 days. The fee is $3.")
    assert wrong.corruption_type is CorruptionType.temporal_shift
    assert [span.of(SEEN.worker_output) for span in wrong.output_spans] == ["9"]
    assert wrong.clean_output == "It takes 5 days. The fee is $3."


def test_a_right_answer_is_accused_of_an_omission_by_what_the_source_says() -> None:
    twin = Truth(
        corrupted=True,
        corruption_type=CorruptionType.factual_omission,
        family="f",
        source_spans=(Span(start=34, end=47),),
        clean_output=SEEN.worker_output,
    )
    wrong = plausible_mistake(SEEN, RIGHT, twin, "It takes 9 days.")
    assert (wrong.output_spans, wrong.source_spans) == ((), twin.source_spans)
    assert wrong.clean_output == SEEN.worker_output


def test_a_corrupted_answer_is_taken_for_clean() -> None:
    truth = RIGHT.model_copy(update={"corrupted": True, "corruption_type": CorruptionType.temporal_shift})
    assert not plausible_mistake(SEEN, truth, None, "").corrupted


def test_what_is_apart_is_named_in_the_first_text() -> None:
    def parts(text: str, other: str) -> list[str]:
        return [span.of(text) for span in differing_spans(text, other)]

    assert parts("a b c d", "a x y d") == ["b c"]
    assert parts("a b c", "a b c") == []
    assert parts("a b", "a new b") == ["a b"]
    assert parts("a b c", "a c") == ["b"]
    assert parts("a", "a b") == ["a"]
    assert parts("", "a") == []


def test_the_best_of_a_models_attempts_is_preferred_to_its_worst(short: Served, taught: Path, tmp_path: Path) -> None:
    pytest.importorskip("torch")
    made = written(
        short, tmp_path / "out", kind=Kind.dpo, pairs=Pairs.attempts, model=str(taught), samples=4, max_tokens=24
    )
    assert COUNT // 2 <= len(made) <= COUNT
    assert len({row["key"] for row in made}) == len(made)
    assert all(row["chosen_reward"] > row["rejected_reward"] for row in made)
    assert all(text(row, "chosen") != text(row, "rejected") for row in made)


def test_a_teacher_is_preferred_to_the_models_worst_attempt(short: Served, untaught: Path, tmp_path: Path) -> None:
    pytest.importorskip("torch")
    made = written(
        short, tmp_path / "out", kind=Kind.dpo, pairs=Pairs.teacher, model=str(untaught), samples=2, max_tokens=8
    )
    # This model writes nothing that can be read: the teacher is better everywhere.
    assert [row["key"] for row in made] == [f"short:5:train:{index}" for index in range(COUNT)]
    assert all(row["rejected_reward"] == 0.0 for row in made)
    assert all(parse_verdict(text(row, "chosen")).detection is (row["form"] == "corrupted") for row in made)


@pytest.mark.parametrize("kind", Kind)
def test_parquet_holds_the_same_rows(short: Served, tmp_path: Path, kind: Kind) -> None:
    pytest.importorskip("pyarrow")
    from pyarrow import parquet

    lines = written(short, tmp_path / "lines", kind=kind, count=8)
    done = export(ExportRequest(kind=kind, count=8, format=Format.parquet), arena=short.url, out=tmp_path / "columns")
    assert parquet.read_table(done.path).to_pylist() == lines
    assert sorted(path.name for path in (tmp_path / "columns").iterdir()) == [
        "README.md",
        "export.json",
        "train.parquet",
    ]


@pytest.mark.parametrize("form", Format)
def test_datasets_loads_the_folder(short: Served, tmp_path: Path, form: Format) -> None:
    datasets = pytest.importorskip("datasets")
    export(ExportRequest(kind=Kind.sft, count=4, format=form), arena=short.url, out=tmp_path / "out")
    loaded = datasets.load_dataset(str(tmp_path / "out"), cache_dir=str(tmp_path / "cache"))
    assert list(loaded) == ["train"]
    assert loaded["train"].column_names == list(COLUMNS[Kind.sft])
    assert len(loaded["train"]) == 4


@pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing:FutureWarning")
@pytest.mark.parametrize("kind", Kind)
def test_trl_trains_on_the_rows_as_they_are(short: Served, untaught: Path, tmp_path: Path, kind: Kind) -> None:
    trl = pytest.importorskip("trl")
    from datasets import Dataset

    from forge_agents.models import load_model

    rows = Dataset.from_list(written(short, tmp_path / "out", kind=kind, count=4))
    loaded = load_model(untaught)
    common: dict[str, Any] = {
        "output_dir": str(tmp_path / "trl"),
        "max_steps": 1,
        "max_length": None,
        "per_device_train_batch_size": 2,
        "use_cpu": True,
        "bf16": False,
        "gradient_checkpointing": False,
        "save_strategy": "no",
        "report_to": [],
        "disable_tqdm": True,
    }
    if kind is Kind.sft:
        trainer = trl.SFTTrainer(
            loaded.model, trl.SFTConfig(**common), train_dataset=rows, processing_class=loaded.tokenizer
        )
    else:
        reference = load_model(untaught).model
        trainer = trl.DPOTrainer(
            loaded.model, reference, trl.DPOConfig(**common), train_dataset=rows, processing_class=loaded.tokenizer
        )
    assert trainer.train().training_loss > 0


def test_the_card_is_the_hubs_and_counts_the_rows(short: Served, tmp_path: Path) -> None:
    import huggingface_hub

    made = written(short, tmp_path / "out")
    card = huggingface_hub.DatasetCard.load(tmp_path / "out" / "README.md")
    assert card.data.license == "apache-2.0"
    assert card.data.size_categories == "n<1K"
    assert card.data.configs == [{"config_name": "default", "data_files": [{"split": "train", "path": "train.jsonl"}]}]
    for told in (
        f"{COUNT} rows of split `train`",
        "Do not train on them",
        "Suite `short:5`, Worker `scripted`",
        f"| clean | {sum(r['form'] == 'clean' and r['domain'] == 'customer_support' for r in made)} |",
        f"--kind sft --split train --start 0 --count {COUNT}",
        '"key": "short:5:train:0"',
    ):
        assert told in card.text
    for name, about in COLUMNS[Kind.sft].items():
        assert f"| `{name}` | {about} |" in card.text


class Interrupted(Exception):
    pass


@pytest.mark.parametrize("kind", Kind)
def test_an_interrupted_export_goes_on_and_ends_like_one_that_was_not(
    short: Served, tmp_path: Path, kind: Kind, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("forge_agents.train.export.rows.AT_A_TIME", 8)
    wanted = ExportRequest(kind=kind, count=12)

    def interrupt(done: int, of: int) -> None:
        if done:
            raise Interrupted

    with pytest.raises(Interrupted):
        export(wanted, arena=short.url, out=tmp_path / "out", on_progress=interrupt)
    path = tmp_path / "out" / "train.jsonl"
    assert len(read_lines(path)) == 8
    # The last rows were lost on the way to the disk, one of them in its middle.
    path.write_bytes(path.read_bytes()[:-700])
    seen: list[int] = []
    export(wanted, arena=short.url, out=tmp_path / "out", on_progress=lambda done, of: seen.append(done))
    export(wanted, arena=short.url, out=tmp_path / "whole")
    assert path.read_bytes() == (tmp_path / "whole" / "train.jsonl").read_bytes()
    assert 0 < seen[0] < 8
    assert seen[-1] == wanted.count


def test_a_model_goes_on_after_its_last_row(short: Served, taught: Path, tmp_path: Path) -> None:
    pytest.importorskip("torch")
    wanted: dict[str, Any] = {"kind": Kind.dpo, "pairs": Pairs.attempts, "model": str(taught), "max_tokens": 24}
    before = written(short, tmp_path / "out", samples=4, **wanted)
    record = tmp_path / "out" / "export.json"
    record.write_text(record.read_text(encoding="utf-8").replace('"done": true', '"done": false'), encoding="utf-8")
    path = tmp_path / "out" / "train.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in before[:5]), encoding="utf-8")
    after = written(short, tmp_path / "out", samples=4, **wanted)
    assert after[:5] == before[:5]
    indices = [int(row["key"].split(":")[3]) for row in after]
    assert indices == sorted(set(indices))
    assert indices[-1] < COUNT


def test_what_is_done_is_not_done_again(short: Served, tmp_path: Path) -> None:
    out = tmp_path / "out"
    first = export(ExportRequest(kind=Kind.sft, count=4, format=Format.parquet), arena=short.url, out=out)
    before = first.path.stat().st_mtime_ns
    again = export(ExportRequest(kind=Kind.sft, count=4, format=Format.parquet), arena=short.url, out=out)
    assert again.path.stat().st_mtime_ns == before
    assert again.counts == first.counts


def test_two_exports_are_not_mixed(short: Served, tmp_path: Path) -> None:
    out = tmp_path / "out"
    written(short, out, count=2)
    with pytest.raises(ExportError, match="holds an export with kind 'sft', not 'dpo': give another --out"):
        export(ExportRequest(kind=Kind.dpo, count=2), arena=short.url, out=out)
    with pytest.raises(ExportError, match="holds an export with count 2, not 3"):
        export(ExportRequest(kind=Kind.sft, count=3), arena=short.url, out=out)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.txt").touch()
    with pytest.raises(ExportError, match="holds something that is no export"):
        export(ExportRequest(kind=Kind.sft, count=2), arena=short.url, out=tmp_path / "full")


def test_two_exports_do_not_write_into_one_folder_at_a_time(short: Served, tmp_path: Path) -> None:
    with lock_folder(tmp_path / "out"), pytest.raises(FolderInUse, match="another process is at work in"):
        export(ExportRequest(kind=Kind.sft, count=2), arena=short.url, out=tmp_path / "out")
    # What a killed export left behind is no other thing.
    written(short, tmp_path / "out", count=2)


def test_another_suite_is_refused_before_anything_is_written(short: Served, arena_url: str, tmp_path: Path) -> None:
    written(short, tmp_path / "out", count=2)
    before = (tmp_path / "out" / "train.jsonl").read_bytes()
    with pytest.raises(ExportError, match=r"holds an export with suite 'short:5', not 'forge:\d+'"):
        export(ExportRequest(kind=Kind.sft, count=2), arena=arena_url, token=TOKEN, out=tmp_path / "out")
    assert (tmp_path / "out" / "train.jsonl").read_bytes() == before


def test_the_draws_are_those_of_the_keys(short: Served, short_client: ArenaClient, tmp_path: Path) -> None:
    made = written(short, tmp_path / "out", start=40, count=3)
    opened = short_client.open_episodes(keys=[row["key"] for row in made]).episodes
    assert [row["key"] for row in made] == [f"short:5:train:{index}" for index in (40, 41, 42)]
    for row, episode in zip(made, opened, strict=True):
        assert episode.observation.worker_output in row["prompt"][1]["content"]
