"""The forms of English verbs: one root for all forms of a verb, and the forms that a turned sentence needs.

The irregular verbs are a closed class. Every other verb follows the rules of spelling.
"""

import re
from functools import lru_cache

from forge_arena.texts.words import stem

# The base form and the forms that no rule of spelling gives.
_IRREGULAR = """
    arise arose arisen; awake awoke awoken; bear bore borne; beat beaten; become became; begin began begun; bend bent;
    bet; bid bade bidden; bind bound; bite bit bitten; bleed bled; blow blew blown; break broke broken; breed bred;
    bring brought; build built; burn burnt; buy bought; catch caught; choose chose chosen; cling clung; come came;
    cost; creep crept; cut; deal dealt; dig dug; draw drew drawn; drink drank drunk; drive drove driven;
    eat ate eaten; fall fell fallen; feed fed; feel felt; fight fought; find found; flee fled; fly flew flown;
    forbid forbade forbidden; forget forgot forgotten; forgive forgave forgiven; freeze froze frozen; get got gotten;
    give gave given; go went gone goes; grow grew grown; hang hung; hear heard; hide hid hidden; hit; hold held; hurt;
    keep kept; know knew known; lay laid; lead led; learn learnt; leave left; lend lent; let; light lit; lose lost;
    make made; mean meant; meet met; mow mown; overcome overcame; pay paid; prove proven; put; quit; read; repay repaid;
    ride rode ridden; ring rang rung; rise rose risen; run ran; say said; see saw seen; seek sought; sell sold;
    send sent; set; sew sewn; shake shook shaken; shine shone; shoot shot; show shown; shrink shrank shrunk; shut;
    sing sang sung; sink sank sunk; sit sat; sleep slept; slide slid; speak spoke spoken; spend spent; spread;
    spring sprang sprung; stand stood; steal stole stolen; stick stuck; strike struck; swear swore sworn; sweep swept;
    swim swam swum; take took taken; teach taught; tear tore torn; tell told; think thought; throw threw thrown;
    undergo underwent undergone; understand understood; undertake undertook undertaken; upset; wear wore worn;
    win won; withdraw withdrew withdrawn; withhold withheld; withstand withstood; write wrote written
"""
_BASE = {
    form: forms[0] for entry in _IRREGULAR.split(";") if (forms := entry.split()) for form in (forms[0], *forms[1:])
}
_BE = frozenset({"be", "is", "are", "am", "was", "were", "been", "being"})
_HAVE = frozenset({"have", "has", "had", "having"})
_DO = frozenset({"do", "does", "did", "done", "doing"})
_SIBILANT = re.compile(r"(?:s|x|z|ch|sh|o)es$")


@lru_cache(maxsize=65_536)
def root(word: str) -> str:
    """One root for all forms of a word: `pays`, `paid` and `paying` have the root `pay`."""
    low = word.lower()
    for base, forms in (("be", _BE), ("have", _HAVE), ("do", _DO)):
        if low in forms:
            return base
    stemmed = stem(low)
    return stem(_BASE.get(low) or _BASE.get(stemmed) or low)


def base_form(word: str) -> str | None:
    """The base form of a verb in the third person: "pay" of "pays"; None if the word has no such form."""
    low = word.lower()
    if low in ("is", "has", "does"):
        return {"is": "be", "has": "have", "does": "do"}[low]
    if not low.endswith("s") or low.endswith("ss") or len(low) < 4:
        return None
    if low.endswith("ies") and len(low) > 4:
        return f"{low[:-3]}y"
    if _SIBILANT.search(low) and not low.endswith(("oses", "uses", "ises", "ases", "nses", "rses", "izes", "azes")):
        return low[:-2]
    return low[:-1]


def third_person(base: str) -> str:
    """The third person of a verb: "pays" of "pay"."""
    low = base.lower()
    if low in ("be", "have", "do"):
        return {"be": "is", "have": "has", "do": "does"}[low]
    if low.endswith(("s", "x", "z", "ch", "sh", "o")):
        return f"{low}es"
    if low.endswith("y") and low[-2:-1] not in tuple("aeiou"):
        return f"{low[:-1]}ies"
    return f"{low}s"
