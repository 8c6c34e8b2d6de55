"""Models as the lab writes them: whole or not at all, marked, without a path of this machine."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from peft import PeftModel
from transformers import GenerationConfig, PreTrainedModel, PreTrainedTokenizerFast

from modelrepair import UsageError
from modelrepair.artifact.writer import make_room
from modelrepair.checkpoint.atomic import write_json, write_text
from modelrepair.checkpoint.kept_files import CARD_NAME, LAB_MARK
from modelrepair.checkpoint.place import disk_errors
from modelrepair.checkpoint.roles import holds_weights
from modelrepair.checkpoint.weight_files import ADAPTER_CONFIG, BASE_KEY
from modelrepair_lab.models import CONFIG, without_bars

CARD = """---
tags:
- {mark}
---

{what}

Made by `modelrepair lab` for experiments on one machine. Its config carries the mark `{mark}`, and
modelrepair pushes neither this model nor what is repaired from it.
"""


class DivergedError(UsageError):
    """A training that ended in weights which are no numbers."""


@contextmanager
def whole(out: Path) -> Iterator[Path]:
    """A folder that becomes ``out`` when the work in it is done, and is removed when it fails.

    Raises:
        UsageError: ``out`` is not empty, or is no folder.
        ResourceError: the disk is full, or the folder can't be written.
    """
    out = out.expanduser().absolute()
    partial = out.with_name(f"{out.name}.partial")
    with disk_errors(out):
        make_room(out)
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        try:
            yield partial
        except BaseException:
            shutil.rmtree(partial, ignore_errors=True)
            raise
        for path in partial.rglob("*"):
            path.chmod(0o755 if path.is_dir() else 0o644)  # save_pretrained leaves 0600
        partial.rename(out)


def save_model(model: PreTrainedModel, dtype: torch.dtype, source: Path, folder: Path) -> None:
    """Write a checkpoint in the dtype of its source, with the source's tokenizer byte for byte.

    Raises:
        DivergedError: a weight is not finite.
    """
    torch.nn.Module.to(model, dtype)
    check_finite(model.parameters())
    with without_bars():
        model.save_pretrained(folder)
    for path in sorted(source.iterdir()):
        if path.is_file() and belongs_to_any(path.name):
            shutil.copyfile(path, folder / path.name)


def save_adapter(model: PeftModel, dtype: torch.dtype, folder: Path) -> None:
    """Write an adapter as peft does, without the path of its base.

    Raises:
        DivergedError: a weight is not finite.
    """
    factors = [each for name, each in model.named_parameters() if "lora_" in name]
    for parameter in factors:
        parameter.data = parameter.data.to(dtype)
    check_finite(factors)
    model.save_pretrained(str(folder))
    config = json.loads((folder / ADAPTER_CONFIG).read_bytes())
    config["target_modules"] = sorted(config["target_modules"])
    config[BASE_KEY] = None
    text = json.dumps(config, indent=2, sort_keys=True) + "\n"
    (folder / ADAPTER_CONFIG).write_text(text, encoding="utf-8")


def save_world_model(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerFast, folder: Path
) -> None:
    """Write a checkpoint of the made-up world as transformers does, in bfloat16."""
    model.generation_config = GenerationConfig(  # type: ignore[no-untyped-call]
        eos_token_id=tokenizer.eos_token_id, pad_token_id=tokenizer.pad_token_id
    )
    torch.nn.Module.to(model, torch.bfloat16)
    with without_bars():
        model.save_pretrained(folder)
    # In the file that every reader of tokenizers knows, rather than in one of its own.
    tokenizer.save_pretrained(folder, save_jinja_files=False)


def mark(folder: Path, what: str, made: dict[str, Any]) -> None:
    """Mark a model as the lab's, and write the card that says what it is.

    Args:
        folder: the model or adapter.
        what: one sentence for people.
        made: how it was made, for machines; it holds no path.
    """
    name = ADAPTER_CONFIG if (folder / ADAPTER_CONFIG).exists() else CONFIG
    config = json.loads((folder / name).read_bytes())
    write_json(folder / name, {**config, LAB_MARK: made})
    write_text(folder / CARD_NAME, CARD.format(mark=LAB_MARK, what=what))


def mark_of(folder: Path) -> dict[str, Any]:
    """How a whole model of the lab was made, as its mark says; nothing where there is no mark."""
    config = json.loads((folder / CONFIG).read_bytes())
    return dict(config.get(LAB_MARK) or {})


def check_finite(weights: Iterable[torch.Tensor]) -> None:
    """Refuse to write weights that no model can compute with.

    >>> check_finite([torch.tensor([1.0, float("nan")])])
    Traceback (most recent call last):
    modelrepair_lab.saving.DivergedError: the training diverged: not all weights are finite
    Hint [...]: ...

    Raises:
        DivergedError: one is not finite.
    """
    if not all(bool(torch.isfinite(each).all()) for each in weights):
        raise DivergedError(
            "the training diverged: not all weights are finite", hint="take a smaller learning rate"
        )


def belongs_to_any(name: str) -> bool:
    """Whether a file of the source fits every model that is trained from it."""
    ours = (CONFIG, CARD_NAME, ADAPTER_CONFIG)
    return not (name in ours or name.startswith(".") or holds_weights(name))
