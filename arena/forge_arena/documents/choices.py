"""Keep of an author's choice what the document settles: one option fits, and a passage rules out each other one."""

import re
from collections.abc import Sequence

from forge_arena.documents.facts import Dropped, NotKept, clean_label
from forge_arena.documents.proposal import Choice, Option
from forge_arena.documents.quotations import locate
from forge_arena.texts.sentences import lower
from forge_arena.texts.words import content
from forge_arena.types import Alternative, Claim, ClaimKind, Span, Standing

FEWEST = 2
# The words by which a sentence chooses, whatever it chooses. Not "best" and "fit", because an answer may say for each
# option what it is best for, and not "go" and "pick", because "gold" and "pickup" begin so.
CHOOSING = ("recommend", "suggest", "choose", "choos", "chose", "advis", "propos")
CHOICE_ID = "choice"


def keep_choice(text: str, task: str, choice: Choice) -> tuple[Claim | None, list[Dropped]]:
    """The claim of a choice, or None; and what was dropped of it."""
    dropped: list[Dropped] = []
    try:
        return _claim(text, task, choice, dropped), dropped
    except NotKept as error:
        return None, [*dropped, Dropped(f"choice ({choice.label})", str(error))]


def _claim(text: str, task: str, choice: Choice, dropped: list[Dropped]) -> Claim:
    fitting = [option for option in choice.options if option.fits]
    if len(fitting) != 1:
        raise NotKept(f"{len(fitting)} options fit, and exactly one must")
    fit = fitting[0]
    reason = _problem(text, fit)
    if reason is not None:
        raise NotKept(f"the option that fits, \u201c{fit.name}\u201d: {reason}")
    label = clean_label(choice.label)
    if _names(label, fit.name):
        raise NotKept("the label gives the choice away")
    because = locate(text, fit.because)
    spans = [] if because is None else [because]
    unfit: list[Option] = []
    for option in choice.options:
        if option.fits:
            continue
        reason = _problem(text, option) or _clash(option, [fit, *unfit])
        place = locate(text, option.because)
        if reason is None and place == because:
            reason = "the passage that rules it out is the one for which the other fits"
        if reason is not None:
            dropped.append(Dropped(f"option {option.name}", reason))
        else:
            unfit.append(option)
    if len(unfit) + 1 < FEWEST:
        raise NotKept("no other option is ruled out by a passage of its own")
    others = [option.name for option in unfit]
    if _names(task, fit.name) and not any(_names(task, name) for name in others):
        raise NotKept("the task names the option that fits, and no other")
    return Claim(
        id=CHOICE_ID,
        kind=ClaimKind.option,
        label=label,
        about=(CHOOSING,),
        required=True,
        alternatives=tuple(
            Alternative(
                name=f"option_{number}",
                standing=Standing.unfit if number else Standing.right,
                forms=(name,),
                stealth=3,
            )
            for number, name in enumerate([fit.name, *others])
        ),
        source_spans=tuple(spans),
    )


def _problem(text: str, option: Option) -> str | None:
    if not content(option.name):
        return "its name has no word to know it by"
    if _place(text, option.name) is None:
        return "the document does not name it"
    if locate(text, option.because) is None:
        return "the document does not hold its quotation"
    return None


def _place(text: str, name: str) -> Span | None:
    return locate(lower(text), lower(name))


def _names(text: str, name: str) -> bool:
    return re.search(rf"(?<!\w){re.escape(name.lower())}(?!\w)", text.lower()) is not None


def _clash(option: Option, others: Sequence[Option]) -> str | None:
    """Why an option cannot be told from the others: both have the same words."""
    for other in others:
        if content(option.name) == content(other.name):
            return f"its name has the words of \u201c{other.name}\u201d"
    return None
