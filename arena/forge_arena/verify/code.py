"""Run a snippet against cases in a subprocess with limits.

Every run is a fresh interpreter that never learns what the cases expect. It gets the calls alone, sends back as
literals what they returned, and the comparison happens here. So whatever a snippet does to the interpreter that it
shares with the calls (a lying `__eq__`, a patched `repr`, forged results) earns no more than a function that returns
constants.

Before the snippet runs, the standard modules that it names are imported; then, on Linux with seccomp (x86-64, arm64),
every system call except those of plain computing is refused: no file, socket, process, thread or signal. On other
systems there are the resource limits and, if the kernel allows it, a network namespace. On these a snippet can still
delete what its user may delete, signal that user's processes, and, if it runs as root, start a process that outlives
it.

On no system does this protect against

* a bug in the kernel or the interpreter;
* a snippet that knows the cases and returns their results, or that is right on the cases and wrong elsewhere (few cases
  prove little, and a source that shows a case gives it away);
* a core that is busy until the limit, and memory that is filled up to it, as often as somebody sends a snippet;
* what the duration of a run reveals.

Code from strangers belongs on a machine that holds nothing else.
"""

import ast
import marshal
import math
import os
import secrets
import select
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache

from forge_arena.types import Case, Span

MAX_CODE = 32_000
MAX_RESULTS = 1 << 20
# Characters that are kept of what a snippet prints.
MAX_PRINTED = 4_000
START_SECONDS = 30.0

# What snippets may import. Each is loaded before the doors close, so none may act on the world when it is imported.
MODULES = frozenset(
    """
    __future__ _strptime abc array ast base64 binascii bisect calendar cmath collections contextlib copy csv dataclasses
    datetime decimal difflib enum fractions functools graphlib hashlib heapq hmac html inspect io ipaddress itertools
    json keyword logging math numbers operator os pathlib pprint queue random re secrets shlex statistics string struct
    sys textwrap threading time traceback types typing unicodedata urllib uuid warnings weakref zlib
    """.split()  # noqa: SIM905 - a list of sixty quoted words hides which they are
)


@dataclass(frozen=True, slots=True)
class CaseResult:
    """Whether a case held, and in `detail` what its call did (one line, at most 200 characters)."""

    ok: bool
    detail: str


def code_blocks(text: str) -> tuple[Span, ...]:
    """The contents of the ``` fenced blocks of a text, without the fences. A block without an end runs to the end."""
    blocks: list[Span] = []
    opened = -1
    at = text.find("```")
    while at >= 0:
        line = text.rfind("\n", 0, at) + 1
        end = text.find("\n", at)
        end = len(text) if end < 0 else end
        rest = text[at + 3 : end]
        if text[line:at].strip(" \t"):
            pass
        elif opened < 0:
            opened = end + 1 if "`" not in rest and end < len(text) else -1
        elif not rest.strip():
            blocks.append(Span(start=opened, end=line))
            opened = -1
        at = text.find("```", end)
    if opened >= 0:
        blocks.append(Span(start=opened, end=len(text)))
    return tuple(blocks)


class _Late(Exception):
    """The results of a snippet that did not end in time. On another try, when less is going on, it may."""

    def __init__(self, results: "tuple[CaseResult, ...]") -> None:
        super().__init__("late")
        self.results = results


def run_cases(
    code: str, cases: tuple[Case, ...], *, seconds: float = 2.0, memory_mb: int = 256
) -> tuple[CaseResult, ...]:
    """Load `code` once and make each case's call in turn; one result per case, in order.

    A call holds if it returns a literal (exact builtin types only) that equals `returns`, or raises `raises` or a class
    with a base of that name. `seconds`, of wall and of processor time, are for all cases together and count from when
    the interpreter is up. Whatever the snippet does is a result, never an exception.

    Raises:
        ValueError: a case does not say what is wanted, or says it with something that is no literal.
        ChildProcessError: the interpreter did not come up, through no fault of the snippet.
    """
    try:
        return _run_cases(code, cases, seconds, memory_mb)
    except _Late as late:
        return late.results


@lru_cache(maxsize=4_096)
def _run_cases(code: str, cases: tuple[Case, ...], seconds: float, memory_mb: int) -> tuple[CaseResult, ...]:
    wanted = tuple(_expected_value(case) for case in cases)
    if not cases:
        return ()
    if len(code) > MAX_CODE:
        return (CaseResult(False, f"the code is longer than {MAX_CODE} characters"),) * len(cases)
    reports, late = _run(code, tuple(case.call for case in cases), seconds, memory_mb, _imports(code))
    if reports and reports[0].kind == "unloaded":
        return (CaseResult(False, _line(f"the code does not load: {reports[0].text}")),) * len(cases)
    end = f"did not end within {seconds:g} seconds" if late else "ended its process, or was ended at a limit"
    missing = [CaseResult(False, f"the code {end}")] * (len(cases) - len(reports))
    results = (*map(_compare, cases, wanted, reports), *missing)
    if late:
        raise _Late(results)
    return results


@dataclass(frozen=True, slots=True)
class SnippetRun:
    """What a snippet printed, and in `trouble` why it did not end well; empty if it did."""

    printed: str
    trouble: str = ""


def run_snippet(snippet: str, *, seconds: float = 2.0, memory_mb: int = 256) -> SnippetRun:
    """Run a snippet under the limits of `run_cases`, and show what it prints.

    The value of the last line is printed too, if that line is an expression and its value is not None. Whatever the
    snippet does is a result, never an exception.

    Raises:
        ChildProcessError: the interpreter did not come up, through no fault of the snippet.
    """
    imports = _imports(snippet) + _imports(_SHOW)
    reports, late = _run(_SHOW, (f"show({snippet!r})",), seconds, memory_mb, imports)
    if not reports:
        end = f"did not end within {seconds:g} seconds" if late else "ended its process, or was ended at a limit"
        return SnippetRun("", f"the code {end}: make it do less")
    try:
        printed, trouble = ast.literal_eval(reports[0].text)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return SnippetRun("", "the code gave nothing that can be read: print what you want to see")
    printed = str(printed)
    if len(printed) > MAX_PRINTED:
        printed = printed[:MAX_PRINTED] + "\n[cut off here: print less]"
    return SnippetRun(printed, str(trouble)[:MAX_PRINTED])


@dataclass(frozen=True, slots=True)
class _CallReport:
    """What the child reports of one call: `kind` is returned, raised, other or unloaded."""

    kind: str
    text: str


def _expected_value(case: Case) -> object:
    if (case.returns is None) == (case.raises is None):
        raise ValueError(f"case {case.call!r} needs either returns or raises")
    if case.returns is None:
        return None
    try:
        return ast.literal_eval(case.returns)
    except (ValueError, SyntaxError, TypeError) as error:
        raise ValueError(f"case {case.call!r}: returns must be a Python literal, got {case.returns!r}") from error


def _compare(case: Case, wanted: object, report: _CallReport) -> CaseResult:
    if report.kind == "raised":
        names = report.text.split(",")
        return CaseResult(case.raises in names, _line(f"{case.call} raises {names[0]}"))
    if report.kind != "returned":
        return CaseResult(False, _line(f"{case.call} gives {report.text}, which is no literal"))
    try:
        value = ast.literal_eval(report.text)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return CaseResult(False, f"{case.call} gives nothing that can be read")
    ok = case.raises is None and value == wanted and isinstance(value, bool) == isinstance(wanted, bool)
    return CaseResult(ok, _line(f"{case.call} gives {report.text}"))


def _line(text: str) -> str:
    return " ".join(text[:400].split())[:200]


def _imports(code: str) -> list[tuple[str, tuple[str, ...]]]:
    """The modules that the code imports and may have, with the names that it takes from each."""
    try:
        nodes = list(ast.walk(ast.parse(code)))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []
    imports: list[tuple[str, tuple[str, ...]]] = []
    for node in nodes:
        if isinstance(node, ast.Import):
            imports += [(alias.name, ()) for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module is not None and node.level == 0:
            imports.append((node.module, tuple(alias.name for alias in node.names if alias.name != "*")))
    if any(module in ("datetime", "time") for module, _ in imports):
        # strptime imports this module at its first call, which is after the doors have closed.
        imports.append(("_strptime", ()))
    return [(module, taken) for module, taken in imports if module.partition(".")[0] in MODULES]


def _run(
    code: str, calls: tuple[str, ...], seconds: float, memory_mb: int, imports: Sequence[tuple[str, tuple[str, ...]]]
) -> tuple[list[_CallReport], bool]:
    """What the child reported of its calls, and whether it was stopped for being late."""
    nonce = secrets.token_hex(16)
    with (
        tempfile.TemporaryDirectory(prefix="forge-code-", ignore_cleanup_errors=True) as empty,
        tempfile.TemporaryFile() as file,
    ):
        reader, writer = os.pipe()
        try:
            file.write(marshal.dumps((code, calls, list(imports), nonce, writer, math.ceil(seconds), memory_mb)))
            file.seek(0)
            child = subprocess.Popen(
                # Like -I, except for the hash seed: with a random seed, code that walks a set would differ from run to
                # run.
                [sys.executable, "-P", "-s", "-S", "-B", "-c", _CHILD],
                stdin=file,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                cwd=empty,
                env={"PYTHONHASHSEED": "0"},
                pass_fds=(writer,),
                start_new_session=True,
            )
            os.close(writer)
            writer = -1
            try:
                return _listen(reader, nonce, seconds, len(calls))
            finally:
                with suppress(ProcessLookupError):
                    os.killpg(child.pid, signal.SIGKILL)
                child.wait()
        finally:
            os.close(reader)
            if writer >= 0:
                os.close(writer)


def _listen(reader: int, nonce: str, seconds: float, count: int) -> tuple[list[_CallReport], bool]:
    reports: list[_CallReport] = []
    unfinished_line, size, ready = b"", 0, False
    deadline = time.monotonic() + START_SECONDS
    watch = select.poll()
    watch.register(reader, select.POLLIN)
    while len(reports) < count and size < MAX_RESULTS:
        left = deadline - time.monotonic()
        chunk = os.read(reader, 65_536) if left > 0 and watch.poll(left * 1_000) else None
        if not chunk and not ready:
            raise ChildProcessError(f"the interpreter for snippets died or was not up in {START_SECONDS:g} seconds")
        if chunk is None:
            return reports, True
        if not chunk:
            break
        size += len(chunk)
        *lines, unfinished_line = (unfinished_line + chunk).split(b"\n")
        for report in _authentic_reports(lines, nonce):
            # Only the first "ready", because a snippet that has found the nonce could postpone its deadline for ever.
            if not ready and report.kind == "ready":
                ready, deadline = True, time.monotonic() + seconds
            else:
                reports.append(report)
    return reports[:count], False


def _authentic_reports(lines: list[bytes], nonce: str) -> Iterator[_CallReport]:
    for line in lines:
        sender, _, rest = line.partition(b" ")
        if secrets.compare_digest(sender, nonce.encode()):
            kind, _, text = rest.decode("ascii", "replace").partition(" ")
            yield _CallReport(kind, text)


# The program of the child. It imports little, because every run pays for every import. The doors close before the
# snippet is read.
_CHILD = r"""
import marshal, os, resource, sys

code, calls, modules, nonce, writer, seconds, memory_mb = marshal.loads(sys.stdin.buffer.read())
infinity = float("inf")

def tell(kind, text="", write=os.write):
    line = f"{nonce} {kind} {text}\n".encode("ascii", "backslashreplace")
    while line:
        line = line[write(writer, line):]

def literal(value):
    kind = type(value)
    if kind is float and value in (infinity, -infinity):
        return "1e999" if value > 0 else "-1e999"
    if value is None or kind in (bool, int, float, str, bytes):
        return ascii(value)
    if kind is list:
        return "[" + ",".join([literal(item) for item in value]) + "]"
    if kind is tuple:
        return "(" + "".join([literal(item) + "," for item in value]) + ")"
    if kind is set:
        return "{" + ",".join([literal(item) for item in value]) + "}" if value else "set()"
    if kind is dict:
        return "{" + ",".join([literal(key) + ":" + literal(item) for key, item in value.items()]) + "}"
    raise TypeError

def names(error):
    return ",".join([kind.__name__ for kind in type(error).__mro__])

def limit(name, value):
    if hasattr(resource, name):
        resource.setrlimit(getattr(resource, name), (value, value))

# By machine: its number for the kernel, and the system calls of plain computing: read, write, close, lseek, mmap,
# mprotect, munmap, mremap, madvise, brk, signals to itself by handler, waiting, clocks, futex, getrandom, rseq, exit.
COMPUTING = {
    "x86_64": (0xC000003E, (0, 1, 3, 5, 7, 8, 9, 10, 11, 12, 13, 14, 15, 23, 24, 25, 28, 35, 39, 60, 96, 100, 131, 186,
                            202, 219, 228, 229, 230, 231, 270, 318, 334)),
    "aarch64": (0xC00000B7, (57, 62, 63, 64, 72, 73, 80, 93, 94, 98, 101, 113, 114, 115, 124, 128, 132, 134, 135, 139,
                             153, 169, 172, 178, 214, 215, 216, 222, 226, 233, 278, 293)),
}

def close_the_doors(ctypes):
    libc = ctypes.CDLL(None)
    word = ctypes.c_ulong
    libc.prctl(1, word(9))  # PR_SET_PDEATHSIG, SIGKILL
    if os.uname().machine in COMPUTING:
        machine, allowed = COMPUTING[os.uname().machine]
        refuse, allow = (0x06, 0, 0, 0x00050001), (0x06, 0, 0, 0x7FFF0000)
        program = [(0x20, 0, 0, 4), (0x15, 1, 0, machine), refuse, (0x20, 0, 0, 0)]
        program += [(0x15, len(allowed) - at, 0, number) for at, number in enumerate(allowed)] + [refuse, allow]
        order = sys.byteorder
        packed = b"".join([op.to_bytes(2, order) + bytes(to) + k.to_bytes(4, order) for op, *to, k in program])
        held = ctypes.create_string_buffer(packed, len(packed))
        class Filter(ctypes.Structure):
            _fields_ = [("length", ctypes.c_ushort), ("program", ctypes.c_void_p)]
        given = Filter(len(program), ctypes.addressof(held))
        # PR_SET_NO_NEW_PRIVS, then PR_SET_SECCOMP with a filter.
        libc.prctl(38, word(1), word(0), word(0), word(0))
        if libc.prctl(22, word(2), ctypes.byref(given)) == 0:
            return
    libc.unshare(0x50000000)  # CLONE_NEWUSER | CLONE_NEWNET

for module, taken in modules:
    try:
        __import__(module, None, None, taken)
    except ImportError:
        pass
try:
    import ctypes
except ImportError:
    ctypes = None
limit("RLIMIT_CORE", 0)
limit("RLIMIT_CPU", seconds)
limit("RLIMIT_AS", memory_mb << 20)
limit("RLIMIT_FSIZE", 0)
limit("RLIMIT_NPROC", 0)
limit("RLIMIT_NOFILE", 0)
if ctypes is not None and sys.platform == "linux":
    close_the_doors(ctypes)
tell("ready")

answer = type(sys)("answer")
sys.modules["answer"] = answer
try:
    exec(compile(code, "<answer>", "exec"), answer.__dict__)
except BaseException as error:
    tell("unloaded", type(error).__name__)
    os._exit(0)
for call in calls:
    try:
        value = eval(compile(call, "<case>", "eval"), answer.__dict__)
    except BaseException as error:
        tell("raised", names(error))
        continue
    try:
        text = literal(value)
    except (TypeError, ValueError, RecursionError, MemoryError):
        tell("other", type(value).__name__)
    else:
        tell("returned", text)
os._exit(0)
"""

# The code with which a snippet is shown. It runs in the child, as the answer whose one call is `show(snippet)`.
_SHOW = r"""
import ast, contextlib, io

def show(snippet):
    printed, trouble = io.StringIO(), ""
    names = {"__name__": "__main__"}
    with contextlib.redirect_stdout(printed):
        try:
            lines = ast.parse(snippet, "<snippet>")
            last = lines.body.pop() if lines.body and isinstance(lines.body[-1], ast.Expr) else None
            exec(compile(lines, "<snippet>", "exec"), names)
            if last is not None:
                value = eval(compile(ast.Expression(last.value), "<snippet>", "eval"), names)
                if value is not None:
                    print(repr(value))
        except BaseException as error:
            line, trace = None, error.__traceback__
            while trace is not None:
                if trace.tb_frame.f_code.co_filename == "<snippet>":
                    line = trace.tb_lineno
                trace = trace.tb_next
            trouble = f"{type(error).__name__}: {error}" + (f" (line {line})" if line else "")
    return printed.getvalue()[:8000], trouble[:1000]
"""
