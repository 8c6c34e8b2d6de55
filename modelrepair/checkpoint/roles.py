"""What a file of a model is for, by its name: the one table behind what is kept and found."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from typing import Literal

CARD_NAME = "README.md"
OUR_FOLDER = "repair"

Role = Literal[
    "weights",
    "index",
    "other weights",
    "pickle",
    "code",
    "archive",
    "config",
    "generation config",
    "tokenizer",
    "template",
    "processor",
    "licence",
    "media",
    "card",
    "credentials",
    "training state",
    "hidden",
    "ours",
    "other",
]
NEEDED: frozenset[Role] = frozenset(
    {"config", "generation config", "tokenizer", "template", "processor", "licence"}
)
"""What a repaired model carries beside its weights, and of media what its card shows."""
NEVER: frozenset[Role] = frozenset(
    {
        "weights",
        "index",
        "other weights",
        "pickle",
        "code",
        "archive",
        "credentials",
        "training state",
        "hidden",
        "ours",
        "card",
    }
)
"""What no ``--include`` takes along."""

Loaded = Literal["weights", "pickle", "code", "config"]
"""As what a program may load a file that lies where it looks."""
_LOADED: Mapping[Role, Loaded] = {
    "weights": "weights",
    "index": "weights",
    "other weights": "weights",
    "pickle": "pickle",
    "code": "code",
    "config": "config",
    "generation config": "config",
    "tokenizer": "config",
    "template": "config",
    "processor": "config",
}


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_NAMES: dict[Role, frozenset[str]] = {
    "config": _words(
        "config.json adapter_config.json configuration.json params.json modules.json "
        "model_index.json sentence_bert_config.json sentence_xlnet_config.json "
        "sentence_roberta_config.json config_sentence_transformers.json quantize_config.json "
        "quant_config.json quantization_config.json hf_quant_config.json compression_config.json"
    ),
    "generation config": _words("generation_config.json"),
    "tokenizer": _words(
        "tokenizer.json tokenizer_config.json special_tokens_map.json added_tokens.json "
        "tokenizer.model tiktoken.model tekken.json vocab.json vocab.txt vocab.bpe vocab.model "
        "merges.txt encoder.json bpe.codes bpe.model spiece.model spiece.vocab spm.model "
        "spm_char.model sentencepiece.model sentencepiece.bpe.model sentencepiece.bpe.vocab "
        "ice_text.model tokenizer.vocab prophetnet.tokenizer dict.txt byte_maps.json emoji.json "
        "normalizer.json entity_vocab.json word_shape.json word_pronunciation.json "
        "target_vocab.json audio_tokenizer_config.json"
    ),
    "template": _words("chat_template.jinja chat_template.json"),
    "processor": _words("preprocessor_config.json processor_config.json"),
}
_PATTERNS: tuple[tuple[Role, re.Pattern[str]], ...] = (
    ("tokenizer", re.compile(r"^tokenizer(\.model\.v\d+|\.\d+(\.\d+)*\.json)$")),
    ("tokenizer", re.compile(r"^.+\.(tiktoken|spm)$")),
    ("tokenizer", re.compile(r"^vocab-\w+\.json$|^rwkv_vocab_\w+\.txt$")),
    ("template", re.compile(r"^([\w-]+_)?chat_template(_[\w-]+)?\.jinja2?$")),
    ("processor", re.compile(r"^(\w+_)?(pre)?processor_config\.json$")),
    ("processor", re.compile(r"^(feature_extractor|image_processor|video_processor)\.json$")),
    ("index", re.compile(r"\.(safetensors|bin|h5|msgpack)\.index(\.[\w-]+)?\.json$")),
    ("pickle", re.compile(r"\.(pkl|pickle|pck|joblib|dill|cloudpickle|sav|p)$")),
    ("weights", re.compile(r"^(?!consolidated).*\.safetensors$")),
    (
        "other weights",
        re.compile(
            r"^consolidated\.|\.(safetensors|bin|pt|pt2|pth|pte|ptl|torchscript|ckpt|gguf|ggml|ggjt"
            r"|onnx|onnx[._]data|ort|h5|hdf5|keras|msgpack|flax|ot|tflite|lite|pb|mlmodel|mlpackage"
            r"|mar|npz|npy|engine|plan|nemo|distcp|llamafile|params|pdparams|q[2-8]_[0-9k][a-z0-9_]*"
            r"|index|data-\d+-of-\d+)$"
        ),
    ),
    (
        "code",
        re.compile(
            r"\.(py[cdowxi]?|ipynb|sh|bash|zsh|fish|so(\.\d+)*|dll|dylib|exe|js|mjs|ts|wasm|bat|cmd"
            r"|ps1|vbs|cu|cuh|c|h|cc|cpp|hpp|rs|go|java|jar|class|lua|pl|rb|whl|egg)$"
            r"|^(requirements.*\.txt|setup\.cfg|pyproject\.toml|dockerfile|makefile)$"
        ),
    ),
    # A copy of weights, or a part of them; what only describes a file is none.
    (
        "other weights",
        re.compile(
            r"\.(safetensors|bin|pth?|ckpt|gguf|onnx|h5|pkl)"
            r"\.(?!([\w-]+\.)*(txt|md|jsonl?|ya?ml|csv|md5|sha\d+(sum)?|asc|sig)$)[\w.-]+$"
        ),
    ),
    ("archive", re.compile(r"\.(zip|tar|tgz|gz|bz2|xz|zst|7z|rar)$")),
)
_CREDENTIALS = re.compile(
    r"(^|[-_. ])(credentials?|secrets?|passwords?|passwd|kubeconfig|id_(rsa|dsa|ecdsa|ed25519)"
    r"|netrc|kaggle|api[-_]?keys?"
    r"|(hf|api|access|auth|bot|github|wandb)[-_]?tokens?)([-_. ]|$)"
    r"|(^|[-_. ])(token|^tokens|keys?|env)(\.(txt|json|ya?ml|toml|env))?$"
    r"|service[-_]account|\.(pem|p12|pfx|kdbx|ppk|keystore|jks|asc|gpg)$"
)
_LICENCE = re.compile(
    r"(^|[-_. ])(un)?licen[sc]es?([-_. ]|$)"
    r"|^(copying|copyright|notices?|authors|patents|eula|legal)([-_. ]|$)"
    r"|^(third[-_ ]?party|(acceptable[-_ ]?|prohibited[-_ ]?)?(use|usage)[-_ ]?policy"
    r"|terms[-_ ]of[-_ ]use|responsible[-_ ]use|prohibited[-_ ]use)"
)
_LICENCE_ENDINGS = re.compile(r"^[^.]*$|\.(txt|md|rst|pdf|html?|lesser|apache|mit|bsd|[a-z]?gpl)$")
_MEDIA = re.compile(r"\.(png|jpe?g|gif|svg|webp|avif|ico|mp3|wav|flac|ogg|mp4|webm|pdf)$")
_STATE = re.compile(
    r"^((optimizer|scheduler|scaler|trainer_state|training_args)\.|rng_state|zero_pp_rank"
    r"|trainer_log\.|events\.out\.tfevents|wandb[-_.]|(all|train|eval|predict|test)_results\.)"
)
_STATE_FOLDER = re.compile(
    r"^(checkpoint-|global_step|wandb$|runs$|mlruns$|lightning_logs$|logs?$)"
)
_OWN_CONFIG_FOLDER = re.compile(r"^\d+_[A-Za-z]+$")


def role(name: str) -> Role:
    """The role of a file by its name alone, so that a download can ask before it fetches.

    >>> role("tokenizer.model.v3"), role("original/consolidated.00.pth"), role("USE_POLICY.md")
    ('tokenizer', 'other weights', 'licence')
    >>> role("token.txt"), role("train.json"), role("handler.py"), role("checkpoint-5/config.json")
    ('credentials', 'other', 'code', 'training state')

    A case-insensitive disk gives a loader ``Config.json`` for ``config.json``: case counts nothing.

    Args:
        name: path inside the model's folder, with forward slashes.
    """
    path = PurePosixPath(folded(name))
    folders, last = path.parent.parts, path.name
    if any(part.startswith(".") for part in path.parts):
        return "hidden"
    if path.parts[:1] == (OUR_FOLDER,):
        return "ours"
    if not folders and last == folded(CARD_NAME):
        return "card"
    if any(map(is_training_state, folders)) or _STATE.match(last):
        return "training state"
    return _wherever(folders, last)


def loaded(name: str) -> Loaded | None:
    """As what a program may load a file; None for pictures, notes, logs and the like.

    Wherever it lies: a file in the folder of a checkpoint is read where that folder is named.

    >>> [loaded(name) for name in ("gguf/model.Q4_K_M.gguf", "handler.py", "notes.csv", "a.png")]
    ['weights', 'code', None, None]
    >>> loaded("training_args.bin"), loaded("tokenizer_config.json"), loaded("all_results.json")
    ('weights', 'config', None)
    >>> loaded("additional_chat_templates/rag.jinja"), loaded("checkpoint-5/config.json")
    ('config', 'config')

    Args:
        name: path inside the repository, with forward slashes.
    """
    path = PurePosixPath(folded(name))
    return _LOADED.get(_wherever(path.parent.parts, path.name))


def holds_weights(name: str) -> bool:
    """Whether a file of this name may hold weights, or run what is pickled in it.

    >>> holds_weights("rng_state_0.pth"), holds_weights("modeling_mine.py")
    (True, False)
    """
    return loaded(name) in ("weights", "pickle")


def is_ours(name: str) -> bool:
    """Whether a file lies in the folder of a repair's own record.

    >>> is_ours("Repair/manifest.json"), is_ours("repair.md")
    (True, False)
    """
    return PurePosixPath(folded(name)).parts[:1] == (OUR_FOLDER,)


def as_stranger(name: str, same: bool = False) -> str | None:
    """What is wrong with a file beside a repair, by its name; None where no program loads it.

    >>> as_stranger("x-Q4_K_M.gguf")
    'may be loaded in place of the repaired weights, and is no part of the repair'
    >>> as_stranger("evals/mine.json"), as_stranger("handler.py", same=True)
    (None, None)

    Args:
        name: path inside the repository, with forward slashes.
        same: whether it is byte for byte the source's.
    """
    if is_ours(name):
        return "lies among the repair's own record, and is no part of it"
    if holds_weights(name):
        return "may be loaded in place of the repaired weights, and is no part of the repair"
    kind = loaded(name)
    if kind is None or same:
        return None
    read = "code" if kind == "code" else "a file that a loader may read"
    return f"is {read}, neither the source's nor ours"


def _wherever(folders: Sequence[str], last: str) -> Role:
    for kind, names in _NAMES.items():
        if last in names:
            return kind
    for kind, pattern in _PATTERNS:
        if pattern.search(last):
            return kind
    if folders and folders[-1] == "additional_chat_templates" and last.endswith(".jinja"):
        return "template"
    if _CREDENTIALS.search(last):
        return "credentials"
    if _LICENCE.search(last) and _LICENCE_ENDINGS.search(last):
        return "licence"
    return "media" if _MEDIA.search(last) else "other"


def is_of_the_model(name: str) -> bool:
    """Whether a config lies where the model's own do, and not in the folder of another model.

    >>> is_of_the_model("config.json"), is_of_the_model("1_Pooling/config.json")
    (True, True)
    >>> is_of_the_model("old-adapter/adapter_config.json")
    False
    """
    *folders, _ = PurePosixPath(name).parts
    return all(_OWN_CONFIG_FOLDER.match(folder) for folder in folders)


def is_training_state(folder: str) -> bool:
    """Whether a folder of this name holds a state of the training, or its logs.

    >>> is_training_state("checkpoint-500"), is_training_state("wandb")
    (True, True)
    """
    return _STATE_FOLDER.match(folder.lower()) is not None


def folded(name: str) -> str:
    """A name as a disk knows it that ignores case and composed letters.

    >>> folded("Config.JSON")
    'config.json'
    """
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())
