"""Candidates of a repairer: statistics once, then new values for every matrix, by strength."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from modelrepair import ranks
from modelrepair.checkpoint.atomic import save_array, write_json
from modelrepair.checkpoint.work_names import work_name
from modelrepair.engine.device import exact
from modelrepair.engine.dtypes import TORCH_DTYPES
from modelrepair.engine.edits import Edits, rounded
from modelrepair.engine.passes.passes import Work, collect
from modelrepair.engine.passes.statistics import AccumulatorError, SetBatches, SiteStatistics
from modelrepair.engine.sites import FileTensor, Site, Sites
from modelrepair.engine.skeleton import Skeleton
from modelrepair.engine.weights import Weights
from modelrepair.errors import PluginError
from modelrepair.moving import emptied, remove_folder
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

        def make(folder: Path = folder, strength: float = strength) -> dict[str, Any]:
            remove_folder(folder / "edits")
            return _edit_all(repairing, strength, Edits(folder / "edits"), progress)

        made = remember(folder / "point.json", partial(ranks.share, make))
        if made["digest"] == before:
            ranks.share(partial(remove_folder, folder / "edits"))
        elif made["changed"]:
            yield point_of(repairing.registered, strength, made["changed"], repairing.sites, folder)
        before = made["digest"]


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

    def on_site(site: Site, statistics: SiteStatistics) -> None:
        folder = emptied(_statistics_folder(repairing, site))
        for (name, accumulator), state in statistics.states.items():
            number = list(repairing.repairer.needs[name]).index(accumulator)
            for key, value in state.items():
                save_array(folder / f"{name}.{number}.{key}.npy", value.cpu().numpy())
        write_json(folder / "routed.json", dict(statistics.routed))

    title = f"{repairing.registered.spec.name}, statistics"
    try:
        collect(work, repairing.sites, on_site, progress, title)
    except AccumulatorError as error:
        raise PluginError(
            f"{who(repairing.registered)}: {error}", hint=error.hint, id=error.id
        ) from error
    ranks.share(lambda: remove_folder(work.folder))
    ranks.share(lambda: write_json(done, {}))


def _statistics(repairing: Repairing, groups: Sequence[SetBatches], site: Site) -> SiteStatistics:
    """What `_collect` kept of a site."""
    sets = {group.name: group for group in groups}
    if not groups:
        return SiteStatistics({}, {})
    folder, device = _statistics_folder(repairing, site), exact(repairing.skeleton.device)
    states: dict[tuple[SetName, Accumulator], dict[str, Tensor]] = {}
    for group in groups:
        for number, accumulator in enumerate(group.accumulators):
            for path in sorted(folder.glob(f"{group.name}.{number}.*.npy")):
                key = path.name.removesuffix(".npy").split(".", 2)[2]
                value = torch.from_numpy(np.load(path)).to(device)
                states.setdefault((group.name, accumulator), {})[key] = value
    routed = json.loads((folder / "routed.json").read_bytes())
    return SiteStatistics(states, sets, routed)


def _statistics_folder(repairing: Repairing, site: Site) -> Path:
    return repairing.folder / "statistics" / work_name(site.name)


def _edit_all(
    repairing: Repairing, strength: float, edits: Edits, progress: Progress
) -> dict[str, Any]:
    """Edit every tensor at one strength: how many entries changed, and the new bits' digest."""
    groups, tensors = _groups(repairing), repairing.sites.tensors
    title = f"{repairing.registered.spec.name} at {strength:g}"
    changed, digest = 0, hashlib.sha256()
    with progress.step(title, len(repairing.sites.chosen)) as advance:
        for tensor in tensors:
            old = repairing.weights.bits(tensor.name)
            new = old.copy()
            for site in tensor.sites:
                _edit_site(repairing, groups, tensor, site, strength, new)
                advance(1)
            changed += put_changed(edits, tensor.name, new, old)
            digest.update(new.tobytes())
    return {"changed": changed, "digest": digest.hexdigest()}


def _edit_site(
    repairing: Repairing,
    groups: Sequence[SetBatches],
    tensor: FileTensor,
    site: Site,
    strength: float,
    bits: np.ndarray,
) -> None:
    """Put a site's new values into its tensor's bits."""
    statistics = _statistics(repairing, groups, site)
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
