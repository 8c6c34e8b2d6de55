"""Models of this machine, opened for training; nothing is ever fetched."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoTokenizer,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)
from transformers.utils import logging as of_transformers

from modelrepair import UnsupportedModelError, UsageError
from modelrepair.checkpoint.weight_files import ADAPTER_CONFIG
from modelrepair_lab.limits import known_seed

CONFIG = "config.json"


@dataclass(frozen=True)
class LocalModel:
    """A whole model in float32, the dtype of its files, its tokenizer and the padding token."""

    folder: Path
    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    dtype: torch.dtype
    padding: int


def local_folder(model: str | Path) -> Path:
    """The folder of a whole model on this machine.

    Raises:
        UsageError: it is no folder here (such as a Hub id), or holds an adapter or no model.
    """
    folder = Path(model).expanduser()
    if not folder.is_dir():
        raise UsageError(
            f"{str(model)!r} is no folder of this machine",
            hint="the lab works on local models only: download it first, and give its folder",
        )
    if holds_adapter(folder) or not (folder / CONFIG).exists():
        raise UsageError(
            f"the folder {folder.name!r} holds no whole model",
            hint=f"give a folder with {CONFIG} and safetensors files",
        )
    return folder


def holds_adapter(folder: Path) -> bool:
    """Whether a folder holds an adapter and no whole model.

    >>> holds_adapter(Path("missing"))
    False
    """
    return (folder / ADAPTER_CONFIG).exists()


def measured_folder(model: str | Path, base: Path | None) -> Path:
    """The folder of a whole model of this machine, or of an adapter where there is a base for it.

    Raises:
        UsageError: it is no folder here, or holds an adapter and there is no base, or no model.
    """
    folder = Path(model).expanduser()
    if base is not None and holds_adapter(folder):
        local_folder(base)
        return folder
    return local_folder(folder)


def open_model(model: str | Path, device: torch.device | None = None) -> LocalModel:
    """Read a local model for training in float32.

    Args:
        model: its folder.
        device: where its weights go. Default: they stay on the processor.

    Raises:
        UsageError: it is no whole model of this machine.
        UnsupportedModelError: transformers can't read it.
    """
    folder = local_folder(model)
    here: Any = {"local_files_only": True, "trust_remote_code": False}
    try:
        with without_bars():
            config = AutoConfig.from_pretrained(folder, **here)
            tokenizer = AutoTokenizer.from_pretrained(folder, **here)
            opened = AutoModelForCausalLM.from_pretrained(
                folder, dtype=torch.float32, use_safetensors=True, **here
            )
    except (OSError, ValueError, KeyError) as error:
        raise UnsupportedModelError(
            f"{folder.name!r} can't be read: {' '.join(str(error).split())[:200]}",
            hint="give a causal language model that transformers knows, in safetensors",
        ) from error
    if device is not None:
        torch.nn.Module.to(opened, device)
    padding = tokenizer.pad_token_id if tokenizer.pad_token_id is not None else 0
    return LocalModel(folder, opened, tokenizer, config.dtype or torch.float32, int(padding))


@contextmanager
def without_bars() -> Iterator[None]:
    """Show none of transformers' progress bars: stderr has ours, and where none is wanted, none."""
    logging: Any = of_transformers
    bars = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if bars:
            logging.enable_progress_bar()


@contextmanager
def deterministic(seed: int, device: torch.device | None = None) -> Iterator[None]:
    """Draw from a seed and compute the same bits each time, on this machine and thread count.

    A GPU lacks some operations that do: there they warn and go on.

    Raises:
        UsageError: torch takes no such seed.
    """
    known_seed(seed)
    before = torch.are_deterministic_algorithms_enabled()
    torch.manual_seed(seed)
    torch.use_deterministic_algorithms(True, warn_only=device is not None and device.type != "cpu")
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before)
