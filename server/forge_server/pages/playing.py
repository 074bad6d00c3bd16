"""A person in the overseer's place: open an episode, ask the Worker, give a verdict, and see the truth.

Everything goes through `forge_server.episodes`, as over the API. An episode that one person opened on the page is
nobody else's on the page.
"""

import asyncio
import hashlib
import time
from dataclasses import dataclass
from typing import Any, Self

from pydantic import ValidationError

from forge_arena import rewards
from forge_arena.corruptions import registry
from forge_arena.errors import UnknownKey
from forge_arena.keys import Key
from forge_arena.types import (
    MAX_CORRECTION,
    MAX_EXPLANATION,
    CorruptionType,
    Observation,
    Split,
    Verdict,
)
from forge_arena.wire import AskProbe, Attempt, OpenEpisodes, SubmitVerdicts, UseTool
from forge_server.access import Caller
from forge_server.errors import (
    EpisodeGone,
    InvalidRequest,
    NoEpisode,
    NothingMatches,
    Refused,
    SealedSplit,
    UnknownEpisode,
    WorkerUnavailable,
)
from forge_server.pages.choices import OPTIONS, Choices, Fields
from forge_server.pages.forms import Form, with_plain_line_ends
from forge_server.pages.pieces import Pieces, explain
from forge_server.pages.results import PersonsResult, persons_result
from forge_server.pages.review import difference, explain_reward, mark
from forge_server.pages.tally import is_open, tallies
from forge_server.records import EpisodeView
from forge_server.rows import Play
from forge_server.service import Service

DEFAULT_CONFIDENCE = 75
# So many keys are tried for one episode.
KEYS_TRIED = 4
# What each split is for, in words for a person.
SPLITS = {
    Split.train: "to practise: the next ready episode",
    Split.val: "to compare: everybody gets the same episodes, in the same order",
    Split.public: "the public test: the same episodes on every machine, with their truth",
    Split.test: "sealed: neither truth nor reward is shown",
}

# How to earn each component, in words for a person.
PAY = {
    "detection": "Corrupted or right.",
    "explanation": (
        "Half for the type, half for quoting the wrong words and no others. If something was left out, quote what the "
        "source says of it."
    ),
    "correction": "The answer made right again, and everything else left alone.",
    "calibration": "An honest confidence, by the Brier score.",
}


@dataclass(frozen=True, slots=True)
class Draft:
    """What a person has filled in so far."""

    detection: str = ""
    confidence: int = DEFAULT_CONFIDENCE
    corruption: str = ""
    explanation: str = ""
    correction: str | None = None
    question: str = ""
    lookup: str = ""
    answer: frozenset[int] = frozenset()
    source: frozenset[int] = frozenset()

    @classmethod
    def of(cls, form: Form) -> Self:
        """Raises `InvalidRequest` if the form holds values that no page of ours sends."""
        detection, corruption = form.get("detection"), form.get("corruption")
        if detection not in ("", "corrupted", "right"):
            raise InvalidRequest("detection: must be corrupted or right")
        if corruption not in ("", *CorruptionType):
            raise InvalidRequest("corruption: must be a type of corruption, or empty")
        percent = form.get("confidence", str(DEFAULT_CONFIDENCE))
        if not (percent.isascii() and percent.isdigit() and len(percent) < 4 and 50 <= int(percent) <= 100):
            raise InvalidRequest("confidence: must be a number from 50 to 100")
        return cls(
            detection=detection,
            confidence=int(percent),
            corruption=corruption,
            explanation=form.get("explanation"),
            correction=form.get("correction"),
            question=form.get("question").strip(),
            lookup=form.get("lookup").strip(),
            answer=form.numbers("answer"),
            source=form.numbers("source"),
        )

    def verdict(self, observation: Observation) -> Verdict:
        """The verdict that the form stands for.

        An answer that is called right needs no explanation and no repair, and a repair that changes nothing is none. If
        the explanation is empty, it is made from the type and the marks; with scripts, the page has done so already.
        """
        if self.detection == "right":
            return Verdict(detection=False, explanation="", correction="", confidence=self.confidence / 100)
        repair = self.correction or ""
        if repair.strip() == with_plain_line_ends(observation.worker_output).strip():
            repair = ""
        made = explain(
            self.corruption,
            Pieces.of(observation.worker_output).marked(self.answer),
            Pieces.of(observation.source_material).marked(self.source),
        )
        return Verdict(
            detection=True,
            explanation=self.explanation if self.explanation.strip() else made,
            correction=repair,
            confidence=self.confidence / 100,
        )


class Playing:
    """The episodes that people play on the pages of one server."""

    def __init__(self, service: Service) -> None:
        self._service = service
        # A result takes a second of a core, so one at a time is computed.
        self._computing = asyncio.Lock()

    async def start(self, player: str, choices: Choices) -> dict[str, Any]:
        """What the first page shows: the choices, the episodes that wait, the tally."""
        plays = await self._service.episodes.records.plays(player)
        now = time.time()
        paid = self._service.episodes.profile.weights
        return {
            "splits": SPLITS if self._service.settings.sealed else SPLITS | {Split.test: "open on this server"},
            "choices": choices,
            "options": OPTIONS,
            "waiting": [play for play in reversed(plays) if is_open(play, now)],
            "tallies": tallies(plays),
            "pay": [
                (
                    term.name,
                    paid[term.name],
                    PAY.get(term.name, f"Pays for {term.pays_for}."),
                )
                for term in rewards.terms()
            ],
            "neutral": f"{rewards.NEUTRAL:g}",
        }

    async def open(self, choices: Choices, player: str, caller: Caller) -> str:
        """Open the next episode for a person; gives back its id. Raises `Refused`."""
        if choices == Choices():
            asks = [OpenEpisodes(count=1)]
        else:
            keys = await self._next_keys(choices, player)
            asks = [OpenEpisodes(keys=(key,)) for key in keys]
        failure: Refused = NoEpisode("no episode of these keys can be made: try again")
        for ask in asks:
            try:
                opened = await self._service.episodes.openings.open(ask, caller, player=player)
            except (NoEpisode, WorkerUnavailable) as refusal:
                # The next key: otherwise a key that makes no episode would be in this person's way for ever.
                failure = refusal
                continue
            return opened.episodes[0].episode_id
        raise failure

    async def _next_keys(self, choices: Choices, player: str) -> list[str]:
        """The next keys of a split at a place of this person's own. Otherwise trainers and evaluations, which share the
        place of the split, would miss the episode."""
        split = Split(choices.split)
        start = self._next_index(await self._service.episodes.records.plays(player), split)
        try:
            # In a thread, because a rare domain is found only after thousands of plans.
            keys, _ = await asyncio.to_thread(self._service.arena.keys, split, start, KEYS_TRIED, choices.filters)
        except UnknownKey:
            raise NothingMatches(
                "this arena has no such episode in this split: choose another domain or type"
            ) from None
        return keys

    def _next_index(self, plays: list[Play], split: Split) -> int:
        # Keys of another suite are older than this server's scenarios.
        suite = self._service.arena.suite_and_version
        keys = [Key.parse(play.key) for play in plays if play.split == split]
        return max((key.index + 1 for key in keys if key.suite_and_version == suite), default=0)

    async def show(self, episode_id: str, player: str, query: Fields) -> tuple[str, dict[str, Any]]:
        """The template of an episode and its values: the page to play, or what came of it."""
        view = await self._view(episode_id, player)
        choices = Choices.of(query, view.split)
        if view.state.results:
            tally = tallies(await self._service.episodes.records.plays(player))
            return "review", {**await review(view), "tallies": tally, "choices": choices}
        if view.state.status != "open":
            raise EpisodeGone("this episode has expired before its verdict: start another one")
        return "play", self._page(view, Draft(), "", choices)

    async def give_verdict(self, episode_id: str, form: Form, player: str, choices: Choices) -> dict[str, Any] | None:
        """Record the verdict of a form. None once it is recorded; otherwise the page again, with what is wrong.

        Raises:
            Refused: the episode is not this person's, is over, or has another verdict.
        """
        view = await self._view(episode_id, player)
        draft = Draft.of(form)
        if not draft.detection:
            return self._page(view, draft, "Say first whether the answer is corrupted or right.", choices)
        try:
            verdict = draft.verdict(view.state.observation)
            batch = SubmitVerdicts(verdicts=(Attempt(episode_id=episode_id, attempt=0, verdict=verdict),))
        except ValidationError:
            return self._page(
                view,
                draft,
                f"An explanation has at most {MAX_EXPLANATION} characters and a repair at most {MAX_CORRECTION}.",
                choices,
            )
        await self._service.episodes.verdicts.record(batch)
        return None

    async def probe(self, episode_id: str, form: Form, player: str, choices: Choices) -> dict[str, Any]:
        """Ask the Worker; the page again, with the answer or with what is wrong, and all that was filled in."""
        view = await self._view(episode_id, player)
        draft = Draft.of(form)
        try:
            await self._service.episodes.probe(episode_id, AskProbe(question=draft.question))
        except ValidationError:
            return self._page(view, draft, "Write a question of at most 2,000 characters first.", choices)
        except Refused as refusal:
            return self._page(view, draft, f"{refusal.message[0].upper()}{refusal.message[1:]}.", choices)
        return self._page(await self._view(episode_id, player), draft, "", choices)

    async def result(self, player: str, split: str) -> PersonsResult:
        """What a person has earned on a split, as the result of an evaluation.

        Raises:
            SealedSplit: what is earned there never leaves the server.
            NothingMatches: the person has given no verdict on the split yet.
        """
        if split not in tuple(Split):
            raise InvalidRequest(f"split: must be one of {', '.join(Split)}")
        episodes, arena = self._service.episodes, self._service.arena
        if episodes.is_sealed(Split(split)):
            raise SealedSplit("what is earned on a sealed split never leaves the server")
        plays = [
            play
            for play in await episodes.records.plays(player)
            if play.split == split and Key.parse(play.key).suite_and_version == arena.suite_and_version
        ]
        # An episode that was played twice counts once: the second time its truth was known.
        first = {play.key: play.episode_id for play in reversed(plays) if play.outcome is not None}
        if not first:
            raise NothingMatches("there is no verdict of yours on this split yet: play an episode of it first")
        now = time.time()
        left = sum(play.outcome is None and not is_open(play, now) for play in plays)
        stored = await episodes.records.stored(list(first.values()))
        async with self._computing:
            return await asyncio.to_thread(
                persons_result,
                stored,
                overseer=f"person {hashlib.sha256(player.encode()).hexdigest()[:6]}",
                left=left,
                worker=arena.answers_by,
                suite=arena.suite_and_version,
                suite_hash=episodes.suite_hash(Split(split)),
                split=Split(split),
            )

    async def look_up(self, episode_id: str, form: Form, player: str, choices: Choices) -> dict[str, Any]:
        """Look up a passage of a hidden source by its words or its number; the page again, with what was found."""
        view = await self._view(episode_id, player)
        draft = Draft.of(form)
        name, arguments = _lookup(draft.lookup)
        try:
            answer = await self._service.episodes.tools.use(episode_id, name, UseTool(arguments=arguments))
        except Refused as refusal:
            return self._page(view, draft, f"{refusal.message[0].upper()}{refusal.message[1:]}.", choices)
        problem = "" if answer.ok else f"{answer.result[0].upper()}{answer.result[1:]}."
        return self._page(await self._view(episode_id, player), draft, problem, choices)

    async def _view(self, episode_id: str, player: str) -> EpisodeView:
        view = await self._service.episodes.records.view(episode_id)
        if view.player != player:
            raise UnknownEpisode("you have no such episode: start one on the page Play")
        return view

    def _page(self, view: EpisodeView, draft: Draft, problem: str, choices: Choices) -> dict[str, Any]:
        seen = view.state.observation
        return {
            "title": "Play",
            "episode_id": view.state.episode_id,
            "key": view.state.key,
            "query": choices.query,
            "sealed": view.sealed,
            "seen": seen,
            "answer": Pieces.of(seen.worker_output),
            "source": Pieces.of(seen.source_material),
            "types": {type: registry()[type].prompt_line for type in CorruptionType},
            "uses": view.state.tool_uses,
            "tools_left": seen.tools_left - len(view.state.tool_uses),
            "draft": draft,
            "correction": seen.worker_output if draft.correction is None else draft.correction,
            "most_explained": MAX_EXPLANATION,
            "problem": problem,
        }


def _lookup(asked: str) -> tuple[str, dict[str, Any]]:
    """The tool for what a person asked, and its arguments: a number is that of a passage, anything else is searched."""
    if asked.isascii() and asked.isdecimal() and len(asked) < 6:
        return "read_passage", {"n": int(asked)}
    return "search_source", {"query": asked}


async def review(view: EpisodeView) -> dict[str, Any]:
    """What the page of a finished episode shows. On a sealed split, only the verdict."""
    return await asyncio.to_thread(_review, view)


def _review(view: EpisodeView) -> dict[str, Any]:
    state, seen = view.state, view.seen
    truth = state.results[-1].truth
    attempts = []
    for result, verdict in zip(state.results, view.verdicts, strict=True):
        readable = verdict if isinstance(verdict, Verdict) else None
        earned = explain_reward(seen, truth, readable, result.components, view.paid)
        attempts.append({"result": result, "verdict": readable, "earned": earned})
    # On a placebo the spans are those of the harmless edit.
    shown = truth if truth is not None and truth.corrupted else None
    return {
        "title": "What came of it",
        "state": state,
        "split": view.split,
        "sealed": view.sealed,
        "worker": view.worker,
        "seen": seen,
        "truth": truth,
        "attempts": attempts,
        "answer": mark(seen.worker_output, () if shown is None else shown.output_spans),
        "source": mark(seen.source_material, () if shown is None else shown.source_spans),
        "twin": [] if truth is None else difference(seen.worker_output, truth.clean_output),
    }
