"""A dense edit against its manifest: which tensors have new values, and that they are those."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

import numpy as np

from modelrepair.artifact.findings import Finding
from modelrepair.artifact.manifest import MANIFEST_NAME, Manifest
from modelrepair.artifact.records import SiteRecord
from modelrepair.checkpoint.reader import TensorEntry
from modelrepair.verification.compare import (
    NORM_ROUNDING,
    Positions,
    ShardDifference,
    TensorDifference,
)


def named_tensors(manifest: Manifest) -> Positions:
    """Where entries may differ: anywhere in the tensors that the manifest names as changed.

    >>> named_tensors(manifest)(source.entries["embed"]).tolist()  # doctest: +SKIP
    []
    """
    named = {site.name for site in manifest.sites if site.masked}

    def positions(entry: TensorEntry) -> np.ndarray | None:
        return None if entry.name in named else np.zeros(0, np.int64)

    return positions


def count_changed(manifest: Manifest, differences: Mapping[str, ShardDifference]) -> dict[str, int]:
    """How many entries of each named tensor differ; of files that can't be compared, as it says."""
    counted = {site.name: site.masked for site in manifest.sites if site.masked}
    for shard in differences.values():
        counted |= {each.name: each.masked for each in shard.tensors if each.name in counted}
    return counted


def check_edited(file: str, tensor: TensorDifference, site: SiteRecord | None) -> Iterator[Finding]:
    """Compare one tensor's bytes with what the manifest says that they became."""
    if tensor.outside:
        message = f"{tensor.outside} bytes differ, and the manifest does not name the tensor"
        yield Finding("outside-edit", file, tensor.name, message)
    if site is None or not site.masked:
        return
    if tensor.digest != site.digest:
        said = f"{site.digest[:12]}…" if site.digest else "nothing"
        message = f"has sha256 {tensor.digest[:12]}…, the manifest says {said}"
        yield Finding("edited-value", file, tensor.name, message)
        return
    one, two = tensor.norm_removed, site.norm_removed
    if (one is None) != (two is None) or not math.isclose(
        one or 0, two or 0, rel_tol=NORM_ROUNDING
    ):
        message = f"the manifest says {two} of the norm was changed, found {one}"
        yield Finding("count", MANIFEST_NAME, tensor.name, message)
