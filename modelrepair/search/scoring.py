"""One round: statistics → scores → spilled files, and the masks that are cut from them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
import torch

from modelrepair import ranks
from modelrepair.checkpoint.atomic import write_json
from modelrepair.engine.passes.passes import Work, collect
from modelrepair.engine.passes.statistics import AccumulatorError, SetBatches, SiteStatistics
from modelrepair.engine.sites import Site, Sites
from modelrepair.engine.skeleton import Skeleton
from modelrepair.engine.units import Units
from modelrepair.engine.weights import Masks, Weights
from modelrepair.errors import ModelRepairError, PluginError, UsageError
from modelrepair.moving import remove_folder
from modelrepair.plugin.accumulators import InputNorms
from modelrepair.plugin.calls import checked, who
from modelrepair.plugin.formulas import root_mean_square, wanda_score
from modelrepair.plugin.loading import Registered
from modelrepair.plugin.names import Scope, SetName, SubjectKind, Unit
from modelrepair.plugin.repairer import Batch
from modelrepair.plugin.scorer import Accumulator, Loss, Scorer, SiteView
from modelrepair.plugin.specs import ScorerSpec
from modelrepair.progress import Progress
from modelrepair.search.known import known_alone
from modelrepair.search.score_files import SiteFacts, all_whole, read_facts, spilled, write_block
from modelrepair.search.selection import select, top_tensor
from modelrepair.search.unit_selection import least_share, protected_units, select_units, sums_of
from modelrepair.settings.presets import Quota, count

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
        protect: share of each tensor, or of each family's units, that is never masked, by Wanda
            on the utility set.
        units: what is masked as one; None for entries.
        quota: how many entries a share means.
        folder: where this scorer's rounds lie.
        whole: files of scores that this process wrote, or has read from end to end.
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
    units: Units | None = None
    quota: Quota = count
    whole: set[Path] = field(default_factory=set, compare=False)

    def protected(self, block: int) -> Masks:
        """The entries of a block's sites that are never masked, fixed in the first round."""
        return Masks(self.folder / "protected" / f"{block:05d}")

    @property
    def unit(self) -> Unit:
        """What is masked as one."""
        return "entry" if self.units is None else self.units.unit

    @cached_property
    def shapes(self) -> Mapping[str, tuple[int, int]]:
        """The shape of each site, by its name."""
        return {site.name: site.info.shape for site in self.sites.chosen}

    @cached_property
    def least(self) -> float:
        """The smallest share at which a mask holds a unit; of entries no bound is set."""
        if self.units is None or self.scope == "row":
            return 0.0
        return least_share(self.units, self.shapes, self.scope)

    @property
    def routed(self) -> Path:
        """How many tokens of each set each expert saw in the first round."""
        return self.folder / "routed.json"


@dataclass(frozen=True)
class Round:
    """A finished round: one file of scores a block, entries that can't be chosen at −inf.

    Args:
        scoring: whose round it is.
        number: which one, from 0.
        constant: sites with one score everywhere, of which nothing can be chosen.
        unseen: sites of experts that no token was routed to; nothing of them is chosen.
    """

    scoring: Scoring
    number: int
    constant: tuple[str, ...]
    unseen: tuple[str, ...] = ()

    def cut(self, share: float, into: Path, onto: Masks | None = None) -> Masks:
        """Choose the top share of all entries of each scope, in addition to those of ``onto``.

        Args:
            share: of all entries of a row, a tensor, or all sites.
            into: an empty folder for the mask.
            onto: entries masked before; they stay masked.
        """
        remove_folder(into)
        masks = Masks(into)
        masks.put(self._laid(share, onto))
        return masks

    def _laid(self, share: float, onto: Masks | None) -> Iterator[tuple[str, np.ndarray]]:
        """The mask of each tensor of the file, once all its sites have theirs."""
        sites = self.scoring.sites
        chosen = self._chosen(share)
        left = {tensor.name: len(tensor.sites) for tensor in sites.tensors}
        laid: dict[str, np.ndarray] = {}
        for site, mask in zip(sites.chosen, chosen, strict=True):
            name, entries = site.place.tensor, site.place.tensor_entries
            if name not in laid:
                before = None if onto is None else onto.get(name, entries)
                laid[name] = np.zeros(entries, bool) if before is None else before
            place = site.place.of(laid[name], writeable=True)
            place |= mask
            left[name] -= 1
            if not left[name]:
                yield name, laid.pop(name)

    def _chosen(self, share: float) -> Iterator[np.ndarray]:
        """The mask of each site."""
        scoring, spec = self.scoring, self.scoring.registered.spec
        scores = spilled(folder_of_round(scoring, self.number), scoring.sites)
        ranked = {"signed": spec.signed, "refill": spec.refill}
        if scoring.units is None or scoring.scope == "row":
            return select(scores, scoring.scope, share, **ranked, quota=scoring.quota)
        kept = {block: scoring.protected(block) for block in scoring.sites.by_block}
        sites = {site.name: site for site in scoring.sites.chosen}
        return select_units(
            dict(zip(sites, scores, strict=True)),
            scoring.units,
            scoring.scope,
            share,
            **ranked,
            protected=lambda name: kept[sites[name].info.block].get(name, sites[name].entries),
        )


def masked_entries(masks: Masks, sites: Sites) -> int:
    """How many entries are masked in all sites together."""
    return sum(len(masks.positions(each.name, each.entries)) for each in sites.tensors)


def score_round(scoring: Scoring, number: int, masks: Masks | None, progress: Progress) -> Round:
    """Take the statistics under the current mask and score every site.

    An interrupted round resumes after the last finished block; a finished one is not run again.
    A round of which a power cut left a part is taken again.

    Raises:
        PluginError: the scorer fails, or gives scores of a wrong shape or dtype, scores that are
            not finite, or the same score everywhere.
    """
    folder = folder_of_round(scoring, number)
    done = folder / "round.json"
    while not ranks.share(lambda: done.exists() and _all_whole(scoring, number)):
        folder.mkdir(parents=True, exist_ok=True)
        work = Work(
            scoring.skeleton,
            scoring.weights.with_change(masks).read,
            _groups(scoring, first=number == 0, progress=progress),
            folder / "pass",
        )
        work.folder.mkdir(exist_ok=True)

        def on_block(block: int, found: Iterator[tuple[Site, SiteStatistics]]) -> None:
            _score_block(scoring, number, masks, block, found)

        try:
            title = f"{scoring.registered.spec.name}, statistics"
            collect(work, scoring.sites, on_block, progress, title)
        except AccumulatorError as error:
            raise PluginError(
                f"{who(scoring.registered)}: {error}", hint=error.hint, id=error.id
            ) from error
        if ranks.share(lambda: _all_whole(scoring, number)):
            ranks.share(lambda: _finish_round(scoring, number, masks, progress))
    found = ranks.share(lambda: json.loads(done.read_bytes()))
    return Round(scoring, number, tuple(found["constant"]), tuple(found["unseen"]))


def drop_round(scoring: Scoring, number: int) -> None:
    """Give the disk space of a round's scores back."""
    ranks.share(lambda: remove_folder(folder_of_round(scoring, number)))


def _finish_round(scoring: Scoring, number: int, masks: Masks | None, progress: Progress) -> None:
    """Keep what is known of a round whose sites all have scores."""
    remove_folder(folder_of_round(scoring, number) / "pass")
    sites = scoring.sites.chosen
    facts = read_facts(folder_of_round(scoring, number), scoring.sites)
    unseen = [name for name, each in facts.items() if each.unseen]
    constant = [name for name, each in facts.items() if each.constant and not each.unseen]
    if len(constant) + len(unseen) == len(sites):
        if (
            scoring.subject == "delta"
            and masks is None
            and not any(_differs(scoring, site) for site in sites)
        ):
            raise UsageError(
                "source and reference are the same in every matrix",
                hint="give the aligned model that the source was fine-tuned from, or 'none'",
                id="reference-is-source",
            )
        raise PluginError(
            f"{who(scoring.registered)} gave one and the same score everywhere",
            hint="the scorer does not look at its input",
        )
    if constant:
        progress.note(
            f"{len(constant)} of {len(sites)} matrices have one score everywhere and nothing "
            f"to choose, first {constant[0]}"
        )
    if unseen:
        progress.note(
            f"{len(unseen)} of {len(sites)} matrices are of experts that no token was routed "
            f"to, and stay as they are, first {unseen[0]}"
        )
    if number == 0:
        write_json(scoring.routed, {name: each.routed for name, each in facts.items()})
    write_json(
        folder_of_round(scoring, number) / "round.json", {"constant": constant, "unseen": unseen}
    )


def _groups(scoring: Scoring, *, first: bool, progress: Progress) -> list[SetBatches]:
    """Which sets pass, and what is accumulated on each."""
    needs: dict[SetName, tuple[Accumulator, ...]] = {
        name: tuple(accumulators) for name, accumulators in scoring.scorer.needs.items()
    }
    for name in needs:
        if name not in scoring.batches:
            raise PluginError(
                f"{who(scoring.registered)} wants statistics of a {name} set that it did not ask "
                "for",
                hint="name the set in the plug-in's `sets`, too",
            )
    losses: Mapping[SetName, Loss] = getattr(scoring.scorer, "losses", {})
    if first and scoring.protect > 0:
        needs["utility"] = tuple(dict.fromkeys((*needs.get("utility", ()), PROTECTION)))
    batches = dict(scoring.batches)
    if known := {name: batches[name] for name in getattr(scoring.scorer, "known", ())}:
        read, folder = scoring.weights.read, scoring.folder
        batches |= known_alone(known, scoring.skeleton, read, folder, progress)
    return [
        SetBatches(name, tuple(batches[name]), needs[name], losses.get(name, "log-likelihood"))
        for name in SET_ORDER
        if name in needs
    ]


@dataclass(frozen=True)
class _Scored:
    """One block of a round, while its sites are scored."""

    scoring: Scoring
    number: int
    masks: Masks | None
    earlier: Masks
    """What the first round protected, in a later one."""
    protected: dict[str, np.ndarray] = field(default_factory=dict)
    """What the first round protects, in it."""
    useful: dict[str, np.ndarray] = field(default_factory=dict)
    """What each site adds to the worth of its units for utility, in the first round."""


def _score_block(
    scoring: Scoring,
    number: int,
    masks: Masks | None,
    block: int,
    found: Iterator[tuple[Site, SiteStatistics]],
) -> None:
    """Score the sites of one block, and keep their scores."""
    here = _Scored(scoring, number, masks, scoring.protected(block))
    scored = ((site.name, *_score_site(here, site, statistics)) for site, statistics in found)
    scoring.whole.add(write_block(folder_of_round(scoring, number), block, scored))
    if here.useful and scoring.units is not None:
        families = [each for each in scoring.units.families if each.block == block]
        here.protected.update(
            protected_units(families, here.useful, scoring.shapes, scoring.protect)
        )
    if here.protected:
        # Synced, unlike scores: later rounds read it, and none of them makes it again.
        scoring.protected(block).put(here.protected.items())


def _score_site(
    here: _Scored, site: Site, statistics: SiteStatistics
) -> tuple[np.ndarray, np.ndarray, SiteFacts]:
    """One site's scores, which of its entries may be chosen, and what neither shows."""
    routed = statistics.routed
    looked_at = [routed[name] for name in here.scoring.scorer.needs if name in routed]
    unseen = bool(routed) and not sum(looked_at or routed.values())
    scores = np.zeros(site.info.shape, np.float32)
    eligible = np.zeros(site.info.shape, bool)
    constant = True
    if not unseen:
        scores, eligible = _scores(here, site, statistics)
        constant = bool(scores.min() == scores.max())
        if constant:
            eligible = np.zeros_like(eligible)
    return scores, eligible, SiteFacts(constant, unseen, dict(routed))


def _scores(here: _Scored, site: Site, statistics: SiteStatistics) -> tuple[np.ndarray, np.ndarray]:
    """One site's scores, and which of its entries may be chosen, both ``[out, in]``."""
    scoring, masks = here.scoring, here.masks
    view = _view(scoring, masks, site)
    if here.number == 0 and scoring.protect > 0:
        squares = statistics["utility", PROTECTION]["sum"]
        norms = root_mean_square(squares, statistics.examples("utility")).float()
        useful = wanda_score(view.weight, norms).cpu().numpy()
        if scoring.units is None:
            here.protected[site.name] = top_tensor(useful, count(scoring.protect, site.entries))
        else:
            here.useful[site.name] = sums_of(*scoring.units.sites[site.name], useful)
    by, scorer = scoring.registered, scoring.scorer
    asked = statistics.of(scorer.needs)
    shown = {**_shown(view), **asked.shown()}
    given = checked(by, view.name, view.subject, "scores", lambda: scorer.score(view, asked), shown)
    scores = given.cpu().numpy()
    eligible = view.subject.cpu().numpy() != 0  # where nothing is left, nothing can be removed
    masked = None if masks is None else masks.of(site.place)
    protected = here.protected.get(site.name)
    if here.number:
        protected = here.earlier.get(site.name, site.entries)
    for taken in (masked, protected):
        if taken is not None:
            eligible &= ~taken.reshape(site.info.shape)
    return scores, eligible


def _all_whole(scoring: Scoring, number: int) -> bool:
    """Whether the scores of all blocks are as they were written; a round that lost some is gone."""
    whole = all_whole(folder_of_round(scoring, number), scoring.sites, scoring.whole)
    if not whole:
        remove_folder(folder_of_round(scoring, number))
    return whole


def _differs(scoring: Scoring, site: Site) -> bool:
    reference = scoring.weights.reference(site.place)
    return reference is None or not torch.equal(scoring.weights.matrix(site.place), reference)


def _view(scoring: Scoring, masks: Masks | None, site: Site) -> SiteView:
    weights = scoring.weights.with_change(masks)
    weight = weights.matrix(site.place)
    reference = weights.reference(site.place)
    subject = weight
    if scoring.subject == "delta":
        if reference is None:
            raise ModelRepairError("a delta without a reference", hint="please report this")
        subject = weight - reference
    return SiteView(site.info, subject, weight, reference, scoring.subject)


def _shown(view: SiteView) -> dict[str, torch.Tensor | None]:
    """What a scorer sees of a site and must leave as it is."""
    return {f"view.{name}": getattr(view, name) for name in ("subject", "weight", "reference")}


def folder_of_round(scoring: Scoring, number: int) -> Path:
    """Where a round's scores lie."""
    return scoring.folder / f"round-{number:04d}"
