"""Train a checker from running arenas: each stage once, with its result in the folder of the checker.

The folder:

    run.json            settings, model, arenas with their suites, revision, when each sitting began
    pairs.jsonl         the labelled pairs
    checkpoint.pt       the last checkpoint, while the encoder is fitted
    config.json, model.safetensors, heads.safetensors, tokenizer files      the encoder
    val.json            the signs of each episode of val, and the numbers of the card
    calibration.json    from signs to P(corrupted)
    README.md           the model card

A stage whose file is there is not done again, so a stopped run goes on where it stopped.
"""

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from random import Random

import torch
from pydantic import TypeAdapter

from forge_agents.client import ArenaClient
from forge_agents.models import weights_digest
from forge_agents.overseers.checker.encoder import HEADS, Encoder
from forge_agents.train.checker.calibrating import calibrate
from forge_agents.train.checker.card import write_card
from forge_agents.train.checker.fitting import CHECKPOINT, fit
from forge_agents.train.checker.pairs import LabelledPair, Maker
from forge_agents.train.checker.renaming import lexicon_of
from forge_agents.train.checker.settings import Settings
from forge_agents.train.demonstrations import Demonstration, demonstrations
from forge_agents.train.journal import OBJECT
from forge_agents.train.progress import Reporter
from forge_arena.errors import BadArgument
from forge_arena.files import read_json, read_json_lines, write_whole
from forge_arena.locks import FolderInUse, lock_folder
from forge_arena.software import revision
from forge_arena.types import Noun, Split

RUN, PAIRS = "run.json", "pairs.jsonl"


class Address(Noun):
    """Where an arena is, and the token for it."""

    url: str
    token: str | None = None


def run(
    model: str, arenas: Sequence[Address], out: Path, settings: Settings, reporter: Reporter, *, resume: bool = False
) -> Path:
    """Train a checker and return the path of its card.

    Args:
        model: the folder or the Hub name of a BERT-like encoder.
        arenas: the arenas, each of which gives the same number of episodes.

    Raises:
        FolderInUse: `out` holds a run that nobody asked to continue, or a run with other settings.
        ModelError: the model is no encoder of this kind.
        ArenaError: an arena cannot be reached, refuses, or answers garbage.
        BadArgument: the arenas give no pairs, or the episodes of val have only one label.
    """
    out.mkdir(parents=True, exist_ok=True)
    with lock_folder(out):
        if (out / RUN).is_file() and not resume:
            raise FolderInUse(f"{out} holds a run already: continue it by --resume, or give another --out")
        encoder = Encoder.of(model, apart=settings.apart, seed=settings.seed)
        suites = [_suite(arena) for arena in arenas]
        _begin(out, model, suites, settings)
        if not (out / HEADS).is_file():
            pairs = _pairs(arenas, suites, encoder, out / PAIRS, settings, reporter)
            chosen = Random(settings.seed).sample(pairs, min(settings.pairs, len(pairs)))
            fit(encoder, chosen, settings, out, reporter)
            encoder.save(out)
            (out / CHECKPOINT).unlink(missing_ok=True)
        calibrate(_episodes(arenas, suites, Split.val, settings.val_episodes, settings, reporter), out, reporter)
        return write_card(out)


def _suite(arena: Address) -> str:
    # An arena that is not there is reported at once. An arena that goes away later is waited for.
    with ArenaClient(arena.url, token=arena.token, patience=2) as client:
        return client.stats().suite_and_version


def _begin(out: Path, model: str, suites: Sequence[str], settings: Settings) -> None:
    """Write down what is run, and check that a run which is resumed is the same."""
    path = out / RUN
    now = {
        "model": model,
        "weights": weights_digest(Path(model)),
        "suites": list(suites),
        "settings": settings.model_dump(mode="json"),
    }
    known = read_json(path, OBJECT) if path.is_file() else {"begun": []}
    for name, value in now.items():
        # How often a checkpoint is written changes nothing.
        if name in known and _without_saving(known[name]) != _without_saving(value):
            raise FolderInUse(
                f"{out} holds another run: its {name} is {known[name]}, not {value}; ask for the same, or give another "
                "--out"
            )
    begun = [*known["begun"], datetime.now(UTC).isoformat(timespec="seconds")]
    made = known | now | {"revision": revision(), "torch": torch.__version__, "begun": begun}
    write_whole(path, json.dumps(made, indent=2) + "\n")


def _without_saving(value: object) -> object:
    return {name: inner for name, inner in value.items() if name != "save_every"} if isinstance(value, dict) else value


def _pairs(
    arenas: Sequence[Address],
    suites: Sequence[str],
    encoder: Encoder,
    path: Path,
    settings: Settings,
    reporter: Reporter,
) -> list[LabelledPair]:
    """The pairs of the train split, read from `path` if they are there."""
    if path.is_file():
        return [pair for _, pair in read_json_lines(path, TypeAdapter(LabelledPair), error=BadArgument)]
    episodes = list(_episodes(arenas, suites, Split.train, settings.episodes, settings, reporter))
    maker = Maker(episodes, lexicon_of(list(encoder.tokenizer.get_vocab())), settings.augment, settings.renamed)
    pairs: list[LabelledPair] = []
    for number, episode in enumerate(episodes, start=1):
        pairs += maker.pairs(episode, Random(f"{settings.seed}|{episode.key}"))
        reporter.progress("pairs", number, len(episodes), f"{len(pairs)} pairs")
    if not pairs:
        raise BadArgument(f"no pairs could be made of {len(episodes)} episodes: set episodes higher")
    write_whole(path, "".join(f"{pair.model_dump_json()}\n" for pair in pairs))
    return pairs


def _episodes(
    arenas: Sequence[Address],
    suites: Sequence[str],
    split: Split,
    count: int,
    settings: Settings,
    reporter: Reporter,
) -> Iterator[Demonstration]:
    """Episodes of a split with their truth, the same number of each arena."""
    each = -(-count // len(arenas))

    def of_arena(number: int) -> Iterator[Demonstration]:
        with ArenaClient(arenas[number].url, token=arenas[number].token) as client:
            yield from demonstrations(
                client,
                suite=suites[number],
                split=split.value,
                count=each,
                on_progress=lambda done, of: reporter.progress(
                    f"episodes of {split.value}", number * each + done, len(arenas) * each, suites[number]
                ),
            )

    return chain.from_iterable(of_arena(number) for number in range(len(arenas)))
