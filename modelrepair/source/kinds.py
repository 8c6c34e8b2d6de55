"""What kind of model a folder or repository holds, whether it can be repaired, and the way on.

One table, walked in order: the first row that fits decides. A row looks at what is known before a
byte of weights is read: the names of the files, then ``config.json``, then the tensors' headers.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from modelrepair.checkpoint.blocks import blocks_of, is_matrix, why_not
from modelrepair.checkpoint.config import BLOCK_COUNTS, number, of_text, read_config
from modelrepair.checkpoint.kept_files import card_text
from modelrepair.checkpoint.reader import Checkpoint
from modelrepair.checkpoint.weight_files import ADAPTER_CONFIG
from modelrepair.errors import UnsupportedModelError
from modelrepair.source.adapter_config import read_adapter
from modelrepair.source.forms import FORMS, NO_TEXT
from modelrepair.source.front_matter import read_front_matter
from modelrepair.source.headers import headers
from modelrepair.source.look import Look, ModelKind, Table, first_of, instead, say
from modelrepair.source.native import classes_for, is_native
from modelrepair.source.quantised import left_in_plain, quantised_model
from modelrepair.source.resolve import Source

LANGUAGE_MODEL, SEEING, ADAPTER = "language model", "language model that sees", "adapter"
NO_MATRIX = "no prunable matrix was found in repeated blocks"
ENCODERS = (
    "ForMaskedLM",
    "ForPreTraining",
    "ForSequenceClassification",
    "ForTokenClassification",
    "ForQuestionAnswering",
    "ForMultipleChoice",
    "ForTextEncoding",
)


def kind_of(look: Look) -> ModelKind:
    """What a model is, by the first row of the table that fits.

    >>> kind_of(Look("user/model", ["config.json", "model.safetensors"])).name
    'language model'
    >>> kind_of(Look("user/model", ["model-Q4_K_M.gguf"], card={"base_model": "user/whole"})).why
    "user/model holds GGUF files only, such as 'model-Q4_K_M.gguf'"
    """
    if (found := first_of(KINDS, look)) is not None:
        return found
    if ADAPTER_CONFIG in look.files:
        return ModelKind(ADAPTER)
    kind = (look.config or {}).get("model_type")
    seeing = kind not in classes_for("CAUSAL_LM") and kind in classes_for("IMAGE_TEXT_TO_TEXT")
    return ModelKind(SEEING if seeing else LANGUAGE_MODEL)


def _embedding_library(look: Look) -> str | None:
    for name in ("modules.json", "config_sentence_transformers.json"):
        if name in look.files:
            return f"{look.name} is an embedding model ({name}): it writes no text"
    return None


def look_at(
    source: Source, option: str = "", read: Callable[[Source], Checkpoint] = headers
) -> tuple[ModelKind, Checkpoint | None]:
    """The kind of a model, and its headers; nothing of its weights is read but these.

    >>> look_at(resolve("user/model", weights=False))[0]  # doctest: +SKIP
    ModelKind(name='language model', why=None, hint='')

    Args:
        source: where it lies.
        option: what named it, where that was not SOURCE: its hint begins with it.
        read: gives the headers of its weights.

    Returns:
        The kind; and the headers, None where it can't be repaired and has none.

    Raises:
        ModelRepairError: it can't be looked at: the Hub, or damaged files.
    """
    adapter = read_adapter(source.folder)
    look = Look(
        name=source.id or source.name,
        files=source.files,
        config=read_config(source.folder) if adapter is None else adapter.config,
        card=read_front_matter(card_text(source.folder) or ""),
        hub=source.id is not None,
    )
    found, failed = None, None
    try:
        found = read(source)
        look = replace(look, entries=tuple(found.entries.values()))
    except UnsupportedModelError as error:
        failed = error
    kind = kind_of(look)
    if kind.why is None and failed is not None:
        raise failed
    return (replace(kind, hint=f"{option}: {kind.hint}") if option else kind), found


def check_kind(
    source: Source, option: str = "", read: Callable[[Source], Checkpoint] = headers
) -> Checkpoint:
    """The headers of a model; refuse one that can't be repaired, before its weights are read.

    >>> len(check_kind(resolve("user/model", weights=False)).entries)  # doctest: +SKIP
    290

    Args:
        source: where it lies.
        option: as for `look_at`.
        read: likewise.

    Raises:
        UnsupportedModelError: with the way on.
    """
    kind, found = look_at(source, option, read)
    kind.check()
    assert found is not None, "what can be repaired has headers"
    return found


def _encoder_decoder(look: Look) -> str | None:
    config = look.config or {}
    kind, classes = config.get("model_type"), classes_for("SEQ_TO_SEQ_CAUSAL_LM")
    known = _writes(kind) or kind not in classes
    other = [each for each in _classes(config) if not _loads(each)]
    named = any(each in classes.values() for each in other)
    hears = any(each in classes_for("SPEECH_SEQ_2_SEQ").values() for each in other)
    if not (config.get("is_encoder_decoder") or named or hears or not known):
        return None
    if "audio_config" in config or hears:
        return f"{look.name} is an audio model ({kind}), no language model alone"
    return f"{look.name} is an encoder-decoder ({_shown(config)}), not a causal language model"


def _rewards(look: Look) -> str | None:
    config = look.config or {}
    labels = config.get("id2label")
    count = len(labels) if isinstance(labels, dict) else config.get("num_labels")
    for each in _classes(config):
        if "Reward" in each or (each.endswith("ForSequenceClassification") and count == 1):
            return f"{each} is a reward model: it gives a number and writes no answers"
    if (look.config or {}).get("task_type") == "SEQ_CLS":
        return f"{look.name} is an adapter of a classifier or reward model: it writes no answers"
    return None


def _encoder(look: Look) -> str | None:
    named = _classes(look.config or {})
    if not named or not all(each.endswith(ENCODERS) for each in named):
        return None
    return f"{named[0]} is an encoder or a classifier: it writes no answers"


def _own_code(look: Look) -> str | None:
    config = look.config or {}
    if not config.get("auto_map") or is_native(config):
        return None
    return "the model brings code of its own (auto_map), which is never run"


def _bare(look: Look) -> str | None:
    """A model without a head: what embeds texts, or the inside of a language model."""
    config, entries = look.config or {}, look.entries
    named = _classes(config)
    if entries is None or not named or not all(map(_headless, named)):
        return None
    if any(re.search(r"(^|\.)(\w*head|embed_out|output)\.weight$", e.name) for e in entries):
        return None
    return f"{named[0]} has no head that writes text: it is an embedding model"


def _headless(name: str) -> bool:
    return name.endswith(("Model", "Encoder")) and not _loads(name)


def _other_task(look: Look) -> str | None:
    """A layout that transformers has, and loads for neither writing nor seeing."""
    config = look.config or {}
    kind = config.get("model_type")
    if not isinstance(kind, str) or _writes(kind) or not is_native({"model_type": kind}):
        return None
    return f"transformers has no language model of the type {kind}: {_shown(config)} is none"


def _unknown_type(look: Look) -> str | None:
    kind = (look.config or {}).get("model_type")
    if not isinstance(kind, str) or is_native({"model_type": kind}):
        return None
    return f"this version of transformers does not know the model type {kind!r}"


def _classes(config: Mapping[str, Any]) -> list[str]:
    found = config.get("architectures")
    return [each for each in found if isinstance(each, str)] if isinstance(found, list) else []


def _shown(config: Mapping[str, Any]) -> str:
    return (*_classes(config), str(config.get("model_type") or "is_encoder_decoder"))[0]


def _loads(name: str) -> bool:
    """Whether transformers loads a class as one that writes text."""
    return any(name in classes_for(task).values() for task in ("CAUSAL_LM", "IMAGE_TEXT_TO_TEXT"))


def _writes(kind: object) -> bool:
    """Whether transformers loads a model type as one that writes text."""
    return kind in classes_for("CAUSAL_LM") or kind in classes_for("IMAGE_TEXT_TO_TEXT")


def _left_key(look: Look) -> str | None:
    key = left_in_plain(look.config or {}, look.entries)
    if key is None:
        return None
    return f"config.json of {look.name} says {key}, and its weights are plain numbers"


def _without_key(look: Look) -> str:
    key = left_in_plain(look.config or {}, look.entries)
    drop = f"python -c \"import json; c = json.load(open('config.json')); c.pop('{key}'); "
    drop += "json.dump(c, open('config.json', 'w'), indent=2)\""
    fetch = f"hf download {look.name} --local-dir model, and there: " if look.hub else "there: "
    return fetch + drop


def _quantised(look: Look) -> str | None:
    method = quantised_model(look.files, look.config or {}, look.entries or ())
    return None if method is None else f"the weights of {look.name} are quantised ({method})"


def _before_quantised(look: Look) -> str:
    method = quantised_model(look.files, look.config or {}, look.entries or ())
    plain = {"mxfp4": "Mxfp4Config", "fp8": "FineGrainedFP8Config"}.get(method or "")
    wide = f"quantization_config={plain}(dequantize=True)"
    return f"{instead('quantised')(look)}, and quantise the result" + (
        f"; where there is none, from_pretrained(…, {wide}) and save_pretrained write it wide"
        if plain
        else ""
    )


def _placeholders(look: Look) -> str | None:
    for entry in look.entries or ():
        if entry.shape == (0,) and entry.name.endswith(".weight"):
            return f"{entry.name} has no entries: a placeholder that ZeRO-3 saved for its parts"
    return None


def _no_blocks(look: Look) -> str | None:
    if look.entries is None or look.config is None or ADAPTER_CONFIG in look.files:
        return None
    blocks = blocks_of(look.entries, number(of_text(look.config), BLOCK_COUNTS))
    found = any(is_matrix(each) and why_not(each) is None for block in blocks for each in block)
    return None if found else NO_MATRIX


KINDS: Table = {
    **FORMS,
    "embedding model": (_embedding_library, instead("trained")),
    "encoder-decoder": (_encoder_decoder, say(NO_TEXT)),
    "reward model": (_rewards, instead("trained")),
    "encoder": (_encoder, say(NO_TEXT)),
    "code of its own": (
        _own_code,
        say("use a version of the model that transformers has natively"),
    ),
    "bare model": (
        _bare,
        say("give the language model itself; where config.json names the wrong class, correct it"),
    ),
    "no language model": (_other_task, say(NO_TEXT)),
    "unknown type": (_unknown_type, say("pip install --upgrade transformers, and try again")),
    "a quantization key left in plain weights": (_left_key, _without_key),
    "quantised": (_quantised, _before_quantised),
    "ZeRO-3 placeholders": (
        _placeholders,
        say("gather the parts in the training's folder: python zero_to_fp32.py . OUT"),
    ),
    "no blocks": (_no_blocks, say(NO_TEXT)),
}
"""Kind → what shows it, and the way on; in the order in which they are asked."""
