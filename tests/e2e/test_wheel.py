"""One wheel holds all of the product: a stranger installs it without the checkout and plays in an empty folder.

Needs FORGE_ARENA_UV, the program `uv` (`make test-wheel` names one), and a package index.
"""

import os
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from ..server_process import running

UV = os.environ.get("FORGE_ARENA_UV", "")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not UV, reason="FORGE_ARENA_UV names no program: make test-wheel"),
]
ROOT = Path(__file__).parents[2]
# The folders of the checkout, and where their files lie in the wheel.
FOLDERS = {
    "arena/forge_arena": "forge_arena",
    "server/forge_server": "forge_server",
    "agents/forge_agents": "forge_agents",
    "agents/forge_command": "forge_command",
    "agents/forge_verifiers": "forge_verifiers",
    "scenarios": "forge_arena/_scenarios",
}
# Neither the checkout nor the environment of the tests is within reach.
STRANGER = {
    **{
        name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "FORGE_ARENA_", "VIRTUAL_"))
    },
    "COLUMNS": "200",
    "NO_COLOR": "1",
}


def ran(*command: str | Path, cwd: Path, **variables: str) -> str:
    environment = {**STRANGER, **variables}
    done = subprocess.run(command, capture_output=True, text=True, cwd=cwd, env=environment, timeout=300, check=False)
    assert done.returncode == 0, f"{done.stdout[-2_000:]}\n{done.stderr[-2_000:]}"
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from the source distribution, as `uv build` does."""
    folder = tmp_path_factory.mktemp("dist")
    ran(UV, "build", "--quiet", "--python", sys.executable, "--out-dir", folder, cwd=ROOT)
    (wheel,) = folder.glob("*.whl")
    (source,) = folder.glob("*.tar.gz")
    assert source.name.removesuffix(".tar.gz") == wheel.name.removesuffix("-py3-none-any.whl")
    return wheel


@pytest.fixture(scope="module")
def environment(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs of a new environment with the wheel and what it needs, without any extra."""
    folder = tmp_path_factory.mktemp("environment")
    ran(UV, "venv", "--quiet", "--python", sys.executable, folder, cwd=folder)
    install(folder / "bin", str(wheel))
    return folder / "bin"


def install(programs: Path, what: str) -> None:
    constraints = ("--constraint", ROOT / "constraints.txt")
    ran(UV, "pip", "install", "--quiet", "--python", programs / "python", *constraints, what, cwd=programs)


def test_the_wheel_holds_every_file_of_the_packages_and_of_the_scenarios(wheel: Path) -> None:
    tracked = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", *FOLDERS],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    wanted = {
        inside + name.removeprefix(folder)
        for name in tracked
        for folder, inside in FOLDERS.items()
        if name.startswith(f"{folder}/")
    }
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
    assert names == wanted
    assert {Path(name).suffix for name in names} >= {".py", ".yaml", ".jinja", ".css", ".js", ".mako", ".typed"}


def test_the_command_says_its_version_and_explains_itself(environment: Path, wheel: Path, tmp_path: Path) -> None:
    assert wheel.name.split("-")[1] == ran(environment / "forge-arena", "--version", cwd=tmp_path).strip()
    assert "forge-arena demo" in ran(environment / "forge-arena", "--help", cwd=tmp_path)


def test_without_extras_there_is_no_server_and_the_demo_plays(environment: Path, tmp_path: Path) -> None:
    installed = ran(UV, "pip", "list", "--python", environment / "python", cwd=tmp_path).split()
    assert {"fastapi", "sqlalchemy", "torch", "jinja2"}.isdisjoint(installed)
    out = ran(environment / "forge-arena", "demo", "--episodes", "60", cwd=tmp_path)
    assert "arena: in this process" in out
    assert all(name in out for name in ("always_clean", "rules_without_source", "bal.acc", "AUROC"))
    assert list(tmp_path.iterdir()) == []


def test_uvx_finds_the_command(wheel: Path, tmp_path: Path) -> None:
    # `uvx` is `uv tool run`. What the command does without extras is tested above.
    uvx = (UV, "tool", "run", "--isolated", "--python", sys.executable, "--from", wheel)
    assert wheel.name.split("-")[1] == ran(*uvx, "forge-arena", "--version", cwd=tmp_path).strip()


@pytest.fixture(scope="module")
def served(environment: Path, wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a server that the wheel brought, in the environment to which the extra `server` was added."""
    install(environment, f"{wheel}[server]")
    store = f"sqlite:///{tmp_path_factory.mktemp('served')}/arena.db"
    arguments = ("-P", "-m", "forge_command", "serve", "--port", "0", "--store", store)
    with running(*arguments, python=str(environment / "python"), environment={"PYTHONPATH": ""}) as url:
        yield url


def test_the_server_of_the_wheel_has_its_pages_and_its_migrations(served: str) -> None:
    for path in ("/", "/play", "/docs", "/static/page.css"):
        assert httpx.get(f"{served}{path}", timeout=60).status_code == 200, path
    opened = httpx.post(f"{served}/v1/episodes", json={"count": 1}, timeout=60).json()
    assert opened["episodes"][0]["key"].startswith("forge:")


def test_the_version_is_the_tag_and_in_an_image_what_the_build_is_told(tmp_path: Path) -> None:
    clone = tmp_path / "clone"
    ran("git", "clone", "--quiet", ROOT, clone, cwd=tmp_path)
    # A later tag of ours may stand at the same commit.
    ran("git", "tag", "v987.6.5", cwd=clone)
    assert built_version(clone) == "987.6.5"
    (clone / ".git").rename(tmp_path / "git")
    assert built_version(clone, SETUPTOOLS_SCM_PRETEND_VERSION="") == "0.1.dev0"
    assert built_version(clone, SETUPTOOLS_SCM_PRETEND_VERSION="1.2.3") == "1.2.3"
    # Where an image's build is told no version, the image says so and not a version that some release has.
    assert built_version(clone, SETUPTOOLS_SCM_PRETEND_VERSION="0+unknown") == "0+unknown"
    told = "SETUPTOOLS_SCM_PRETEND_VERSION=${VERSION:-0+unknown}"
    assert (ROOT / "Dockerfile").read_text(encoding="utf-8").count(told) == 2


def built_version(checkout: Path, **variables: str) -> str:
    dist = checkout.parent / "dist"
    ran(UV, "build", "--quiet", "--sdist", "--python", sys.executable, "--out-dir", dist, cwd=checkout, **variables)
    (source,) = dist.glob("*.tar.gz")
    source.unlink()
    return source.name.removeprefix("forge_arena-").removesuffix(".tar.gz")
