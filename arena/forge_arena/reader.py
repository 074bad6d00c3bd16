"""A reader model: it may point and it may veto, and only code approves.

The Verifier reads values and names, and it does not know every way to say a thing. A reader helps in two places, with
one request each:

* It *points*: for a claim that the Verifier does not find, it quotes where the answer speaks of the claim. A rare word
  of the quotation then counts as a word of the claim's topic, and the Verifier reads the whole answer anew. A value is
  never granted. So the reader can only make the Verifier look, and the Verifier says what is there. For a claim that is
  a whole statement, fewer words of the statement will do in the quotation, and the code must still read there what
  tells the statement from its opposite. The sentence is then a further form of the claim.
* It *vetoes*: it quotes what the answer asserts beyond the source. The Worker then writes the answer again, or the
  answer is rejected. A veto without a reason costs a try and never makes a label.

A quotation must stand in the answer to the letter. Whatever else the reader writes counts as no pointing and no veto.
"""

import asyncio
import os
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cache
from random import Random
from typing import Any

from forge_arena.errors import BadArgument, WorkerFailed
from forge_arena.texts.json_within import json_in
from forge_arena.texts.sentences import contains_whole, lower, sentences
from forge_arena.types import Claim, ClaimKind, Scenario, Span
from forge_arena.verify import ClaimReport, Verifier
from forge_arena.verify.whole_statements import is_whole_statement
from forge_arena.workers.base import BadAnswer, ChatModel, Message, Worker
from forge_arena.workers.registry import open_worker, with_defaults

# The reader that is the Worker's own model.
SAME = "worker"
# Claims that stand at no single place of an answer.
_NOWHERE = frozenset({ClaimKind.constraint, ClaimKind.behaviour})
SHORTEST_WORD = 4
LONGEST_STEM = 24
# A word that the material uses in more sentences than these belongs to no topic.
MOST_SENTENCES = 2

_WORD = re.compile(r"[^\W\d_]+")
# Longer than any number of a point, and short enough to be read as a number.
_NUMBER = re.compile(r"\d{1,9}")
_ELLIPSIS = re.compile(r"^\W*(?:\.\.\.|\u2026)\s*|\s*(?:\.\.\.|\u2026)\W*$")

_SYSTEM = """\
You read an answer for a program that cannot read as you do. You quote the answer to the letter and judge nothing \
else. Reply with JSON and nothing else."""

_POINT = """\
The answer:
<answer>
{answer}
</answer>

Where does the answer speak of these points? For each number give the shortest passage of the answer that states the \
point, to the letter, or null if the answer does not state it. Quote what the answer says, whether it is right or wrong.
{points}

The form of your reply: {{"1": "a passage of the answer", "2": null}}"""

_VETO = """\
Task:
{task}

Source material:
{source_material}

The answer:
<answer>
{answer}
</answer>

Which passages of the answer assert something that the task and the source material do not bear out? What follows from \
them by arithmetic or by plain sense is borne out, and so are politeness and opinions that assert no fact. Quote each \
such passage of the answer to the letter and as short as it can be. An empty list says that there is none.

The form of your reply: ["a passage of the answer"]"""


class ReaderFailed(WorkerFailed):
    """The reader's model gave no reply. No label is made of that."""


@dataclass(frozen=True)
class Reader:
    """Asks a model to point and to veto.

    Attributes:
        model: the model that reads.
        is_worker: whether the model is the Worker's, which starts and ends without the reader.
        counts: what the reader did: `reader_asked`, `reader_unreadable`, `reader_misquoted`, `reader_pointed`,
            `reader_pointed_in_vain` and `reader_vetoed`.
    """

    model: ChatModel
    is_worker: bool = False
    counts: Counter[str] = field(default_factory=Counter)

    @property
    def name(self) -> str:
        return self.model.name

    async def start(self) -> None:
        """Make ready. Raises `ReaderFailed` if the model cannot be had."""
        if not self.is_worker:
            try:
                await self.model.start()
            except WorkerFailed as failure:
                raise ReaderFailed(f"the reader did not start: {failure.reason}") from failure

    async def aclose(self) -> None:
        if not self.is_worker:
            await self.model.aclose()

    async def point(self, claims: Sequence[Claim], text: str, rng: Random) -> Mapping[str, Span]:
        """Where the text speaks of claims, by the claim's id. A claim of which it does not speak is left out.

        Raises:
            ReaderFailed: the model gave no reply.
        """
        if not claims:
            return {}
        points = "\n".join(f"{number}. {claim.label or claim.kind}" for number, claim in enumerate(claims, start=1))
        reply = await self._ask(_POINT.format(answer=text, points=points), rng)
        spans: dict[str, Span] = {}
        for number, quotation in _quotations_by_number(reply):
            if 1 <= number <= len(claims) and (span := self._place_of(quotation, text)) is not None:
                spans.setdefault(claims[number - 1].id, span)
        return spans

    async def veto(self, scenario: Scenario, text: str, rng: Random) -> tuple[Span, ...]:
        """The places where the text asserts what task and source do not bear out. A passage of theirs is never one.

        Raises:
            ReaderFailed: the model gave no reply.
        """
        question = _VETO.format(task=scenario.task, source_material=scenario.source_material, answer=text)
        known = f"{scenario.task}\n{scenario.source_material}"
        spans = []
        for quotation in _quotations(await self._ask(question, rng)):
            span = self._place_of(quotation, text)
            if span is not None and not contains_whole(lower(known), lower(span.of(text))):
                spans.append(span)
        self.counts["reader_vetoed"] += bool(spans)
        return tuple(spans)

    async def _ask(self, question: str, rng: Random) -> object:
        """The JSON in the model's reply; None if there is none."""
        self.counts["reader_asked"] += 1
        messages: list[Message] = [{"role": "system", "content": _SYSTEM}, {"role": "user", "content": question}]
        try:
            reply = json_in(await self.model.chat(messages, rng))
        except BadAnswer:
            reply = None
        except WorkerFailed as failure:
            raise ReaderFailed(f"the reader failed: {failure.reason}") from failure
        if reply is None:
            self.counts["reader_unreadable"] += 1
        return reply

    def _place_of(self, quotation: str, text: str) -> Span | None:
        """Where a quotation stands in the text, to the letter but for line breaks; None if it does not."""
        words = _ELLIPSIS.sub("", quotation).split()
        match = re.search(r"\s+".join(map(re.escape, words)), text) if words else None
        if match is None:
            self.counts["reader_misquoted"] += 1
            return None
        return Span(start=match.start(), end=match.end())


@dataclass(frozen=True, slots=True)
class Read:
    """What code and reader say of a text.

    Attributes:
        verifier: the Verifier that knows the topics to which the reader has pointed. Its scenario is the episode's.
        report: what that Verifier says of the text.
        vetoed: what the reader quoted as not borne out.
    """

    verifier: Verifier
    report: ClaimReport
    vetoed: tuple[Span, ...] = ()


async def read(
    reader: Reader | None,
    verifier: Verifier,
    text: str,
    random: Callable[[str], Random] = Random,
    *,
    spare: str | None = None,
) -> Read:
    """Read a text with the Verifier, and with the reader where a claim is not found or nothing is wrong.

    Args:
        reader: the reader; None to let code alone read.
        random: the random numbers of a request, by its name: `:point` and `:veto`.
        spare: a claim that the text is to break. Nothing is vetoed in the sentences that speak of this claim.

    Raises:
        ReaderFailed: the reader's model gave no reply.
    """
    report = await report_on(verifier, text)
    if reader is None:
        return Read(verifier, report)
    lost = [claim for claim in verifier.scenario.claims if claim.id in report.not_found and may_be_pointed_to(claim)]
    for claim_id, span in (await reader.point(lost, text, random(":point"))).items():
        granted = await read_granted(verifier, report, claim_id, text, span)
        reader.counts["reader_pointed_in_vain" if granted is None else "reader_pointed"] += 1
        verifier, report = granted or (verifier, report)
    if report.broken - {spare}:
        return Read(verifier, report)
    spared = [
        Span(start=start, end=end)
        for start, end in sentences(text)
        if spare is not None and any(start <= finding.start < end for finding in report.of(spare))
    ]
    vetoed = await reader.veto(verifier.scenario, text, random(":veto"))
    return Read(
        verifier, report, tuple(v for v in vetoed if not any(v.start < s.end and s.start < v.end for s in spared))
    )


def may_be_pointed_to(claim: Claim) -> bool:
    """Whether a claim stands at one place of an answer, and pointing to the place can help."""
    return claim.kind not in _NOWHERE and (bool(claim.about) or is_whole_statement(claim))


async def report_on(verifier: Verifier, text: str) -> ClaimReport:
    """What the Verifier says.

    Code runs in a thread of its own, so that slow code holds up neither the event loop nor the threads of others: a
    server reads its store in the threads of the event loop.
    """
    if not verifier.runs_code(text):
        return verifier.verify(text)
    return await asyncio.get_running_loop().run_in_executor(_runners(), verifier.verify, text)


@cache
def _runners() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(os.cpu_count(), thread_name_prefix="code")


def open_reader(
    spec: str,
    worker: Worker | None,
    *,
    api_key: str | None = None,
    vllm_executable: str = "vllm",
    vllm_args: tuple[str, ...] = (),
    concurrency: int = 16,
) -> Reader:
    """Make a reader; nothing is connected or spawned before its `start`.

    Args:
        spec: `worker` for the Worker's own model; otherwise the spec of a Worker with a model, such as
            `openai:MODEL@URL`. Its temperature is 0 unless the spec says otherwise.
        worker: the Worker whose answers are read; None if nobody is there to be asked, as with answers in a file.
        api_key: of the reader's endpoint. The Worker's key is never sent to it.

    Raises:
        BadArgument: the spec names no Worker, or a Worker without a model.
    """
    if spec != SAME:
        model = open_worker(
            with_defaults(spec, temperature=0),
            api_key=api_key,
            vllm_executable=vllm_executable,
            vllm_args=vllm_args,
            concurrency=concurrency,
        )
    elif worker is not None:
        model = worker
    else:
        raise BadArgument(
            f"{SAME!r} stands for the Worker's own model, and there is no Worker here; "
            "give openai:MODEL@URL, vllm:MODEL or bank:FILE"
        )
    if not isinstance(model, ChatModel):
        raise BadArgument(
            f"{spec!r} cannot read: a {model.name} Worker has no model; "
            "give openai:MODEL@URL, vllm:MODEL, bank:FILE, or worker for the Worker's own model"
        )
    return Reader(model, is_worker=model is worker)


async def read_granted(
    verifier: Verifier, report: ClaimReport, claim_id: str, text: str, span: Span
) -> tuple[Verifier, ClaimReport] | None:
    """The Verifier that takes the words of the span for the claim's topic, or for a form of the claim's statement, and
    its report on the whole text.

    None if the Verifier still does not read the claim there as right, if anything else reads worse, or if the value
    that it reads there states another claim already: a value cannot answer two questions. A sentence can.
    """
    claim = verifier.scenario.claim(claim_id)
    is_statement = is_whole_statement(claim)
    if is_statement:
        scenario = grant_statement(verifier, claim, text, span)
    else:
        scenario = grant_topic(verifier.scenario, claim_id, text, span)
    if scenario is None:
        return None
    granted = Verifier(scenario)
    again = await report_on(granted, text)
    owned = set() if is_statement else {(finding.start, finding.end) for finding in report.findings}
    # Of a statement the whole sentence is found, and a reader may quote the middle of the sentence.
    there = [finding for finding in again.of(claim_id) if finding.start < span.end and span.start < finding.end]
    own = [finding for finding in there if (finding.start, finding.end) not in owned]
    return (granted, again) if own and claim_id in again.stated and again.broken < report.broken else None


def grant_statement(verifier: Verifier, claim: Claim, text: str, span: Span) -> Scenario | None:
    """The scenario in which the sentence of the span is a further form of a claim that is a whole statement.

    Example: the statement is "A member may bring one guest", and the answer says "You are welcome to take somebody
    along." Code has approved that the sentence allows, as the statement does, and has words of the statement, of its
    passage or of its label.

    Returns: None if code does not approve.
    """
    place = verifier.place_of_statement(text, claim, span)
    if place is None:
        return None
    form = " ".join(place.of(text).split())
    right = claim.right.model_copy(update={"forms": (*claim.right.forms, form)})
    alternatives = tuple(right if other.name == right.name else other for other in claim.alternatives)
    claims = tuple(
        c.model_copy(update={"alternatives": alternatives}) if c.id == claim.id else c for c in verifier.scenario.claims
    )
    return verifier.scenario.model_copy(update={"claims": claims})


def grant_topic(scenario: Scenario, claim_id: str, text: str, span: Span) -> Scenario | None:
    """The scenario in which a word of the span also says that a sentence speaks of the claim.

    Example: the answer says "They are worn on a padded headband." and the claim knows the words "cushion" and "ear".
    The word "headband" becomes a third one. The values of the claim stay what they are.

    Returns: None if no word of the span is a word of this topic alone.
    """
    word = _topic_word(scenario, text, span)
    if word is None:
        return None
    claims = tuple(
        claim.model_copy(update={"about": tuple((*group, word) for group in claim.about)})
        if claim.id == claim_id
        else claim
        for claim in scenario.claims
    )
    return scenario.model_copy(update={"claims": claims})


def _topic_word(scenario: Scenario, text: str, span: Span) -> str | None:
    """The word of a span that is rarest in the material. It is no word of a value or of another topic, and the text has
    it in the sentences of the span only."""
    stems = {stem for claim in scenario.claims for group in claim.about for stem in group}
    values = " ".join(form for c in scenario.claims for a in c.alternatives for form in a.forms)
    taken = set(_WORD.findall(lower(values)))
    elsewhere = [text[a:b] for a, b in sentences(text) if b <= span.start or span.end <= a]
    used = set(_WORD.findall(lower(" ".join(elsewhere))))
    material = f"{scenario.task}\n{scenario.source_material}"
    known = Counter(word for a, b in sentences(material) for word in set(_WORD.findall(lower(material[a:b]))))
    words = dict.fromkeys(_WORD.findall(lower(span.of(text))))
    fitting = [
        word
        for word in words
        if len(word) >= SHORTEST_WORD
        and word not in taken
        and known[word] <= MOST_SENTENCES
        and not any(word.startswith(stem) for stem in stems)
        and not any(other.startswith(word[:LONGEST_STEM]) for other in used)
    ]
    return min(fitting, key=lambda word: (known[word], -len(word)))[:LONGEST_STEM] if fitting else None


def _quotations_by_number(reply: object) -> Iterator[tuple[int, str]]:
    """The quotations of a reply with their numbers: from an object with numbers, or from a list in their order."""
    if isinstance(reply, dict) and len(reply) == 1 and isinstance(next(iter(reply.values())), dict | list):
        reply = next(iter(reply.values()))
    pairs: list[tuple[Any, Any]] = []
    if isinstance(reply, dict):
        pairs = list(reply.items())
    elif isinstance(reply, list):
        pairs = list(enumerate(reply, start=1))
    for number, value in pairs:
        digits = _NUMBER.search(str(number))
        for quotation in _quotations(value if isinstance(value, list) else [value]):
            if digits is not None:
                yield int(digits[0]), quotation
                break


def _quotations(reply: object) -> Iterator[str]:
    """The quotations of a reply: from a list, from an object that holds lists, or from objects that hold a text."""
    values = list(reply.values()) if isinstance(reply, dict) else reply if isinstance(reply, list) else []
    for value in values:
        if isinstance(value, str) and value.strip():
            yield value
        elif isinstance(value, list | dict):
            yield from _quotations(value)
