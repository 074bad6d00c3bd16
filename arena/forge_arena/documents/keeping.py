"""Keep of an author's proposal what the document bears out: a scenario, and every dropped part with its reason.

The author is a model and may say anything. Code decides. A quotation stands in the document to the letter, a value
stands in its quotation, no label or task gives a fact away, no two facts own one value, and the task is of the case to
which the document gives the value. Then the Verifier proves each claim on the author's own sentence (`proving`).
Nothing is mended by guess.
"""

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from random import Random

from forge_arena.corruptions import possible
from forge_arena.documents.answer_rules import keep_rules
from forge_arena.documents.choices import keep_choice
from forge_arena.documents.citing import keep_citations
from forge_arena.documents.facts import MOST_REQUIRED, Dropped, FactKeeper, KeptFact, with_words
from forge_arena.documents.proposal import Proposal
from forge_arena.documents.proving import prove, together
from forge_arena.documents.quotations import locate
from forge_arena.documents.section_names import citation_forms, is_citable
from forge_arena.documents.sections import Section, Stretch
from forge_arena.documents.wording import sentences_that_ask
from forge_arena.texts.words import content
from forge_arena.types import Authority, Claim, Domain, Scenario

FEWEST_REQUIRED, FEWEST_RULES, FEWEST_CORRUPTIONS = 2, 1, 2
FEWEST_TASK_WORDS = 4


@dataclass(frozen=True)
class Kept:
    """What came of a proposal.

    Attributes:
        scenario: the scenario; None if too little was kept.
        dropped: what was not kept, each with the reason. The last one says why there is no scenario, if there is none.
        statements: a sentence that states each fact of the scenario, by claim.
        proposed: how many facts were proposed. facts: how many were kept.
    """

    scenario: Scenario | None
    dropped: tuple[Dropped, ...]
    statements: Mapping[str, str] = field(default_factory=dict)
    proposed: int = 0

    @property
    def facts(self) -> int:
        return len(self.statements)

    def reasons(self) -> Counter[str]:
        """How often each reason was given."""
        return Counter(part.reason for part in self.dropped)


def keep(stretch: Stretch, proposal: Proposal, *, family: str | None = None) -> Kept:
    """Keep of a proposal what a stretch of a document bears out.

    Args:
        stretch: the stretch that the author has read.
        proposal: what the author proposes.
        family: the family of the scenario; without it the digest of the document names the family.
    """
    text, document = stretch.text, stretch.document
    # An author puts a task in other words if nobody could set the task as it stands.
    task = (proposal.task or document.task or "").strip()
    if len(task.split()) < FEWEST_TASK_WORDS:
        return Kept(None, (Dropped("the task", "there is no task"),), proposed=len(proposal.facts))
    seed = hashlib.sha256(f"{document.digest}|{stretch.start}|{task}".encode()).digest()
    rng = Random(int.from_bytes(seed, "big"))
    domain = document.domain or proposal.domain or Domain.mixed
    keeper = FactKeeper(text, stretch.sections, task, rng)
    for number, fact in enumerate(proposal.facts, start=1):
        keeper.add(number, fact)
    dropped = keeper.dropped
    choice = None
    if proposal.choice is not None:
        choice, dropped_options = keep_choice(text, task, proposal.choice)
        dropped += dropped_options
    facts = with_words([fact for fact in keeper.kept if not _is_chosen(fact, choice, dropped)])
    base = Scenario(
        family=family or f"document-{document.digest[:12]}",
        domain=domain,
        task=task,
        source_material=text,
        claims=() if choice is None else (choice,),
        authorities=_authorities(stretch.sections),
    )
    facts = _with_limit(facts, dropped)
    while True:
        proven = prove(base, facts)
        dropped += proven.dropped
        facts = list(proven.facts)
        spoiled = together(base, facts)
        if not spoiled:
            break
        # Sentences that are right alone and wrong together cannot all stand in one answer.
        worst = next(fact for fact in reversed(facts) if fact.claim.id in spoiled)
        dropped.append(Dropped(_name(worst), "beside the statements of the other facts it is read otherwise"))
        facts.remove(worst)
    required = [fact for fact in facts if fact.claim.required]
    rules, dropped_rules = keep_rules(text, task, proposal.rules, facts)
    dropped += dropped_rules
    citations, dropped_citations = keep_citations(base, facts, stretch.sections, rng)
    dropped += dropped_citations
    claims = (
        *(fact.claim for fact in facts),
        *citations,
        *(() if choice is None else (choice,)),
        *(claim for claim, _ in rules),
    )
    asked = sentences_that_ask(facts, choice, citations)
    scenario = base.model_copy(
        update={
            "task": "\n\n".join((task, " ".join((*asked, *(words for _, words in rules))))),
            "claims": claims,
        }
    )
    reason = _why_unusable(required, len(rules), scenario)
    if reason is not None:
        dropped.append(Dropped("the scenario", reason))
    return Kept(
        None if reason is not None else scenario,
        tuple(dict.fromkeys(dropped)),
        {fact.claim.id: fact.statement for fact in facts},
        len(proposal.facts),
    )


def _name(fact: KeptFact) -> str:
    return f"fact {fact.claim.id.removeprefix('fact_')} ({fact.claim.label})"


def _is_chosen(fact: KeptFact, choice: Claim | None, dropped: list[Dropped]) -> bool:
    """Whether a fact only names the option that fits: then the choice says it already."""
    if choice is None or fact.value is None or locate(choice.right.forms[0], fact.value.surface) is None:
        return False
    if content(fact.value.surface) < content(choice.right.forms[0]):
        return False
    dropped.append(Dropped(_name(fact), "the choice says the same"))
    return True


def _with_limit(facts: Sequence[KeptFact], dropped: list[Dropped]) -> list[KeptFact]:
    """The facts; those that are required beyond the limit are optional."""
    limited: list[KeptFact] = []
    required = 0
    for fact in facts:
        required += fact.claim.required
        if fact.claim.required and required > MOST_REQUIRED:
            dropped.append(Dropped(f"{_name(fact)}: required", f"no more than {MOST_REQUIRED} facts are required"))
            claim = fact.claim.model_copy(update={"required": False})
            fact = replace(fact, claim=claim)
        limited.append(fact)
    return limited


def _authorities(sections: Sequence[Section]) -> tuple[Authority, ...]:
    return tuple(Authority(forms=citation_forms(section)) for section in sections if is_citable(section, sections))


def _why_unusable(required: Sequence[KeptFact], rules: int, scenario: Scenario) -> str | None:
    if len(required) < FEWEST_REQUIRED:
        return f"only {len(required)} facts that the answer must state are kept, and {FEWEST_REQUIRED} are needed"
    if rules < FEWEST_RULES:
        return "no rule for the answer is kept"
    if len(possible(scenario.claims)) < FEWEST_CORRUPTIONS:
        return f"fewer than {FEWEST_CORRUPTIONS} corruptions are possible"
    return None
