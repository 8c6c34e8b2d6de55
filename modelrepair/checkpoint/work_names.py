"""Names of work files that every disk keeps apart, made from the names of tensors."""

from __future__ import annotations

import hashlib
import re

from modelrepair.text.typed_paths import windows_refuses

READABLE = 80
"""Letters of a tensor's name that stay to be read, where it gets another."""
_PLAIN = re.compile(r"[a-z0-9_-][a-z0-9_.-]{0,119}")


def work_name(tensor: str) -> str:
    """A file's name for a tensor: two tensors never share one, whatever the disk makes of letters.

    Some disks take two names that differ in case only, or in how a letter is composed, as one;
    some drop a dot or space at the end, or keep names for devices. A name with which that can
    happen gets the digest of the tensor's name, behind a sign that no name has which stays.

    >>> work_name("layers.0.q_proj.weight")
    'layers.0.q_proj.weight'
    >>> work_name("CON")
    'con~...

    Args:
        tensor: its name in the file, or a matrix's.
    """
    if _PLAIN.fullmatch(tensor) and windows_refuses(tensor) is None:
        return tensor
    # A lone surrogate is a letter as others are: a name in a file may hold what is no text.
    digest = hashlib.sha256(tensor.encode("utf-8", "surrogatepass")).hexdigest()[:32]
    return f"{re.sub(r'[^a-z0-9_-]', '-', tensor[:READABLE].lower())}~{digest}"
