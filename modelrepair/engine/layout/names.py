"""Which tensors of the file a model's parameters are, or are made of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from modelrepair.checkpoint.reader import Checkpoint
from modelrepair.checkpoint.wrapped import unwrapped
from modelrepair.engine.layout.conversion import Conversion, Made
from modelrepair.errors import DamagedCheckpointError, UnsupportedModelError


def match_names(
    model: Any, checkpoint: Checkpoint
) -> tuple[dict[str, str | Made], tuple[str, ...]]:
    """Match the checkpoint's tensors to the model's parameters, as transformers loads them.

    Returns:
        Parameter name → file name, or the conversion that makes the parameter; tied parameters
        included; and the file's unknown tensors.

    Raises:
        DamagedCheckpointError: a parameter has no tensor, or one of another shape.
        UnsupportedModelError: a conversion can't be used on the file's tensors.
    """
    from transformers.conversion_mapping import get_model_conversion_mapping
    from transformers.core_model_loading import WeightConverter, WeightRenaming, dot_natural_key
    from transformers.core_model_loading import rename_source_key as rename

    state = model.state_dict()
    prefix = model.base_model_prefix
    transforms = get_model_conversion_mapping(model)
    renamings = [each for each in transforms if isinstance(each, WeightRenaming)]
    converters = [each for each in transforms if isinstance(each, WeightConverter)]
    files: dict[str, str | Made] = {}
    unknown: list[str] = []
    collected: dict[str, dict[str, list[str]]] = {}
    for name in sorted(checkpoint.entries, key=dot_natural_key):
        plain = unwrapped(name)
        target, pattern = rename(plain, renamings, converters, prefix, state)
        if target not in state and plain in state:
            target, pattern = rename(plain, [], [], prefix, state)
        if target not in state:
            unknown.append(name)
        elif pattern is not None:
            collected.setdefault(target, {}).setdefault(pattern, []).append(name)
        else:
            files[target] = name
            _check_shape(name, checkpoint.entries[name].shape, tuple(state[target].shape))
    by_pattern = {pattern: each for each in converters for pattern in each.source_patterns}
    for target, sources in collected.items():
        conversion = Conversion(
            converter=by_pattern[next(iter(sources))],
            model=model,
            target=target,
            sources={pattern: tuple(names) for pattern, names in sources.items()},
            shapes={n: checkpoint.entries[n].shape for names in sources.values() for n in names},
        )
        for made, shape in _made_shapes(conversion).items():
            if made in state:
                _check_shape(next(iter(conversion.shapes)), shape, tuple(state[made].shape))
                files[made] = Made(conversion, made)
    tied: Mapping[str, str] = getattr(model, "all_tied_weights_keys", {})
    for target, source in tied.items():
        for one, other in ((target, source), (source, target)):
            if one not in files and other in files:
                files[one] = files[other]
    missing = [name for name in state if name not in files]
    if missing:
        raise DamagedCheckpointError(
            f"{len(missing)} tensors that config.json asks for are missing, first {missing[0]}",
            hint="download the model again, or ask its author for the whole checkpoint",
        )
    order = {name: number for number, name in enumerate(checkpoint.entries)}
    return files, tuple(sorted(unknown, key=order.__getitem__))


def _made_shapes(conversion: Conversion) -> dict[str, tuple[int, ...]]:
    try:
        return conversion.made_shapes()
    except Exception as error:
        first = next(iter(conversion.shapes))
        raise UnsupportedModelError(
            f"{first} and its like can't be turned into {conversion.target}: "
            f"{str(error).splitlines()[0][:200] if str(error) else type(error).__name__}",
            hint="the checkpoint is damaged, or of another transformers version's layout",
        ) from error


def _check_shape(name: str, found: tuple[int, ...], expected: tuple[int, ...]) -> None:
    if found != expected:
        raise DamagedCheckpointError(
            f"{name} has shape {list(found)}, config.json says {list(expected)}",
            hint="config.json and the weights are from different models",
        )
