"""Say what a text is written in: English, another language, or code.

Each language has a closed class of small words that every page of prose is full of. English prose has such a word in
every third place. A table or a catalogue has hardly any, so few English words alone say nothing: a text is in another
language if it is full of that language's small words, or of letters that English does not have.
"""

import re
from collections import Counter
from collections.abc import Sequence

# A shorter text shows no language, and no code.
FEWEST_WORDS = 20
FEWEST_LINES = 8

_ENGLISH = frozenset(
    """
    the of and to in that is it for as with be by this are or from not which have an they we you your our at on if
    must may can will any all has was when who its these those their there been would should shall than
    """.split()  # noqa: SIM905
)
# Small words that are no English words. The lists are short, because a page of prose holds dozens of such words.
_OTHERS = {
    name: frozenset(words.split())
    for name, words in {
        "German": "der das und ist nicht ein eine mit sich auf f\u00fcr von dem den wird sind auch werden bei oder zu "
        "im k\u00f6nnen sie wenn durch nach \u00fcber",
        "French": "le les des et est une dans pour que qui sur avec vous nous votre ou ne pas du au aux sont cette ces "
        "peut doit \u00eatre",
        "Spanish": "el los las que una por con para del se al es su sus como este esta puede debe si lo y pero cuando "
        "muy est\u00e1",
        "Portuguese": "os uma que n\u00e3o com para por mais como dos das ao seu sua ou quando pode deve em na nos "
        "voc\u00ea \u00e9 s\u00e3o",
        "Italian": "il di che della per una sono con non del le dei nel alla questo come anche pu\u00f2 gli essere si "
        "deve entro dal pi\u00f9",
        "Dutch": "het een van en niet voor zijn met op wordt dat bij ook aan uw wij kunt moet deze binnen worden naar",
        "Polish": "nie na jest si\u0119 oraz przez dla lub od przy jak tego kt\u00f3re mo\u017ce po jego s\u0105 w z",
        "Swedish": "och att det som f\u00f6r inte den av med till ett har \u00e4r vi kan ska eller fr\u00e5n om",
        "Danish or Norwegian": "og det som ikke til av af med p\u00e5 er et har skal kan eller fra vi du din",
        "Finnish": "ja ei se ett\u00e4 tai ovat voi sek\u00e4 kun joka mutta my\u00f6s sen ole t\u00e4m\u00e4",
        "Czech or Slovak": "je na se \u017ee nebo pro jako jsou sa alebo v\u0161ak podle p\u0159i m\u016f\u017ee aby",
        "Hungarian": "az \u00e9s hogy nem egy vagy meg csak van lehet kell ezt ez amely",
        "Turkish": "ve bir bu i\u00e7in ile de da olarak olan veya gibi daha kadar her",
        "Indonesian or Malay": "yang dan di dengan untuk dari pada ini itu tidak dalam adalah atau akan",
        "Vietnamese": "v\u00e0 c\u1ee7a l\u00e0 c\u00f3 trong cho c\u00e1c \u0111\u01b0\u1ee3c v\u1edbi kh\u00f4ng",
        "Romanian": "\u0219i nu din pentru cu este sau care prin mai poate sunt",
    }.items()
}
_WORD = re.compile(r"[^\W\d_]+")
_ALPHABETS = (
    ("Greek", "\u0370", "\u03ff"),
    ("Cyrillic", "\u0400", "\u052f"),
    ("Hebrew", "\u0590", "\u05ff"),
    ("Arabic", "\u0600", "\u06ff"),
    ("an Indian script", "\u0900", "\u0dff"),
    ("Thai", "\u0e00", "\u0e7f"),
    ("Korean", "\uac00", "\ud7af"),
    ("Japanese or Chinese", "\u3040", "\u9fff"),
)
_CODE_LINE = re.compile(
    r"^\s*(?:(?:async )?def \w+\(.*|class \w+.*[:{]|from [\w.]+ import .+|import [\w., {}*'\"/-]+;?|#include\s*[<\"].+"
    r"|@\w+.*|return\b.*|(?:public|private|protected|static|export|func|fn|impl|package|using|namespace)\b.+"
    r"|(?:const|let|var|int|float|double|char|bool|string|auto|void|val)\b.+[=;{(].*"
    r"|(?:if|for|while|switch|elif|else if|try|except|catch|with)\b.*[:{]|else\s*[:{]"
    r"|.*[\w)][({=\[].*[;{}]|[\w.]+;|[^;]*[{}]|[})\]]+[;,]?"
    r"|[\w.\[\]\"']+\s*(?:[-+*/|&]?=|:=)\s*\S.*|[\w.]+\(.*\)|//.*|/\*.*|\*/|</?\w[^>]*>.*"
    r"|(?:SELECT|INSERT|UPDATE|CREATE|FROM|WHERE)\b.+)\s*$"
)
_PROSE = re.compile(r"(?:\b[a-z]+\b[ ,]+){5}")


def other_language(text: str) -> str | None:
    """The language of a text that is not in English, or of which half is not; None for English, and for tables."""
    letters = [c for c in text if c.isalpha()]
    for name, first, last in _ALPHABETS:
        if sum(first <= c <= last for c in letters) > 0.3 * max(1, len(letters)):
            return name
    words = [word.lower() for word in _WORD.findall(text)]
    if (language := _latin(words)) is not None:
        return language
    # A page in two languages has paragraphs in each.
    paragraphs = [[word.lower() for word in _WORD.findall(paragraph)] for paragraph in re.split(r"\n\s*\n", text)]
    held: Counter[str] = Counter()
    for paragraph in paragraphs:
        if (language := _latin(paragraph)) is not None:
            held[language] += len(paragraph)
    return held.most_common(1)[0][0] if held.total() > 0.4 * len(words) else None


def _latin(words: Sequence[str]) -> str | None:
    """The language of words that is written like English and is not English, or None."""
    counts = Counter(words)
    total = counts.total()
    if total < FEWEST_WORDS:
        return None
    english = sum(counts[word] for word in _ENGLISH)
    shares = {name: sum(counts[word] for word in small) for name, small in _OTHERS.items()}
    name = max(shares, key=shares.__getitem__)
    return name if shares[name] > 0.06 * total and shares[name] > 0.5 * english else None


def is_code(text: str) -> bool:
    """Whether a text is a program or markup with hardly any prose: about half of its lines are lines of code."""
    lines = [line for line in text.split("\n") if line.strip()]
    if len(lines) < FEWEST_LINES:
        return False
    code = sum(_CODE_LINE.match(line[:500]) is not None and _PROSE.search(line[:500]) is None for line in lines)
    return code > 0.45 * len(lines)
