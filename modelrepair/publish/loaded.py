"""Which files somebody's program would load from a model's repository, by their names alone."""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import Literal

from modelrepair.publish.roles import NEEDED, Role, role

Loaded = Literal["weights", "pickle", "code", "config"]

_WEIGHTS = re.compile(
    r"^consolidated\.|\.(safetensors|bin|pt|pt2|pth|pte|ptl|torchscript|ckpt|gguf|ggml|ggjt|onnx"
    r"|onnx[._]data|ort|h5|hdf5|keras|msgpack|flax|ot|tflite|lite|pb|mlmodel|mlpackage|mar|npz|npy"
    r"|engine|plan|nemo|distcp|llamafile|params|pdparams|q[2-8]_[0-9k][a-z0-9_]*|index"
    r"|data-\d+-of-\d+)$"
    r"|\.(safetensors|bin|h5|msgpack)\.index\.json$"
)
_PICKLE = re.compile(r"\.(pkl|pickle|pck|joblib|dill|cloudpickle|sav|p)$|^(optimizer|scheduler)\.")
_CODE = re.compile(
    r"\.(py[cdowxi]?|ipynb|sh|bash|zsh|fish|so(\.\d+)*|dll|dylib|exe|js|mjs|ts|wasm|bat|cmd|ps1|vbs"
    r"|cu|cuh|c|h|cc|cpp|hpp|rs|go|java|jar|class|lua|pl|rb|pth|whl|egg)$"
    r"|^(requirements.*\.txt|setup\.cfg|pyproject\.toml|dockerfile|makefile)$"
)
_READ: frozenset[Role] = NEEDED - {"licence"}


def loaded(name: str) -> Loaded | None:
    """As what a program may load a file; None for pictures, notes, logs and the like.

    >>> [loaded(name) for name in ("gguf/model.Q4_K_M.gguf", "handler.py", "notes.csv", "a.png")]
    ['weights', 'code', None, None]
    >>> loaded("training_args.bin"), loaded("tokenizer_config.json"), loaded("all_results.json")
    ('weights', 'config', None)

    Args:
        name: path inside the repository, with forward slashes.
    """
    last = PurePosixPath(name).name.lower()
    if _PICKLE.search(last):
        return "pickle"
    if _WEIGHTS.search(last):
        return "weights"
    if _CODE.search(last):
        return "code"
    return "config" if role(last) in _READ else None


def holds_weights(name: str) -> bool:
    """Whether a file of this name may hold weights, or run what is pickled in it.

    >>> holds_weights("rng_state_0.pth"), holds_weights("modeling_mine.py")
    (True, False)
    """
    return loaded(name) in ("weights", "pickle")
