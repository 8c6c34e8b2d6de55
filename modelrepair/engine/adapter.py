"""A skeleton whose layers carry an adapter: the model as peft makes it, still without weights."""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

from modelrepair.checkpoint.bounded import try_patterns
from modelrepair.checkpoint.reader import Checkpoint
from modelrepair.checkpoint.untrusted import read_json
from modelrepair.checkpoint.weight_files import ADAPTER, ADAPTER_CONFIG
from modelrepair.checkpoint.wrapped import unwrapped
from modelrepair.engine.layout.conversion import Made
from modelrepair.engine.skeleton import Skeleton
from modelrepair.errors import DamagedCheckpointError, UnsupportedModelError, one_line

NAME = "default"
"""What the adapter is called inside the model; files don't carry the name."""

MOST_NAMES = 10_000
"""Names and patterns in one field of a config."""
FEW_NAMES = 100

_PREFIX = "base_model.model."
_ANOTHER_BASE = (
    "give the base that the adapter was trained on with --base, at the revision of that time"
)


def adapt(skeleton: Skeleton, folder: Path, adapter: Checkpoint) -> Skeleton:
    """Put an adapter's layers into a skeleton, and find which file tensor fills which parameter.

    peft builds the layers and maps the names, on the meta device: scaling, rank patterns, biases
    and saved modules are as they would be in use. The skeleton's model is changed in place.

    Args:
        skeleton: the base, on the meta device.
        folder: the adapter's, with its config.
        adapter: its tensors.

    Raises:
        UnsupportedModelError: peft can't build it, or its layers are no plain LoRA.
        DamagedCheckpointError: a factor is missing, renamed, or of another shape.
    """
    from peft.mapping import inject_adapter_in_model
    from peft.utils.save_and_load import set_peft_model_state_dict

    model = skeleton.model
    check_patterns(folder, [name for name, _ in model.named_modules()])
    base = {id(tensor): skeleton.files[name] for name, tensor in _tensors(model).items()}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            inject_adapter_in_model(_config(folder), model, NAME, low_cpu_mem_usage=True)
            # Each tensor is known by its identity afterwards, whatever peft calls it by then.
            given = {
                name: nn.Parameter(torch.empty(entry.shape, device="meta"), requires_grad=False)
                for name, entry in adapter.entries.items()
            }
            named = {
                unwrapped(name).removeprefix(_PREFIX): tensor for name, tensor in given.items()
            }
            result: Any = set_peft_model_state_dict(model, named, NAME, low_cpu_mem_usage=True)
    except KeyError as error:
        raise _missing(str(error.args[0])) from error
    except RuntimeError as error:
        if "size mismatch" not in str(error):
            raise
        raise _another_shape(str(error)) from error
    except (ValueError, NotImplementedError, TypeError) as error:
        line = one_line(error, 200)
        raise UnsupportedModelError(
            f"peft can't put the adapter into {type(model).__name__}: {line}",
            hint=_ANOTHER_BASE,
            id="adapter-base-does-not-fit",
        ) from error
    if result.unexpected_keys:
        raise DamagedCheckpointError(
            f"{ADAPTER} holds {result.unexpected_keys[0]!r}, which is no part of the adapter that "
            f"{ADAPTER_CONFIG} describes",
            hint="config and weights are of different adapters, or a tensor was renamed",
        )
    known = {**base, **{id(tensor): name for name, tensor in given.items()}}
    files: dict[str, str | Made] = {}
    for name, tensor in _tensors(model).items():
        if id(tensor) not in known:
            raise _missing(name)
        files[name] = known[id(tensor)]
    model.eval()
    model.requires_grad_(False)
    return replace(skeleton, files=files, adapter=frozenset(adapter.entries))


def check_patterns(folder: Path, names: Sequence[str]) -> None:
    """Refuse an adapter's config whose patterns can't be matched in time, before peft does so.

    Args:
        folder: the adapter's, with its config.
        names: of the base's modules.

    Raises:
        UnsupportedModelError: a pattern is none, takes too long, or there are too many.
    """
    config = read_json(folder, ADAPTER_CONFIG)
    for field, value in config.items():
        if isinstance(value, list | dict) and len(value) > MOST_NAMES:
            raise UnsupportedModelError(
                f"{ADAPTER_CONFIG} names {len(value):,} things under {field!r}",
                hint="an adapter names its layers by kind; its config is damaged",
            )
    # As peft puts them together.
    patterns = [
        *_texts(config.get("target_modules"), whole=True),
        *_texts(config.get("exclude_modules"), whole=True),
        *(rf"(.*\.)?({each})$" for each in _texts(config.get("rank_pattern"))),
        *(rf"(.*\.)?({each})$" for each in _texts(config.get("alpha_pattern"))),
        *(rf"(^|.*\.){each}($|\..*)" for each in _texts(config.get("modules_to_save"))),
        *(rf"(?:^|.*?\.){each}\.(?P<idx>\d+)\." for each in _texts(config.get("layers_pattern"))),
    ]
    if patterns and (reason := try_patterns(patterns, list(names))) is not None:
        raise UnsupportedModelError(
            f"a pattern in {ADAPTER_CONFIG} can't be used: {reason}",
            hint="don't trust this adapter, or name its layers by a list of names",
        )


def _texts(value: Any, *, whole: bool = False) -> list[str]:
    """The patterns in a field; a list of names is none where only one text is a pattern.

    Plain names are left out, unless there are so many that matching them takes its time too.
    """
    if isinstance(value, str):
        found = [value]
    elif whole or not isinstance(value, list | dict):
        found = []
    else:
        found = [each for each in value if isinstance(each, str)]
    plain = all(re.fullmatch(r"[\w-]+", each) for each in found)
    return [] if plain and len(found) <= FEW_NAMES else found


def unknown_fields(folder: Path) -> list[str]:
    """What a config of another version of peft asks for and this version does not know.

    >>> unknown_fields(Path("adapter"))  # doctest: +SKIP
    []
    """
    given: Mapping[str, Any] = read_json(folder, ADAPTER_CONFIG)
    # peft sets runtime_config when it loads, and reads it from no file.
    known = {*_config(folder).to_dict(), "runtime_config"}
    return sorted(name for name, value in given.items() if value and name not in known)


def check_plain(model: Any) -> None:
    """Make sure that every adapted layer computes x·W + s·(x·A)·B and nothing else.

    Raises:
        UnsupportedModelError: one is a variant of LoRA.
    """
    for name, module in model.named_modules():
        variant = getattr(module, "lora_variant", {}).get(NAME)
        if variant is not None:
            raise UnsupportedModelError(
                f"{name} is adapted by {type(variant).__name__}, no plain LoRA",
                hint="--merge makes a whole model of adapter and base, and repairs that",
            )


def _config(folder: Path) -> Any:
    from peft import PeftConfig

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # fields of another version: `unknown_fields` reports them
        config: Any = PeftConfig.from_pretrained(str(folder))
    config.inference_mode = True
    return config


def _tensors(model: Any) -> dict[str, torch.Tensor]:
    """Everything that a file must fill, by name; tied parameters by each of theirs."""
    state = model.state_dict(keep_vars=True)
    return {name: tensor for name, tensor in state.items() if isinstance(tensor, torch.Tensor)}


def _missing(name: str) -> DamagedCheckpointError:
    return DamagedCheckpointError(
        f"{ADAPTER} lacks {name!r}, which {ADAPTER_CONFIG} asks for",
        hint="download the adapter again, or ask its author for the whole of it",
    )


def _another_shape(text: str) -> DamagedCheckpointError:
    line = next((line for line in text.splitlines() if "size mismatch" in line), text)
    return DamagedCheckpointError(
        f"the adapter does not fit its base: {' '.join(line.split())[:200]}",
        hint=_ANOTHER_BASE,
        id="adapter-base-does-not-fit",
    )
