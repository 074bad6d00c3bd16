"""What an author proposes for a document: a task, the facts of a right answer, a choice and rules, with quotations.

A proposal is worth nothing by itself. `keeping` keeps of it what the document bears out to the letter, and drops the
rest with a reason.
"""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from forge_arena.storable import Text
from forge_arena.types import Domain

MOST_FACTS = 16
MOST_OPTIONS = 12
MOST_RULES = 6
MOST_OTHER_VALUES = 8


def _text_or_none(value: object) -> object:
    """A number as its text, and None for what says that there is nothing, as models write it."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    if isinstance(value, str) and value.strip().lower() in ("", "null", "none", "n/a"):
        return None
    return value.strip() if isinstance(value, str) else value


def _list_or_empty(value: object) -> object:
    return [] if value is None else value


Needed = Annotated[Text, BeforeValidator(_text_or_none), Field(min_length=1, max_length=4_000)]
Optional = Annotated[Annotated[Text, Field(max_length=4_000)] | None, BeforeValidator(_text_or_none)]


class Proposed(BaseModel):
    """A part of a proposal. Further fields are ignored, because a model may add what nobody asked for."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class OtherValue(Proposed):
    """A value that the document gives for the same thing in another case, or that was in force once."""

    value: Needed
    quotation: Needed
    case: Optional = None
    former: bool = False


class Fact(Proposed):
    """Something that a right answer must or may state.

    Attributes:
        label: the fact's name in a person's words, without its value: "how long a refund can be asked for".
        statement: a sentence that states the fact for the case of the task.
        quotation: the words of the document that bear it out.
        value: the value as it stands in the quotation; None for a fact without a value.
        case: which case of the document the task is, if the document gives several values.
        decided_by: the words of the document that give this value to this case.
        other_values: the values of the other cases, and the former ones.
        section: the number or the title of the section that holds the fact.
        opposite: the statement of a fact without a value with its sense turned.
    """

    label: Needed
    statement: Needed
    quotation: Needed
    required: bool = False
    value: Optional = None
    case: Optional = None
    decided_by: Optional = None
    other_values: Annotated[tuple[OtherValue, ...], BeforeValidator(_list_or_empty)] = ()
    section: Optional = None
    opposite: Optional = None


class Option(Proposed):
    """One thing that could be chosen, and the words of the document that show why it fits or is ruled out."""

    name: Needed
    fits: bool
    because: Needed


class Choice(Proposed):
    """A choice that the task asks for and the document settles."""

    label: Needed
    options: tuple[Option, ...]


class Rule(Proposed):
    """A rule for the form of the answer: a name from the menu (`rules`), its argument, and what would break it.

    Attributes:
        quotation: the words of the document that set the rule, if the document sets it.
    """

    rule: Needed
    argument: str | int | tuple[str, ...] | None = None
    instead: Optional = None
    quotation: Optional = None


class Proposal(Proposed):
    """What an author proposes for one stretch of a document."""

    domain: Domain | None = None
    task: Optional = None
    facts: tuple[Fact, ...] = ()
    choice: Choice | None = None
    rules: tuple[Rule, ...] = ()


def read_proposal(reply: object) -> tuple[Proposal | None, tuple[str, ...]]:
    """The proposal in an author's reply, read part by part, so that one malformed fact costs only itself.

    Args:
        reply: the JSON of the reply.

    Returns: the proposal, None if the reply is no object; and what could not be read, with the reason.
    """
    if not isinstance(reply, Mapping):
        return None, ("the author's reply is no JSON object",)
    problems: list[str] = []

    def parts(name: str, kind: type[Proposed], most: int) -> list[Any]:
        value = reply.get(name)
        items = value if isinstance(value, list) else [] if value is None else [value]
        if len(items) > most:
            problems.append(f"{name}: {len(items)} given, the first {most} are read")
        read = []
        for number, item in enumerate(items[:most], start=1):
            try:
                read.append(kind.model_validate(item))
            except ValidationError as error:
                problems.append(f"{name} {number}: {_first_problem(error)}")
        return read

    choice = parts("choice", Choice, 1)
    domain, task = reply.get("domain"), reply.get("task")
    if domain is not None and domain not in list(Domain):
        problems.append(f"domain: must be one of {', '.join(Domain)}, got {domain!r}")
        domain = None
    proposal = Proposal(
        domain=domain,
        task=task.strip() if isinstance(task, str) else None,
        facts=tuple(parts("facts", Fact, MOST_FACTS)),
        choice=choice[0] if choice else None,
        rules=tuple(parts("rules", Rule, MOST_RULES)),
    )
    return proposal, tuple(problems)


def _first_problem(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_input=False)[0]
    return f"{'.'.join(map(str, first['loc'])) or 'the part'}: {first['msg'].lower()}"
