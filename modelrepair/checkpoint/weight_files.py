"""Which files of a folder are the weights, and that none of them lies outside the folder."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from modelrepair.checkpoint.untrusted import find_file, parse_json, read_file
from modelrepair.errors import DamagedCheckpointError, ResourceError, UnsupportedModelError

WEIGHTS = "model.safetensors"
INDEX = "model.safetensors.index.json"
ADAPTER = "adapter_model.safetensors"
ADAPTER_CONFIG = "adapter_config.json"
BASE_KEY = "base_model_name_or_path"
"""What an adapter's config calls the model that it adapts."""

POINTER = b"version https://git-lfs.github.com/spec/"
"""How a file begins that git left in the place of a large one."""
FETCH = "run `git lfs pull` where it was cloned, or download it with `hf download`"

CONVERT = (
    "convert it to safetensors first: its owner can, in a trusted environment, load it with "
    "transformers' from_pretrained and write it with save_pretrained(safe_serialization=True)"
)

CONVERT_ADAPTER = (
    "convert it first: its owner can, in a trusted environment, load it with peft's "
    "PeftModel.from_pretrained and write it with save_pretrained"
)


@dataclass(frozen=True)
class WeightFiles:
    """The names of the weight files in order, and what the index says about them."""

    files: tuple[str, ...]
    index: str | None
    weight_map: Mapping[str, str]


def weight_files(
    folder: Path, listed: Collection[str] | None = None, where: str | None = None
) -> WeightFiles:
    """Find the weight files of a model folder.

    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> (folder / "adapter_model.safetensors").touch()
    >>> weight_files(folder).files
    ('adapter_model.safetensors',)

    Args:
        folder: a model's folder, or an adapter's.
        listed: the names of its files where they are on the Hub, and only the index is here.
        where: what it is called in an error.

    Raises:
        UnsupportedModelError: no such folder, no safetensors file, or several without an index.
        DamagedCheckpointError: the index is malformed or names a file that is not there.
    """
    where = where or f"folder {folder.name or str(folder)!r}"
    names = _names(folder, where) if listed is None else sorted(listed)
    check_one_model(names, where)
    if INDEX in names:
        return _indexed(folder, listed, where, WEIGHTS in names)
    found = [name for name in names if name.endswith(".safetensors") and "/" not in name]
    for name in (WEIGHTS, ADAPTER):
        if name in found:
            return WeightFiles((name,), None, {})
    if len(found) == 1:
        return WeightFiles((found[0],), None, {})
    if found:
        raise UnsupportedModelError(
            f"{where} holds {len(found)} safetensors files, none named {WEIGHTS}, and no {INDEX}",
            hint=f"add the {INDEX} that belongs to them, or leave one file only",
        )
    raise UnsupportedModelError(
        f"{where} holds no weights",
        hint="give the folder that holds the model's safetensors files",
    )


def _names(folder: Path, where: str) -> list[str]:
    try:
        return sorted(path.name for path in folder.iterdir())
    except (FileNotFoundError, NotADirectoryError) as error:
        raise UnsupportedModelError(
            f"there is no {where}",
            hint="give the folder that holds config.json and the safetensors files",
        ) from error
    except OSError as error:
        raise ResourceError(
            f"{where} can't be read: {error.strerror}", hint="check the rights on the folder"
        ) from error


def check_one_model(names: Collection[str], where: str) -> None:
    """Refuse a folder or repository of which loaders would take one thing and a repair another.

    >>> check_one_model(["config.json", "model.safetensors"], "user/model")

    Args:
        names: the files at its top, or of all of it.
        where: what it is called in the error.

    Raises:
        UnsupportedModelError: a whole model and an adapter, or an adapter that is a pickle.
    """
    if ADAPTER_CONFIG not in names:
        return
    if WEIGHTS in names or INDEX in names:
        whole = WEIGHTS if WEIGHTS in names else INDEX
        raise UnsupportedModelError(
            f"{where} holds a whole model ({whole}) and an adapter ({ADAPTER_CONFIG})",
            hint="loaders take the adapter and its base; keep only the one that is meant",
        )
    if ADAPTER not in names:
        pickle = "adapter_model.bin"
        found = f"only {pickle}, a pickle" if pickle in names else "no weights"
        raise UnsupportedModelError(
            f"{where} is an adapter without {ADAPTER}: {found}",
            hint=CONVERT_ADAPTER,
            id="no-weights",
        )


def weight_file(folder: Path, name: str) -> Path:
    """The path of a weight file or index, which may not lead out of the model's root.

    Raises:
        DamagedCheckpointError: as `find_file`, or there is no such file.
    """
    found = find_file(folder, name)
    if found is None:
        raise DamagedCheckpointError(
            f"weight file {name!r} is missing in the model's folder",
            hint="download or copy the model again: one of its files is not there",
            id="missing-file",
        )
    return found


def _indexed(
    folder: Path, listed: Collection[str] | None, where: str, single_file_too: bool
) -> WeightFiles:
    data = read_file(folder, INDEX) or b""
    try:
        weight_map = parse_json(data, INDEX, strict=True)["weight_map"]
        files = tuple(dict.fromkeys(sorted(weight_map.values())))
        plain = all(isinstance(file, str) for file in files) and len(files) > 0
    except (DamagedCheckpointError, TypeError, KeyError, AttributeError):
        plain = False
    if not plain:
        raise DamagedCheckpointError(
            f"{INDEX} is no index: it needs a weight_map from tensor names to file names",
            hint="download or copy the index again",
        )
    for file in files:
        if not file.endswith(".safetensors"):
            raise UnsupportedModelError(
                f"{INDEX} names {file!r}, no safetensors file", hint=CONVERT
            )
        if listed is None:
            weight_file(folder, file)
        elif file not in listed:
            raise DamagedCheckpointError(
                f"{file!r} is missing, which {INDEX} of {where} names",
                hint="its author can upload it with `hf upload`",
                id="missing-file",
            )
    if single_file_too and files != (WEIGHTS,):
        # Loaders disagree on which of the two they take, so a repair of either could be void.
        raise UnsupportedModelError(
            f"{where} holds two sets of weights: {WEIGHTS} and the files of {INDEX}",
            hint=f"remove the one that is not the model: {WEIGHTS}, or {INDEX} and its files",
        )
    return WeightFiles(files, INDEX, weight_map)
