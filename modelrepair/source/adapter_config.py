"""Adapters: what ``adapter_config.json`` says, which base it names, and what can be repaired."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from modelrepair.checkpoint.reader import TensorEntry
from modelrepair.checkpoint.roles import is_training_state
from modelrepair.checkpoint.untrusted import parse_json, read_file
from modelrepair.checkpoint.weight_files import ADAPTER, ADAPTER_CONFIG, BASE_KEY
from modelrepair.errors import DamagedCheckpointError, UnsupportedModelError, UsageError
from modelrepair.source.address import is_id

KINDS = ("LORA", "LOHA", "LOKR", "IA3")
"""Types of adapter that can be merged into their base; only the first has factors A and B."""

MERGE = "--merge makes a whole model of adapter and base, and repairs that"
MERGE_YOURSELF = (
    "merge it into its base with peft's merge_and_unload, save that, and repair the whole model"
)

# Fields of a LoRA config with which its layers compute something else than x·W + s·(x·A)·B.
_OTHER_FORWARD = (
    "alora_invocation_tokens",
    "arrow_config",
    "kasa_config",
    "layer_replication",
    "megatron_config",
    "monteclora_config",
    "target_parameters",
    "trainable_token_indices",
    "use_bdlora",
    "use_qalora",
    "velora_config",
)
# Starts of training that take something out of the base's own weights.
_OTHER_BASE = ("pissa", "olora", "corda", "loftq", "lora_ga", "mica")


@dataclass(frozen=True)
class Adapter:
    """What an adapter's config says.

    Args:
        kind: its type as peft calls it, ``"LORA"``.
        base: the model that it adapts, as the config names it; None where it names none.
        revision: the base's revision, where the config names one.
        config: the whole config.
    """

    kind: str
    base: str | None
    revision: str | None
    config: Mapping[str, Any]


def read_adapter(folder: Path) -> Adapter | None:
    """The adapter in a folder, or None where the folder holds a whole model.

    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> config = '{"peft_type": "LORA", "base_model_name_or_path": "org/base"}'
    >>> _ = (folder / "adapter_config.json").write_text(config)
    >>> read_adapter(folder).base
    'org/base'

    Raises:
        DamagedCheckpointError: the config is no JSON object, or says no type.
        UnsupportedModelError: there are several adapters.
    """
    text = read_file(folder, ADAPTER_CONFIG)
    if text is None:
        return None
    try:
        config = parse_json(text, ADAPTER_CONFIG)
    except DamagedCheckpointError:
        config = None
    if not isinstance(config, dict) or not isinstance(config.get("peft_type"), str):
        raise DamagedCheckpointError(
            f"{ADAPTER_CONFIG} is no adapter's config: it needs a peft_type",
            hint="download or copy the adapter again",
        )
    _only_one(folder)
    base, revision = (_text(config.get(key)) for key in (BASE_KEY, "revision"))
    return Adapter(config["peft_type"].upper(), base, revision, config)


def named_base(adapter: Adapter) -> str:
    """The Hub id of the base that an adapter's config names.

    A path in there is a path of another machine, and is not followed.

    >>> named_base(Adapter("LORA", "org/base", None, {}))
    'org/base'

    Raises:
        UsageError: it names none, or a path.
    """
    hint = "name the model that it was trained on with --base: a folder, or a Hub id"
    if adapter.base is None:
        raise UsageError(
            f"{ADAPTER_CONFIG} does not name the adapter's base",
            hint=hint,
            id="adapter-base-unknown",
        )
    if not names_an_id(adapter):
        raise UsageError(
            f"{ADAPTER_CONFIG} names the base by a local path, which is not followed",
            hint=hint,
            id="adapter-base-unknown",
        )
    return adapter.base


def names_an_id(adapter: Adapter) -> bool:
    """Whether an adapter's config names its base by what could be a Hub id.

    >>> names_an_id(Adapter("LORA", "/home/me/base", None, {}))
    False
    """
    return adapter.base is not None and is_id(adapter.base)


def check_type(adapter: Adapter, *, merge: bool) -> None:
    """Refuse an adapter that can't be repaired, before anything else of it is read.

    >>> check_type(Adapter("LORA", "org/base", None, {"r": 8}), merge=False)

    Args:
        adapter: what its config says.
        merge: whether it is merged into its base first.

    Raises:
        UnsupportedModelError: with what to do instead.
    """
    if adapter.kind not in KINDS:
        raise UnsupportedModelError(
            f"an adapter of type {adapter.kind} can't be repaired",
            hint=MERGE_YOURSELF,
            id="unsupported-adapter",
        )
    for field in _OTHER_FORWARD:
        if adapter.config.get(field):
            raise UnsupportedModelError(
                f"an adapter with {field} can't be repaired: it is no plain LoRA",
                hint=MERGE_YOURSELF,
                id="unsupported-adapter",
            )
    start = adapter.config.get("init_lora_weights")
    if isinstance(start, str) and start.lower().startswith(_OTHER_BASE):
        raise UnsupportedModelError(
            f"the adapter was started by {start}, which changes the base's own weights",
            hint="convert it to a plain LoRA: peft's save_pretrained with "
            "path_initial_model_for_weight_conversion",
            id="unsupported-adapter",
        )
    if not merge and adapter.kind != "LORA":
        raise UnsupportedModelError(
            f"an adapter of type {adapter.kind} has no factors A and B to mask",
            hint=MERGE,
            id="unsupported-adapter",
        )
    if not merge and adapter.config.get("use_dora"):
        raise UnsupportedModelError(
            "masked factors of a DoRA adapter do not lead back to its base",
            hint=MERGE,
            id="unsupported-adapter",
        )


def check_fits(adapter: Mapping[str, TensorEntry], base: Mapping[str, TensorEntry]) -> None:
    """Refuse an adapter that is empty or resized, or where one name means two tensors.

    Args:
        adapter: its tensors by their headers.
        base: those of the model that it adapts.

    Raises:
        DamagedCheckpointError: it holds no tensor.
        UnsupportedModelError: a tensor of the adapter has the name of one of the base's, or it
            was trained on a base whose embedding has other rows.
    """
    if not adapter:
        raise DamagedCheckpointError(
            f"{ADAPTER} holds no tensor: the adapter is empty",
            hint="download the adapter again, or ask its author for the whole of it",
        )
    shared = sorted(adapter.keys() & base.keys())
    if shared:
        raise UnsupportedModelError(
            f"adapter and base both hold a tensor {shared[0]!r}", hint=MERGE_YOURSELF
        )
    for name, entry in adapter.items():
        whole, rows = _whole_tensor(name, entry)
        own = base.get(whole)
        if own is not None and own.shape[:1] != (rows,):
            raise UnsupportedModelError(
                f"the adapter was trained on a resized base: {whole} has {rows:,} rows in it, and "
                f"{own.shape[0]:,} in the base",
                hint=f"base.resize_token_embeddings({rows}) before PeftModel.from_pretrained, then "
                "merge_and_unload() and save_pretrained(): repair that whole model",
                id="adapter-base-does-not-fit",
            )


def _whole_tensor(name: str, entry: TensorEntry) -> tuple[str, int]:
    """The base's tensor that one of the adapter stands for by its vocabulary, and its rows there.

    A saved embedding or head replaces the base's own; a factor A of an embedding lies across.
    """
    inside = name.removeprefix("base_model.model.")
    if inside.endswith(".lora_embedding_A"):
        return f"{inside.removesuffix('.lora_embedding_A')}.weight", entry.shape[-1]
    if (found := re.fullmatch(r"(.*(?:head|embed\w*))\.lora_B\.weight", inside)) is not None:
        return f"{found[1]}.weight", entry.shape[0]
    own = re.sub(r"\.(modules_to_save(\.\w+)?|original_module|base_layer)(?=\.)", "", inside)
    return own, entry.shape[0] if entry.shape else 0


def _only_one(folder: Path) -> None:
    others = sorted(
        path.parent.relative_to(folder).as_posix()
        for path in folder.glob(f"*/{ADAPTER_CONFIG}")
        if not is_training_state(path.parent.name)
    )
    if others:
        raise UnsupportedModelError(
            f"there are several adapters in one folder: one at its top, others in {others[0]!r}"
            + (" …" if len(others) > 1 else ""),
            hint="copy the one that is meant into a folder of its own",
        )


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value.strip() else None
