"""Make a large model trainable on one GPU: LoRA (Hu et al. 2021) over weights in 4-bit NF4 (QLoRA, Dettmers et al.
2023)."""

from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, PeftModel
from transformers import AutoModelForCausalLM, BitsAndBytesConfig

from forge_agents.overseers.prompts import note_prompt
from forge_agents.train.presets import Preset, PresetError


def lora_config(preset: Preset) -> Any:
    """The preset's LoRA as PEFT wants it, or None."""
    if preset.lora is None:
        return None
    return LoraConfig(
        r=preset.lora.r,
        lora_alpha=preset.lora.alpha,
        lora_dropout=preset.lora.dropout,
        target_modules=preset.lora.targets,
        task_type="CAUSAL_LM",
    )


def quantization_config(preset: Preset) -> Any:
    """The preset's quantization as transformers wants it, or None.

    Raises:
        PresetError: bitsandbytes is not installed.
    """
    if preset.quantization == "none":
        return None
    try:
        import bitsandbytes  # noqa: F401
    except ImportError as error:
        raise PresetError(
            f"quantization nf4 needs bitsandbytes ({error}): pip install bitsandbytes, or give quantization=none"
        ) from None
    return BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=getattr(torch, preset.dtype),
    )


def save_whole(preset: Preset, model: Any, tokenizer: Any, *, source: str, folder: Path) -> None:
    """Save a model with its adapter merged in, so that a program that loads the model needs no adapter.

    Merging into 4-bit weights would round the adapter away. So it is merged into the original weights of `source`.
    """
    if hasattr(model, "merge_and_unload"):
        if preset.quantization == "none":
            model = model.merge_and_unload()
        else:
            model.save_pretrained(folder / "adapter")
            base = AutoModelForCausalLM.from_pretrained(source, dtype=getattr(torch, preset.dtype))
            model = PeftModel.from_pretrained(base, str(folder / "adapter")).merge_and_unload()
    model.save_pretrained(folder)
    note_prompt(folder, preset.prompt, tools=preset.tools)
    tokenizer.save_pretrained(folder)
