"""Snippets: what earns a case, what does not, and that nothing a snippet does reaches the parent."""

import os
import time
from pathlib import Path
from typing import Any

import pytest

from forge_arena.types import Case
from forge_arena.verify.code import MAX_CODE, CaseResult, code_blocks, run_cases

LINUX = Path("/proc/self/status")
SECCOMP = LINUX.exists() and "Seccomp:" in LINUX.read_text() and os.uname().machine in ("x86_64", "aarch64")


def returns(value: str) -> tuple[Case, ...]:
    return (Case(call="f()", returns=value),)


def run(code: str, value: str = "1", seconds: float = 2.0) -> CaseResult:
    return run_cases(code, returns(value), seconds=seconds)[0]


@pytest.mark.parametrize(
    "value",
    [
        "1",
        "-1.5",
        "'é \\n 😀'",
        "b'\\x00'",
        "None",
        "True",
        "[1, (2,), []]",
        "{'a': {1, 2}}",
        "set()",
        "1e999",
        "-1e999",
    ],
)
def test_a_literal_comes_back_as_it_was(value: str) -> None:
    assert run(f"def f(): return {value}", value).ok


@pytest.mark.parametrize(
    ("given", "wanted"),
    [("1", "2"), ("True", "1"), ("'1'", "1"), ("[1]", "(1,)"), ("float('nan')", "0.0"), ("None", "0")],
)
def test_another_value_earns_nothing(given: str, wanted: str) -> None:
    assert not run(f"def f(): return {given}", wanted).ok


def test_every_case_has_its_result_in_order() -> None:
    cases = (
        Case(call="half(4)", returns="2.0"),
        Case(call="half(3)", returns="1"),
        Case(call="half('x')", raises="TypeError"),
        Case(call="half(2", returns="1.0"),
    )
    results = run_cases("def half(x): return x / 2", cases)
    assert [r.ok for r in results] == [True, False, True, False]
    assert results[1].detail == "half(3) gives 1.5"
    assert results[2].detail == "half('x') raises TypeError"


@pytest.mark.parametrize(("wanted", "ok"), [("KeyError", True), ("LookupError", True), ("ValueError", False)])
def test_an_exception_counts_by_the_name_of_its_class_or_a_base(wanted: str, ok: bool) -> None:
    assert run_cases("def f(): return {}[1]", (Case(call="f()", raises=wanted),))[0].ok is ok


def test_a_return_is_no_exception_and_an_exception_no_return() -> None:
    assert not run_cases("def f(): return 'KeyError'", (Case(call="f()", raises="KeyError"),))[0].ok
    assert not run("def f(): raise KeyError").ok


def test_code_that_does_not_load_fails_every_case() -> None:
    results = run_cases("raise OSError", (*returns("1"), *returns("2")))
    assert results == (CaseResult(False, "the code does not load: OSError"),) * 2


def test_what_came_before_a_hang_still_counts() -> None:
    cases = (Case(call="f(1)", returns="1"), Case(call="f(0)", returns="0"), Case(call="f(2)", returns="2"))
    results = run_cases("def f(n):\n    while not n: pass\n    return n", cases, seconds=0.5)
    assert [r.ok for r in results] == [True, False, False]
    assert results[1].detail == "the code did not end within 0.5 seconds"


LIES = {
    "says that it equals everything": "class A:\n    def __eq__(self, o): return True\ndef f(): return A()",
    "has a false repr": "class A:\n    def __repr__(self): return '1'\ndef f(): return A()",
    "is an int that is none": "class I(int):\n    def __eq__(self, o): return True\ndef f(): return I(7)",
    "a list that is none": "class L(list): pass\ndef f(): return L([1])",
    "pretends to be an int": "class A:\n    __class__ = int\ndef f(): return A()",
    "holds itself": "def f():\n    a = []\n    a.append(a)\n    return a",
    "prints a result": "print('0' * 32, 'returned 1')\ndef f(): print('returned 1')",
    "writes to every descriptor": (
        "import os\nfor fd in range(32):\n    try: os.write(fd, b'\\n' + b'0' * 32 + b' returned 1\\n')\n"
        "    except OSError: pass\ndef f(): return 0"
    ),
    "patches repr": "import builtins\nbuiltins.repr = builtins.ascii = lambda x: '1'\ndef f(): return [0]",
    "is too large": "def f(): return 'x' * 3_000_000",
    "is a huge number": "def f(): return 10 ** 10_000",
    "is nested too deep": "def f():\n    a = 1\n    for _ in range(500): a = [a]\n    return a",
}


@pytest.mark.parametrize("code", LIES.values(), ids=LIES)
def test_a_lie_earns_nothing(code: str) -> None:
    assert not run(code).ok


ATTACKS = {
    "sys.exit": "import sys\ndef f(): sys.exit(0)",
    "os._exit": "import os\ndef f(): os._exit(0)",
    "exit at load": "raise SystemExit(0)",
    "deep recursion": "def f(): return f()",
    "stack overflow by eval": "def f(): return eval('(' * 90 + '1' + ')' * 90 + '+' + '-' * 90_000 + '1')",
    "much memory": "def f(): return len(b'x' * 10**9)",
    "socket": "def f():\n    import socket\n    return socket.socket() and 1",
    "unprintable error": "class E(Exception):\n    def __str__(self): raise self\ndef f(): raise E",
    "a class named with a line end": "def f(): raise type('A\\nB', (Exception,), {})",
    "no code at all": "",
    "null byte": "def f(): return 1\0",
    "lone surrogate": "def f(): return '\ud800'",
}


@pytest.mark.parametrize("code", ATTACKS.values(), ids=ATTACKS)
def test_an_attack_is_a_case_that_does_not_hold(code: str) -> None:
    assert not run(code).ok


@pytest.mark.parametrize(
    "code",
    [
        "def f():\n    while True: pass",
        "while True: pass",
        "import time\ndef f(): time.sleep(60)",
        "def f():\n    while True:\n        try:\n            while True: pass\n        except BaseException: pass",
        "def f(): return 9 ** 9 ** 9",
        # A snippet that finds the nonce may not put off its own end by saying once more that it is ready.
        "import sys, time\ndef f():\n    main = sys.modules['__main__']\n    while True:\n        main.tell('ready')\n"
        "        time.sleep(0.05)",
    ],
)
def test_what_does_not_end_is_ended(code: str) -> None:
    start = time.monotonic()
    assert run_cases(code, (*returns("1"), *returns("2")), seconds=0.4)[0].ok is False
    assert time.monotonic() - start < 20


@pytest.mark.skipif(not SECCOMP, reason="needs Linux with seccomp")
@pytest.mark.parametrize(
    "body",
    [
        "open({file!r}).read()",
        "open({file!r}, 'w')",
        "os.remove({file!r})",
        "os.rename({file!r}, {file!r} + 'x')",
        "os.truncate({file!r}, 0)",
        "os.chmod({file!r}, 0)",
        "os.listdir('/')",
        "os.mkdir('x')",
        "os.fork()",
        "os.system('true') and 1 / 0",
        "os.execv('/bin/true', ['true'])",
        "os.kill(os.getppid() if hasattr(os, 'getppid') else 1, 0)",
        "os.kill({parent}, 9)",
        "os.setsid()",
    ],
)
def test_the_doors_are_closed(body: str, tmp_path: Path) -> None:
    file = tmp_path / "kept"
    file.write_text("kept")
    code = f"import os\ndef f():\n    x = {body.format(file=str(file), parent=os.getpid())}\n    return 'got in', x"
    result = run_cases(code, (Case(call="f()", raises="PermissionError"), Case(call="1", returns="1")))
    assert result[0].ok or "system" in body, result
    assert "got in" not in result[0].detail or "system" in body
    assert file.read_text() == "kept"
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.skipif(not SECCOMP, reason="needs Linux with seccomp")
def test_a_command_does_not_run(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    run(f"import os\ndef f(): return os.system('touch {mark}')")
    assert not mark.exists()


def test_the_environment_and_the_arguments_are_empty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORGE_ARENA_TOKEN", "secret")
    code = "import os, sys\ndef f(): return [k for k in os.environ if 'FORGE' in k], len(sys.argv)"
    assert run(code, "([], 1)").ok


def test_what_the_code_imports_is_there_with_what_is_loaded_late() -> None:
    code = (
        "import re\nfrom datetime import datetime\nfrom urllib import parse\nimport collections.abc\n"
        "from dataclasses import dataclass\n@dataclass\nclass P:\n    x: 'int' = 3\n"
        "def f():\n    import json\n    return [datetime.strptime('2026-01-02', '%Y-%m-%d').day,\n        re.sub('a', 'b', 'a'),\n"
        "        parse.quote(' '), json.dumps([1]), P().x, isinstance([], collections.abc.Sequence)]"
    )
    assert run(code, "[2, 'b', '%20', '[1]', 3, True]").ok


@pytest.mark.parametrize("module", ["socket", "subprocess", "antigravity", "numpy", "forge_arena"])
def test_other_modules_are_not(module: str) -> None:
    assert run(f"import {module}\ndef f(): return 1").detail == "the code does not load: ModuleNotFoundError"


def test_the_same_code_walks_a_set_the_same_way_every_time() -> None:
    code = "def f(): return list({'a', 'b', 'c', 'd', 'e', 'f'})"
    seen = {run(f"{code}  # {n}").detail for n in range(4)}
    assert len(seen) == 1


def test_a_run_leaves_no_descriptor_and_no_process() -> None:
    descriptors = Path("/proc/self/fd")
    if not descriptors.exists():
        pytest.skip("needs /proc")
    run("def f(): return 1  # warm")
    before, children = len(list(descriptors.iterdir())), children_of_this_process()
    for n in range(3):
        run(f"import os\ndef f(): os._exit({n})")
    assert len(list(descriptors.iterdir())) == before
    assert children_of_this_process() <= children


def children_of_this_process() -> set[str]:
    """Zombies included; other tests of the same process may have left some."""
    return {pid for task in Path("/proc/self/task").iterdir() for pid in (task / "children").read_text().split()}


def test_the_same_question_is_run_once() -> None:
    code = "def f(): return 1  # once"
    first = run(code)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("forge_arena.verify.code._run", None)
        assert run(code) is first


def test_code_past_the_limit_is_not_run() -> None:
    assert run("#" * (MAX_CODE + 1)).detail == f"the code is longer than {MAX_CODE} characters"


def test_no_cases_no_results() -> None:
    assert run_cases("def f(): ...", ()) == ()


@pytest.mark.parametrize(
    ("case", "message"),
    [
        (Case(call="f()"), r"case 'f\(\)' needs either returns or raises"),
        (Case(call="f()", returns="1", raises="KeyError"), r"needs either returns or raises"),
        (Case(call="f()", returns="g()"), r"case 'f\(\)': returns must be a Python literal, got 'g\(\)'"),
        (Case(call="f()", returns="1 +"), r"must be a Python literal"),
    ],
)
def test_a_case_that_says_nothing_checkable_is_refused(case: Case, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        run_cases("def f(): ...", (case,))


@pytest.mark.parametrize(
    ("text", "blocks"),
    [
        ("no code, but `this` and ``that``", []),
        ("```\na\n```", ["a\n"]),
        ("Fix:\n```python\na = 1\n\nb = 2\n```\nand\n```\nc\n```\n", ["a = 1\n\nb = 2\n", "c\n"]),
        ("1. so\n   ```python\n   a\n   ```\n", ["   a\n"]),
        ("```python\nnever closed", ["never closed"]),
        ("```\n```", [""]),
        ("```py\r\na\r\n```\r\nmore", ["a\r\n"]),
        ("```\nx = '```python'\n```\n", ["x = '```python'\n"]),
        ("say ```inline``` only", []),
    ],
)
def test_code_blocks_are_the_contents_of_the_fences(text: str, blocks: list[str]) -> None:
    assert [span.of(text) for span in code_blocks(text)] == blocks


@pytest.mark.parametrize(
    "text", ["```\n" * 20_000, " " * 100_000 + "```", "``` \t" * 20_000, "\n   " * 30_000 + "```\n"]
)
def test_fences_are_found_in_linear_time(text: str) -> None:
    start = time.thread_time()
    code_blocks(text)
    assert time.thread_time() - start < 1.0


def test_a_result_that_came_too_late_is_not_remembered() -> None:
    marks = []

    def run(code: str, *_: object) -> tuple[list[Any], bool]:
        marks.append(code)
        return [], len(marks) == 1

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("forge_arena.verify.code._run", run)
        code = "def late(): return 1"
        first, second, third = (run_cases(code, returns("1"))[0].detail for _ in range(3))
    assert first == "the code did not end within 2 seconds"
    assert second == third == "the code ended its process, or was ended at a limit"
    assert marks == [code, code]
