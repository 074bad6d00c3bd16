"""Take texts apart and put them together as degenerates do: by patterns and by sentences, never by meaning."""

import re
from collections.abc import Callable

from forge_arena.texts.sentences import sentences
from forge_arena.verify.code import code_blocks

NUMBER = re.compile(r"[$£€]?\d[\d.,:/-]*\d%?|[$£€]?\d%?")
CITATION = re.compile(
    r"(?:§ ?|\b(?:[Ss]ection|[Cc]lause|[Pp]aragraph|[Rr]ule|[Gg]uideline|[Aa]ppendix|[Aa]rticle|[Pp]art|[Nn]ote"
    r"|[Aa]nnex|PEP|RFC|CVE|ISO|EN|Regulation|Directive|Act) ?)-?\d[\d.()-]*"
    r"|\b[A-Z]\w+ v\.? [A-Z]\w+(?: [\[(]\d{4}[\])])?"
    r"|\b(?:[A-Z]\w+ ){1,4}Act \d{4}"
)
PAST = re.compile(r"\b(?:formerly|previously|no longer|used to|changed from|until|since|instead)\b", re.IGNORECASE)
WORD = re.compile(r"\w+")

_QUOTATION_MARKS = (('"', '"'), ("\u201c", "\u201d"), ("`", "`"), ("\u2018", "\u2019"))


def split_sentences(text: str) -> list[str]:
    """The sentences of a text, without empty ones."""
    return [text[start:end] for start, end in sentences(text) if text[start:end].strip()]


def remove(text: str, *passages: str) -> str:
    """The text without the first occurrence of each passage."""
    for passage in passages:
        text = text.replace(passage, "", 1) if passage else text
    return text.strip()


def quote(*texts: str) -> str:
    """Each different text in quotation marks; if possible, in marks that the text does not contain."""
    quotations = []
    for text in dict.fromkeys(texts):
        opening, closing = next(
            (pair for pair in _QUOTATION_MARKS if pair[0] not in text and pair[1] not in text), _QUOTATION_MARKS[0]
        )
        quotations.append(f"{opening}{text}{closing}")
    return " ".join(quotations)


def replace_code(answer: str, change: Callable[[str], str]) -> str:
    """The answer with each of its code blocks changed."""
    for span in reversed(code_blocks(answer)):
        answer = answer[: span.start] + change(span.of(answer)) + answer[span.end :]
    return answer
