"""Read one passage of the source material."""

from pydantic import Field

from forge_arena.tools.base import ToolFailed
from forge_arena.tools.passages import passages
from forge_arena.types import Noun, Observation


class PassageNumber(Noun):
    n: int = Field(ge=1, description="the number of the passage, from 1")


class ReadPassage:
    """Read one passage of the source material by its number. The passages stand in the order of the source, so
    the neighbours of a passage that a search found are one number away.
    """

    name = "read_passage"
    arguments = PassageNumber
    uses = 16
    runs_code = False
    asks_worker = False

    def use(self, given: Noun, seen: Observation) -> str:
        assert isinstance(given, PassageNumber)
        texts = passages(seen.source_material)
        if given.n > len(texts):
            raise ToolFailed(f"there is no passage {given.n}: the source material has {len(texts)}, numbered from 1")
        return f"[{given.n} of {len(texts)}] {texts[given.n - 1]}"


tool = ReadPassage()
