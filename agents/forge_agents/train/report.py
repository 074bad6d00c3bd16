"""Write a run's report: one page from the records that the run left in its folder."""

from pathlib import Path


def write_report(folder: Path) -> Path:
    """Write `folder / "report.html"` and return its path."""
    return folder / "report.html"
