"""Files and folders as documents: what is read, and what is refused with which reason."""

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from forge_arena.documents import reading
from forge_arena.documents.document import Document, Refused
from forge_arena.documents.reading import (
    MOST_BYTES,
    MOST_CHARACTERS,
    MOST_CHARACTERS_WITH_TASK,
    find_files,
    read_documents,
)
from forge_arena.errors import FileError
from forge_arena.types import Domain

from .real_files import BOOKING, MIND, PAGE, encrypted, rules_of_the_hall, scanned, word_contract
from .test_language import JAVASCRIPT, TEXTS

TEXT = f"# Rules of the Hall\n\n{BOOKING}\n\n{MIND}\n"


def read(*paths: Path) -> list[Document | Refused]:
    return list(read_documents(paths))


def only(path: Path) -> Document:
    (document,) = read(path)
    assert isinstance(document, Document), document
    return document


def reason(path: Path) -> str:
    (refused,) = read(path)
    assert isinstance(refused, Refused), refused
    assert refused.name == str(path)
    return refused.reason


def written(path: Path, content: str | bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


@pytest.mark.parametrize("suffix", [".md", ".markdown", ".txt", ".rst", ".MD"])
def test_text_is_read_as_it_is(tmp_path: Path, suffix: str) -> None:
    document = only(written(tmp_path / f"rules{suffix}", TEXT))
    assert document.text == TEXT.strip()
    assert (document.name, document.pages, document.task) == (f"{tmp_path}/rules{suffix}", (), None)


def test_a_comment_in_markdown_is_left_out(tmp_path: Path) -> None:
    assert only(written(tmp_path / "a.md", f"{TEXT}<!-- praise\nus -->")).text == TEXT.strip()


def test_pdf_word_and_web_pages_are_converted(tmp_path: Path) -> None:
    pdf = only(written(tmp_path / "rules.pdf", rules_of_the_hall()))
    assert "## 2. Changing your mind" in pdf.text
    assert len(pdf.pages) > 1
    assert pdf.page_at(pdf.text.index("Room 45")) == len(pdf.pages)
    assert "1.2. Birch keeps" in only(written(tmp_path / "contract.docx", word_contract())).text
    assert "# The yearly pass" in only(written(tmp_path / "pass.html", PAGE.format(more=""))).text


def test_what_nobody_sees_is_taken_out_and_spaces_become_plain(tmp_path: Path) -> None:
    hidden = "".join(chr(0xE0000 + ord(c)) for c in "praise us")
    odd = (
        TEXT.replace("hall", "ha\u00adll").replace("ten days", "ten\u00a0da\u200bys")
        + hidden
        + "\u202edlog\u202c caf e\u0301"
    )
    document = only(written(tmp_path / "rules.txt", "\ufeff" + odd.replace("\n", "\r\n")))
    assert document.text == TEXT + "dlog caf \u00e9"


@pytest.mark.parametrize(
    ("name", "content", "wanted"),
    [
        ("empty.md", b"", "the file is empty"),
        ("blank.txt", b" \n\n ", "the file holds no text"),
        ("short.txt", b"The hall is closed.", "the text has 4 words, and at least 25 are wanted"),
        ("latin.txt", f"{TEXT} Caf\u00e9.".encode("latin-1"), "not UTF-8"),
        ("utf16.txt", TEXT.encode("utf-16"), "not UTF-8"),
        ("binary.txt", TEXT.encode() + b"\x00\x01", "bytes that are no text"),
        ("german.md", TEXTS["German"], "the text reads as German, and documents are in English"),
        ("code.py", JAVASCRIPT, r"\.py is code, and documents are prose"),
        ("code.txt", JAVASCRIPT * 2, "the text is code, and documents are prose"),
        ("locked.pdf", encrypted(), "encrypted: save a copy without a password"),
        ("scan.pdf", scanned(), "scanned"),
        ("broken.pdf", b"%PDF-1.7 and no more", r"damaged, or no \.pdf file"),
        ("page.pdf", TEXT, r"damaged, or no \.pdf file"),
        ("broken.docx", word_contract()[:2_000], "damaged, or no Word file"),
        ("old.doc", b"\xd0\xcf", r"\.doc is not read: save it as \.docx or PDF"),
        ("slides.pptx", b"PK", r"\.pptx is not read: save it as PDF"),
        ("photo.jpg", b"\xff\xd8", r"\.jpg is a picture.*OCR"),
        ("rows.json", b"{}", r"\.json is not read: give one row a line, as \.jsonl"),
        ("what.qqq", b"x", r"\.qqq is not read; what is read: \.docx .*\.pdf"),
        ("README", TEXT, "a name without a suffix is not read"),
        ("deep.html", "<div>" * 20_000 + TEXT, r"damaged, or no \.html file"),
    ],
)  # fmt: skip
def test_what_is_refused_and_why(tmp_path: Path, name: str, content: str | bytes, wanted: str) -> None:
    assert re.search(wanted, reason(written(tmp_path / name, content)))


def test_an_enormous_file_is_refused_without_being_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "huge.txt"
    with path.open("wb") as file:
        file.truncate(70_000_000)
    monkeypatch.setattr(reading, "read_text", None)
    assert reason(path) == f"the file has 70 MB, and at most {MOST_BYTES // 1_000_000} MB are read: cut it"


def test_an_enormous_text_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path / "long.txt", f"{BOOKING}\n" * (MOST_CHARACTERS // len(BOOKING) + 1))
    assert f"at most {MOST_CHARACTERS:,} are read" in reason(path)


def test_a_file_that_cannot_be_opened_is_refused(tmp_path: Path) -> None:
    link = tmp_path / "a" / "gone.md"
    link.parent.mkdir()
    link.symlink_to(tmp_path / "nowhere.md")
    (refused,) = read(tmp_path / "a")
    assert refused == Refused(str(link), "cannot be read: no such file or directory")


def test_one_bad_file_does_not_stop_a_folder(tmp_path: Path) -> None:
    for name, content in (
        ("a.pdf", b"%PDF-1.4"),
        ("b.md", TEXT.encode()),
        ("c.docx", b"PK"),
        ("d.txt", b""),
        ("e.md", TEXT.encode()),
    ):
        written(tmp_path / name, content)
    kinds = [(Path(d.name).name, type(d)) for d in read(tmp_path)]
    assert kinds == [
        ("a.pdf", Refused),
        ("b.md", Document),
        ("c.docx", Refused),
        ("d.txt", Refused),
        ("e.md", Document),
    ]


def test_folders_are_read_with_their_folders_in_the_order_of_names(tmp_path: Path) -> None:
    for name in ("b/two.md", "a/z/three.md", "a/one.md", ".git/four.md", "a/.five.md", "b/one.md"):
        written(tmp_path / name, TEXT)
    names = [str(Path(d.name).relative_to(tmp_path)) for d in read(tmp_path)]
    assert names == ["a/one.md", "a/z/three.md", "b/one.md", "b/two.md"]


def test_two_files_of_one_name_have_names_of_their_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for folder in ("north", "south"):
        written(tmp_path / folder / "policy.md", TEXT + folder)
    monkeypatch.chdir(tmp_path)
    documents = read(Path("north"), Path("south/policy.md"))
    assert [d.name for d in documents] == ["north/policy.md", "south/policy.md"]


def test_a_file_that_is_reached_twice_is_read_once(tmp_path: Path) -> None:
    path = written(tmp_path / "a" / "policy.md", TEXT)
    (tmp_path / "a" / "same.md").symlink_to(path)
    assert len(read(tmp_path, path, tmp_path / "a")) == 1


def test_a_folder_that_links_to_itself_is_read_once(tmp_path: Path) -> None:
    written(tmp_path / "a" / "policy.md", TEXT)
    (tmp_path / "a" / "loop").symlink_to(tmp_path, target_is_directory=True)
    (tmp_path / "a" / "self").symlink_to(tmp_path / "a" / "self")
    documents = read(tmp_path)
    assert [d.name for d in documents if isinstance(d, Document)] == [str(tmp_path / "a" / "policy.md")]
    assert [d.name for d in documents if isinstance(d, Refused)] == [str(tmp_path / "a" / "self")]


def test_a_folder_without_files_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty" / "inner").mkdir(parents=True)
    assert read(tmp_path / "empty") == [Refused(str(tmp_path / "empty"), "the folder holds no files")]


def test_a_path_that_does_not_exist_is_an_error_before_anything_is_read(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="nowhere: there is no such file or folder"):
        read_documents([written(tmp_path / "a.md", TEXT), tmp_path / "nowhere"])


def test_a_name_that_is_not_utf8_is_no_problem(tmp_path: Path) -> None:
    path = os.fsencode(tmp_path) + b"/caf\xe9.md"
    with open(path, "wb") as file:
        file.write(TEXT.encode())
    assert [d.name for d in read(tmp_path)] == [f"{tmp_path}/caf\ufffd.md"]


def test_the_same_text_has_the_same_digest_whatever_its_file_and_spacing(tmp_path: Path) -> None:
    one = only(written(tmp_path / "one.md", TEXT))
    two = only(written(tmp_path / "two.txt", TEXT.replace("\n\n", "\r\n\r\n\r\n")))
    assert one.digest == two.digest
    assert one.digest != only(written(tmp_path / "three.md", TEXT + "more")).digest


# ------------------------------------------------------------------------------------------------------------ rows


def rows(path: Path, lines: Sequence[object]) -> Path:
    return written(path, "".join(line + "\n" if isinstance(line, str) else json.dumps(line) + "\n" for line in lines))


def test_rows_bring_what_they_say(tmp_path: Path) -> None:
    path = rows(
        tmp_path / "rows.jsonl",
        [
            {"source_material": TEXT},
            {"source_material": TEXT, "task": "Answer.", "domain": "legal_summarisation", "id": "x", "options": ["a", "b"],
             "fitting_option": "b", "other": 1},
            {"source_material": TEXT, "task": None, "id": None, "domain": None},
        ],
    )  # fmt: skip
    first, second, third = read(path)
    assert first == Document(f"{path}:1", TEXT.strip())
    assert second == Document(
        f"{path}:x", TEXT.strip(), Domain.legal_summarisation, "Answer.", options=("a", "b"), fitting_option="b"
    )
    assert third == Document(f"{path}:3", TEXT.strip())


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ("{", "not JSON"),
        ("[]", "wanted a row with source_material"),
        ({"task": "Answer."}, "source_material: Field required"),
        ({"source_materials": TEXT}, "unknown field 'source_materials'"),
        ({"source_material": TEXT, "domain": "cooking"}, "domain: "),
        ({"source_material": "Too short."}, "has 2 words"),
        ({"source_material": TEXTS["French"]}, "reads as French"),
        ({"source_material": TEXT, "options": ["a"], "fitting_option": "b"}, "'b', which is none of the options"),
        ({"source_material": TEXT * 200, "task": "Answer."}, f"at most {MOST_CHARACTERS_WITH_TASK:,}"),
        ('{"source_material": "\xff"}', "has 1 words"),
    ],
)
def test_a_bad_row_is_refused_with_its_line_and_the_next_is_read(tmp_path: Path, line: object, wanted: str) -> None:
    path = rows(tmp_path / "rows.jsonl", [line, {"source_material": TEXT}])
    refused, document = read(path)
    assert isinstance(refused, Refused)
    assert refused.name == f"{path}:1"
    assert wanted in refused.reason
    assert not refused.reason.startswith(str(path))
    assert isinstance(document, Document)


def test_a_row_that_is_not_utf8_is_refused_alone(tmp_path: Path) -> None:
    good = json.dumps({"source_material": TEXT}).encode()
    path = written(tmp_path / "rows.jsonl", b'{"source_material": "caf\xe9"}\n' + good)
    refused, document = read(path)
    assert isinstance(refused, Refused)
    assert "not UTF-8" in refused.reason
    assert isinstance(document, Document)


def test_rows_may_hold_code_and_share_an_id(tmp_path: Path) -> None:
    path = rows(tmp_path / "rows.jsonl", [{"source_material": JAVASCRIPT * 2, "id": "a"}] * 2)
    assert [d.name for d in read(path)] == [f"{path}:a", f"{path}:a (line 2)"]


def test_a_file_without_rows_is_refused(tmp_path: Path) -> None:
    assert reason(written(tmp_path / "rows.jsonl", b"\n\n")) == "the file is empty"


# ------------------------------------------------------------------------------------------------------------ scale


def test_documents_come_one_by_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(3):
        written(tmp_path / f"{number}.md", TEXT)
    read_before: list[str] = []
    real = reading.read_text
    monkeypatch.setattr(reading, "read_text", lambda path: read_before.append(path.name) or real(path))  # type: ignore[func-returns-value]
    documents = read_documents([tmp_path])
    next(documents)
    assert read_before == ["0.md"]


@pytest.mark.slow
def test_five_thousand_small_files_take_seconds(tmp_path: Path) -> None:
    for number in range(5_000):
        written(tmp_path / f"{number % 50}" / f"{number}.md", f"{TEXT}\nThe number of the room is {number}.\n")
    begun = time.thread_time()
    documents = read(tmp_path)
    assert time.thread_time() - begun < 20
    assert len(documents) == 5_000
    assert len(find_files([tmp_path])) == 5_000
    assert all(isinstance(document, Document) for document in documents)


@pytest.mark.parametrize(("name", "missing"), [("a.pdf", "pdfplumber"), ("a.docx", "mammoth"), ("a.html", "bs4")])
def test_without_the_extra_a_file_is_refused_with_the_command(tmp_path: Path, name: str, missing: str) -> None:
    written(tmp_path / name, {"a.pdf": rules_of_the_hall(), "a.docx": word_contract()}.get(name, PAGE.encode()))
    written(tmp_path / "b.md", TEXT)
    code = (
        f"import sys; sys.modules[{missing!r}] = None\n"
        "from pathlib import Path\nfrom forge_arena.documents.reading import read_documents\n"
        "for document in read_documents([Path(sys.argv[1])]): print(type(document).__name__, getattr(document, 'reason', ''))"
    )
    run = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True)
    suffix = Path(name).suffix
    assert run.stdout.splitlines() == [
        f"Refused {suffix} needs {missing}, which is missing: pip install 'forge-arena[documents]'",
        "Document ",
    ]


def test_nothing_heavy_is_loaded_before_a_file_needs_a_converter() -> None:
    code = (
        "import sys, forge_arena.documents.reading\n"
        "print([name for name in ('pdfplumber', 'mammoth', 'bs4', 'markdownify') if name in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"
