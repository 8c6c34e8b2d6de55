"""The files of a round: the scores of a block's sites in one, and what they do not show in another.

None is synced but where a later round needs it: a killed process leaves what it wrote, and a round
costs more disk than anything else. What a power cut leaves is known by its length and its CRC-32,
and taken again.
"""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from modelrepair.checkpoint.atomic import fsync_folder
from modelrepair.engine.sites import Sites
from modelrepair.moving import remove, rename
from modelrepair.plugin.names import SetName
from modelrepair.search.selection import Spilled, spill


@dataclass(frozen=True)
class SiteFacts:
    """What the scores of one site do not show."""

    constant: bool = False
    unseen: bool = False
    routed: Mapping[SetName, int] = field(default_factory=dict)


def write_block(
    folder: Path,
    block: int,
    scored: Iterable[tuple[str, np.ndarray, np.ndarray, SiteFacts]],
) -> Path:
    """Write a block's scores and facts; return the file of the scores.

    Args:
        folder: the round's.
        block: its number.
        scored: each site's name, its scores, which may be chosen, and its facts, in order.
    """
    path = _scores_of(folder, block)
    about, partial = path.with_suffix(".json"), path.with_suffix(".partial")
    remove(about)
    facts, checksum = {}, 0
    try:
        with partial.open("wb") as file:
            for name, scores, eligible, known in scored:
                checksum = spill(file, scores, eligible, checksum)
                if known != SiteFacts():
                    facts[name] = asdict(known)
    except BaseException:
        remove(partial)  # a scorer that fails leaves nothing to resume from
        raise
    rename(partial, path)
    about.write_text(json.dumps({"crc32": checksum, "sites": facts}))
    return path


def all_whole(folder: Path, sites: Sites, known: set[Path]) -> bool:
    """Whether the scores of all blocks are there as they were written.

    Args:
        folder: the round's.
        sites: what was scored.
        known: files that are whole and need not be read; those that were read are added.
    """
    for block, some in sites.by_block.items():
        path = _scores_of(folder, block)
        if path not in known and not _is_whole(path, sum(site.entries for site in some)):
            return False
        known.add(path)
    return True


def sync(folder: Path) -> None:
    """Make sure that a finished round outlives a power cut."""
    for path in sorted(folder.iterdir()):
        with path.open("r+b") as file:
            os.fsync(file.fileno())
    fsync_folder(folder)


def read_facts(folder: Path, sites: Sites) -> dict[str, SiteFacts]:
    """What the scores of each site do not show."""
    kept: dict[str, Any] = {}
    for block in sites.by_block:
        kept |= _about(_scores_of(folder, block))["sites"]
    return {site.name: SiteFacts(**kept.get(site.name, {})) for site in sites.chosen}


def spilled(folder: Path, sites: Sites) -> list[Spilled]:
    """Where the scores of each site lie, in the sites' order."""
    found: list[Spilled] = []
    for block, some in sites.by_block.items():
        path, begin = _scores_of(folder, block), 0
        for site in some:
            found.append(Spilled(path, begin, site.info.shape))
            begin = found[-1].end
    return found


def _is_whole(path: Path, entries: int) -> bool:
    try:
        if path.stat().st_size != 4 * entries:
            return False
        wanted, found = _about(path)["crc32"], 0
        for chunk in Spilled(path, 0, (entries,)).chunks():
            found = zlib.crc32(chunk.data, found)
    except (OSError, ValueError, KeyError):
        return False
    return bool(found == wanted)


def _about(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.with_suffix(".json").read_bytes())
    return found


def _scores_of(folder: Path, block: int) -> Path:
    return folder / f"block-{block:05d}.scores"
