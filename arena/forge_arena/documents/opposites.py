"""Say whether a sentence is another with its sense turned and nothing else changed."""

import re
from collections import Counter
from collections.abc import Iterable

from forge_arena.texts.words import stem

_TOKEN = re.compile(r"[^\W_]+(?:['\u2019][^\W_]+)*")
# Words that carry the sense and not the matter. Closed classes of English.
_SENSE = frozenset(
    "not no never nothing nobody none neither nor without with before after until since least most more less fewer "
    "may must can cannot shall should will need needs have has had required allowed permitted forbidden free "
    "including excluding inside outside within beyond above below over under only always unless if "
    "all every each some any either both or and sometimes usually often rarely seldom "
    "up down first last in out".split()  # noqa: SIM905
)
# Words that come and go with the grammar of a denial or a duty.
_GRAMMAR = frozenset("a an the do does did be is are was were been being to of it its by that for".split())  # noqa: SIM905


def is_turned(sentence: str, other: str) -> bool:
    """Whether two sentences have the same words, and differ in their words of sense or in the order of their words.

    Examples: "The tenant may sublet." and "The tenant may not sublet."; "The tenant pays the owner." and "The owner
    pays the tenant." "The tenant pays." and "The guest pays." are no such pair, because another word is another fact.
    """
    mine, others = _tokens(sentence), _tokens(other)
    if _matter(mine) != _matter(others):
        return False
    if _sense(mine) != _sense(others):
        return True
    order, other_order = _order(mine), _order(others)
    return order != other_order


def _tokens(sentence: str) -> list[str]:
    tokens: list[str] = []
    for token in _TOKEN.findall(sentence.lower().replace("\u2019", "'")):
        if token == "cannot":
            tokens += ["can", "not"]
        elif token.endswith("n't"):
            tokens += [{"ca": "can", "wo": "will", "sha": "shall"}.get(token[:-3], token[:-3]), "not"]
        else:
            tokens.append(token)
    return tokens


def _matter(tokens: Iterable[str]) -> Counter[str]:
    return Counter(stem(token) for token in tokens if token not in _SENSE and token not in _GRAMMAR)


def _sense(tokens: Iterable[str]) -> Counter[str]:
    return Counter(token for token in tokens if token in _SENSE)


def _order(tokens: Iterable[str]) -> list[str]:
    return [stem(token) for token in tokens if token not in _GRAMMAR]
