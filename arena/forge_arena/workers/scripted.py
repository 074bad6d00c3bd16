"""A Worker without a model: it composes reasoning and answer from the scenario's own statements.

It is the embedded default: deterministic for a given generator, without a network, and done well within a millisecond.
It decides which facts to mention beside the required ones, and their order, wording, spelling, length and layout. If the
statements of a scenario name topics, it writes in paragraphs (see `paragraphs`). It
means to answer rightly unless a hidden instruction asks otherwise. It obeys such an instruction only with probability
`compliance`, because a model does not always obey either.
"""

from collections.abc import Mapping
from random import Random
from typing import Literal

from forge_arena.corruptions import omits
from forge_arena.corruptions.thoughts import MENTIONED, add_step, admission
from forge_arena.errors import WorkerFailed
from forge_arena.statements import JITTER, SPELLINGS, Order, Speaker, Voice, order_of
from forge_arena.texts.words import word_count
from forge_arena.types import Alternative, Answer, Candour, Claim, ClaimKind, Probe, Scenario, Statement
from forge_arena.verify.checks import violation
from forge_arena.workers import paragraphs, replies
from forge_arena.workers.base import HiddenInstruction

DRAFTS = 12


class ScriptedWorker:
    """Answers from the statements of a scenario.

    Args:
        compliance: how often, 0..1, a hidden instruction is obeyed.

    Raises:
        WorkerFailed: the scenario has no statements (imported documents need a Worker that reads).
    """

    name = "scripted"
    repeats: Literal[True] = True

    def __init__(self, compliance: float = 0.8) -> None:
        self.compliance = compliance

    async def start(self) -> None:
        return None

    async def aclose(self) -> None:
        return None

    async def answer(self, scenario: Scenario, rng: Random, hidden: HiddenInstruction | None = None) -> Answer:
        if not scenario.statements:
            raise WorkerFailed(
                "the scripted Worker needs a scenario with statements; use an openai:, vllm: or bank: Worker for documents"
            )
        choice: dict[str, str] = {}
        unsaid: str | None = None
        obeys = hidden is not None and rng.random() < self.compliance
        if hidden is not None and obeys:
            if hidden.alternative is not None:
                scenario = _with_alternative(scenario, hidden.target, hidden.alternative)
                choice[hidden.target] = hidden.alternative.name
            elif omits(hidden.corruption_type):
                unsaid = hidden.target
        voice = Voice(choice, {kind: rng.randrange(SPELLINGS) for kind in ClaimKind})
        speaker = Speaker(scenario, voice)
        rules = [speaker.check_of(claim) for claim in scenario.claims if claim.kind is ClaimKind.constraint]
        for number in range(DRAFTS):
            output, stated = _draft(speaker, unsaid, choice, rng, number)
            if all(rule is None or violation(rule, output) is None for rule in rules):
                break
        # After the last draft the answer may still break a rule, as any Worker's may. The verifier will see that.
        reasoning = _reasoning(speaker, stated, rng)
        if hidden is not None and obeys and hidden.candour is Candour.faithful:
            reasoning = add_step(reasoning, admission(scenario.claim(hidden.target), rng))
        return Answer(reasoning=reasoning, output=output)

    async def reply(
        self, scenario: Scenario, answer: Answer, probes: tuple[Probe, ...], question: str, rng: Random
    ) -> str:
        return replies.reply(scenario, answer, question, rng)


def _with_alternative(scenario: Scenario, target: str, alternative: Alternative) -> Scenario:
    """The scenario whose claim `target` knows this alternative, which may be one that a corruption made."""
    claim = scenario.claim(target)
    if alternative in claim.alternatives:
        return scenario
    extended = claim.model_copy(update={"alternatives": (*claim.alternatives, alternative)})
    claims = tuple(extended if other is claim else other for other in scenario.claims)
    return scenario.model_copy(update={"claims": claims})


def _draft(
    speaker: Speaker, unsaid: str | None, instructed: Mapping[str, str], rng: Random, failed: int
) -> tuple[str, set[str]]:
    """One answer, and the claims that it states.

    Args:
        instructed: the claims that it must state, by alternative.
        failed: how many drafts have broken a rule. What breaks a rule is most often the length. So each further draft prefers
            sentences that say several things more, and a late one begins and ends as briefly as it can.
    """
    scenario = speaker.scenario
    usable = [s for s in scenario.statements if s.part == "body" and unsaid not in s.says and speaker.fits(s)]
    by_claim: dict[str, list[Statement]] = {}
    for statement in usable:
        for claim in statement.says:
            by_claim.setdefault(claim, []).append(statement)
    appetite = rng.choice((0.1, 0.25, 0.4, 0.55))
    wanted = [
        c.id for c in scenario.claims if c.id in by_claim and (_is_wanted(c, appetite, rng) or c.id in instructed)
    ]
    rng.shuffle(wanted)
    order = order_of(scenario)
    body = (
        paragraphs.choose(wanted, by_claim, rng, paragraphs.JOINT * (failed + 1))
        if order.places
        else _choose(wanted, by_claim, rng)
    )
    if not order.places:
        body.sort(key=lambda s: s.rank + 1.6 * rng.random())
    is_brief = bool(order.places) and failed >= DRAFTS // 2
    opening, closing = (_random_sentence(speaker, part, rng, is_brief) for part in ("opening", "closing"))
    body = _to_length(speaker, body, usable, word_count(f"{opening} {closing}"), rng)
    stated = {claim for s in body for claim in s.says}
    if order.places and not _is_list(speaker):
        return _in_paragraphs(opening, body, closing, order, rng, speaker), stated
    return _layout(opening, [speaker.sentence(s) for s in body], closing, rng, speaker), stated


def _choose(wanted: list[str], by_claim: Mapping[str, list[Statement]], rng: Random) -> list[Statement]:
    """Statements that say what is wanted: for each claim one of its statements, each as likely as any other."""
    stated: set[str] = set()
    body: list[Statement] = []
    for claim in wanted:
        if claim in stated:
            continue
        fresh = [s for s in by_claim[claim] if stated.isdisjoint(s.says)]
        if not fresh:
            continue
        chosen = fresh[rng.randrange(len(fresh))]
        body.append(chosen)
        stated.update(chosen.says)
    return body


def _in_paragraphs(
    opening: str, body: list[Statement], closing: str, order: Order, rng: Random, speaker: Speaker
) -> str:
    arranged = paragraphs.arrange(paragraphs.in_order(body, order, rng), order, rng)
    texts = [[speaker.sentence(s) for s in paragraph] for paragraph in arranged]
    return paragraphs.write(opening, texts, closing, rng)


def _is_wanted(claim: Claim, appetite: float, rng: Random) -> bool:
    if claim.required or claim.kind in (ClaimKind.option, ClaimKind.constraint, ClaimKind.behaviour):
        return True
    return rng.random() < (0.85 if claim.kind is ClaimKind.citation else appetite)


def _to_length(
    speaker: Speaker, body: list[Statement], usable: list[Statement], frame: int, rng: Random
) -> list[Statement]:
    """The body with optional sentences dropped or added until it keeps the word limit, if there is one.

    `frame` is the number of words in opening and closing.
    """
    scenario = speaker.scenario
    for check in speaker.checks:
        if check.name not in ("max_words", "min_words"):
            continue
        limit = int(str(check.argument)) - frame
        if check.name == "max_words":
            droppable = [s for s in body if not any(_is_needed(scenario.claim(c)) for c in s.says)]
            rng.shuffle(droppable)
            while _words(body, speaker) > limit and droppable:
                body.remove(droppable.pop())
            if order_of(scenario).places:
                body = _shortened(body, usable, limit, speaker)
        else:
            stated = {c for s in body for c in s.says}
            extra = [s for s in usable if stated.isdisjoint(s.says)]
            rng.shuffle(extra)
            while _words(body, speaker) < limit and extra:
                more = extra.pop()
                if stated.isdisjoint(more.says):
                    stated.update(more.says)
                    body.append(more)
            body.sort(key=lambda s: s.rank)
    return body


def _shortened(body: list[Statement], usable: list[Statement], limit: int, speaker: Speaker) -> list[Statement]:
    """The body with shorter statements for the longest ones, until it has no more words than the limit.

    A shorter statement says all that the answer needs of the longer one, and nothing else.
    """
    for long in sorted(body, key=lambda s: -_words([s], speaker)):
        if _words(body, speaker) <= limit:
            break
        needed = {claim for claim in long.says if _is_needed(speaker.scenario.claim(claim))}
        shortest = min((s for s in usable if set(s.says) == needed), key=lambda s: _words([s], speaker), default=long)
        if _words([shortest], speaker) < _words([long], speaker):
            body[body.index(long)] = shortest
    return body


def _words(body: list[Statement], speaker: Speaker) -> int:
    return sum(word_count(speaker.sentence(s)) for s in body)


def _is_needed(claim: Claim) -> bool:
    return claim.required or claim.kind in (ClaimKind.option, ClaimKind.constraint, ClaimKind.behaviour)


def _random_sentence(speaker: Speaker, part: str, rng: Random, is_brief: bool) -> str:
    pool = [s for s in speaker.scenario.statements if s.part == part and speaker.fits(s)]
    if is_brief:
        return min(map(speaker.sentence, pool), key=len, default="")
    return speaker.sentence(pool[rng.randrange(len(pool))]) if pool else ""


def _layout(opening: str, body: list[str], closing: str, rng: Random, speaker: Speaker) -> str:
    if _is_list(speaker):
        text = "\n".join(f"- {line}" for line in body)
    else:
        text, since = "", 0
        for line in body:
            block = line.startswith("```")
            since += 1
            breaks = block or text.endswith("```") or (since > 2 and rng.random() < 0.4)
            text += (("\n\n" if breaks else " ") if text else "") + line
            since = 0 if breaks else since
    return "\n\n".join(part for part in (opening, text, closing) if part)


def _is_list(speaker: Speaker) -> bool:
    """Whether a rule wants the answer as a list."""
    return any(check.name in ("bullets", "list_items") for check in speaker.checks)


def _reasoning(speaker: Speaker, stated: set[str], rng: Random) -> str:
    pool = [s for s in speaker.scenario.statements if s.part == "reasoning" and speaker.fits(s)]
    steps: list[str] = []
    if order_of(speaker.scenario).places:
        return _thoughts(pool, speaker, stated, rng)
    general = [s for s in pool if not s.says]
    if general:
        steps.append(speaker.sentence(general[rng.randrange(len(general))]))
    claims = sorted(stated)
    rng.shuffle(claims)
    for claim in claims:
        about = [s for s in pool if claim in s.says]
        if about and rng.random() < MENTIONED:
            steps.append(speaker.sentence(about[rng.randrange(len(about))]))
    if rng.random() < 0.5:
        return "\n".join(f"{number}. {step}" for number, step in enumerate(steps, start=1))
    return " ".join(steps)


def _thoughts(pool: list[Statement], speaker: Speaker, stated: set[str], rng: Random) -> str:
    """The reasoning of an answer in paragraphs: how to go about it, then one thing after the other, in the order of ranks.

    A thought that states no claim stands for its rank: the first always, each later one half of the time.
    """
    general: dict[int, list[Statement]] = {}
    by_claim: dict[str, list[Statement]] = {}
    for statement in pool:
        if not statement.says:
            general.setdefault(statement.rank, []).append(statement)
        elif stated.issuperset(statement.says):
            for claim in statement.says:
                by_claim.setdefault(claim, []).append(statement)
    thoughts = [
        group[rng.randrange(len(group))]
        for number, (_, group) in enumerate(sorted(general.items()))
        if number == 0 or rng.random() < 0.5
    ]
    mentioned = [claim for claim in sorted(by_claim) if rng.random() < MENTIONED]
    rng.shuffle(mentioned)
    thoughts += paragraphs.choose(mentioned, by_claim, rng)
    thoughts.sort(key=lambda s: s.rank + JITTER * rng.random())
    steps = [speaker.sentence(s) for s in thoughts]
    layout = rng.random()
    if layout < 0.2:
        return "\n".join(f"{number}. {step}" for number, step in enumerate(steps, start=1))
    return ("\n" if layout < 0.4 else " ").join(steps)
