"""Say which code made a result: its version, its git revision, and the versions of the libraries below it."""

import platform
import subprocess
from collections.abc import Sequence
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import forge_arena
from forge_arena.types import Noun

# The libraries on which the numbers of an evaluation depend, or what a model writes.
PACKAGES = ("numpy", "scipy", "scikit-learn", "pydantic", "openai", "httpx", "torch", "transformers", "peft")


class Software(Noun):
    """The code of one process. `revision` is None outside a git checkout; a `+` at its end says that a file differs."""

    forge_arena: str
    revision: str | None = None
    python: str
    packages: dict[str, str] = {}


def software() -> Software:
    """The code of this process."""
    return Software(
        forge_arena=forge_arena.__version__,
        revision=revision(),
        python=platform.python_version(),
        packages=installed(PACKAGES),
    )


@cache
def revision() -> str | None:
    """The git revision of the code, with `+` if a file was changed since; None outside a checkout."""
    here = Path(__file__)
    try:
        # An installed copy may lie in the checkout of another project, whose revision says nothing of this code.
        _git("ls-files", "--error-unmatch", here.name, at=here.parent)
        head = _git("rev-parse", "HEAD", at=here.parent)
        changed = _git("status", "--porcelain", at=here.parent)
    except (OSError, subprocess.CalledProcessError):
        return None
    return head + ("+" if changed else "")


def _git(*arguments: str, at: Path) -> str:
    return subprocess.run(["git", *arguments], cwd=at, capture_output=True, text=True, check=True).stdout.strip()


def installed(packages: Sequence[str]) -> dict[str, str]:
    """The versions of those packages that are installed."""
    versions = {}
    for name in packages:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            continue
    return versions
