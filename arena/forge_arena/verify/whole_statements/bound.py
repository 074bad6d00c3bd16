"""How far a text reaches, beside how far a statement reaches: "with" or "without", "at most" or "at least"."""

from forge_arena.texts.turning import LIMITING, OPPOSITES, WIDENING, Sense, Statement
from forge_arena.verify.whole_statements.profiles import Agreement, Profile
from forge_arena.verify.whole_statements.words import has_alike, is_content


def agreement_of_bound(read: Statement, profile: Profile) -> Agreement | None:
    """Whether a text reaches as far as a statement, if that is what its opposite turns."""
    turned = profile.turned
    if turned is None or turned.sense is not Sense.bound:
        return None
    mine, others = of_one_side(turned.before), of_one_side(turned.after)
    roots = {word.strip("<>") for word in read.roots if word[0] == "<"}
    has_mine, has_others = bool(roots & mine), bool(roots & others)
    if has_mine == has_others:
        return Agreement.unknown
    return Agreement.same if has_mine else Agreement.turned


def of_one_side(name: str) -> frozenset[str]:
    """The bounds that reach to the same side as a bound."""
    for side in (WIDENING, LIMITING):
        if name in side:
            return side
    return frozenset({name})


def adds_bound(read: Statement, known: Statement, profile: Profile) -> bool:
    """Whether a text says "without", "at most" or their like of a word of which the source says the opposite, or which
    it leaves open."""
    names = {word.strip("<>") for word in known.roots if word[0] == "<"}
    for at, word in enumerate(read.roots):
        name = word.strip("<>")
        if word[0] != "<" or name in names:
            continue
        others = {other for pair in OPPOSITES[Sense.bound] if name in pair for other in pair} - {name}
        behind = next((root for root in read.roots[at + 1 :] if is_content(root)), None)
        speaks = behind is not None and has_alike(behind, profile.words)
        if speaks and (others & names or name in LIMITING):
            return True
    return False
