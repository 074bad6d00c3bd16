"""The words that a scenario adds to its task: what the answer should state, as somebody would ask for it."""

from collections.abc import Sequence

from forge_arena.documents.facts import KeptFact
from forge_arena.texts.sentences import enumeration
from forge_arena.types import Claim


def sentences_that_ask(facts: Sequence[KeptFact], choice: Claim | None, citations: Sequence[Claim]) -> list[str]:
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
    """Whether a label is a question, such as "how long it takes" or "by when it is due". "The fee" is none."""
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
