"""`forge-arena audit shortcuts` as a user runs it."""

from pathlib import Path

import pytest

from forge_arena.audits import AuditReport, shortcuts
from forge_arena.audits.shortcuts.attacks import Attack, list_attacks
from forge_arena.types import CorruptionType

from ..command_line import called, invoked


@pytest.mark.slow
def test_it_writes_what_it_found_and_says_by_its_exit_code_whether_all_gates_hold(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def few_attacks(quick: bool) -> list[Attack]:
        by_words = [attack for attack in list_attacks(quick) if attack.classifier == "words"]
        on_some = [attack for attack in by_words if attack.type in (None, CorruptionType.temporal_shift)]
        return [attack for attack in on_some if attack.input in ("answer", "answer+source")]

    # The tests of the audit itself run every attack. This one needs a few for its report.
    monkeypatch.setattr(shortcuts, "list_attacks", few_attacks)
    file, page = tmp_path / "shortcuts.json", tmp_path / "shortcuts.html"
    result = invoked("audit", "shortcuts", "--quick", "--episodes", "200", "--json", file, "--html", page)
    report = AuditReport.model_validate_json(file.read_text())
    assert report.audit == "shortcuts"
    assert report.settings["draws"] == 200
    assert result.exit_code == (0 if report.passed else 1), result.stderr
    assert "Words that only one twin has" in result.stdout
    assert "Words that only one twin has" in page.read_text()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--mechanism", "magic"), "--mechanism 'magic' is not known. There are rewrite, prompt"),
        (("--worker", "nobody"), "nobody"),
        (("--episodes", "3"), "200"),
    ],
)
def test_bad_input_is_refused_with_2(arguments: tuple[str, ...], message: str) -> None:
    _, err = called("audit", "shortcuts", *arguments, code=2)
    assert message in err
