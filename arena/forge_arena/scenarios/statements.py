"""The statements of a scenario file, in the words of one draw."""

from collections.abc import Container
from dataclasses import dataclass
from random import Random

from forge_arena.scenarios import template
from forge_arena.scenarios.slots import Draws, choose
from forge_arena.scenarios.spec import FamilySpec, StatementSpec, wordings
from forge_arena.statements import slots_of
from forge_arena.types import Statement


@dataclass(frozen=True, slots=True)
class StatementInFile:
    """A statement of the file, read once for all draws.

    Attributes:
        claims: the claims that the statement or one of its wordings names.
        wordings: for each wording, the finished statement if every draw has the same one, otherwise the template of its
            text.
    """

    spec: StatementSpec
    claims: frozenset[str]
    wordings: "tuple[Statement | template.Nodes, ...]"

    @classmethod
    def of(cls, spec: StatementSpec, claims: Container[str]) -> "StatementInFile":
        texts = wordings(spec.text)
        named = {*spec.says, *spec.when, *(name for text in texts for name, _ in slots_of(text))}
        return cls(
            spec,
            frozenset(name for name in named if name in claims),
            tuple(
                _statement(spec, text) if template.is_plain(nodes) else nodes
                for text, nodes in zip(texts, map(template.parse, texts), strict=True)
            ),
        )


def statements_in_file(spec: FamilySpec) -> tuple[StatementInFile, ...]:
    """The statements of a scenario file, read once for all draws."""
    return tuple(StatementInFile.of(statement, spec.claims) for statement in spec.statements)


def word_statements(
    spec: FamilySpec, statements: tuple[StatementInFile, ...], draws: Draws, in_play: Container[str], rng: Random
) -> tuple[Statement, ...]:
    """The statements that speak of nothing that this draw left out, or only follow a habit of their kind of text."""
    worded = []
    for statement in statements:
        out_of_play = [claim for claim in statement.claims if claim not in in_play]
        if not all(_is_habit(spec.claims[claim].habit, statement.spec.when.get(claim), draws) for claim in out_of_play):
            continue
        wording = choose(statement.wordings, rng)
        if not isinstance(wording, Statement):
            wording = _statement(statement.spec, template.render(wording, draws.texts, rng))
        worded.append(_without_claims(wording, out_of_play) if out_of_play else wording)
    return tuple(worded)


def _is_habit(habit: str | None, option: str | None, draws: Draws) -> bool:
    """Whether an option is the one that answers follow even if no rule asks for it."""
    return habit is not None and option == draws.fill(habit, Random(0))


def _statement(spec: StatementSpec, text: str) -> Statement:
    return Statement(text=text, says=spec.says, when=spec.when, part=spec.part, topic=spec.topic, rank=spec.rank)


def _without_claims(statement: Statement, claims: Container[str]) -> Statement:
    """A statement that does not say that it states these claims, or that it depends on them."""
    return statement.model_copy(
        update={
            "says": tuple(claim for claim in statement.says if claim not in claims),
            "when": {claim: option for claim, option in statement.when.items() if claim not in claims},
        }
    )
