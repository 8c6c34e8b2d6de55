"""What a plan tells of the Hub: what comes down and goes up, where to, and what would stop it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from modelrepair.errors import ModelRepairError
from modelrepair.estimate import blocks_of, is_matrix
from modelrepair.preflight import Plan
from modelrepair.publish.pushing import PushOptions
from modelrepair.publish.remote import replaced
from modelrepair.publishing import destination_ahead, readable_base
from modelrepair.settings import Settings
from modelrepair.source.headers import headers
from modelrepair.source.reference import declared_base
from modelrepair.source.resolve import Source, hub_errors, wanted_files


@dataclass(frozen=True)
class HubPlan:
    """The way to the Hub and back.

    Args:
        download_bytes: of the source that are still to be fetched.
        security: what the Hub's scan found, or None for a folder.
        reference: the model that the source's card names as its base, where nobody named one
            and this token may read it; ``reference_bytes`` are still to be fetched for it.
        base: the model on the Hub that an adapter adapts; ``base_bytes`` likewise.
        target: where the result would go; None where nothing is to be pushed.
        kind: new repository, pull request or in place.
        visibility: of the target, in words.
        account: whose token would write.
        exists: whether the target is there already.
        upload_bytes: shards with an entry that may be masked are sent whole.
        deletes: files that the commit would take out of the source's own repository.
        refused: why nothing would be pushed; empty where it would.
    """

    download_bytes: int
    security: str | None
    reference: str | None
    reference_bytes: int
    base: str | None = None
    base_bytes: int = 0
    target: str | None = None
    kind: str | None = None
    visibility: str | None = None
    account: str | None = None
    exists: bool | None = None
    upload_bytes: int = 0
    deletes: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()


def hub_plan(
    settings: Settings,
    source: Source,
    plan: Plan,
    pushing: PushOptions | None,
    base: Source | None = None,
) -> HubPlan | None:
    """Ask the Hub for what a repair and its push would need; None where neither touches it.

    >>> hub_plan(settings, source, plan, PushOptions()).target  # doctest: +SKIP
    'me/model-repaired'

    Raises:
        HubError: the Hub, the rights on it, or the network, on the side of the source.
    """
    from huggingface_hub import constants

    on_hub = source.id is not None and not constants.HF_HUB_OFFLINE
    if not on_hub and pushing is None and (base is None or base.id is None):
        return None
    info = _info(str(source.id), source.commit) if on_hub else None
    reference = None
    if settings.reference == "auto" and base is None:
        with hub_errors(source.name):
            reference = readable_base(source) if on_hub else declared_base(source.folder)
    found: dict[str, Any] = {
        "download_bytes": _missing_bytes(info) if info else 0,
        "security": _security(info) if info else None,
        "reference": reference,
        "reference_bytes": _reference_bytes(reference) if on_hub else 0,
    }
    if base is not None and base.id is not None:
        missing = 0 if constants.HF_HUB_OFFLINE else _missing_bytes(_info(base.id, base.commit))
        found |= {"base": base.id, "base_bytes": missing}
    if pushing is not None:
        whole = base if settings.merge and base is not None else source
        found |= _push_plan(settings, source, plan, pushing, info, whole)
    return HubPlan(**found)


def _push_plan(
    settings: Settings,
    source: Source,
    plan: Plan,
    pushing: PushOptions,
    info: Any | None,
    whole: Source,
) -> dict[str, Any]:
    try:
        target = destination_ahead(settings, source, pushing)
    except ModelRepairError as error:
        return {"refused": (str(error),)}
    own = target.kind != "new repository"
    names = [sibling.rfilename for sibling in info.siblings or ()] if info else []
    left = set(names) - set(wanted_files(names))
    return {
        "target": target.id,
        "kind": target.kind,
        "visibility": target.visibility,
        "account": target.account,
        "exists": target.exists,
        "upload_bytes": _upload_bytes(whole, plan, own),
        "deletes": tuple(replaced(left, {})) if own else (),
    }


def _upload_bytes(source: Source, plan: Plan, own: bool) -> int:
    """The shards in which an entry can be masked; a new repository needs the others, too."""
    entries = tuple(headers(source).entries.values())
    blocks = blocks_of(entries, plan.blocks)
    touched = {e.file for block in blocks for e in block if is_matrix(e) and e.name not in
               plan.skipped}  # fmt: skip
    return sum(entry.nbytes for entry in entries if not own or entry.file in touched)


def _info(id: str, commit: str | None) -> Any:
    from huggingface_hub import HfApi

    with hub_errors(id, commit):
        return HfApi().model_info(id, revision=commit, files_metadata=True, securityStatus=True)


def _missing_bytes(info: Any) -> int:
    from huggingface_hub import try_to_load_from_cache

    sizes = {sibling.rfilename: sibling.size or 0 for sibling in info.siblings or ()}
    return sum(
        sizes[name]
        for name in wanted_files(sizes)
        if not isinstance(try_to_load_from_cache(info.id, name, revision=info.sha), str)
    )


def _reference_bytes(reference: str | None) -> int:
    """What a reference that the card names would cost; nothing where it can't be had."""
    if reference is None:
        return 0
    try:
        return _missing_bytes(_info(reference, None))
    except ModelRepairError:
        return 0


def _security(info: Any) -> str:
    status = info.security_repo_status
    if not isinstance(status, dict):
        return "not told by the Hub"
    issues = status.get("filesWithIssues") or []
    if issues:
        names = ", ".join(str(each.get("path")) for each in issues[:3])
        return f"{len(issues)} files with issues: {names}"
    return "no issues" if status.get("scansDone") else "not scanned yet"
