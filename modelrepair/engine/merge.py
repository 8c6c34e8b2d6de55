"""An adapter merged into its base: a whole checkpoint with the base's files, names and dtypes.

Layer by layer, by peft's own `merge` in float64, rounded to float32 and then to the file's dtype:
with so many digits in hand, the last one does not depend on the order in which a processor adds,
so that the same two always give the same bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from modelrepair.checkpoint.atomic import fsync_folder, write_json
from modelrepair.checkpoint.bits import from_float64
from modelrepair.checkpoint.kept_files import CARD_NAME, LAB_MARK, classify
from modelrepair.checkpoint.reader import Checkpoint, TensorEntry
from modelrepair.checkpoint.untrusted import read_json
from modelrepair.checkpoint.weight_files import ADAPTER_CONFIG
from modelrepair.checkpoint.writer import copy_file, replace_tensors
from modelrepair.engine.adapter import NAME, adapt
from modelrepair.engine.layout.conversion import Made
from modelrepair.engine.skeleton import Skeleton, build, filled
from modelrepair.engine.weights import stored
from modelrepair.errors import (
    DamagedCheckpointError,
    UnsupportedModelError,
    one_line,
    out_of_memory,
)
from modelrepair.moving import remove_folder, rename
from modelrepair.progress import Progress

_SAVED = f".modules_to_save.{NAME}."
_BASE_LAYER = ".base_layer."
_CONFIG = "config.json"
_OF_THE_BASE = (_CONFIG, "generation_config.json", ADAPTER_CONFIG)

UNTIE = "untie the base's embeddings first, or repair the adapter's factors without --merge"
WITHOUT = "repair the adapter's factors, without --merge"

Compute = Callable[[], Tensor]


def merge(
    adapter: Path, base: Path, into: Path, progress: Progress, include: Sequence[str] = ()
) -> None:
    """Write the whole model of an adapter and its base.

    The base's files are kept; tokenizer, licence and other texts that the adapter brings replace
    the base's of the same name, and its card becomes the card. An adapter that was broken on
    purpose gives the config its mark.

    >>> merge(Path("adapter"), Path("base"), Path("merged"), Progress())  # doctest: +SKIP

    Args:
        adapter: the adapter's folder.
        base: the folder of the model that it adapts.
        into: the folder to write; it appears whole or not at all.
        progress: where the bytes written are shown.
        include: globs of files to keep, too.

    Raises:
        UnsupportedModelError: what the adapter changes is used in several places of the model.
        DamagedCheckpointError: the adapter does not fit, or the result is not finite.
        ResourceError: the disk is full, or the folder can't be written.
    """
    small, large = Checkpoint.open(adapter), Checkpoint.open(base)
    plain = build(base, large, torch.device("cpu"))
    tied = dict(getattr(plain.model, "all_tied_weights_keys", {}))
    tensors = _changes(plain.files, tied, adapt(plain, adapter, small), small, large)

    def changed(file: str) -> Iterator[tuple[TensorEntry, np.ndarray]]:
        for entry in large.by_file[file]:
            if entry.name in tensors:
                values = tensors[entry.name]()
                if not torch.isfinite(values).all():
                    raise DamagedCheckpointError(
                        f"{entry.name} is not finite once the adapter is merged",
                        hint="the adapter's training diverged, or it has another base",
                        id="not-finite",
                    )
                yield entry, from_float64(values.numpy(), entry.dtype)

    kept = classify(adapter, weights=small.files, include=include).kept
    own = {name: adapter / name for name in kept}
    texts = {
        name: base / name
        for name in classify(base, weights=large.files, index=large.index, include=include).kept
        if name != large.index
    }
    texts |= {name: path for name, path in own.items() if name not in _OF_THE_BASE}
    if (adapter / CARD_NAME).is_file():
        texts[CARD_NAME] = adapter / CARD_NAME
    staged = into.with_name(f"{into.name}.writing")
    remove_folder(staged)
    total = sum((base / name).stat().st_size for name in large.files)
    with progress.step("merging the adapter", total, "bytes") as advance:
        for name, path in texts.items():
            (staged / name).parent.mkdir(parents=True, exist_ok=True)
            copy_file(path, staged / name)
        _keep_mark(adapter, staged)
        for name in large.files:
            replace_tensors(base / name, staged / name, changed(name))
            advance((base / name).stat().st_size)
        if large.index is not None:
            copy_file(base / large.index, staged / large.index)
    fsync_folder(staged)
    rename(staged, into)


def _keep_mark(adapter: Path, merged: Path) -> None:
    """Give a merged model's config the lab's mark, where the adapter carries it."""
    mark = (read_json(adapter, ADAPTER_CONFIG) or {}).get(LAB_MARK)
    config = read_json(merged, _CONFIG)
    if mark is not None and isinstance(config, dict) and LAB_MARK not in config:
        write_json(merged / _CONFIG, {**config, LAB_MARK: mark})


def _changes(
    before: Mapping[str, str | Made],
    tied: Mapping[str, str],
    adapted: Skeleton,
    adapter: Checkpoint,
    base: Checkpoint,
) -> dict[str, Compute]:
    """Which of the base's tensors the adapter changes, and how each new one is computed.

    Args:
        before: the base's parameters and the tensors that fill them.
        tied: parameters that the base's config says are others, by name.
        adapted: the skeleton with the adapter in its layers.
        adapter: the adapter's tensors.
        base: the base's.
    """
    from peft.tuners.tuners_utils import BaseTunerLayer

    def read(name: str) -> Tensor:
        return stored(adapter if name in adapter.entries else base, name).to(torch.float64)

    def in_base(name: str) -> str:
        file = before[name]
        if isinstance(file, Made):
            raise UnsupportedModelError(
                f"the adapter changes {name}, which is made of several tensors of the base's file",
                hint=WITHOUT,
            )
        return file

    made: dict[str, Compute] = {}  # by the parameter's name: a later one includes the earlier
    for name, file in adapted.files.items():
        original = name.replace(_SAVED, ".").replace(_BASE_LAYER, ".")
        if isinstance(file, str) and file in adapter.entries and original in before:
            made[original] = _reader(read, file)
    for path, module in adapted.model.named_modules():
        if isinstance(module, BaseTunerLayer):
            _check_bias(path, module)
            for leaf, _ in module.get_base_layer().named_parameters(recurse=False):
                name = f"{path}.base_layer.{leaf}"
                original = f"{path}.{leaf}"
                made[original] = _merger(adapted, path, module, name, read)
    changes: dict[str, Compute] = {}
    for name, compute in made.items():
        file = in_base(name)
        if file in changes and not _same(changes[file], compute):
            raise UnsupportedModelError(
                f"the adapter changes {file} in two places where the base uses it as one, and "
                f"differently as {name}",
                hint=UNTIE,
            )
        changes[file] = compute
    for name, file in before.items():
        if isinstance(file, str) and file in changes and name not in made:
            raise UnsupportedModelError(
                f"the adapter changes {file} in one of the places where the model uses it, "
                f"and not as {name}",
                hint=UNTIE,
            )
    for name, other in tied.items():
        # Both may be in the file with equal values; with different ones the config would be untrue.
        if (name in made or other in made) and before[name] != before[other]:
            one, two = (made.get(each) or _reader(read, in_base(each)) for each in (name, other))
            if not _same(one, two):
                raise UnsupportedModelError(
                    f"the base's config ties {name} to {other}, and the adapter changes them apart",
                    hint=UNTIE,
                )
    return changes


def _same(first: Compute, second: Compute) -> bool:
    """Whether two ways to one tensor give the same, but for the order of its factors."""
    one, other = first(), second()
    return one.shape == other.shape and torch.allclose(one, other, rtol=1e-6, atol=1e-9)


def _check_bias(path: str, module: Any) -> None:
    """Refuse a bias of B where the base has none: the merged model would have no place for it."""
    if getattr(module, "lora_bias", {}).get(NAME) and module.get_base_layer().bias is None:
        raise UnsupportedModelError(
            f"the adapter gives {path} a bias, and the base's layer has none to merge it into",
            hint=WITHOUT,
        )


def _reader(read: Callable[[str], Tensor], file: str) -> Compute:
    return lambda: read(file)


def _merger(
    adapted: Skeleton, path: str, module: Any, name: str, read: Callable[[str], Tensor]
) -> Compute:
    """Fills one adapted layer, merges it, and gives one of its base's parameters."""
    files = {
        each.removeprefix(f"{path}."): file
        for each, file in adapted.files.items()
        if each.startswith(f"{path}.")
    }
    leaf = name.rpartition(".")[2]

    def compute() -> Tensor:
        with torch.no_grad(), filled(module, files, read, adapted.device):
            try:
                module.merge(adapter_names=[NAME])
            except (RuntimeError, ValueError, NotImplementedError, AttributeError) as error:
                if out_of_memory(error):
                    raise
                line = one_line(error, 200)
                raise UnsupportedModelError(
                    f"peft can't merge the adapter into {path}: {line}", hint=WITHOUT
                ) from error
            merged: Tensor = getattr(module.get_base_layer(), leaf).detach().clone()
        module.merged_adapters.clear()
        return merged

    return compute
