"""The closed list of what may be rewritten in a kept file, and how that is checked."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from modelrepair.checkpoint.roles import Role, role
from modelrepair.checkpoint.untrusted import parse_json, read_file
from modelrepair.checkpoint.weight_files import ADAPTER_CONFIG, BASE_KEY
from modelrepair.errors import DamagedCheckpointError
from modelrepair.source.address import is_id

PATHS = ("_name_or_path", "name_or_path", "tokenizer_file", "special_tokens_map_file")
"""What transformers writes of the machine that a file was made on."""
CODE = "auto_map"
"""Where a model's own code lies: it is left behind, and transformers has the layout."""

_ROLES: frozenset[Role] = frozenset({"config", "generation config", "tokenizer", "processor"})
Rewritten = tuple[bytes, str]


def rewrite(name: str, data: bytes, base_id: str | None = None) -> Rewritten | None:
    r"""A kept file without paths of a machine and without pointers to code; None where it has none.

    >>> rewrite("config.json", b'{"_name_or_path": "/home/me/base", "vocab_size": 8}')
    (b'{\n  "vocab_size": 8\n}\n', '_name_or_path, a local path, is gone')
    >>> rewrite("config.json", b'{"_name_or_path": "org/base"}') is None
    True

    Args:
        name: the file's, inside the model's folder.
        data: its bytes.
        base_id: the Hub id that takes the place of a local base path in ``adapter_config.json``.
    """
    config = _config(name, data)
    if config is None:
        return None
    said: list[str] = []
    kept = _without(config, _goes, said)
    base = config.get(BASE_KEY)
    if name == ADAPTER_CONFIG and base_id is not None and isinstance(base, str) and not is_id(base):
        kept[BASE_KEY] = base_id
        said.append(f"{BASE_KEY} is {base_id} now; it was a local path")
    return (_dumped(kept), "; ".join(dict.fromkeys(said))) if said else None


def rewrite_file(folder: Path, name: str, base_id: str | None = None) -> Rewritten | None:
    """As `rewrite`, of a file in a folder; one that can't hold what goes is not read."""
    if not _may_change(name):
        return None
    data = read_file(folder, name)
    return None if data is None else rewrite(name, data, base_id)


def follows(name: str, old: bytes, new: bytes, base_id: str | None) -> bool:
    r"""Whether a file is another one rewritten: nothing but what may go is gone.

    >>> follows("config.json", b'{"auto_map": {}, "a": 1}', b'{\n  "a": 1\n}\n', None)
    True
    >>> follows("config.json", b'{"auto_map": {}, "a": 1}', b'{\n  "a": 2\n}\n', None)
    False

    Args:
        name: the file's.
        old: the bytes of the source's.
        new: the bytes that lie there now.
        base_id: the Hub id of the base, which alone may replace a local path.
    """
    before, after = _config(name, old), _config(name, new)
    if before is None or after is None or new != _dumped(after):
        return False
    base = before.get(BASE_KEY)
    if name == ADAPTER_CONFIG and isinstance(base, str) and not is_id(base) and base_id:
        before = {**before, BASE_KEY: base_id}
    return _dumped(_as_far_as(before, after)) == new


def is_local(text: object) -> bool:
    """Whether a text names a place on a machine, and no repository on the Hub.

    >>> is_local("/data/base"), is_local("org/base"), is_local("a/b/c"), is_local("")
    (True, False, True, False)
    """
    if not isinstance(text, str) or not text:
        return False
    return not is_id(text) or Path(text).exists()


def _goes(key: str, value: Any) -> str | None:
    if key == CODE and value is not None:
        return f"{CODE} is gone: transformers has this layout"
    return f"{key}, a local path, is gone" if key in PATHS and is_local(value) else None


def _without(value: Any, goes: Callable[[str, Any], str | None], said: list[str]) -> Any:
    """A value without the keys that go, at any depth; in the order in which it has them."""
    if isinstance(value, list):
        return [_without(item, goes, said) for item in value]
    if not isinstance(value, Mapping):
        return value
    kept = {}
    for key, item in value.items():
        if (why := goes(key, item)) is not None:
            said.append(why)
        else:
            kept[key] = _without(item, goes, said)
    return kept


def _as_far_as(before: Any, after: Any) -> Any:
    """The source's value without those of the keys that may go which are gone."""
    if isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        return [_as_far_as(*pair) for pair in zip(before, after, strict=True)]
    if not isinstance(before, Mapping) or not isinstance(after, Mapping):
        return before
    return {
        key: _as_far_as(item, after.get(key))
        for key, item in before.items()
        if key in after or key not in (*PATHS, CODE)
    }


def _config(name: str, data: bytes) -> dict[str, Any] | None:
    if not _may_change(name):
        return None
    try:
        value = parse_json(data, name)
    except DamagedCheckpointError:
        return None  # what reads it says so
    return value if isinstance(value, dict) else None


def _may_change(name: str) -> bool:
    # tokenizer.json is no config: a vocabulary may hold any word as a key.
    return role(name) in _ROLES and name.endswith("config.json")


def _dumped(value: Any) -> bytes:
    return (json.dumps(value, indent=2, ensure_ascii=False) + "\n").encode()
