"""Candidates of a repairer: statistics once, then new values for every matrix, by strength."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from modelrepair import ranks
from modelrepair.checkpoint.atomic import write_json, write_whole
from modelrepair.engine.device import exact
from modelrepair.engine.dtypes import TORCH_DTYPES
from modelrepair.engine.edits import Edits, rounded
from modelrepair.engine.passes.passes import Work, collect
from modelrepair.engine.passes.statistics import AccumulatorError, SetBatches, SiteStatistics
from modelrepair.engine.sites import FileTensor, Site, Sites
from modelrepair.engine.skeleton import Skeleton
from modelrepair.engine.weights import Weights
from modelrepair.errors import PluginError
from modelrepair.moving import remove, remove_folder
from modelrepair.plugin.calls import HINT, checked, who
from modelrepair.plugin.loading import Registered
from modelrepair.plugin.names import SetName
from modelrepair.plugin.repairer import Batch, EditView, SiteRepairer
from modelrepair.plugin.scorer import Accumulator
from modelrepair.plugin.specs import RepairerSpec
from modelrepair.progress import Progress
from modelrepair.search.candidates import Candidate
from modelrepair.search.scoring import SET_ORDER
from modelrepair.search.study import remember

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Repairing:
    """What every candidate of one repairer shares.

    Args:
        skeleton: the model on the meta device.
        sites: the matrices to repair.
        weights: reads them, and the reference.
        registered: the repairer's spec, and who offers it.
        repairer: the repairer itself.
        models: read the other models that it needs, by its names for them.
        passed: the model that the sets are passed through, and what reads it.
        batches: the score part of each set, in canonical batches.
        folder: where its statistics and candidates lie.
    """

    skeleton: Skeleton
    sites: Sites
    weights: Weights
    registered: Registered[RepairerSpec]
    repairer: SiteRepairer
    models: Mapping[str, Weights]
    passed: tuple[Skeleton, Weights]
    batches: Mapping[SetName, Sequence[Batch]]
    folder: Path


def candidates(
    repairing: Repairing, strengths: Sequence[float], progress: Progress
) -> Iterator[Candidate]:
    """One candidate for each strength, made when it is asked for; equal ones are left out.

    An interrupted run resumes after the last finished block of statistics, or candidate.

    Raises:
        PluginError: the repairer fails, or gives matrices of a wrong shape or dtype, or values
            that the file's dtype can't hold.
    """
    _collect(repairing, progress)
    before = None
    for strength in strengths:
        folder = repairing.folder / "points" / f"{strength:.6e}"

        def make(edits: Edits, strength: float = strength) -> dict[str, Any]:
            return _edit_all(repairing, strength, edits, progress)

        made = remember_edits(folder, make)
        if made["digest"] == before:
            ranks.share(partial(remove_folder, folder / "edits"))
        elif made["changed"]:
            yield point_of(repairing.registered, strength, made["changed"], repairing.sites, folder)
        before = made["digest"]


def remember_edits(folder: Path, make: Callable[[Edits], dict[str, Any]]) -> dict[str, Any]:
    """What making a candidate's edits gave, as long as they lie there as they were made.

    Edits of which a power cut left less are made again. Those whose space the search gave back stay
    away: nothing reads them any more.

    Args:
        folder: the candidate's.
        make: puts the edits, and gives what is to be remembered of them.
    """
    done, edits = folder / "point.json", Edits(folder / "edits")

    def lost() -> bool:
        if not done.exists() or not edits.folder.exists():
            return False
        known: dict[str, Any] = json.loads(done.read_bytes())
        return "checksums" not in known or not edits.are_whole(known["checksums"])

    def made() -> dict[str, Any]:
        remove_folder(edits.folder)
        return {**make(edits), "checksums": edits.checksums}

    if ranks.share(lost):
        ranks.share(lambda: remove(done))
    found: dict[str, Any] = remember(done, lambda: ranks.share(made))
    return found


def point_of(
    registered: Registered[RepairerSpec], strength: float, changed: int, sites: Sites, folder: Path
) -> Candidate:
    """A candidate whose edits lie in a folder."""
    return Candidate(
        scorer=registered.spec.name,
        round=1,
        ratio=strength,
        share=changed / sites.entries,
        change=Edits(folder / "edits"),
    )


def put_changed(edits: Edits, tensor: str, new: np.ndarray, old: np.ndarray) -> int:
    """Keep a tensor's new bits where they differ from the old; how many do."""
    changed = int(np.count_nonzero(new != old))
    if changed:
        edits.put(tensor, new)
    return changed


def _groups(repairing: Repairing) -> list[SetBatches]:
    needs = repairing.repairer.needs
    for name in needs:
        if name not in repairing.batches:
            raise PluginError(
                f"{who(repairing.registered)} wants statistics of a {name} set that it did not "
                "ask for",
                hint="name the set in the plug-in's `sets`, too",
            )
    return [
        SetBatches(name, tuple(repairing.batches[name]), tuple(needs[name]))
        for name in SET_ORDER
        if name in needs
    ]


def _collect(repairing: Repairing, progress: Progress) -> None:
    """Pass the sets through the model, and keep what every site's accumulators hold."""
    groups, done = _groups(repairing), repairing.folder / "statistics.json"
    if not groups or ranks.share(done.exists):
        return
    skeleton, weights = repairing.passed
    work = Work(skeleton, weights.read, groups, repairing.folder / "pass")
    work.folder.mkdir(parents=True, exist_ok=True)

    def on_block(block: int, found: Iterator[tuple[Site, SiteStatistics]]) -> None:
        _keep(repairing, block, found)

    title = f"{repairing.registered.spec.name}, statistics"
    try:
        collect(work, repairing.sites, on_block, progress, title)
    except AccumulatorError as error:
        raise PluginError(
            f"{who(repairing.registered)}: {error}", hint=error.hint, id=error.id
        ) from error
    ranks.share(lambda: remove_folder(work.folder))
    ranks.share(lambda: write_json(done, {}))


def _keep(repairing: Repairing, block: int, found: Iterator[tuple[Site, SiteStatistics]]) -> None:
    """Keep what the accumulators of one block's sites hold, in one file."""
    kept: dict[str, Any] = {}
    for site, statistics in found:
        states = [
            (name, list(repairing.repairer.needs[name]).index(accumulator), key, value.cpu())
            for (name, accumulator), state in statistics.states.items()
            for key, value in state.items()
        ]
        kept[site.name] = {"routed": dict(statistics.routed), "states": states}
    path = _statistics_file(repairing, block)
    path.parent.mkdir(exist_ok=True)
    # Synced: every strength reads it, and no pass makes it again.
    write_whole(path, lambda file: torch.save(kept, file))


class _Kept:
    """What `_keep` kept, mapped into memory block by block."""

    def __init__(self, repairing: Repairing, groups: Sequence[SetBatches]) -> None:
        self._repairing = repairing
        self._sets = {group.name: group for group in groups}
        self._block: tuple[int, dict[str, Any]] = (-1, {})

    def of(self, site: Site) -> SiteStatistics:
        """What was kept of a site."""
        if not self._sets:
            return SiteStatistics({}, {})
        block = site.info.block
        if self._block[0] != block:
            path = _statistics_file(self._repairing, block)
            self._block = (block, torch.load(path, mmap=True, weights_only=True))
        kept, device = self._block[1][site.name], exact(self._repairing.skeleton.device)
        states: dict[tuple[SetName, Accumulator], dict[str, Tensor]] = {}
        for name, number, key, value in kept["states"]:
            accumulator = self._sets[name].accumulators[number]
            states.setdefault((name, accumulator), {})[key] = value.to(device)
        return SiteStatistics(states, self._sets, kept["routed"])


def _statistics_file(repairing: Repairing, block: int) -> Path:
    return repairing.folder / "statistics" / f"block-{block:05d}.pt"


def _edit_all(
    repairing: Repairing, strength: float, edits: Edits, progress: Progress
) -> dict[str, Any]:
    """Edit every tensor at one strength: how many entries changed, and the new bits' digest."""
    kept, tensors = _Kept(repairing, _groups(repairing)), repairing.sites.tensors
    title = f"{repairing.registered.spec.name} at {strength:g}"
    changed, digest = 0, hashlib.sha256()
    with progress.step(title, len(repairing.sites.chosen)) as advance:
        for tensor in tensors:
            old = repairing.weights.bits(tensor.name)
            new = old.copy()
            for site in tensor.sites:
                _edit_site(repairing, kept, tensor, site, strength, new)
                advance(1)
            changed += put_changed(edits, tensor.name, new, old)
            digest.update(new.tobytes())
    return {"changed": changed, "digest": digest.hexdigest()}


def _edit_site(
    repairing: Repairing,
    kept: _Kept,
    tensor: FileTensor,
    site: Site,
    strength: float,
    bits: np.ndarray,
) -> None:
    """Put a site's new values into its tensor's bits."""
    statistics = kept.of(site)
    if statistics.routed and not sum(statistics.routed.values()):
        return  # an expert that no token was routed to: nothing is known of it
    weights = repairing.weights
    view = EditView(
        site.info,
        weights.matrix(site.place),
        weights.reference(site.place),
        {name: other.matrix(site.place) for name, other in repairing.models.items()},
    )
    dtype = weights.dtype_of(tensor.name)
    new = _checked(repairing, view, statistics, strength, dtype)
    changed = (new != view.weight).cpu().numpy()  # what stays keeps its bits, a −0.0 its sign
    place = site.place.of(bits, writeable=True)
    place[changed] = rounded(new, dtype)[changed]


def _checked(
    repairing: Repairing, view: EditView, statistics: SiteStatistics, strength: float, dtype: str
) -> Tensor:
    """The plug-in's matrix, or an error that names it."""
    by, repairer = repairing.registered, repairing.repairer
    shown = {
        "view.weight": view.weight,
        "view.reference": view.reference,
        **{f'view.models["{name}"]': matrix for name, matrix in view.models.items()},
        **statistics.shown(),
    }
    new = checked(
        by,
        view.name,
        view.weight,
        "values",
        lambda: repairer.edit(view, statistics, strength),
        shown,
    )
    if not torch.isfinite(new.to(TORCH_DTYPES[dtype])).all():
        raise PluginError(
            f"{who(by)} gave values too large for the file's {dtype} on {view.name}", hint=HINT
        )
    return new
