"""What a model's ``config.json`` says of its layers, held against the headers of its weights."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from modelrepair.checkpoint.blocks import block_lists, blocks_of, is_matrix
from modelrepair.checkpoint.reader import TensorEntry
from modelrepair.checkpoint.untrusted import parse_json, read_file
from modelrepair.checkpoint.weight_files import ADAPTER, ADAPTER_CONFIG
from modelrepair.errors import DamagedCheckpointError, UnsupportedModelError

BLOCK_COUNTS = ("num_hidden_layers", "n_layer", "num_layers", "n_layers")
HIDDEN_SIZES = ("hidden_size", "n_embd", "d_model", "dim")
VOCABULARIES = ("vocab_size",)
HEADS = ("num_attention_heads", "n_head", "num_heads")
KEY_HEADS = ("num_key_value_heads", *HEADS)
HEAD_SIZES = ("head_dim",)
CONTEXTS = ("max_position_embeddings", "n_positions", "max_seq_len")

MOST_PARTS = 1024
"""How many layers, heads or experts a config may name whatever its files hold."""
_PARTS = re.compile(r"(^|_)(layers?|experts?|labels|depths?|heads?|blocks|stages|codebooks)$")
_INDEX = re.compile(r"\.(\d{1,9})(?=\.)")


def read_config(folder: Path) -> dict[str, Any]:
    """A model's configuration.

    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> _ = (folder / "config.json").write_text('{"n_layer": 2}')
    >>> read_config(folder)
    {'n_layer': 2}

    Raises:
        UnsupportedModelError: there is none, or it is no JSON object.
        ResourceError: it can't be read.
    """
    data = read_file(folder, "config.json")
    if data is None and (folder / ADAPTER).exists():
        raise UnsupportedModelError(
            f"{_called(folder)} is an adapter without {ADAPTER_CONFIG}",
            hint="copy the adapter again, with its config",
        )
    if data is None:
        raise UnsupportedModelError(
            f"{_called(folder)} has no config.json", hint="give a whole model", id="no-config"
        )
    try:
        config = parse_json(data, "config.json")
    except DamagedCheckpointError:
        config = None
    if not isinstance(config, dict):
        raise UnsupportedModelError(
            f"config.json of {_called(folder)} is no JSON object",
            hint="download the model again",
            id="no-config",
        )
    return config


def _called(folder: Path) -> str:
    """A folder by its name; one in the Hub's cache, which a commit names, by the model's id."""
    cached = folder.parent.parent.name
    if folder.parent.name == "snapshots" and cached.startswith("models--"):
        return cached.removeprefix("models--").replace("--", "/")
    return folder.name


def of_text(config: Mapping[str, Any]) -> Mapping[str, Any]:
    """The part of a configuration that describes the language model.

    >>> of_text({"text_config": {"n_layer": 2}})
    {'n_layer': 2}
    """
    inner = config.get("text_config")
    return inner if isinstance(inner, dict) else config


def number(config: Mapping[str, Any], names: Sequence[str]) -> int:
    """The first positive whole number under one of these names; 0 where there is none.

    >>> number({"n_layer": 2}, BLOCK_COUNTS)
    2
    """
    values = (config.get(name) for name in names)
    return next((value for value in values if type(value) is int and value > 0), 0)


def block_matrices(folder: Path, entries: Mapping[str, TensorEntry]) -> list[TensorEntry]:
    """The tensors of a model that a repair may change: the matrices of its repeated blocks.

    Args:
        folder: where its config is.
        entries: its tensors, by name.
    """
    blocks = blocks_of(tuple(entries.values()), number(of_text(read_config(folder)), BLOCK_COUNTS))
    return [entry for block in blocks for entry in block if is_matrix(entry)]


def check_counts(config: Mapping[str, Any], entries: Sequence[TensorEntry]) -> None:
    """Refuse a config that asks for parts that the files don't hold, before any is built.

    A model is built layer by layer and expert by expert, so such a number alone can take for ever.

    >>> check_counts({"num_hidden_layers": 10**7}, [])
    Traceback (most recent call last):
    modelrepair.errors.DamagedCheckpointError: config.json says num_hidden_layers 10000000, and ...
    Hint [...]: ...

    Args:
        config: the whole configuration.
        entries: the headers of its weights.

    Raises:
        DamagedCheckpointError: with the number and what the files hold.
    """
    held = max(map(len, block_lists(entries)), default=0)
    asked = of_text(config)
    for name in BLOCK_COUNTS:
        value = asked.get(name)
        if type(value) is int and value > held:
            raise _absurd(name, value, f"the files hold {held} repeated blocks")
    widest = max((size for entry in entries for size in entry.shape), default=0)
    for name in (*HIDDEN_SIZES, *VOCABULARIES):
        value = asked.get(name)
        if type(value) is int and value > widest:
            raise _absurd(name, value, f"no tensor in the files is wider than {widest}")
    # Experts lie one a tensor, numbered, or all in one tensor of three dimensions.
    numbered = [int(found) + 1 for entry in entries for found in _INDEX.findall(entry.name)]
    stacked = [size for entry in entries if len(entry.shape) > 2 for size in entry.shape]
    most = max((MOST_PARTS, *numbered, *stacked))
    for name, value in _counts(config):
        if value > most:
            raise _absurd(name, value, f"nothing in the files comes in more than {most} parts")


def _counts(config: Mapping[str, Any]) -> Iterator[tuple[str, int]]:
    """Every whole number that names how many of something there are, at any depth."""
    pending: list[tuple[str, Any]] = list(config.items())
    while pending:
        name, value = pending.pop()
        if isinstance(value, dict):
            pending.extend(value.items())
        elif isinstance(value, list):
            pending.extend((name, each) for each in value)
        elif type(value) is int and _PARTS.search(name):
            yield name, value


def _absurd(name: str, value: int, found: str) -> DamagedCheckpointError:
    shown = str(value) if value < 10**15 else "a number of over 15 digits"
    return DamagedCheckpointError(
        f"config.json says {name} {shown}, and {found}",
        hint="config.json and the weights are from different models, or one of them is damaged",
    )
