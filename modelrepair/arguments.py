"""Arguments of the public functions as settings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from modelrepair.settings import Settings


def settings_of(source: str | Path, arguments: Mapping[str, Any]) -> Settings:
    """The settings that a function's arguments name; what is no setting is left out.

    >>> settings_of("user/model", {"ratio": 0.01, "targets": ["*q_proj*"], "out": None}).targets
    ('*q_proj*',)

    Args:
        source: the model.
        arguments: by name; None stands for the setting's own default.
    """
    given = {
        each.name: _frozen(arguments[each.name])
        for each in fields(Settings)
        if arguments.get(each.name) is not None
    }
    return Settings(**{**given, "source": str(source)})


def _frozen(value: Any) -> Any:
    """A setting as it is kept: paths as text, lists as tuples, mappings as copies."""
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, Iterable) and not isinstance(value, str):
        return tuple(value)
    return value
