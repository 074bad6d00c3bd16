"""Say which code made a result: version, git revision, a digest of what makes and grades episodes, and libraries."""

import hashlib
import platform
import subprocess
from collections.abc import Sequence
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import forge_arena
from forge_arena.additions import scenario_folder
from forge_arena.types import Noun

# The libraries on which the numbers of an evaluation depend, or what a model writes.
PACKAGES = ("numpy", "scipy", "scikit-learn", "pydantic", "openai", "httpx", "torch", "transformers", "peft")


# What makes and grades no episode. A new file counts until it is named here, because a hash that changes too often is
# better than one hash for two tests.
NOT_OF_EPISODES = frozenset(
    {
        *("audits", "measures"),
        *("env.py", "inspect_task.py", "play.py", "present.py", "software.py", "spaces.py", "testing.py"),
    }
)


# The build of an image writes the revision into this file beside the code.
REVISION_FILE = "_revision.txt"


class Software(Noun):
    """The code of one process. `revision` is None if nobody knows it; a `+` at its end says that a file differs."""

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
    """The git revision of the code, with `+` if a file was changed since.

    Outside a checkout it is what the build of an image noted (`make images`), and None without such a note.
    """
    here = Path(__file__)
    try:
        # An installed copy may lie in the checkout of another project, whose revision says nothing of this code.
        _git("ls-files", "--error-unmatch", here.name, at=here.parent)
        head = _git("rev-parse", "HEAD", at=here.parent)
        changed = _git("status", "--porcelain", at=here.parent)
    except (OSError, subprocess.CalledProcessError):
        return _noted_revision(here.with_name(REVISION_FILE))
    return head + ("+" if changed else "")


@cache
def episode_code() -> str:
    """A digest of the source that makes and grades episodes, and of the scenario files of the arena.

    It is the same for the same source in a checkout, in an image and in an installed wheel, whatever the version is
    called. A comment counts as source.
    """
    digest = hashlib.sha256()
    for name, path in sorted((*_modules(Path(__file__).parent), *_scenario_files(scenario_folder()))):
        source = path.read_bytes().replace(b"\r\n", b"\n")  # As git may check out on Windows.
        digest.update(f"{name} {len(source)}\n".encode() + source)
    return digest.hexdigest()[:16]


def _modules(package: Path) -> list[tuple[str, Path]]:
    files = ((path.relative_to(package), path) for path in package.rglob("*.py"))
    return [(name.as_posix(), path) for name, path in files if name.parts[0] not in NOT_OF_EPISODES]


def _scenario_files(folder: Path) -> list[tuple[str, Path]]:
    return [(f"scenarios: {path.relative_to(folder).as_posix()}", path) for path in folder.rglob("*.yaml")]


def _noted_revision(file: Path) -> str | None:
    return (file.read_text(encoding="ascii").strip() or None) if file.is_file() else None


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
