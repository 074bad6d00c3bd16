"""A document of one's own: its text, where the text came from, and what its row says beside the text."""

import hashlib
from bisect import bisect_right
from dataclasses import dataclass
from functools import cached_property

from forge_arena.errors import FileError
from forge_arena.types import Domain


class Unreadable(FileError):
    """A file or a row that no document can be made of; the message says why. Whoever reads many refuses this one."""


@dataclass(frozen=True)
class Document:
    """A text that tasks can be made of.

    Attributes:
        name: what reports and errors call the document: "policies/refund.md", or "rows.jsonl:ID" for a row. Nothing
            else depends on the name.
        text: what the overseer will see as source material: Markdown or plain text.
        domain: the domain, if the row gives one.
        task: the task, if the row brings one.
        options: the names of what may be recommended, if the row gives them.
        fitting_option: the option that fits.
        pages: where each page begins in the text, the first at 0; empty for a document without pages.
    """

    name: str
    text: str
    domain: Domain | None = None
    task: str | None = None
    options: tuple[str, ...] = ()
    fitting_option: str | None = None
    pages: tuple[int, ...] = ()

    @cached_property
    def digest(self) -> str:
        """The digest of the text, whatever its spacing. Two documents of one digest have the same content."""
        return hashlib.sha256(" ".join(self.text.split()).encode()).hexdigest()

    def page_at(self, place: int) -> int | None:
        """The number of the page that holds a place of the text, the first page is 1. None without pages."""
        return bisect_right(self.pages, place) or None


@dataclass(frozen=True, slots=True)
class Refused:
    """A file or a row that is no document, and why: one clear sentence for whoever brought it."""

    name: str
    reason: str
