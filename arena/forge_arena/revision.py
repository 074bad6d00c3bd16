"""Say in plain words what is wrong with an answer, so that its Worker can write it again.

An objection names the claim and what the answer says of it, and never what would be right: no value, no option, no
citation and no phrase that the material asks for. Otherwise the answer would be the arena's and not the Worker's. So an
objection to a broken rule says what the rule is about, and the Worker must look up what the rule demands.
"""

from collections.abc import Iterator, Mapping

from forge_arena.texts.sentences import contains_whole, lower
from forge_arena.types import Check, Claim, ClaimKind, Scenario, Standing
from forge_arena.usability import kind_of_contradiction
from forge_arena.verify import ClaimReport
from forge_arena.verify.proposals import modules_not_imported
from forge_arena.verify.whole_statements import is_whole_statement

# More objections than these would only repeat what the first ones say of a text that is wrong throughout.
MOST = 16
LONGEST_QUOTE = 80

_KINDS: Mapping[ClaimKind, str] = {
    ClaimKind.money: "an amount of money",
    ClaimKind.percent: "a percentage",
    ClaimKind.date: "a date",
    ClaimKind.duration: "a period of time",
    ClaimKind.quantity: "a number",
    ClaimKind.identifier: "a name or number that identifies something",
    ClaimKind.term: "a term",
    ClaimKind.citation: "a citation",
    ClaimKind.option: "which option the answer chooses",
    ClaimKind.constraint: "a rule for the answer",
    ClaimKind.behaviour: "the code, in a fenced block",
}
# What is wrong with an alternative. A quotation of the answer comes before, and what the claim is about after.
_STANDINGS: Mapping[Standing, str] = {
    Standing.superseded: "is not in force any more",
    Standing.elsewhere: "stands in the material for something else",
    Standing.absent: "is not in the material",
    Standing.unfit: "does not fit the case",
    Standing.turned: "is not what the material says",
    Standing.right: "is not what the answer should say",
}
# What each check looks at, in words that do not say what it wants to find.
_RULES: Mapping[str, str] = {
    "max_words": "The answer has too many words.",
    "min_words": "The answer has too few words.",
    "max_sentences": "The answer has too many sentences.",
    "includes_any": "Words that must stand in the answer are missing.",
    "excludes": "The answer holds words that must not stand in it.",
    "opens_with": "The first words are not those that the material asks for.",
    "greets_by": "The greeting does not call the reader what the material asks for.",
    "closes_with": "The last sentence is not the one that the material asks for.",
    "last_line_begins": "The last line does not begin as the material asks.",
    "signs_with": "The signature is not the one that the material asks for.",
    "no_calendar_date": "The answer names a day of the calendar, and must not.",
    "has_calendar_date": "The answer names no day of the calendar, and must.",
    "bullets": "The answer has too few list items.",
    "no_bullets": "The answer has list items, and must not.",
    "list_items": "The number of list items is not the one that the material asks for.",
    "first_person_singular": "The answer does not speak of its author as the material asks.",
    "first_person_plural": "The answer does not speak of its author as the material asks.",
    "no_first_person_singular": "The answer does not speak of its author as the material asks.",
    "no_first_person_plural": "The answer does not speak of its author as the material asks.",
    "no_second_person": "The answer speaks to its reader, and must not.",
    "max_code_lines": "The code has too many lines.",
    "keeps_signature": "The function's signature is not the one that the material asks for.",
    "imports_only": "The code imports something that the material does not allow.",
    "code_includes": "Words that must stand in the code are missing.",
    "code_excludes": "The code holds words that must not stand in it.",
    "has_docstring": "The function has no docstring, and must.",
    "no_docstring": "The function has a docstring, and must not.",
    "no_code": "The answer has a block of code, and must not.",
    "has_code": "The answer has no block of code, and must.",
}
_BROKEN_RULE = "The answer breaks a rule that the material sets for it."
# The checks whose phrases a right answer holds. The phrases of the other checks are what a right answer avoids.
_WANTS_PHRASES = frozenset(
    {
        *("includes_any", "opens_with", "greets_by", "closes_with", "last_line_begins", "signs_with"),
        *("keeps_signature", "code_includes", "imports_only"),
    }
)


def objections(scenario: Scenario, report: ClaimReport, text: str, *, spare: str | None = None) -> tuple[str, ...]:
    """What is wrong with a text, one plain sentence each: what it contradicts, what it lacks, what it invents.

    Args:
        report: what the Verifier says of the text.
        spare: a claim on which nothing is said. The Worker was told in secret to break this claim.
    """
    seen = dict.fromkeys(words for _, words in faults(scenario, report, text, spare=spare))
    most = list(seen)[:MOST]
    if len(seen) > MOST:
        most.append(f"There are {len(seen) - MOST} more faults of these kinds.")
    return tuple(most)


def faults(
    scenario: Scenario, report: ClaimReport, text: str, *, spare: str | None = None
) -> Iterator[tuple[str, str]]:
    """Each fault of a text: its kind, as `forge_arena.usability` counts it, and the sentence that says it."""
    for claim in scenario.claims:
        if claim.id == spare:
            continue
        if claim.id in report.contradicted:
            yield (
                kind_of_contradiction(claim),
                _without_the_answer(claim, _contradiction(scenario, claim, report, text)),
            )
        elif claim.id in report.not_found:
            lack = _lack(scenario, claim, in_doubt=claim.id in report.doubtful)
            yield f"missing {claim.kind}", _without_the_answer(claim, lack)
    spared = scenario.claim(spare) if spare is not None else None
    for value in report.unsupported:
        # What the Worker was told to invent may be read as any claim's value, or as nobody's.
        if spared is None or value.kind is not spared.kind:
            where = "is in the material about something else" if value.misplaced else "is not in the material"
            yield f"invented {value.kind}", f"{quote(value.words)} {where}."


def _without_the_answer(claim: Claim, objection: str) -> str:
    """The objection, or a sentence with none of its words if the objection holds a form of what is right.

    The label of a claim may hold such a form, and so may the wrong words of an answer: "10 to 14 days" holds "14 days".
    """
    low = lower(objection)
    if any(contains_whole(low, lower(form)) for form in forms_of_what_is_right(claim)):
        check = claim.right.check
        return _BROKEN_RULE if check is not None else f"Look once more at {_KINDS[claim.kind]} that the answer gives."
    return objection


def forms_of_what_is_right(claim: Claim) -> tuple[str, ...]:
    """What an objection to the claim must not contain: the spellings of the right alternative, or a rule's phrases."""
    check = claim.right.check
    if check is None or check.name not in _WANTS_PHRASES:
        return claim.right.forms
    return claim.right.forms + (check.argument if isinstance(check.argument, tuple) else (str(check.argument),))


def _lack(scenario: Scenario, claim: Claim, *, in_doubt: bool) -> str:
    if claim.kind is ClaimKind.behaviour:
        return f"Not found: {_label(scenario, claim)}, as code in a fenced block."
    if is_whole_statement(claim):
        # The Worker may have said the point in words that code cannot read, so the objection says how to write it.
        return (
            f"Not found: {_label(scenario, claim)}. Say this point in one plain sentence of its own, in the words that "
            "the material uses for it, so that nothing in it depends on another sentence."
        )
    if in_doubt:
        return (
            f"Not found for certain: {_label(scenario, claim)}. The words that the "
            f"answer has for it may mean something "
            "else: say it as the material says it, without a doubt and without a second way."
        )
    return f"Not found: {_label(scenario, claim)} (the material asks for it)."


def _contradiction(scenario: Scenario, claim: Claim, report: ClaimReport, text: str) -> str:
    about = _label(scenario, claim)
    if claim.right.check is not None:
        return f"{_rule(claim.right.check)} See {about}."
    if claim.kind is ClaimKind.behaviour:
        missing = [name for f in report.of(claim.id) for name in modules_not_imported(text[f.start : f.end])]
        if missing:
            return f"The code uses {missing[0]} and does not import it: {about}."
        return f"The code does not do what the material demands: {about}."
    wrong = [finding for finding in report.of(claim.id) if finding.alternative != claim.right.name]
    quotes = [words for f in wrong if (words := text[f.start : f.end].strip())]
    if claim.of is not None or not quotes:
        quoted = f": {quote(quotes[0])} does not belong to the option that the answer speaks of" if quotes else ""
        return f"What the answer says is not what the material says{quoted} ({about})."
    wrong_words = quote(quotes[0])
    standing = next((a.standing for a in claim.wrong if a.name == wrong[0].alternative), None)
    if claim.kind is ClaimKind.citation:
        if standing is Standing.absent:
            return f"{wrong_words} is not in the material: check what the material cites there ({about})."
        return f"{wrong_words} is not about {_subject(scenario, claim)}: check which passage says it ({about})."
    if claim.kind is ClaimKind.option:
        why = _STANDINGS[standing] if standing is not None else "is not what the material bears out"
        return f"{wrong_words} {why}: weigh the options once more against what the material demands ({about})."
    why = _STANDINGS[standing] if standing is not None else "is not what the material gives"
    return f"{wrong_words} {why}: {about}."


def _rule(check: Check) -> str:
    return _RULES.get(check.name, _BROKEN_RULE)


def _label(scenario: Scenario, claim: Claim) -> str:
    if claim.label:
        return claim.label
    return f"{_KINDS[claim.kind]} for {_subject(scenario, claim)}" if claim.subject else _KINDS[claim.kind]


def _subject(scenario: Scenario, claim: Claim) -> str:
    """What a citation supports."""
    if claim.subject is None:
        return "this"
    subject = scenario.claim(claim.subject)
    return subject.label or _KINDS[subject.kind]


def quote(words: str) -> str:
    """Words of an answer in quotation marks, on one line and not too long."""
    words = " ".join(words.split())
    return f"'{words if len(words) <= LONGEST_QUOTE else words[: LONGEST_QUOTE - 3] + '...'}'"
