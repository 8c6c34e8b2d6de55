"""What a model needs beside its weights before anything can be asked of it."""

from __future__ import annotations

from modelrepair.checkpoint.config import read_config
from modelrepair.checkpoint.roles import role
from modelrepair.errors import UnsupportedModelError
from modelrepair.source.resolve import Source


def check_parts(source: Source, base: Source | None = None) -> None:
    """Refuse a model without a type or a tokenizer, by its config and the names of its files.

    >>> check_parts(resolve("user/model", weights=False))  # doctest: +SKIP

    Args:
        source: what is repaired.
        base: what it adapts, where it is an adapter, which may use its base's tokenizer.

    Raises:
        UnsupportedModelError: one of them is missing.
    """
    whole = base or source
    if not isinstance(read_config(whole.folder).get("model_type"), str):
        raise UnsupportedModelError(
            f"config.json of {whole.id or whole.name} names no model_type",
            hint="add the type that it was saved with, as the config of its base names it",
        )
    names = (*source.files, *(base.files if base else ()))
    if not any(role(name) == "tokenizer" and "/" not in name for name in names):
        raise UnsupportedModelError(
            f"{source.id or source.name} holds no tokenizer",
            hint="put the tokenizer's files beside its weights: those of its base, if it has none "
            "of its own",
            id="no-tokenizer",
        )
