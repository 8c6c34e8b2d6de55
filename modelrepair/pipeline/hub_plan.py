"""What a plan says of the Hub: what comes down and goes up, where to, and what would stop it."""

from __future__ import annotations

import math
from collections.abc import Container, Sequence
from typing import Any

from modelrepair.checkpoint.blocks import blocks_of, is_matrix
from modelrepair.checkpoint.coverage import chosen
from modelrepair.checkpoint.reader import TensorEntry
from modelrepair.pipeline.ahead import Ahead
from modelrepair.plugin.names import SubjectKind
from modelrepair.preflight.plan import Plan
from modelrepair.preflight.target import HubPlan
from modelrepair.publishing.destination import Destination, visibility
from modelrepair.publishing.options import PushOptions
from modelrepair.settings.amount import Amount, Fixed, amount_of
from modelrepair.settings.search_limits import RATIO_GRIDS
from modelrepair.settings.settings import Settings
from modelrepair.source.resolve import Source, wanted_files
from modelrepair.source.to_fetch import bytes_to_fetch, missing_bytes, repository_info

OF_A_SITE = 200
"""Bytes that a mask takes for a tensor beside its entries: its name, and the codec's own."""


def hub_plan(
    settings: Settings, ahead: Ahead, plan: Plan, pushing: PushOptions | None
) -> HubPlan | None:
    """Ask the Hub for what a repair and its push would need; None where neither touches it.

    >>> hub_plan(settings, ahead, plan, PushOptions()).target  # doctest: +SKIP
    'me/model-repaired'

    Raises:
        HubError: the Hub, the rights on it, or the network, on the side of the source.
    """
    from huggingface_hub import constants

    source, base, reference = ahead.source, ahead.base, ahead.reference
    # A source that was taken whole from the cache, because the Hub fails, needs no download.
    on_hub = source.id is not None and not source.complete and not constants.HF_HUB_OFFLINE
    of_hub = base is not None and base.id is not None
    far = None if reference.by == "adapter" else reference.found
    if not on_hub and pushing is None and not of_hub and (far is None or far.id is None):
        return None
    info = repository_info(str(source.id), source.commit) if on_hub else None
    found: dict[str, Any] = {
        "download_bytes": missing_bytes(info) if info else 0,
        "source_visibility": visibility(bool(info.private), info.gated or None) if info else None,
        "security": security(info.security_repo_status) if info else None,
        "reference": None if far is None else far.id,
        "reference_bytes": 0 if far is None else bytes_to_fetch(far),
    }
    if base is not None and base.id is not None:
        found |= {"base": base.id, "base_bytes": bytes_to_fetch(base)}
    if ahead.destination is not None:
        whole = base if settings.merge and base is not None else source
        found |= _push_plan(settings, ahead, plan, ahead.destination, info, whole)
    return HubPlan(**found)


def _push_plan(
    settings: Settings,
    ahead: Ahead,
    plan: Plan,
    target: Destination,
    info: Any | None,
    whole: Source,
) -> dict[str, Any]:
    entries = tuple(ahead.read(whole).entries.values())
    sites = [
        entry
        for block in blocks_of(entries, plan.blocks)
        for entry in block
        if is_matrix(entry)
        and entry.name not in plan.skipped
        and chosen(entry.name, settings.targets, settings.exclude)
    ]
    rewritten = {entry.file for entry in sites}
    if whole.id is None or settings.merge:
        rewritten = {entry.file for entry in entries}  # merging may change any tensor
    own = target.kind != "new repository"
    sent, stored = _sent(entries, rewritten, None if own else _beside(whole, info))
    mask = values = 0
    if settings.repairer is None:  # the edit of a repairer has no mask
        share = masked_share(amount_of(settings), ahead.subject)
        mask = mask_bytes(sites, share)
        values = int(share * sum(each.nbytes for each in sites)) if settings.store_values else 0
    return {
        "target": target.id,
        "kind": target.kind,
        "visibility": target.visibility,
        "account": target.account,
        "exists": target.exists,
        "there": ahead.there,
        "upload_bytes": sent + mask + values,
        "mask_bytes": mask,
        "stored_bytes": stored,
    }


def _sent(
    entries: Sequence[TensorEntry], rewritten: Container[str], beside: tuple[int, int] | None
) -> tuple[int, int]:
    """The bytes on the way up, and those that the Hub has already."""
    sent = sum(entry.nbytes for entry in entries if entry.file in rewritten)
    stored = sum(entry.nbytes for entry in entries if entry.file not in rewritten)
    more, known = beside or (0, 0)
    return sent + more, stored + known


def masked_share(amount: Amount, subject: SubjectKind) -> float:
    """The share that will be masked, or the largest that a search for it tries.

    >>> masked_share(amount_of(Settings("user/model", ratio=0.01)), "weight")
    0.01
    >>> masked_share(amount_of(Settings("user/model")), "weight")
    0.1
    """
    if isinstance(amount, Fixed) and amount.knob == "ratio":
        return amount.value
    return max(RATIO_GRIDS[subject])


def mask_bytes(sites: Sequence[TensorEntry], share: float) -> int:
    """About how large a mask is: a fifth over what its entropy takes, which is most at a half.

    >>> mask_bytes([TensorEntry("w", "f", "F32", (1000, 1000), 0, 4_000_000)], 0.01)
    12318
    """
    share = min(max(share, 1e-9), 0.5)
    bits = -share * math.log2(share) - (1 - share) * math.log2(1 - share)
    return OF_A_SITE * len(sites) + int(1.2 * bits / 8 * sum(entry.entries for entry in sites))


def _beside(source: Source, info: Any | None) -> tuple[int, int]:
    """Bytes of what a repair keeps beside the weights: to be sent, and in the Hub's store."""
    if info is None:
        paths = (path for path in source.folder.rglob("*") if path.is_file())
        sizes = {path.relative_to(source.folder).as_posix(): path.stat().st_size for path in paths}
        large: set[str] = set()
    else:
        sizes = {each.rfilename: each.size or 0 for each in info.siblings or ()}
        large = {each.rfilename for each in info.siblings or () if each.lfs is not None}
    kept = [name for name in wanted_files(sizes) if not name.endswith(".safetensors")]
    known = sum(sizes[name] for name in kept if name in large)
    return sum(sizes[name] for name in kept) - known, known


def security(status: Any) -> str:
    """What the Hub's scan of a repository says, in words.

    >>> security(None), security({"scansDone": False}), security({"scansDone": True})
    ('not reported by the Hub', 'not scanned yet', 'no issues')
    >>> security({"scansDone": True, "filesWithIssues": [{"path": "a.bin", "level": "unsafe"}]})
    '1 files with issues: a.bin'
    """
    if not isinstance(status, dict):
        return "not reported by the Hub"
    issues = status.get("filesWithIssues") or []
    if issues:
        names = ", ".join(str(each.get("path")) for each in issues[:3])
        return f"{len(issues)} files with issues: {names}"
    return "no issues" if status.get("scansDone") else "not scanned yet"
