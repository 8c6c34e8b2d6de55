"""In which form a folder or repository holds weights, by the names of its files alone."""

from __future__ import annotations

import re

from modelrepair.checkpoint.roles import role
from modelrepair.checkpoint.weight_files import ADAPTER_CONFIG, CONVERT, INDEX
from modelrepair.source.look import Look, Recognises, Table, instead, is_weights, say
from modelrepair.text.pasted import pasted

NO_TEXT = "causal language models of transformers work: docs/architectures.md"


def _empty(look: Look) -> str | None:
    some = any(role(name) not in ("hidden", "card", "licence", "media") for name in look.files)
    return None if some else f"{look.name} holds no file of a model"


def _elsewhere(look: Look) -> str:
    if look.hub:
        return "check the id; what was uploaded may be in another branch: --revision"
    return "give the folder that holds the model's safetensors files"


def _diffusion(look: Look) -> str | None:
    if "model_index.json" not in look.files:
        return None
    return f"{look.name} is a diffusion pipeline (model_index.json): it writes no text"


def _only(pattern: str, what: str) -> Recognises:
    """No weights that are read, and files of this form."""

    def recognises(look: Look) -> str | None:
        if any(map(is_weights, look.files)):
            return None
        found = [name for name in sorted(look.files) if re.search(pattern, name.lower())]
        found = [name for name in found if role(name) in ("other weights", "pickle")]
        return f"{look.name} holds {what}, such as {found[0]!r}" if found else None

    return recognises


def _in_folders(look: Look) -> str | None:
    if any(map(is_weights, look.files)) or not _folders(look):
        return None
    return f"{look.name} holds no weights at its top, but models in folders: {_folders(look)[0]!r}"


def _folders(look: Look) -> list[str]:
    inside = {name.rpartition("/")[0] for name in look.files if name.endswith(".safetensors")}
    configs = ("config.json", ADAPTER_CONFIG)
    return sorted(f for f in inside if f and any(f"{f}/{name}" in look.files for name in configs))


def _to_folder(look: Look) -> str:
    folder, *more = _folders(look)
    if not look.hub:
        shown = ", ".join(map(repr, (folder, *more[:3])))
        return f"give one of the folders in it: {shown}" + (" …" if len(more) > 3 else "")
    fetch = ["hf", "download", look.name, "--include", f"{folder}/*", "--local-dir", "model"]
    return f"{pasted(fetch)}, then: {pasted(['modelrepair', 'fix', f'model/{folder}'])}"


def _no_weights(look: Look) -> str | None:
    if any(map(is_weights, look.files)):
        return None
    if INDEX in look.files:
        return f"{look.name} holds {INDEX}, and none of the weight files that it names"
    return f"{look.name} holds no safetensors weights"


def _to_weights(look: Look) -> str:
    if INDEX in look.files:
        return "its author can upload them" if look.hub else "copy them beside it"
    return "give a model with safetensors weights"


def _convert_gguf(look: Look) -> str:
    return (
        f"{instead('converted')(look)}, and make GGUF of the result with llama.cpp's "
        "convert_hf_to_gguf.py; from_pretrained(…, gguf_file=…) and save_pretrained convert one "
        "back, but what quantising lost stays lost"
    )


FORMS: Table = {
    "no model files": (_empty, _elsewhere),
    "diffusion": (_diffusion, say(NO_TEXT)),
    "OpenVINO": (_only(r"openvino_\w+\.bin$", "OpenVINO files only"), instead("exported")),
    "GGUF": (_only(r"\.(gguf|ggml|llamafile)$|ggml.*\.bin$", "GGUF files only"), _convert_gguf),
    "pickles": (_only(r"\.(bin|pt|pth|ckpt|pkl)$", "pickles only"), say(CONVERT)),
    "ONNX": (_only(r"\.(onnx|ort)(_data)?$", "ONNX files only"), instead("exported")),
    "TensorFlow or Flax": (
        _only(r"\.(h5|msgpack)$", "TensorFlow or Flax files only"),
        say(CONVERT),
    ),
    "other weights": (_only(r".", "weights in another form only"), say(CONVERT)),
    "models in folders": (_in_folders, _to_folder),
    "no weights": (_no_weights, _to_weights),
}
"""Kinds that are known by the names of the files: of most of these nothing is downloaded."""
