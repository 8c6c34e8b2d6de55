"""Weights, pickles and code, by how a file's name ends."""

from __future__ import annotations

import re
from typing import Literal

Ending = Literal["weights", "pickle", "code"]

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


def ending(last: str) -> Ending | None:
    """What a file of this name would hold, whatever model it belongs to.

    >>> ending("model.q4_k_m.gguf"), ending("data.pkl"), ending("handler.py"), ending("a.json")
    ('weights', 'pickle', 'code', None)

    Args:
        last: the last part of its path, in small letters.
    """
    if _PICKLE.search(last):
        return "pickle"
    if _WEIGHTS.search(last):
        return "weights"
    return "code" if _CODE.search(last) else None
