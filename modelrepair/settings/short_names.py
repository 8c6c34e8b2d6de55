"""How settings are recorded: ids in full, paths by their last name, no secret."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from modelrepair.examples.find import OWN_ANSWERS, is_name, is_path
from modelrepair.examples.hub import parse_id
from modelrepair.source.address import named_on_hub
from modelrepair.text.redaction import HIDDEN, is_secret
from modelrepair.text.typed_paths import from_home


def short(text: str) -> str:
    """A Hub id as it is; a path by its last name.

    >>> short("user/model"), short("/data/models/mine"), short("./mine")
    ('user/model', 'mine', 'mine')
    >>> short("user/model@refs/pr/1")
    'user/model@refs/pr/1'
    """
    prefix, colon, rest = text.partition(".py:")
    if colon:
        return f"{Path(prefix).name}.py:{rest}"
    if named_on_hub(text) is None:
        return from_home(text).resolve().name
    return text


def short_set(text: str) -> str:
    """A registered name or an id on the Hub as it is; a path by its last name.

    >>> short_set("org/name:train@refs/pr/1"), short_set("self:/data/mine.jsonl")
    ('org/name:train@refs/pr/1', 'self:mine.jsonl')
    """
    if text.startswith(OWN_ANSWERS):
        return OWN_ANSWERS + short_set(text.removeprefix(OWN_ANSWERS))
    if is_name(text) or (not is_path(text) and parse_id(text) is not None):
        return text
    return from_home(text).resolve().name


def pinned(text: str, commit: str | None) -> str:
    """The id of a data set at its commit; a name or a file as it is.

    >>> pinned("self:org/name:train@main", "c0ffee"), pinned("alpaca", "c0ffee")
    ('self:org/name:train@c0ffee', 'alpaca')
    """
    id = text.removeprefix(OWN_ANSWERS)
    wanted = None if commit is None or is_name(id) or is_path(id) else parse_id(id)
    return text if wanted is None else f"{text[: len(text) - len(id)]}{wanted}@{commit}"


def short_options(options: Mapping[str, Any]) -> dict[str, Any]:
    """A plug-in's options: a folder by its last name, and no secret.

    >>> short_options({"model": "/data/models/guard", "threshold": 0.7, "api_key": "abc"})
    {'model': 'guard', 'threshold': 0.7, 'api_key': '…'}
    """

    def shown(name: str, value: Any) -> Any:
        if isinstance(value, str) and is_secret(name):
            return HIDDEN
        return short(value) if value and isinstance(value, str) and is_path(value) else plain(value)

    return {name: shown(name, value) for name, value in options.items()}


def plain(value: Any) -> Any:
    """A value as JSON knows it."""
    return value if isinstance(value, str | int | float | bool | None) else str(value)
