"""The digest of a manifest: the same repair has the same one, whenever and however it ran."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from modelrepair.artifact.manifest import Manifest


def canonical(value: Any) -> bytes:
    """JSON with sorted keys and no white space: the same value gives the same bytes.

    >>> canonical({"b": 1, "a": [0.5]})
    b'{"a":[0.5],"b":1}'
    """
    text = json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )
    return text.encode()


def digest(manifest: Manifest) -> str:
    """The digest of a manifest that is written as it is: the same repair has the same digest.

    Of one that was read, `modelrepair.artifact.reading.read_manifest` says it: a field that a
    later version adds is not in the file.

    >>> len(digest(manifest))  # doctest: +SKIP
    64
    """
    return digest_of(manifest.model_dump(mode="json"))


def digest_of(document: Mapping[str, Any]) -> str:
    """SHA-256 of a manifest's JSON document in canonical form, without ``run``.

    >>> digest_of({"a": 1, "run": {"time": "now"}}) == digest_of({"a": 1})
    True
    """
    rest = {name: value for name, value in document.items() if name != "run"}
    return hashlib.sha256(canonical(rest)).hexdigest()
