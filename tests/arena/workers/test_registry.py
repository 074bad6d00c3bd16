"""Workers by their spec: a spec that names no Worker is refused in words that help."""

import sys
from pathlib import Path

import pytest

from forge_arena.errors import ForgeArenaError
from forge_arena.workers import open_worker

HASTY = """
from forge_arena.workers import ScriptedWorker

class Hasty(ScriptedWorker):
    def __init__(self, tries="7"):
        super().__init__()
        self.tries = {}[tries] if tries == "key" else int(tries)

class Late(Hasty):
    def __init__(self):
        super().__init__("abc")

class Torn(Hasty):
    def __init__(self):
        super().__init__("key")
"""


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("nope:Nope", r"^Worker 'nope:Nope': there is no module 'nope'\."),
        ("hasty_extras.nope:Hasty", r"^Worker 'hasty_extras\.nope:Hasty': there is no module 'hasty_extras\.nope'\."),
        ("hasty_extras.hasty:Hsaty", r"module 'hasty_extras\.hasty' has no class 'Hsaty'\. Did you mean 'Hasty'\?"),
        ("hasty_extras.hasty:Late", r"^Worker 'hasty_extras\.hasty:Late': invalid literal for int\(\) .*'abc'$"),
        ("hasty_extras.hasty:Torn", r"^making Worker '\S+:Torn' raised KeyError: 'key' \(\S+hasty\.py:7\)$"),
        (
            "hasty_extras.torn:Torn",
            r"^importing Worker 'hasty_extras\.torn:Torn' raised SyntaxError: .*\(\S+torn\.py:1\)$",
        ),
        ("builtins:dict", r"^Worker 'builtins:dict': no signature found for builtin type"),
        ("scriptde", r"^unknown Worker 'scriptde'\. Did you mean 'scripted'\?"),
    ],
)
def test_a_spec_that_names_no_worker_is_refused_in_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, spec: str, message: str
) -> None:
    extras = tmp_path / "hasty_extras"
    extras.mkdir()
    (extras / "__init__.py").touch()
    (extras / "hasty.py").write_text(HASTY)
    (extras / "torn.py").write_text("def Torn(:")
    monkeypatch.syspath_prepend(str(tmp_path))
    for name in ("hasty_extras", "hasty_extras.hasty"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    with pytest.raises(ForgeArenaError, match=message):
        open_worker(spec)
