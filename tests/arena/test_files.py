"""Files of people and of runs: what is read, and how what cannot be read is refused."""

import errno
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from pydantic import BaseModel, TypeAdapter

from forge_arena.errors import FileError, ScenarioError
from forge_arena.files import ForeignRow, numbered_lines, read_json, read_json_lines, read_text, read_yaml, write_whole


class Point(BaseModel):
    x: int


class Loose(ForeignRow):
    x: int
    name: str = "none"


POINT = TypeAdapter(Point)
LOOSE = TypeAdapter(Loose)


def written(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def test_lines_are_numbered_as_an_editor_numbers_them(tmp_path: Path) -> None:
    path = written(tmp_path / "a.jsonl", '{"x":1}\r\n\n \t\n{"x":2}')
    assert list(read_json_lines(path, POINT)) == [(1, Point(x=1)), (4, Point(x=2))]


@pytest.mark.parametrize("separator", ["\u2028", "\u2029", "\x85", "\x0b", "\x0c", "\x1c"])
def test_what_merely_looks_like_the_end_of_a_line_does_not_end_it(tmp_path: Path, separator: str) -> None:
    path = written(tmp_path / "a.txt", f"one{separator}line\nanother")
    assert [number for number, _ in numbered_lines(path)] == [1, 2]


def test_a_merged_key_may_be_replaced_and_an_alias_may_stand_for_what_holds_it(tmp_path: Path) -> None:
    content = read_yaml(written(tmp_path / "a.yaml", "a: &a {x: 1}\nb: {<<: *a, x: 2}\nc: &c [*c]\n"))
    assert content["b"] == {"x": 2}
    assert content["c"][0] is content["c"]


def test_a_byte_order_mark_is_no_part_of_a_text(tmp_path: Path) -> None:
    assert read_text(written(tmp_path / "a.txt", "\ufeffhello")) == "hello"
    assert read_json(written(tmp_path / "a.json", '\ufeff{"x":1}'), POINT) == Point(x=1)
    assert read_yaml(written(tmp_path / "a.yaml", "\ufeffx: 1")) == {"x": 1}
    # A file that was appended to another brings its mark into the middle.
    joined = written(tmp_path / "a.jsonl", '\ufeff{"x":1}\n\ufeff{"x":2}\n\ufeff\n')
    assert [point.x for _, point in read_json_lines(joined, POINT)] == [1, 2]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b'{"x":1}\n{"x":', r"a\.jsonl:2: not JSON: Expecting value at column 6; wanted points"),
        (b'{"x":1}\n\xff\xfe{', r"a\.jsonl:2: not UTF-8 \(invalid start byte\): save the file as UTF-8"),
        (b'{"x":1}\n' + b"[" * 100_000, r"a\.jsonl:2: this JSON is nested too deeply to be read; wanted points"),
        (b'{"x":1}\n{"x":' + b"9" * 5_000 + b"}", r"a\.jsonl:2: .*digits.*; wanted points"),
        (b'{"x":1}\n{"x":"a"}', r"a\.jsonl:2: x: Input should be a valid integer.*; wanted points"),
        (b'{"x":1}\n[1]', r"a\.jsonl:2: Input should be a valid dictionary.*; wanted points"),
    ],
)
def test_a_line_that_cannot_be_read_is_refused_with_its_number(tmp_path: Path, content: bytes, message: str) -> None:
    path = written(tmp_path / "a.jsonl", content)
    with pytest.raises(ScenarioError, match=message):
        list(read_json_lines(path, POINT, wanted="points", error=ScenarioError))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b'{\n"x": }', r"a\.json: not JSON: Expecting value at line 2, column 6"),
        (b'{\n"x": "\xe9"}', r"a\.json:2: not UTF-8"),
        (b"[" * 100_000, r"a\.json: this JSON is nested too deeply"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_with_the_place(tmp_path: Path, content: bytes, message: str) -> None:
    with pytest.raises(FileError, match=message):
        read_json(written(tmp_path / "a.json", content), POINT)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"x: 1\ny: [\n", r"a\.yaml:3: not YAML: "),
        (b"x: 1\ny: \xe9", r"a\.yaml:2: not UTF-8"),
        (b"[" * 100_000, r"a\.yaml.*nest"),
        (b"x: \x01", r"a\.yaml: not YAML: .*control characters"),
        (b"x: 2024-99-99", r"a\.yaml: not YAML: month must be in 1..12"),
        (b"x: !!bool perhaps", r"a\.yaml: not YAML: 'perhaps'"),
        (b"x: 1\ny:\n  z: 1\n  z: 2\n", r"a\.yaml:4: the key 'z' is given twice"),
        (b"[{x: 1, x: 1}]", r"a\.yaml:1: the key 'x' is given twice"),
        (b"x: !!timestamp soon", r"a\.yaml: not YAML: "),
    ],
)
def test_yaml_that_cannot_be_read_is_refused(tmp_path: Path, content: bytes, message: str) -> None:
    with pytest.raises(FileError, match=message):
        read_yaml(written(tmp_path / "a.yaml", content))


def test_a_file_is_written_whole_or_stays_what_it_was(tmp_path: Path) -> None:
    path = written(tmp_path / "a.txt", "before")
    with pytest.raises(UnicodeEncodeError):
        write_whole(path, "half a character: \ud83d")
    assert path.read_text() == "before"
    assert [file.name for file in tmp_path.iterdir()] == ["a.txt"]
    write_whole(path, "after")
    assert [(file.name, file.read_text()) for file in tmp_path.iterdir()] == [("a.txt", "after")]


def test_several_writers_of_one_file_leave_it_whole_and_nothing_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    texts = [letter * 100_000 for letter in "abcdefgh"]
    with ThreadPoolExecutor(len(texts)) as writers:
        for text in writers.map(lambda text: [write_whole(path, text) for _ in range(20)] and path.read_text(), texts):
            assert text in texts
    assert path.read_text() in texts
    assert list(tmp_path.iterdir()) == [path]


def test_a_link_stays_a_link_and_what_cannot_be_replaced_is_written_in_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, link = written(tmp_path / "a.txt", "before"), tmp_path / "link"
    link.symlink_to(path)
    write_whole(link, "through the link")
    assert link.is_symlink()
    assert path.read_text() == "through the link"

    def refuse(*_: object) -> None:
        raise OSError(errno.EBUSY, "mounted by itself")

    monkeypatch.setattr(Path, "replace", refuse)
    write_whole(path, "in its place")
    assert path.read_text() == "in its place"
    monkeypatch.setattr(Path, "replace", lambda *_: (_ for _ in ()).throw(OSError(errno.ENOSPC, "full")))
    with pytest.raises(OSError, match="full"):
        write_whole(path, "lost")
    assert path.read_text() == "in its place"
    write_whole(Path("/dev/null"), "a device")


def test_in_a_foreign_row_null_is_a_field_left_out_where_it_may_be_left_out(tmp_path: Path) -> None:
    path = written(tmp_path / "a.jsonl", '{"x":1,"name":null,"more":null}\n{"x":null}')
    rows = read_json_lines(path, LOOSE)
    assert next(rows) == (1, Loose(x=1))
    with pytest.raises(FileError, match=r":2: x: Input should be a valid integer"):
        next(rows)


def test_half_a_character_is_refused_unless_it_stands_in_a_field_that_is_ignored(tmp_path: Path) -> None:
    whole = '{"x":1,"name":"\\ud83d\\ude00","more":"\\ud83d"}'
    rows = read_json_lines(written(tmp_path / "a.jsonl", whole + '\n{"x":1,"name":"\\ud83d"}'), LOOSE)
    assert next(rows) == (1, Loose(x=1, name="\U0001f600"))
    with pytest.raises(FileError, match=r":2: a string holds half a character"):
        next(rows)
