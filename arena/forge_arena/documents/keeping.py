"""Keep of an author's proposal what the document bears out: a scenario, and every dropped part with its reason.

The author is a model and may say anything. Code decides. A quotation stands in the document to the letter, a value
stands in its quotation, no label or task gives a fact away, no two facts own one value, and the task is of the case to
which the document gives the value. Then the Verifier proves each claim on the author's own sentence (`proving`). Nothing
is mended by guess.
"""

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from random import Random

from forge_arena.corruptions import possible
from forge_arena.documents.answer_rules import keep_rules
from forge_arena.documents.choices import CHOICE_ID, keep_choice
from forge_arena.documents.facts import MOST_REQUIRED, Dropped, FactKeeper, KeptFact, beginnings, with_words
from forge_arena.documents.proposal import Proposal
from forge_arena.documents.proving import prove, prove_citations, together
from forge_arena.documents.quotations import locate
from forge_arena.documents.section_names import citation_forms, is_citable, wrong_sections
from forge_arena.documents.sections import Section, Stretch
from forge_arena.documents.values import holds_value
from forge_arena.texts.sentences import enumeration, sentences
from forge_arena.texts.words import content
from forge_arena.types import Alternative, Authority, Claim, ClaimKind, Domain, Scenario, Span, Standing

FEWEST_REQUIRED, FEWEST_RULES, FEWEST_CORRUPTIONS = 2, 1, 2
FEWEST_TASK_WORDS = 4

# A section that is so much of the text is the text. A sentence with so many words of a fact says the fact.
_MOST_OF_TEXT, _NEARLY_ALL = 0.7, 0.75
# How likely it is that somebody asks for the section of a fact of a kind, or of a fact without a value.
_ASKED_ABOUT = {
    ClaimKind.duration: 3,
    ClaimKind.date: 3,
    ClaimKind.percent: 3,
    ClaimKind.money: 2,
    ClaimKind.quantity: 2,
}
_RULE_ASKED_ABOUT = 2
# Whoever asks for a recommendation wants no section cited.
_CITES_BY_TITLE = frozenset({Domain.customer_support, Domain.legal_summarisation, Domain.code_review, Domain.mixed})


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
        spoiled = together(base, facts) - {CHOICE_ID}
        if not spoiled or not facts:
            break
        # Sentences that are right alone and wrong together cannot all stand in one answer.
        worst = next((fact for fact in reversed(facts) if fact.claim.id in spoiled), facts[-1])
        dropped.append(Dropped(_name(worst), "beside the statements of the other facts it is read otherwise"))
        facts.remove(worst)
    required = [fact for fact in facts if fact.claim.required]
    rules, dropped_rules = keep_rules(text, task, proposal.rules, facts)
    dropped += dropped_rules
    citations, dropped_citations = prove_citations(
        base, facts, _citations(facts, stretch.sections, text, domain, rng)
    )
    dropped += dropped_citations
    claims = (
        *(fact.claim for fact in facts),
        *citations,
        *(() if choice is None else (choice,)),
        *(claim for claim, _ in rules),
    )
    asked = _asked(facts, choice, citations)
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
            fact = KeptFact(claim, fact.statement, fact.value, fact.section, fact.quotation)
        limited.append(fact)
    return limited


def _authorities(sections: Sequence[Section]) -> tuple[Authority, ...]:
    return tuple(Authority(forms=citation_forms(section)) for section in sections if is_citable(section, sections))


def _citations(
    facts: Sequence[KeptFact], sections: Sequence[Section], text: str, domain: Domain, rng: Random
) -> list[Claim]:
    """For each fact with a section that this section is what to cite for it. At most one of them is required."""
    claims: list[Claim] = []
    for fact in facts:
        section = fact.section
        if section is None or not fact.claim.required or section.end - section.start > _MOST_OF_TEXT * len(text):
            continue
        others = _sections_that_say_so(fact, section, sections, text)
        wrong = wrong_sections(section, sections, others, text, rng)
        if not wrong:
            continue
        forms = (form for right in (section, *others) for form in citation_forms(right))
        right = Alternative(name="cited", standing=Standing.right, forms=tuple(dict.fromkeys(forms)))
        heading = text[section.start : section.body].strip()
        at = text.find(heading, section.start)
        claims.append(
            Claim(
                id=f"section_of_{fact.claim.id}",
                kind=ClaimKind.citation,
                label=f"the section on {fact.claim.label}",
                about=(beginnings(f"{fact.claim.label} {fact.statement}"),),
                alternatives=(right, *wrong),
                subject=fact.claim.id,
                source_spans=(Span(start=at, end=at + len(heading)),),
            )
        )
    return _with_one_required(claims, facts, domain)


def _with_one_required(claims: Sequence[Claim], facts: Sequence[KeptFact], domain: Domain) -> list[Claim]:
    """The citations that can be told apart, one of them required.

    The one is required that somebody would most likely ask for: of a rule, a time or an amount. Nobody asks which
    section gives the name of a thing. Of two citations of one section, or of facts with the same words, a text could
    not be read for either; so only one of them is kept.
    """
    subjects = {fact.claim.id: fact for fact in facts}

    def interest(claim: Claim) -> int:
        fact = subjects[claim.subject or ""]
        return _ASKED_ABOUT.get(fact.claim.kind, 0) if fact.value is not None else _RULE_ASKED_ABOUT

    kept: list[Claim] = []
    known: set[str] = set()
    sections: set[str] = set()
    for claim in sorted(claims, key=interest, reverse=True):
        own = tuple(word for word in claim.about[0] if word not in known)
        if not own or not sections.isdisjoint(claim.right.forms):
            continue
        required = not kept and interest(claim) > 0 and domain in _CITES_BY_TITLE
        kept.append(claim.model_copy(update={"about": (own,), "required": required}))
        known |= set(claim.about[0])
        sections |= set(claim.right.forms)
    return kept


def _sections_that_say_so(fact: KeptFact, section: Section, sections: Sequence[Section], text: str) -> list[Section]:
    """The other sections that an answer may cite for a fact: those that hold its section, and those that say the same."""
    others = []
    for other in sections:
        if other is section or not is_citable(other, sections):
            continue
        holds = other.start <= section.start and section.end <= other.end
        if (holds and other.end - other.start < _MOST_OF_TEXT * len(text)) or _says(
            fact, text[other.start : other.end]
        ):
            others.append(other)
    return others


def _says(fact: KeptFact, passage: str) -> bool:
    """Whether a sentence of a passage has the value of a fact and a word about it, or nearly all words of the fact."""
    words = content(fact.statement)
    for start, end in sentences(passage):
        sentence = passage[start:end]
        shared = len(words & content(sentence))
        if fact.value is None:
            if shared >= _NEARLY_ALL * len(words):
                return True
        elif holds_value(sentence, fact.value) and shared > len(content(fact.value.surface)):
            return True
    return False


def _asked(facts: Sequence[KeptFact], choice: Claim | None, citations: Sequence[Claim]) -> list[str]:
    """The sentences that say what the answer must state."""
    labels = [fact.claim.label for fact in facts if fact.claim.required]
    if choice is not None:
        labels.insert(0, choice.label)
    asked = []
    if labels:
        asked.append(f"The answer should state {_list(labels)}.")
    subjects = {fact.claim.id: fact.claim.label for fact in facts}
    for claim in citations:
        if claim.required and claim.subject is not None:
            label = subjects[claim.subject]
            verb = "says" if is_question(label) else "gives"
            asked.append(f"It should also name the section that {verb} {label}.")
    return asked


_QUESTIONS = frozenset("how what who whom whose which when where why whether if".split())  # noqa: SIM905
_PREPOSITIONS = frozenset(
    "about after against at before by during for from in into of on to under until up with within".split()  # noqa: SIM905
)


def is_question(label: str) -> bool:
    """Whether a label is a question, such as "how long it takes" or "by when it is due", and no noun, such as "the fee"."""
    words = label.lower().split()
    if words and words[0] in _PREPOSITIONS:
        del words[0]
    return bool(words) and words[0] in _QUESTIONS


def _list(labels: Sequence[str]) -> str:
    """The labels as a phrase in which it shows where each label ends."""
    if len(labels) < 2:
        return "".join(labels)
    if len(labels) > 2 and any("," in label for label in labels):
        return f"{'; '.join(labels[:-1])}; and {labels[-1]}"
    if any("," in label or " and " in label for label in labels):
        return f"{', '.join(labels[:-1])}, and {labels[-1]}"
    return enumeration(labels)


def _why_unusable(required: Sequence[KeptFact], rules: int, scenario: Scenario) -> str | None:
    if len(required) < FEWEST_REQUIRED:
        return f"only {len(required)} facts that the answer must state are kept, and {FEWEST_REQUIRED} are needed"
    if rules < FEWEST_RULES:
        return "no rule for the answer is kept"
    if len(possible(scenario.claims)) < FEWEST_CORRUPTIONS:
        return f"fewer than {FEWEST_CORRUPTIONS} corruptions are possible"
    return None
