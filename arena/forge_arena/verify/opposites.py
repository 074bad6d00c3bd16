"""Groups of common words that are opposed, such as "open" and "close", "approve" and "reject".

Where the source says the one of a value and an answer says the other, the value is not given as the source gives it.
The groups hold everyday words of any trade. A word that is in no group says nothing here.
"""

from collections.abc import Set
from functools import lru_cache
from typing import TypeAlias

from forge_arena.texts.words import stem

_GROUPS = """
    open opened start begin began begun commence launch / close end finish stop expire terminate conclude cease lapse
    add introduce start gain / drop remove discontinue abolish withdraw delete end stop lose
    keep kept hold held retain preserve store / remove delete discard destroy erase drop
    refund repay repaid reimburse return / keep kept retain withhold withheld
    approve accept favour favor adopt support pass / reject oppose refuse decline abstain against deny
    increase rise rose raise grow gain climb / decrease fall fell drop reduce decline lower shrink cut
    arrive arrival enter entry enrol enroll join / leave left depart departure exit quit
    allow permit welcome admit / ban forbid forbade forbidden prohibit bar
    include / exclude omit
    asset credit receivable / debt liability debit payable
    income revenue profit earn / expense loss expenditure spend spent
    buy bought purchase / sell sold sale
    send sent dispatch / receive receipt
    lend lent / borrow
    import / export
    win won / lose lost
    upload / download
    enable activate / disable deactivate
    connect attach / disconnect detach
    full-time / part-time
    full whole / part partial prorated
    advance beforehand / arrears afterwards
    permanent / temporary
    mandatory compulsory obligatory required / optional voluntary
    domestic inland national / foreign international overseas
    private / public
    internal / external
    indoor indoors inside / outdoor outdoors outside
    morning / evening afternoon
    weekday / weekend
    summer / winter
    day daytime / night nighttime overnight
    adult / child children minor infant
    wholesale / retail
    gross / net
    single / double
    upper / lower
    north northern / south southern
    east eastern / west western
    hot warm / cold cool
    wet / dry
    employer / employee
    landlord lessor / tenant lessee
    seller vendor / buyer purchaser
    lender / borrower
    correct right / wrong incorrect mistaken
    present attend / absent miss
    odd / even
    input / output
    read / write
    client / server
    primary main / secondary
    first / last
    maternal / paternal
    men male / women female
    older elder senior / younger junior
    pass / fail
    save / spend
    deposit / withdraw withdrawal
    strengthen / weaken
    tighten / loosen
    lock / unlock
    heat / chill
    freeze / thaw
"""


# The number of a group, and whether its first side is meant.
GroupSide: TypeAlias = tuple[int, bool]


@lru_cache(maxsize=1)
def _sides_by_word() -> dict[str, tuple[GroupSide, ...]]:
    """By the stem of a word: the sides that have the word. A word on both sides of a group is on neither."""
    sides: dict[str, tuple[GroupSide, ...]] = {}
    for number, line in enumerate(filter(str.strip, _GROUPS.splitlines())):
        one, two = ({stem(word) for word in side.split()} for side in line.split("/"))
        for words, is_first in ((one - two, True), (two - one, False)):
            for word in words:
                sides[word] = (*sides.get(word, ()), (number, is_first))
    return sides


def sides_named(words: Set[str]) -> frozenset[GroupSide]:
    """The sides of groups of which some words are, given as stems."""
    sides = _sides_by_word()
    return frozenset(side for word in words for side in sides.get(word, ()))


def sides_taken(named: Set[GroupSide]) -> frozenset[GroupSide]:
    """The named sides whose other side is not named. Who writes "opens and closes" takes no side."""
    return frozenset(side for side in named if opposed(side) not in named)


def opposed(side: GroupSide) -> GroupSide:
    """The opposed side of the same group."""
    group, is_first = side
    return group, not is_first


def are_opposed(words: Set[str], known: Set[str]) -> bool:
    """Whether some words are on the other side of a group than known ones, given as stems."""
    mine = sides_taken(sides_named(words))
    return bool(mine) and not mine.isdisjoint(map(opposed, sides_taken(sides_named(known))))
