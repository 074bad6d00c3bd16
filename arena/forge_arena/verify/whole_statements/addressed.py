"""Whom an answer addresses, and how a statement about that person is said to the person: as "you".

A letter to Ms Adeyemi says "You pay for the postage", and means the statement "Ms Adeyemi pays for the postage". What
a letter calls "you" is known from its greeting alone. The task may give the greeted person further names ("Grace
Adeyemi") and a role ("Grace Adeyemi, a tenant, asks"), and the statement may use any of them. An answer that greets
nobody addresses nobody here, because the "you" of a memo may be a colleague.
"""

import re
from functools import lru_cache

_GREETING = re.compile(
    r"\s*(?:(?:#+|subject:)[^\n]*\n\s*)?(?:dear|hello|hi|hey|greetings|good (?:morning|afternoon|evening|day))[ ,]+"
    r"(?P<name>[^\n,:!.]{1,60})",
    re.IGNORECASE,
)
_TITLES = frozenset({"mr", "mrs", "ms", "miss", "mx", "dr", "prof", "professor", "sir", "madam"})
_NAME = re.compile(r"[A-Z][\w'\u2019-]*\.?(?: [A-Z][\w'\u2019-]*\.?)+")
_WORD = re.compile(r"[^\W\d_][\w'\u2019-]*")
_ARTICLE = re.compile(r"^(?:an?|the|our) ", re.IGNORECASE)
_OWN = re.compile(r"['\u2019]s?$")


@lru_cache(maxsize=1_024)
def names_of_reader(text: str, task: str) -> frozenset[str]:
    """The words of the names by which a text greets its reader and the task calls the same person, in lower case.

    Two persons of one family name in the task are kept apart: then only the words of the greeting count.
    """
    greeting = _GREETING.match(text)
    if greeting is None:
        return frozenset()
    greeted = _words(" ".join(word for word in _WORD.findall(greeting["name"]) if word[0].isupper()))
    longer = {_words(match[0]) for match in _NAME.finditer(task) if _words(match[0]) & greeted}
    longer = {words for words in longer if words - greeted}
    return greeted | next(iter(longer)) if len(longer) == 1 else greeted


def is_reader(name: str, readers: frozenset[str], task: str) -> bool:
    """Whether a party of a statement is the reader: all its words are names of the reader, or the task gives the role.

    Examples: "Ms Adeyemi" for the reader Grace Adeyemi, and "the tenant" if the task speaks of "our tenant Grace
    Adeyemi" or of "Grace Adeyemi, a tenant".
    """
    if not readers:
        return False
    bare = _OWN.sub("", _ARTICLE.sub("", name))
    words = _words(bare)
    if words and bare[0].isupper():
        return words <= readers
    persons = "|".join(sorted(map(re.escape, readers)))
    title = r"(?:(?:mr|mrs|ms|miss|mx|dr|prof)\.? )?"
    role = rf"(?:an?|the|our|your|new) (?:\w+ )?{re.escape(bare)}"
    return bool(
        re.search(rf"\b{role},? {title}(?:{persons})\b", task, re.IGNORECASE)
        or re.search(rf"\b(?:{persons}),? (?:who is |is )?{role}\b", task, re.IGNORECASE)
    )


def said_to(statement: str, name: str) -> str:
    """A statement about a person as it is said to the person.

    The agreement of the verb is left as it is, because a reader compares roots.
    """
    head = re.escape(_ARTICLE.sub("", name))
    whole = rf"(?:\b(?:an?|the|our) )?\b{head}"
    statement = re.sub(rf"{whole}['\u2019]s?(?!\w)", "your", statement, flags=re.IGNORECASE)
    statement = re.sub(rf"{whole}\b", "you", statement, flags=re.IGNORECASE)
    return f"{statement[:1].upper()}{statement[1:]}"


def _words(name: str) -> frozenset[str]:
    words = (_OWN.sub("", word).rstrip(".").lower() for word in _WORD.findall(name))
    return frozenset(word for word in words if word and word not in _TITLES)
