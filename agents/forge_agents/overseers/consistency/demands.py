"""Find the sentences of a task and of a source that demand something of the text that is to be written."""

import re

from forge_agents.overseers.consistency.passages import Passage, Sentence

# The beginnings of words for a text, and the words themselves. Most sentences have none, and need no pattern.
_ABOUT = (
    *("repl", "answer", "response", "note", "memo", "letter", "message", "review", "comment", "summar", "report"),
    *("mail", "brief", "finding", "word", "sentence", "paragraph", "expression", "phrase", "style", "form"),
)
_TEXT = (
    r"(?:reply|replies|answers?|responses?|notes?|memos?|letters?|messages?|reviews?|comments?|summary|summaries|reports?"
    r"|mails?|e-?mails?|briefs?|findings?|words?|sentences?|paragraphs?|expressions?|phrases?|style|form|wording)"
)
_ABOUT_A_TEXT = re.compile(rf"\b{_TEXT}\b", re.IGNORECASE)
_ORDERS = re.compile(
    r"\b(?:must|shall|should|has to|have to|needs? to|always|never|do not|don't|no|without|avoid|at most|at least"
    r"|no more than|exactly|within|open|opens|begin|begins|start|starts|close|closes|end|ends|finish|sign|write|use|say"
    r"|address|greet)\b",
    re.IGNORECASE,
)
# A sentence about what somebody said or did is a tale, not an order. A task may speak of the past and still give
# orders.
_SPEECH = re.compile(r"\b(?:said|says|told|asked|replied|wrote)\b", re.IGNORECASE)
_PAST = re.compile(r"\b(?:was|were|had|did|thought|felt|became)\b", re.IGNORECASE)
_VERBS = (
    *("Begin", "Start", "Open", "End", "Close", "Finish", "Sign", "Write", "Use", "State", "Give", "Include", "Name"),
    *("Mention", "Specify", "Address", "Greet", "Keep", "Avoid", "Never", "Always", "Do not"),
)
# "Begin with ...", also after the number of a section; but not "State Street".
_IMPERATIVE = re.compile(rf"(?:^\W*|\d\W+)(?:{'|'.join(_VERBS)}) (?=[a-z\"\u201c])")


def orders_of(task: Passage, source: Passage) -> list[Sentence]:
    """The sentences that may demand something of the text.

    A sentence of the source is an order only if it speaks of a text that is to be written, or begins with an
    imperative. In the task, any sentence may be an order.
    """
    of_source = [sentence for sentence in source.sentences if not sentence.code and _is_order(sentence)]
    of_task = [sentence for sentence in task.sentences if not sentence.code]
    return [sentence for sentence in (*of_task, *of_source) if not _SPEECH.search(sentence.text)]


def _is_order(sentence: Sentence) -> bool:
    text = sentence.text
    is_imperative = any(map(text.__contains__, _VERBS)) and _IMPERATIVE.search(text)
    if not is_imperative and not (sentence.has_any(_ABOUT) and _ABOUT_A_TEXT.search(text) and _ORDERS.search(text)):
        return False
    return not _PAST.search(text)
