"""One round: statistics → scores → spilled files, and the masks that are cut from them."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from modelrepair.checkpoint.writer import write_json
from modelrepair.errors import ModelRepairError, PluginError, UsageError, out_of_memory
from modelrepair.examples.batches import Batch
from modelrepair.progress import Progress
from modelrepair.registry.loading import Registered
from modelrepair.registry.specs import Scope, ScorerSpec, SetName, SubjectKind
from modelrepair.scorers.protocol import Accumulator, Scorer, SiteView
from modelrepair.scorers.wanda import root_mean_square, wanda_score
from modelrepair.selection import Quota, count, select, spill, top_tensor
from modelrepair.sweep.accumulators import InputNorms
from modelrepair.sweep.collect import AccumulatorError, SetBatches, SiteStatistics
from modelrepair.sweep.passes import Work, collect
from modelrepair.sweep.sites import Site, Sites
from modelrepair.sweep.skeleton import Skeleton
from modelrepair.sweep.weights import Masks, Weights

if TYPE_CHECKING:
    from torch import Tensor

SET_ORDER: tuple[SetName, ...] = ("realign", "refusal", "utility", "borderline")
PROTECTION = InputNorms()


@dataclass(frozen=True)
class Scoring:
    """What every round of one scorer shares.

    Args:
        skeleton: the model on the meta device.
        sites: the matrices to score.
        weights: reads them, and the reference; the masks come with each round.
        registered: the scorer's spec, and who offers it.
        scorer: the scorer itself.
        subject: what it scores: the weights, or their delta from the reference.
        scope: how the top is cut.
        batches: the score part of each set, in canonical batches.
        protect: share of each tensor that is never masked, by Wanda on the utility set.
        quota: how many entries a share means.
        folder: where this scorer's rounds lie.
    """

    skeleton: Skeleton
    sites: Sites
    weights: Weights
    registered: Registered[ScorerSpec]
    scorer: Scorer
    subject: SubjectKind
    scope: Scope
    batches: Mapping[SetName, Sequence[Batch]]
    protect: float
    folder: Path
    quota: Quota = count

    @property
    def signed(self) -> bool:
        """Whether only positive scores are eligible."""
        return self.registered.spec.signed

    @property
    def protected(self) -> Masks:
        """The entries that are never masked, fixed in the first round."""
        return Masks(self.folder / "protected")


@dataclass(frozen=True)
class Round:
    """A finished round: one file of scores a site, entries that can't be chosen at −inf."""

    scoring: Scoring
    number: int
    constant: tuple[str, ...]

    def cut(self, share: float, into: Path, onto: Masks | None = None) -> Masks:
        """Choose the top share of all entries of each scope, in addition to those of ``onto``.

        Args:
            share: of all entries of a row, a tensor, or all sites.
            into: an empty folder for the mask.
            onto: entries masked before; they stay masked.
        """
        shutil.rmtree(into, ignore_errors=True)
        masks = Masks(into)
        files = [_score_file(self.scoring, self.number, site) for site in self.scoring.sites.chosen]
        signed, quota = self.scoring.signed, self.scoring.quota
        chosen = select(files, self.scoring.scope, share, signed=signed, quota=quota)
        for site, mask in zip(self.scoring.sites.chosen, chosen, strict=True):
            before = None if onto is None else onto.get(site.name, site.entries)
            flat = mask.reshape(-1)
            masks.put(site.name, flat if before is None else flat | before)
        return masks


def masked_entries(masks: Masks, sites: Sites) -> int:
    """How many entries are masked in all sites together."""
    return sum(len(masks.positions(site.name, site.entries)) for site in sites.chosen)


def score_round(scoring: Scoring, number: int, masks: Masks | None, progress: Progress) -> Round:
    """Take the statistics under the current mask and score every site.

    An interrupted round goes on after the last finished block; a finished one is not run again.

    Raises:
        PluginError: the scorer fails, or gives scores of a wrong shape or dtype, scores that are
            not finite, or the same score everywhere.
    """
    folder = _folder(scoring, number)
    done = folder / "round.json"
    if not done.exists():
        folder.mkdir(parents=True, exist_ok=True)
        work = Work(
            scoring.skeleton,
            scoring.weights.with_masks(masks).read,
            _groups(scoring, first=number == 0),
            folder / "pass",
        )
        work.folder.mkdir(exist_ok=True)

        def on_site(site: Site, statistics: SiteStatistics) -> None:
            _score_site(scoring, number, masks, site, statistics)

        try:
            title = f"{scoring.registered.spec.name}, round {number + 1}"
            collect(work, scoring.sites, on_site, progress, title)
        except AccumulatorError as error:
            raise PluginError(f"{_who(scoring)}: {error}", hint=error.hint) from error
        shutil.rmtree(work.folder)
        names = [site.name for site in scoring.sites.chosen]
        flags = [folder / f"{name}.constant" for name in names]
        constant = [name for name, flag in zip(names, flags, strict=True) if flag.exists()]
        if len(constant) == len(names):
            if (
                scoring.subject == "delta"
                and masks is None
                and not any(_differs(scoring, name) for name in names)
            ):
                raise UsageError(
                    "source and reference are the same in every matrix",
                    hint="give the aligned model that the source was fine-tuned from, or 'none'",
                )
            raise PluginError(
                f"{_who(scoring)} gave one and the same score everywhere",
                hint="the scorer does not look at its input",
            )
        if constant:
            progress.note(
                f"{len(constant)} of {len(names)} matrices have one score everywhere and nothing "
                f"to choose, first {constant[0]}"
            )
        write_json(done, {"constant": constant})
    return Round(scoring, number, tuple(json.loads(done.read_text())["constant"]))


def drop_round(scoring: Scoring, number: int) -> None:
    """Give the disk space of a round's scores back."""
    shutil.rmtree(_folder(scoring, number), ignore_errors=True)


def _groups(scoring: Scoring, *, first: bool) -> list[SetBatches]:
    """Which sets pass, and what is accumulated on each."""
    needs: dict[SetName, tuple[Accumulator, ...]] = {
        name: tuple(accumulators) for name, accumulators in scoring.scorer.needs.items()
    }
    for name in needs:
        if name not in scoring.batches:
            raise PluginError(
                f"{_who(scoring)} wants statistics of a {name} set that it did not ask for",
                hint="name the set in the plug-in's `sets`, too",
            )
    if first and scoring.protect > 0:
        needs["utility"] = tuple(dict.fromkeys((*needs.get("utility", ()), PROTECTION)))
    return [
        SetBatches(name, tuple(scoring.batches[name]), needs[name])
        for name in SET_ORDER
        if name in needs
    ]


def _score_site(
    scoring: Scoring,
    number: int,
    masks: Masks | None,
    site: Site,
    statistics: SiteStatistics,
) -> None:
    """Score one site, find its eligible entries, and spill both as one file."""
    view = _view(scoring, masks, site)
    if number == 0 and scoring.protect > 0:
        squares = statistics["utility", PROTECTION]["sum"]
        norms = root_mean_square(squares, statistics.examples("utility")).float()
        protected = top_tensor(
            wanda_score(view.weight, norms).cpu().numpy(), count(scoring.protect, site.entries)
        )
        scoring.protected.put(site.name, protected)
    scores = _checked(scoring, view, statistics).cpu().numpy()
    eligible = view.subject.cpu().numpy() != 0  # where nothing is left, nothing can be removed
    for taken in (masks, scoring.protected):
        mask = None if taken is None else taken.get(site.name, site.entries)
        if mask is not None:
            eligible &= ~mask.reshape(site.info.shape)
    path = _score_file(scoring, number, site)
    flag = path.with_suffix(".constant")
    flag.unlink(missing_ok=True)
    if scores.min() == scores.max():
        eligible = np.zeros_like(eligible)
        flag.touch()
    partial = path.with_suffix(".partial")
    spill(partial, scores, eligible)
    partial.replace(path)


def _differs(scoring: Scoring, name: str) -> bool:
    reference = scoring.weights.reference(name)
    return reference is None or not torch.equal(scoring.weights.values(name), reference)


def _view(scoring: Scoring, masks: Masks | None, site: Site) -> SiteView:
    weights = scoring.weights.with_masks(masks)
    weight = weights.values(site.name)
    reference = weights.reference(site.name)
    subject = weight
    if scoring.subject == "delta":
        if reference is None:
            raise ModelRepairError("a delta without a reference", hint="please report this")
        subject = weight - reference
    return SiteView(site.info, subject, weight, reference, scoring.subject)


def _checked(scoring: Scoring, view: SiteView, statistics: SiteStatistics) -> Tensor:
    """The plug-in's scores, or an error that names it."""
    hint = "this is a fault of the plug-in, or of the model it was given; --debug shows more"
    try:
        scores = scoring.scorer.score(view, statistics)
    except Exception as error:
        if isinstance(error, ModelRepairError) or out_of_memory(error):
            raise
        raise PluginError(
            f"{_who(scoring)} failed on {view.name}: {type(error).__name__}: {error}", hint=hint
        ) from error
    problem = None
    if not isinstance(scores, torch.Tensor):
        problem = f"gave {type(scores).__name__}, expected a tensor"
    elif scores.shape != view.subject.shape:
        problem = f"gave shape {list(scores.shape)}, expected {list(view.subject.shape)}"
    elif scores.dtype != torch.float32:
        problem = f"gave {scores.dtype}, expected torch.float32"
    elif not torch.isfinite(scores).all():
        problem = "gave scores that are not finite"
    if problem is not None:
        raise PluginError(f"{_who(scoring)} {problem} on {view.name}", hint=hint)
    return scores


def _who(scoring: Scoring) -> str:
    by = scoring.registered
    return f"scorer {by.spec.name!r} of {by.distribution} {by.version}"


def _folder(scoring: Scoring, number: int) -> Path:
    return scoring.folder / f"round-{number:04d}"


def _score_file(scoring: Scoring, number: int, site: Site) -> Path:
    return _folder(scoring, number) / f"{site.name}.npy"
