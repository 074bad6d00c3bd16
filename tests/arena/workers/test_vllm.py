"""What is said of a vLLM that failed; the logs are excerpts of real ones. All else is in tests/e2e/test_vllm.py."""

import os
import sys
import tempfile
import time
from pathlib import Path

import pytest

from forge_arena.errors import WorkerFailed
from forge_arena.workers import vllm_engine
from forge_arena.workers.vllm import VLLMWorker
from forge_arena.workers.vllm_log import last_line, useful_line

from ...trickle import in_every_way

BAD_FLAG = """\
Triton is installed, but doesn't include CPU backend. Disabling Triton.
usage: vllm [-h] [-v]
            {chat,complete,serve,launch,bench,collect-env,download-kernels,preload,run-batch,snapshot}
            ...
vllm: error: unrecognized arguments: --bogus-flag
"""
NO_MODEL = """\
(APIServer pid=6001) INFO 11-21 10:34:00 [api_utils.py:347]
Traceback (most recent call last):
  File "/env/lib/python3.11/site-packages/huggingface_hub/utils/_validators.py", line 133, in validate_repo_id
    raise HFValidationError(
huggingface_hub.errors.HFValidationError: Repo id must be in the form 'repo_name': '/nonexistent/model'.
"""
TOO_LONG = """\
    s.__pydantic_validator__.validate_python(ArgsKwargs(args, kwargs), self_instance=s)
pydantic_core._pydantic_core.ValidationError: 1 validation error for ModelConfig
  Value error, User-specified max_model_len (999999) is greater than the derived max_model_len (4096).
    For further information visit https://errors.pydantic.dev/2.14/v/value_error
"""
NO_MEMORY = """\
(APIServer pid=6380) WARNING 11-21 10:34:24 [system_utils.py:255] errors like `OSError: [Errno 24] Too many open files`.
(Worker pid=6433) ERROR 11-21 10:34:57 [multiproc_executor.py:1063] WorkerProc hit an exception.
(Worker pid=6433) ERROR 11-21 10:34:57 [multiproc_executor.py:1063] Traceback (most recent call last):
(Worker pid=6433) ERROR 11-21 10:34:57 [multiproc_executor.py:1063]     raise ValueError(
(Worker pid=6433) ERROR 11-21 10:34:57 [multiproc_executor.py:1063] ValueError: Available memory on node 0 is less.
(Worker pid=6433) ERROR 11-21 10:34:57 [multiproc_executor.py:1063]
(EngineCore pid=6392) ERROR 11-21 10:34:57 [core.py:1510] EngineCore failed to start.
(EngineCore pid=6392) ERROR 11-21 10:34:57 [core.py:1510] RuntimeError: Worker failed with error, please check above.
Traceback (most recent call last):
  File "/env/lib/python3.11/site-packages/vllm/v1/engine/utils.py", line 1431, in wait_for_engine_startup
    raise RuntimeError(
RuntimeError: Engine core initialization failed. See root cause above. Failed core proc(s): {}
/usr/lib/python3.11/multiprocessing/resource_tracker.py:254: UserWarning: resource_tracker: There appear to be 1 leaked
  warnings.warn('resource_tracker: There appear to be %d '
"""


@pytest.mark.parametrize(
    ("log", "line"),
    [
        (BAD_FLAG, "vllm: error: unrecognized arguments: --bogus-flag"),
        (
            NO_MODEL,
            "huggingface_hub.errors.HFValidationError: Repo id must be in the form 'repo_name': '/nonexistent/model'.",
        ),
        (
            TOO_LONG,
            "pydantic_core._pydantic_core.ValidationError: 1 validation error for ModelConfig: "
            "Value error, User-specified max_model_len (999999) is greater than the derived max_model_len (4096).",
        ),
        (NO_MEMORY, "ValueError: Available memory on node 0 is less."),
        ("Loading weights\n", None),
        ("", None),
    ],
)
def test_the_useful_line_of_a_failed_start_is_the_cause_not_the_consequence(log: str, line: str | None) -> None:
    assert useful_line(log) == line


def test_a_line_is_one_line_and_short() -> None:
    assert len(useful_line("ValueError: " + "x" * 5000) or "") == 400
    assert last_line("") == "nothing"
    assert last_line("(Worker pid=1) INFO 11-21 10:34:57 [a.py:1] Loading  weights\n\n") == "Loading weights"


def test_it_says_which_model_answers_and_how_before_it_runs() -> None:
    worker = VLLMWorker("org/model", temperature=0.2)
    assert worker.name == "vllm:org/model"
    assert worker.sampling == {"model": "org/model", "temperature": 0.2, "max_tokens": 1024}
    assert worker.pid is None
    assert worker.url is None


def test_settings_that_cannot_be_are_refused_before_anything_is_started() -> None:
    with pytest.raises(ValueError, match="concurrency=0"):
        VLLMWorker("org/model", concurrency=0)


async def test_a_log_that_cannot_be_written_is_said_and_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    (tmp_path / "file").touch()
    log = tmp_path / "file" / "vllm.log"
    worker = VLLMWorker("model", executable=sys.executable, log=log, cpu=True)
    with pytest.raises(WorkerFailed, match=f"its log {log} cannot be written: "):
        await worker.start()
    await worker.aclose()
    assert os.listdir(tmp_path) == ["file"]


TRICKLES = """#!{python}
import sys, time
sys.path.insert(0, {root!r})
from tests.trickle import trickling
with trickling({way!r}, int(sys.argv[sys.argv.index("--port") + 1])):
    time.sleep(600)
"""


@in_every_way
async def test_a_health_that_trickles_holds_no_start_beyond_its_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    monkeypatch.setattr(vllm_engine, "HEALTH_EVERY", 0.5)
    engine = tmp_path / "vllm"
    engine.write_text(TRICKLES.format(python=sys.executable, root=str(Path(__file__).parents[3]), way=way))
    engine.chmod(0o755)
    worker = VLLMWorker("model", executable=str(engine), log=tmp_path / "log", cpu=True, start_timeout=3.0)
    began = time.monotonic()
    with pytest.raises(WorkerFailed, match=r"vLLM was not ready after 3 s"):
        await worker.start()
    assert time.monotonic() - began < 8.0
    await worker.aclose()
