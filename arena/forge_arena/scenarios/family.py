"""A family: one scenario file, from which thousands of different scenarios are drawn.

The file is data: `spec` gives its form, and `reading` refuses what does not fit together. This module draws. The values
of a draw come from `slots`, and `loads` says what the task asks. `source_text` then writes the source, `claims` says what
is right and what would be wrong, and `statements` words what an answer can say.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from random import Random

from forge_arena.corruptions import possible
from forge_arena.errors import ScenarioError
from forge_arena.scenarios.claims import Claims
from forge_arena.scenarios.loads import FEWEST_FACTS, Contents, Passages, draw_contents, facts_of, passages_of, rules_of
from forge_arena.scenarios.slots import MANY_TRIES, Draws, bound_value, choose, draw_distinct, draw_unlike
from forge_arena.scenarios.source_text import write_source
from forge_arena.scenarios.spec import FamilySpec, WordCount, wordings
from forge_arena.scenarios.statements import StatementInFile, statements_in_file, word_statements
from forge_arena.texts.sentences import enumeration
from forge_arena.types import Authority, CorruptionType, Domain, Load, Scenario, Split


@dataclass(frozen=True, slots=True)
class Reading:
    """An answer that the words of a rule allow or forbid, if the source demands the option `option` of the claim `claim`."""

    claim: str
    option: str
    text: str
    allowed: bool


@dataclass(frozen=True, slots=True)
class Trial:
    """A scenario with what its proof needs beside it.

    Attributes:
        readings: the readings of every option of its rules, with the same values.
        rules: the words of the file's rules, each with whether the source lays the rule down.
    """

    scenario: Scenario
    readings: tuple[Reading, ...]
    rules: tuple[tuple[str, bool], ...]


@dataclass(frozen=True, slots=True)
class _Drawing:
    """A scenario without its statements, what was drawn for it, and the random number that words its statements."""

    scenario: Scenario
    draws: Draws
    contents: Contents
    number: int


@dataclass(frozen=True)
class Family:
    """A checked scenario file, ready to draw from.

    Attributes:
        load: how much its tasks ask.
    """

    spec: FamilySpec
    vocabulary: Mapping[str, tuple[str, ...]] = field(repr=False)
    load: Load = Load.full

    @property
    def name(self) -> str:
        return self.spec.family

    @property
    def domain(self) -> Domain:
        return self.spec.domain

    @property
    def split(self) -> Split:
        return self.spec.split

    @cached_property
    def corruptions(self) -> frozenset[CorruptionType]:
        """The corruption types that this family's claims make possible."""
        return possible(claim.outline(name) for name, claim in self.spec.claims.items())

    @cached_property
    def _passages(self) -> Passages:
        return passages_of(self.spec)

    @cached_property
    def _statements(self) -> tuple[StatementInFile, ...]:
        return statements_in_file(self.spec)

    @cached_property
    def _claims(self) -> Claims:
        return Claims(self.spec, self.vocabulary, self.load)

    def has(self, load: Load) -> bool:
        """Whether the family can be drawn under a load."""
        return load is Load.full or self._why_only_full is None

    @cached_property
    def _why_only_full(self) -> str | None:
        """What in the file keeps a lighter load from being drawn; None if nothing does."""
        wordless = [name for name in rules_of(self.spec) if self.spec.claims[name].rule is None]
        if wordless:
            return f"its constraint {wordless[0]!r} has no `rule`, the words that lay it down"
        count = len(facts_of(self.spec))
        return None if count >= FEWEST_FACTS else f"its file has {count} facts to ask for, fewer than {FEWEST_FACTS}"

    def at(self, load: Load) -> "Family":
        """The family under another load.

        Raises:
            ScenarioError: the file cannot be drawn under the load. The message says why.
        """
        if not self.has(load):
            raise ScenarioError(
                f"family {self.name!r} has no load {load.value!r}, only 'full': {self._why_only_full} "
                "(see scenarios/README.md)"
            )
        return replace(self, load=load)

    # Kept, because every server needs the specimens of all families before it is ready.
    @cached_property
    def specimen(self) -> str:
        return self.draw(Random(self.name)).model_dump_json()

    def draw(self, rng: Random, wording: int = 0) -> Scenario:
        """Draw a scenario. The same state of `rng` gives the same scenario, byte for byte.

        Another `wording` says the same in other sentences: only the texts of its statements differ.
        """
        return self._worded(self._draw(rng), wording)

    def draw_to_reword(self, rng: Random) -> tuple[Scenario, Callable[[int], Scenario]]:
        """The scenario of `draw`, and a function that gives the same scenario in another wording."""
        drawing = self._draw(rng)
        return self._worded(drawing, 0), lambda wording: self._worded(drawing, wording)

    def draw_with_readings(self, rng: Random) -> tuple[Scenario, tuple[Reading, ...]]:
        """Draw a scenario, and with the same values the readings of every option of its rules."""
        trial = self.draw_trial(rng)
        return trial.scenario, trial.readings

    def draw_trial(self, rng: Random) -> Trial:
        """Draw a scenario with what its proof needs."""
        drawing = self._draw(rng)
        draws, contents = drawing.draws, drawing.contents
        readings = tuple(
            Reading(name, option, self._reading(reading, draws, rng), allowed)
            for name, claim in self.spec.claims.items()
            if name in contents.in_play
            for option, spec in claim.options.items()
            for allowed, readings in ((True, spec.allows), (False, spec.forbids))
            for reading in readings
        )
        rules = tuple(
            (draws.fill(claim.rule, rng), name in contents.rules)
            for name in rules_of(self.spec)
            if (claim := self.spec.claims[name]).rule is not None
        )
        return Trial(self._worded(drawing, 0), readings, rules)

    def _reading(self, reading: str | WordCount, draws: Draws, rng: Random) -> str:
        if isinstance(reading, WordCount):
            return " ".join(["word"] * int(bound_value(reading.words, draws)))
        return draws.fill(reading, rng)

    def _draw(self, rng: Random) -> _Drawing:
        spec = self.spec
        draws = self._draw_slots(rng)
        contents = draw_contents(spec, self._passages, self.load, rng)
        labels = [draws.fill(spec.claims[c].label, rng) for c in contents.required]
        rng.shuffle(labels)
        draws.texts["required"] = enumeration(labels)
        draws.texts["rules"] = self._rules(contents.rules, draws, rng)
        source = write_source(spec, draws, contents, self.load, rng)
        claims = tuple(
            self._claims.draw(name, name in contents.required or claim.required == "task", draws, source, rng)
            for name, claim in spec.claims.items()
            if name in contents.in_play
        )
        task = draws.fill(choose(wordings(spec.task), rng), rng)
        scenario = Scenario(
            family=spec.family,
            domain=spec.domain,
            task=task,
            source_material=source.text,
            claims=claims,
            authorities=tuple(
                Authority(
                    forms=forms,
                    supports=tuple(sorted(c for c in source.supports.get(name, ()) if c in contents.in_play)),
                )
                for name, forms in source.authorities.items()
            ),
        )
        return _Drawing(scenario, draws, contents, rng.getrandbits(64))

    def _worded(self, drawing: _Drawing, wording: int) -> Scenario:
        """The scenario of a drawing with its statements in a wording."""
        statements = word_statements(
            self.spec, self._statements, drawing.draws, drawing.contents.in_play, Random(drawing.number + wording)
        )
        return drawing.scenario.model_copy(update={"statements": statements})

    def _rules(self, rules: tuple[str, ...], draws: Draws, rng: Random) -> str:
        """The rules that a source lays down, each as a sentence."""
        return " ".join(_as_sentence(draws.fill(self.spec.claims[name].rule or "", rng)) for name in rules)

    def _draw_slots(self, rng: Random) -> Draws:
        draws = Draws({}, {})
        for name, slot in self.spec.slots.items():
            try:
                unlike = tuple(draws.drawn[other] for other in slot.unlike)
                first = draw_unlike(unlike, slot, draws, self.vocabulary, rng)
            except KeyError as error:
                raise ScenarioError(f"{self.name}: slot {name!r}: no slot {error} is drawn before it") from None
            except ValueError as error:
                raise ScenarioError(f"{self.name}: slot {name!r}: {error}") from None
            draws.add(name, first)
            if slot.draws > 1:
                taken = (first, *unlike)
                more = draw_distinct(slot, slot.draws - 1, taken, draws, self.vocabulary, rng, MANY_TRIES)
                if len(more) < slot.draws - 1:
                    raise ScenarioError(f"{self.name}: slot {name!r} has fewer than {slot.draws} different values")
                for number, value in enumerate(more, start=2):
                    draws.add(f"{name}.{number}", value)
        return draws


def _as_sentence(text: str) -> str:
    """A rule with a capital letter and a full stop."""
    end = "" if text.endswith((".", "!", "?", '."', '?"')) else "."
    return f"{text[:1].upper()}{text[1:]}{end}"
