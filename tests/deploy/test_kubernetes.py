"""The manifests are what Kubernetes takes and what the server reads: by schema, by rule, and by the real settings."""

import copy
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml
from sqlalchemy import make_url

from forge_server.settings import PREFIX, Settings

FOLDER = Path(__file__).parents[2] / "deploy" / "kubernetes"
SECRETS = FOLDER / "base" / "secrets.env.example"
OVERLAYS = ("base", "gpu")
# The oldest that the manifests are for, and a current one.
VERSIONS = ("1.30", "1.34")
FILES = sorted(path for path in FOLDER.rglob("*.yaml") if path.name not in ("kustomization.yaml", "worker.yaml"))

Manifest = dict[str, Any]


def documents(path: Path) -> list[Manifest]:
    return [document for document in yaml.safe_load_all(path.read_text()) if document]


def resources(overlay: str) -> list[Manifest]:
    """The manifests of an overlay before its patches."""
    kustomization = yaml.safe_load((FOLDER / overlay / "kustomization.yaml").read_text())
    found = []
    for name in kustomization["resources"]:
        path = FOLDER / overlay / name
        found += resources(path.resolve().name) if path.is_dir() else documents(path)
    return found


def pods(manifests: list[Manifest]) -> Iterator[tuple[str, Manifest]]:
    """The pod of everything that runs one, with its name."""
    for manifest in manifests:
        if manifest["kind"] in ("Deployment", "StatefulSet"):
            yield manifest["metadata"]["name"], manifest["spec"]["template"]


def given(pod: Manifest) -> dict[str, Any]:
    """The environment of a pod's only container: a text, or the name in the secret."""
    (container,) = pod["spec"]["containers"]
    return {
        entry["name"]: entry.get("value", entry.get("valueFrom", {}).get("secretKeyRef", {}).get("key"))
        for entry in container.get("env", ())
    }


def secrets() -> set[str]:
    return set(re.findall(r"^([A-Z_]+)=$", SECRETS.read_text(), re.MULTILINE))


def problems(manifests: list[Manifest]) -> list[str]:
    """What breaks a rule that no schema knows."""
    found = []
    reachable = {
        manifest["spec"]["podSelector"].get("matchLabels", {}).get("app")
        for manifest in manifests
        if manifest["kind"] == "NetworkPolicy"
        and [rule.get("from") for rule in manifest["spec"].get("ingress", ())]
        == [[{"podSelector": {"matchLabels": {"app": "arena"}}}]]
    }
    services = {manifest["metadata"]["name"]: manifest for manifest in manifests if manifest["kind"] == "Service"}
    for name, pod in pods(manifests):
        (container,) = pod["spec"]["containers"]
        inside, around = container.get("securityContext", {}), pod["spec"].get("securityContext", {})
        if not around.get("runAsNonRoot") or not around.get("runAsUser"):
            found.append(f"{name} may run as root")
        if (
            around.get("seccompProfile") != {"type": "RuntimeDefault"}
            or inside.get("allowPrivilegeEscalation") is not False
        ):
            found.append(f"{name} may gain rights")
        if inside.get("capabilities") != {"drop": ["ALL"]}:
            found.append(f"{name} keeps capabilities")
        if not inside.get("readOnlyRootFilesystem"):
            found.append(f"{name} may write to its image")
        if {"startupProbe", "readinessProbe", "livenessProbe"} - set(container):
            found.append(f"{name} lacks a probe")
        if not {"cpu", "memory"} <= set(container.get("resources", {}).get("requests", ())):
            found.append(f"{name} requests no cpu or no memory")
        if {mount["name"] for mount in container["volumeMounts"]} - {
            *(volume["name"] for volume in pod["spec"].get("volumes", ())),
            *(
                claim["metadata"]["name"]
                for m in manifests
                for claim in m.get("spec", {}).get("volumeClaimTemplates", ())
            ),
        }:
            found.append(f"{name} mounts a volume that it does not have")
        ports = {port["name"] for port in container["ports"]}
        if name not in services or services[name]["spec"]["selector"] != pod["metadata"]["labels"]:
            found.append(f"no Service selects {name}")
        elif {port["targetPort"] for port in services[name]["spec"]["ports"]} - ports:
            found.append(f"the Service of {name} names a port that it does not have")
        if name != "arena" and name not in reachable:
            found.append(f"{name} can be reached by others than the arena")
        for entry in container.get("env", ()):
            key = entry.get("valueFrom", {}).get("secretKeyRef", {}).get("key")
            if key is not None and key not in secrets():
                found.append(f"{name} wants {key}, which is not in {SECRETS.name}")
            if re.search(r"TOKEN|SECRET|PASSWORD|KEY", entry["name"]) and "value" in entry:
                found.append(f"{name} has {entry['name']} in plain text")
    arena = next(m for m in manifests if (m["kind"], m["metadata"]["name"]) == ("Deployment", "arena"))
    (container,) = arena["spec"]["template"]["spec"]["containers"]
    strange = [
        name
        for name in given(arena["spec"]["template"])
        if name.startswith(PREFIX) and name.removeprefix(PREFIX).lower() not in Settings.model_fields
    ]
    if strange:
        found.append(f"the server has no setting {', '.join(strange)}")
    if [port["containerPort"] for port in container["ports"]] != [Settings.model_fields["port"].default]:
        found.append("the arena listens at another port")
    if arena["spec"]["strategy"]["rollingUpdate"]["maxUnavailable"] != 0:
        found.append("an update takes replicas away")
    pause = container.get("lifecycle", {}).get("preStop", {}).get("sleep", {}).get("seconds", 0)
    # 30 s: GRACE in forge_server.running.
    if not pause or arena["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] < pause + 30 + 5:
        found.append("the arena is killed before it has answered what is open")
    if "FORGE_ARENA_SECRET" not in given(arena["spec"]["template"]):
        found.append("replicas salt the test split each in its own way")
    return found


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(FOLDER)))
def test_every_manifest_fits_the_schema(path: Path, version: str) -> None:
    for document in documents(path):
        kubernetes_validate.validate(document, version, strict=True)


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_no_manifest_breaks_a_rule(overlay: str) -> None:
    assert problems(resources(overlay)) == []


@pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl is not installed")
@pytest.mark.parametrize("overlay", OVERLAYS)
def test_what_kustomize_makes_of_them_is_as_good_and_starts_a_server(overlay: str, tmp_path: Path) -> None:
    shutil.copytree(FOLDER, tmp_path / "k", ignore=shutil.ignore_patterns("secrets.env"))
    filled = re.sub(r"=$", "=0123456789abcdef", SECRETS.read_text(), flags=re.MULTILINE)
    (tmp_path / "k" / "base" / "secrets.env").write_text(filled)
    done = subprocess.run(
        ["kubectl", "kustomize", tmp_path / "k" / overlay], capture_output=True, text=True, check=True
    )
    rendered = [document for document in yaml.safe_load_all(done.stdout) if document]
    for document in rendered:
        kubernetes_validate.validate(document, VERSIONS[0], strict=True)
    assert problems(rendered) == []
    assert {m["metadata"].get("namespace", "forge-arena") for m in rendered} == {"forge-arena"}

    (secret,) = (manifest for manifest in rendered if manifest["kind"] == "Secret")
    arena = dict(pods(rendered))["arena"]
    (container,) = arena["spec"]["containers"]
    assert container["image"] == "registry.example/forge-arena:0.1"
    references = [entry["valueFrom"]["secretKeyRef"] for entry in container["env"] if "valueFrom" in entry]
    assert {reference["name"] for reference in references} == {secret["metadata"]["name"]}

    # As the kubelet would fill it in, and as the server would read it.
    environ = {name: "0123456789abcdef" if value in secrets() else value for name, value in given(arena).items()}
    environ["FORGE_ARENA_STORE"] = environ["FORGE_ARENA_STORE"].replace(
        "$(POSTGRES_PASSWORD)", environ["POSTGRES_PASSWORD"]
    )
    settings = Settings.from_environment(environ)
    store = make_url(settings.store)
    postgres = given(dict(pods(rendered))["postgres"])
    assert (store.host, store.username, store.database) == (
        "postgres",
        postgres["POSTGRES_USER"],
        postgres["POSTGRES_DB"],
    )
    assert store.password == "0123456789abcdef"
    if overlay == "gpu":
        (vllm,) = dict(pods(rendered))["vllm"]["spec"]["containers"]
        served = next(argument for argument in vllm["args"] if "served-model-name" in argument).partition("=")[2]
        assert settings.worker == f"openai:{served}@http://vllm:{vllm['ports'][0]['containerPort']}/v1"
        assert given(dict(pods(rendered))["vllm"])["VLLM_API_KEY"] == "FORGE_ARENA_API_KEY"  # pragma: allowlist secret
        assert settings.api_key == "0123456789abcdef"
    else:
        assert settings.worker == "scripted"


def test_no_secret_is_committed() -> None:
    lines = [line for line in SECRETS.read_text().splitlines() if line and not line.startswith("#")]
    assert len(lines) == len(secrets()) == 4
    ignored = subprocess.run(["git", "check-ignore", "-q", "secrets.env"], cwd=SECRETS.parent)
    assert ignored.returncode in (0, 128), "git would take secrets.env (128: this is no checkout)"


def _arena(manifests: list[Manifest]) -> Manifest:
    return next(manifest for manifest in manifests if manifest["kind"] == "Deployment")["spec"]["template"]["spec"]


def _container(manifests: list[Manifest]) -> Manifest:
    return _arena(manifests)["containers"][0]


def _rename(manifests: list[Manifest], old: str, new: str) -> None:
    next(entry for entry in _container(manifests)["env"] if entry["name"] == old)["name"] = new


BROKEN: dict[str, Callable[[list[Manifest]], object]] = {
    "may run as root": lambda m: _arena(m)["securityContext"].pop("runAsNonRoot"),
    "may gain rights": lambda m: _container(m)["securityContext"].pop("allowPrivilegeEscalation"),
    "keeps capabilities": lambda m: _container(m)["securityContext"]["capabilities"].update(drop=["NET_RAW"]),
    "may write to its image": lambda m: _container(m)["securityContext"].update(readOnlyRootFilesystem=False),
    "lacks a probe": lambda m: _container(m).pop("readinessProbe"),
    "requests no cpu": lambda m: _container(m)["resources"]["requests"].pop("cpu"),
    "mounts a volume": lambda m: _arena(m).pop("volumes"),
    "no Service selects arena": lambda m: m.remove(next(x for x in m if x["kind"] == "Service")),
    "names a port": lambda m: _container(m)["ports"][0].update(name="web"),
    "postgres can be reached": lambda m: [
        m.remove(x) for x in list(m) if (x["kind"], x["metadata"]["name"]) == ("NetworkPolicy", "postgres")
    ],
    "which is not in secrets.env.example": lambda m: next(
        entry for entry in _container(m)["env"] if "valueFrom" in entry
    )["valueFrom"]["secretKeyRef"].update(key="OTHER"),
    "has FORGE_ARENA_TOKENS in plain text": lambda m: next(
        entry for entry in _container(m)["env"] if entry["name"] == "FORGE_ARENA_TOKENS"
    ).update(value="12345678"),
    "no setting FORGE_ARENA_WORKERS": lambda m: _rename(m, "FORGE_ARENA_WORKER", "FORGE_ARENA_WORKERS"),
    "listens at another port": lambda m: _container(m)["ports"][0].update(containerPort=8080),
    "an update takes replicas away": lambda m: next(x for x in m if x["kind"] == "Deployment")["spec"]["strategy"][
        "rollingUpdate"
    ].update(maxUnavailable=1),
    "is killed before": lambda m: _arena(m).update(terminationGracePeriodSeconds=30),
    "each in its own way": lambda m: _rename(m, "FORGE_ARENA_SECRET", "FORGE_ARENA_API_KEY"),
}


@pytest.mark.parametrize("wanted", BROKEN)
def test_a_manifest_that_breaks_a_rule_is_noticed(wanted: str) -> None:
    manifests = copy.deepcopy(resources("base"))
    BROKEN[wanted](manifests)
    assert [problem for problem in problems(manifests) if wanted in problem]


@pytest.mark.parametrize(
    ("field", "value"), [("replicas", "three"), ("replica", 3), ("selector", "arena"), ("strategy", {"maxSurge": 1})]
)
def test_a_manifest_that_does_not_fit_the_schema_is_refused(field: str, value: object) -> None:
    deployment = next(x for x in copy.deepcopy(resources("base")) if x["kind"] == "Deployment")
    deployment["spec"][field] = value
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(deployment, VERSIONS[0], strict=True)
