"""Run a snippet against cases, in a process of its own with limits.

The child sees the code and the calls, never what the calls should give: it sends back what each call gave, written as
a literal of exact builtin types, and the comparison happens here. So neither prints, nor exit codes, nor objects that
claim to equal everything earn anything.

What holds: wall and processor time, memory, file size, open files, no inherited environment, an empty working folder, a
session of its own that is killed at the end, and no network where the system lets an ordinary process have a network
namespace. What does not hold: the child runs as the same user and can read what that user can read, and a process that
it starts in a further session outlives it until its own limits end it. For code from strangers run the server in a
container.
"""

import ast
import json
import os
import re
import selectors
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from forge_arena.types import Case, Span

MAX_CODE = 32_000
MAX_RESULT = 1 << 20

_BLOCK = re.compile(r"^[ \t]*```[^\n`]*\n(.*?)(?:^[ \t]*```[ \t]*$|\Z)", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class CaseResult:
    """Whether a case held, and in `detail` what came instead."""

    ok: bool
    detail: str


def code_blocks(text: str) -> tuple[Span, ...]:
    """The contents of the fenced blocks of a text, without the fences."""
    if "```" not in text:
        return ()
    return tuple(Span(start=m.start(1), end=m.end(1)) for m in _BLOCK.finditer(text))


@lru_cache(maxsize=1_024)
def run_cases(
    code: str, cases: tuple[Case, ...], *, seconds: float = 2.0, memory_mb: int = 256
) -> tuple[CaseResult, ...]:
    """Run `code`, then every case's call in its namespace; one result per case, in order.

    Never raises for what the code does and never takes longer than about `seconds` (wall) plus the start of a process.
    """
    if len(code) > MAX_CODE or "\0" in code:
        return tuple(CaseResult(False, "the code is too long or not text") for _ in cases)
    given = _run(code, [case.call for case in cases], seconds, memory_mb)
    if given is None:
        return tuple(CaseResult(False, "the code did not finish within its limits") for _ in cases)
    return tuple(_compare(case, one) for case, one in zip(cases, given, strict=True))


def _compare(case: Case, given: Any) -> CaseResult:
    kind, content = given if isinstance(given, list) and len(given) == 2 else ("", None)
    if kind == "raised" and isinstance(content, list):
        raised = str(content[0]) if content else "?"
        ok = case.raises is not None and case.raises in content
        return CaseResult(ok, f"{case.call} raises {raised}")
    if kind != "returned" or not isinstance(content, str):
        return CaseResult(False, f"{case.call} gives nothing that can be compared")
    try:
        value = ast.literal_eval(content)
        ok = case.returns is not None and _same(value, ast.literal_eval(case.returns))
    except (ValueError, SyntaxError, MemoryError, RecursionError, TypeError):
        ok = False
    return CaseResult(ok, f"{case.call} gives {content[:200]}")


def _same(a: object, b: object) -> bool:
    return bool(a == b) and isinstance(a, bool) == isinstance(b, bool)


def _run(code: str, calls: list[str], seconds: float, memory_mb: int) -> list[Any] | None:
    """What each call gave, or None where the child did not live to tell."""
    reader, writer = os.pipe()
    with tempfile.TemporaryDirectory(prefix="forge-code-") as folder:
        try:
            child = subprocess.Popen(
                [sys.executable, "-I", "-S", "-c", _CHILD, str(writer), str(max(1, round(seconds))), str(memory_mb)],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                cwd=folder,
                env={},
                pass_fds=(writer,),
                start_new_session=True,
            )
        finally:
            os.close(writer)
        try:
            content = _exchange(child, reader, json.dumps({"code": code, "calls": calls}).encode(), seconds)
        finally:
            os.close(reader)
            try:
                os.killpg(child.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            child.wait()
    try:
        given = json.loads(content)
    except (ValueError, RecursionError):
        return None
    return given if isinstance(given, list) and len(given) == len(calls) else None


def _exchange(child: subprocess.Popen[bytes], reader: int, request: bytes, seconds: float) -> bytes:
    """Send the request, read the answer until its end of line, end of file, the size limit or the deadline."""
    assert child.stdin is not None
    try:
        child.stdin.write(request)
        child.stdin.close()
    except BrokenPipeError:
        return b""
    deadline = time.monotonic() + seconds
    content = b""
    with selectors.DefaultSelector() as selector:
        selector.register(reader, selectors.EVENT_READ)
        while len(content) < MAX_RESULT and not content.endswith(b"\n"):
            if not selector.select(max(0.0, deadline - time.monotonic())):
                return b""
            chunk = os.read(reader, 65_536)
            if not chunk:
                break
            content += chunk
    return content


_CHILD = r'''
import json, os, resource, sys
answer, seconds, memory = int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]) << 20
try:
    import ctypes
    ctypes.CDLL(None).unshare(0x40000000) and ctypes.CDLL(None).unshare(0x40000000 | 0x10000000)
except (ImportError, OSError, AttributeError):
    pass
for name, limit in (("CPU", seconds), ("AS", memory), ("FSIZE", 1 << 16), ("NOFILE", 32), ("NPROC", 0), ("CORE", 0)):
    try:
        resource.setrlimit(getattr(resource, "RLIMIT_" + name), (limit, limit))
    except (ValueError, OSError):
        pass
request = json.load(sys.stdin)
sys.argv[:] = [""]

def literal(value, depth=0):
    kind = type(value)
    if depth > 20:
        raise TypeError
    if value is None or kind in (bool, int, float, complex, str, bytes):
        return repr(value)
    if kind is list:
        return "[" + ",".join(literal(v, depth + 1) for v in value) + "]"
    if kind is tuple:
        return "(" + "".join(literal(v, depth + 1) + "," for v in value) + ")"
    if kind is dict:
        return "{" + ",".join(literal(k, depth + 1) + ":" + literal(v, depth + 1) for k, v in value.items()) + "}"
    if kind is set and value:
        return "{" + ",".join(literal(v, depth + 1) for v in value) + "}"
    raise TypeError

def run(call, space):
    try:
        value = eval(compile(call, "<case>", "eval"), space)
    except Exception as error:
        return ["raised", [kind.__name__ for kind in type(error).__mro__]]
    try:
        return ["returned", literal(value)]
    except (TypeError, ValueError):
        return ["other", None]

space = {"__name__": "snippet"}
try:
    exec(compile(request["code"], "<snippet>", "exec"), space)
    broken = None
except Exception as error:
    broken = ["raised", [kind.__name__ for kind in type(error).__mro__]]
given = [broken or run(call, space) for call in request["calls"]]
os.write(answer, json.dumps(given).encode() + b"\n")
os._exit(0)
'''
