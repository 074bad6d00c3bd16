"""Read files and folders as documents. What cannot be read is refused by name with the reason, and stops nothing else.

Markdown and plain text are read as they are, rows of JSONL one by one, PDF, Word and web pages through the converters
of the extra `documents`.
"""

import os
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Annotated

from pydantic import Field, TypeAdapter

from forge_arena.documents.document import Document, Refused, Unreadable
from forge_arena.documents.language import is_code, other_language
from forge_arena.documents.lightweight import markdown_text, rest_text
from forge_arena.documents.markup import html_text, word_text
from forge_arena.documents.pdf import pdf_text
from forge_arena.errors import FileError
from forge_arena.files import ForeignRow, numbered_lines, parse_json, read_text
from forge_arena.storable import STORABLE, Text, storable
from forge_arena.types import Domain

MOST_BYTES = 50_000_000
MOST_CHARACTERS = 2_000_000
# A row with a task is read whole, because the task is about all of it. An overseer has to read all of it, too.
MOST_CHARACTERS_WITH_TASK = 60_000
FEWEST_WORDS = 25

_MARKDOWN = frozenset({".md", ".markdown"})
_TEXTS = frozenset({*_MARKDOWN, ".txt", ".text", ".rst"})
_ROWS = frozenset({".jsonl"})
_CODE = frozenset(
    """
    .py .pyi .ipynb .js .mjs .ts .tsx .jsx .java .kt .c .h .cc .cpp .hpp .cs .go .rs .rb .php .swift .scala .r .jl .m
    .sh .bash .ps1 .bat .pl .lua .sql .css .scss .vue .html5 .asm .dart .ex .exs .hs .clj .tf .gradle .cmake .proto
    """.split()  # noqa: SIM905
)
_INSTEAD = MappingProxyType(
    {
        ".doc": "save it as .docx or PDF",
        ".rtf": "save it as .docx or PDF",
        ".odt": "save it as .docx or PDF",
        ".pages": "save it as .docx or PDF",
        ".epub": "save it as PDF or HTML",
        ".pptx": "save it as PDF",
        ".ppt": "save it as PDF",
        ".xlsx": "save each sheet as PDF, or give its rows as .jsonl",
        ".xls": "save each sheet as PDF, or give its rows as .jsonl",
        ".csv": "give its rows as .jsonl, with the text of each in source_material",
        ".json": "give one row a line, as .jsonl",
        ".xml": "save it as HTML or text",
        ".zip": "unpack it",
        ".gz": "unpack it",
        ".eml": "save it as text",
        ".msg": "save it as text",
    }
)
_PICTURES = frozenset({".png", ".jpg", ".jpeg", ".gif", ".tif", ".tiff", ".bmp", ".webp", ".heic", ".svg"})

# What a page shows nothing of: soft hyphens, joiners, marks of direction, and the letters of tags. A text could hide
# instructions in them, and a quotation would not be found for them.
_INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff\U000e0000-\U000e007f]")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0e-\x1f\x7f]")


class Row(ForeignRow):
    """One line of a file of rows. Other fields are ignored."""

    source_material: Annotated[str, Field(min_length=1), STORABLE]
    task: Annotated[Annotated[str, Field(min_length=1, max_length=8_000)] | None, STORABLE] = None
    domain: Domain | None = None
    id: Annotated[Text, Field(max_length=200)] | None = None
    options: tuple[Text, ...] = ()
    fitting_option: Text | None = None


_ROW = TypeAdapter(Row)
_WANTED = "a row with source_material, and if you like task, domain, id, options, fitting_option"


@dataclass(frozen=True, slots=True)
class File:
    """A file to read, and the name that it has in reports."""

    name: str
    path: Path


def read_documents(paths: Iterable[Path]) -> Iterator[Document | Refused]:
    """The documents of files and folders, one after the other, and what is refused.

    Raises:
        FileError: a path does not exist. This is said before anything is read.
    """
    files = find_files(paths)
    return (document for file in files for document in (read_file(file) if isinstance(file, File) else iter((file,))))


def find_files(paths: Iterable[Path]) -> tuple[File | Refused, ...]:
    """The files that the paths name: files themselves, and all files of folders and of their folders, sorted by name.

    A file that is reached twice is read once. Files and folders whose names begin with a dot are left out, unless they
    are named themselves. A folder without files is refused.

    Raises:
        FileError: a path does not exist.
    """
    paths = list(paths)
    for path in paths:
        if not path.exists():
            raise FileError(f"{path}: there is no such file or folder")
    found: list[File | Refused] = []
    seen: set[tuple[int, int]] = set()
    for path in paths:
        if not path.is_dir():
            files = [path]
        elif _is_new(path, seen):
            files = list(_files_in(path, seen))
            if not files:
                found.append(Refused(_name(path), "the folder holds no files"))
        else:
            continue
        found += [File(_name(file), file) for file in files if _is_new(file, seen)]
    return tuple(found)


def _is_new(path: Path, seen: set[tuple[int, int]]) -> bool:
    """Whether a file has not been found before, by this or another name. A link to nothing is new each time."""
    try:
        status = path.stat()
    except OSError:
        return True
    key = status.st_dev, status.st_ino
    if key in seen:
        return False
    seen.add(key)
    return True


def _name(path: Path) -> str:
    """A path as text. On Linux the name of a file may be no UTF-8."""
    return storable(os.fsencode(path).decode("utf-8", "replace"))


def _files_in(folder: Path, seen: set[tuple[int, int]]) -> Iterator[Path]:
    """The files of a folder and of its folders. A folder that has been entered already, by any name, is left out."""
    try:
        entries = sorted(folder.iterdir(), key=lambda entry: os.fsencode(entry.name))
    except OSError:
        # The folder stands for what could not be listed: reading it says why.
        yield folder
        return
    for entry in entries:
        if entry.name.startswith("."):
            continue
        if entry.is_dir():
            if _is_new(entry, seen):
                yield from _files_in(entry, seen)
        else:
            yield entry


def read_file(file: File) -> Iterator[Document | Refused]:
    """The documents of a file: one, or one for each row of a file of rows."""
    suffix = file.path.suffix.lower()
    try:
        if suffix in _ROWS:
            yield from _read_rows(file)
            return
        text, pages = _converted(file.path, suffix)
        text, pages = _cleaned(text, pages)
        _check(text)
        if suffix in _TEXTS and is_code(text):
            raise Unreadable("the text is code, and documents are prose")
        yield Document(file.name, text, pages=pages)
    except Unreadable as reason:
        yield Refused(file.name, str(reason))
    except FileError as error:
        yield Refused(file.name, str(error).removeprefix(f"{file.path}:").strip())
    except OSError as error:
        yield Refused(file.name, f"cannot be read: {(error.strerror or str(error)).lower()}")


def _converted(path: Path, suffix: str) -> tuple[str, tuple[int, ...]]:
    """The text of a file as its suffix says, and where its pages begin."""
    if suffix in _CODE:
        raise Unreadable(f"{suffix} is code, and documents are prose")
    if suffix not in _TEXTS and suffix not in _CONVERTERS:
        raise Unreadable(_why_not(suffix))
    size = path.stat().st_size
    if size == 0:
        raise Unreadable("the file is empty")
    if size > MOST_BYTES:
        raise Unreadable(
            f"the file has {size / 1_000_000:.0f} MB, and at most {MOST_BYTES // 1_000_000} MB are read: cut it"
        )
    if suffix in _TEXTS:
        text = read_text(path)
        return (markdown_text(text) if suffix in _MARKDOWN else rest_text(text) if suffix == ".rst" else text), ()
    data = path.read_bytes()
    try:
        return _CONVERTERS[suffix](data)
    except Unreadable:
        raise
    except ImportError as error:
        raise Unreadable(
            f"{suffix} needs {error.name}, which is missing: pip install 'forge-arena[documents]'"
        ) from None
    # A converter meets a damaged file with errors of any kind, and one damaged file must not stop a folder.
    except Exception as error:
        said = " ".join(str(error).split())[:200] or type(error).__name__
        raise Unreadable(f"the file is damaged, or no {suffix} file: {said}") from error


def _why_not(suffix: str) -> str:
    if suffix in _PICTURES:
        return f"{suffix} is a picture: let a program for character recognition (OCR) read it first"
    if suffix in _INSTEAD:
        return f"{suffix} is not read: {_INSTEAD[suffix]}"
    readable = " ".join(sorted({*_TEXTS, *_ROWS, *_CONVERTERS}))
    return f"{suffix or 'a name without a suffix'} is not read; what is read: {readable}"


def _cleaned(text: str, pages: tuple[int, ...] = ()) -> tuple[str, tuple[int, ...]]:
    """A text without what nobody can see, with plain line ends and spaces; and where its pages begin now."""
    if not pages:
        return _clean(text).strip("\n"), ()
    parts = [_clean(text[start:end]) for start, end in zip(pages, (*pages[1:], len(text)), strict=True)]
    starts = [0]
    for part in parts[:-1]:
        starts.append(starts[-1] + len(part))
    return "".join(parts), tuple(starts)


def _clean(text: str) -> str:
    text = _INVISIBLE.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))
    text = re.sub(r"[\u2028\u2029\x0c]", "\n\n", text)
    text = re.sub(r"[\u00a0\u2000-\u200a\u202f\u205f\u3000]", " ", text)
    return storable(unicodedata.normalize("NFC", text))


def _check(text: str) -> None:
    """Refuse a text that no task can be made of."""
    if _CONTROL.search(text) is not None:
        raise Unreadable("the file holds bytes that are no text")
    words = len(text.split())
    if words == 0:
        raise Unreadable("the file holds no text")
    if words < FEWEST_WORDS:
        raise Unreadable(f"the text has {words} words, and at least {FEWEST_WORDS} are wanted")
    if len(text) > MOST_CHARACTERS:
        raise Unreadable(f"the text has {len(text):,} characters, and at most {MOST_CHARACTERS:,} are read: cut it")
    if (language := other_language(text)) is not None:
        raise Unreadable(f"the text reads as {language}, and documents are in English")


def _read_rows(file: File) -> Iterator[Document | Refused]:
    """The rows of a file. A bad row is refused with its line, and the next one is read."""
    named: set[str] = set()
    rows = 0
    for number, line in numbered_lines(file.path):
        rows += 1
        where = f"{file.name}:{number}"
        try:
            row = parse_json(line, _ROW, where, wanted=_WANTED, error=FileError)
            name = f"{file.name}:{row.id or number}"
            if name in named:
                name = f"{name} (line {number})"
            named.add(name)
            text, _ = _cleaned(row.source_material)
            _check(text)
            _check_row(row, text)
            yield Document(name, text, row.domain, row.task, row.options, row.fitting_option)
        except FileError as reason:
            yield Refused(where, str(reason).removeprefix(f"{where}:").strip())
    if rows == 0:
        raise Unreadable("the file is empty")


def _check_row(row: Row, text: str) -> None:
    if row.task is not None and len(text) > MOST_CHARACTERS_WITH_TASK:
        raise Unreadable(
            f"the row has a task and {len(text):,} characters, and a row with a task has at most "
            f"{MOST_CHARACTERS_WITH_TASK:,}: leave out the task, or cut the source_material"
        )
    if row.fitting_option is not None and row.fitting_option not in row.options:
        raise Unreadable(f"fitting_option is {row.fitting_option!r}, which is none of the options")


def _html(data: bytes) -> tuple[str, tuple[int, ...]]:
    return html_text(data), ()


def _word(data: bytes) -> tuple[str, tuple[int, ...]]:
    return word_text(data), ()


_CONVERTERS: Mapping[str, Callable[[bytes], tuple[str, tuple[int, ...]]]] = MappingProxyType(
    {".pdf": pdf_text, ".docx": _word, ".html": _html, ".htm": _html, ".xhtml": _html}
)
