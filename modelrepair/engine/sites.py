"""Which matrices of a model can be pruned, and which can't and why: coverage, never assumed."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from functools import cached_property

from modelrepair.checkpoint.blocks import CHOOSES, multiplies, routers
from modelrepair.checkpoint.coverage import check_coverage, check_globs, check_some_left
from modelrepair.engine.layout.experts import ExpertPart
from modelrepair.engine.layout.matrices import Matrix, matrices, why_not
from modelrepair.engine.layout.places import Place
from modelrepair.engine.skeleton import Skeleton
from modelrepair.errors import UnsupportedModelError
from modelrepair.plugin.scorer import SiteInfo


@dataclass(frozen=True)
class Site:
    """One prunable matrix, the module that multiplies with it, and where it lies in the file.

    ``module`` is the module's dotted name inside its block; ``part`` says which of its matrices
    it is, where the module holds experts.
    """

    info: SiteInfo
    module: str
    place: Place
    part: ExpertPart | None = None

    @property
    def name(self) -> str:
        """The tensor's name in the checkpoint file; of a part of a tensor, ``tensor#part``."""
        return self.info.name

    @property
    def projection(self) -> str:
        """Which of its block's layers it is part of: ``q_proj``, or ``q_proj.lora_A``."""
        path = self.module.split(".")
        # An adapter's factor stands below its layer, and above the adapter's own name.
        return ".".join(path[-3:-1]) if _is_factor(self.module) else path[-1]

    @property
    def entries(self) -> int:
        """How many entries the matrix has."""
        return self.info.shape[0] * self.info.shape[1]

    @property
    def seen_as(self) -> str:
        """How its module, or its part of the module, is called inside its block."""
        return self.module if self.part is None else f"{self.module}#{self.part}"


@dataclass(frozen=True)
class FileTensor:
    """A tensor of the file, and the sites that lie in it."""

    name: str
    shape: tuple[int, ...]
    sites: tuple[Site, ...]

    @property
    def entries(self) -> int:
        """How many entries it has, those of no site among them."""
        return math.prod(self.shape)


@dataclass(frozen=True)
class Sites:
    """The sites that a repair works on, and what it leaves alone.

    Args:
        chosen: the sites, in an order that follows from the model alone (block by block, module
            by module, expert by expert): ties are broken the same way in every layout of the file.
        skipped: tensor name, or ``tensor#part`` → why it is no site.
        coverage: share of the parameters of the blocks' matrices that are sites, before
            ``--targets`` and ``--exclude``; of units larger than entries, those that hold some.
        order: the checkpoint's tensor names in manifest order.
    """

    chosen: tuple[Site, ...]
    skipped: Mapping[str, str]
    coverage: float
    order: tuple[str, ...] = ()

    @property
    def entries(self) -> int:
        """The entries of all chosen sites."""
        return sum(site.entries for site in self.chosen)

    @cached_property
    def tensors(self) -> tuple[FileTensor, ...]:
        """The tensors in which the chosen sites lie, in manifest order."""
        found: dict[str, list[Site]] = {}
        for site in self.chosen:
            found.setdefault(site.place.tensor, []).append(site)
        return tuple(
            FileTensor(name, found[name][0].place.tensor_shape, tuple(found[name]))
            for name in self.order
            if name in found
        )

    @cached_property
    def by_block(self) -> Mapping[int, tuple[Site, ...]]:
        """The chosen sites of each block that has some, in order."""
        found: dict[int, list[Site]] = {}
        for site in self.chosen:
            found.setdefault(site.info.block, []).append(site)
        return {block: tuple(sites) for block, sites in found.items()}

    def of_block(self, block: int) -> tuple[Site, ...]:
        """The chosen sites of one block."""
        return self.by_block.get(block, ())


def find_sites(skeleton: Skeleton, order: Sequence[str]) -> Sites:
    """Find every prunable matrix of the blocks.

    Args:
        skeleton: the model on the meta device.
        order: the checkpoint's tensor names in manifest order.
    """
    owners = Counter(file for file in skeleton.files.values() if isinstance(file, str))
    adapter = skeleton.adapter
    found: list[Site] = []
    skipped: dict[str, str] = {}
    covered = total = 0
    for index, block in enumerate(skeleton.blocks):
        choosing = routers(_shapes(skeleton, index))
        for path, module in block.named_modules():
            for leaf, parameter in module.named_parameters(recurse=False):
                if not multiplies(leaf, parameter.shape):
                    continue
                parts = (skeleton.prefix, str(index), path, leaf)
                file = skeleton.files[".".join(part for part in parts if part)]
                names = [file] if isinstance(file, str) else list(file.conversion.shapes)
                if adapter is not None and file not in adapter:
                    continue
                reason = why_not(module, leaf)
                # One version of transformers has an nn.Linear there, and the next one has not.
                if reason is None and isinstance(file, str) and file in choosing:
                    reason = CHOOSES
                if reason is None and isinstance(file, str) and owners[file] > 1:
                    reason = "tied: the model uses it in several places"
                if adapter is not None and reason is None and not _is_factor(path):
                    reason = "saved whole beside the factors"
                if reason is None and (index, path) in skeleton.unused:
                    reason = "its block does not call it once: no hook sees what it multiplies"
                held = matrices(module, leaf, parameter, file) if reason is None else []
                total += parameter.numel()
                if held:
                    covered += parameter.numel()
                    found += [_site(index, path, each) for each in held]
                else:
                    scattered = "its rows do not lie evenly in one tensor of the file"
                    skipped.update(dict.fromkeys(names, reason or scattered))
    inside = {site.place.tensor for site in found}
    for name in sorted(adapter or ()):
        if name not in inside and name not in skipped:
            skipped[name] = "outside the blocks" if _outside(skeleton, name) else "no matrix"
    if not found and adapter is not None:
        raise UnsupportedModelError(
            "the adapter has no factors of linear layers in the model's blocks",
            hint="--merge makes a whole model of adapter and base, and repairs that",
        )
    if not found:
        raise UnsupportedModelError(
            f"no prunable matrix was found in the blocks of {type(skeleton.model).__name__}",
            hint="models whose blocks are made of nn.Linear work; please report this one",
            id="no-blocks",
        )
    return Sites(tuple(found), skipped, covered / total, tuple(order))


def _shapes(skeleton: Skeleton, index: int) -> dict[str, tuple[int, ...]]:
    """Name in the file → shape, of a block's tensors."""
    found: dict[str, tuple[int, ...]] = {}
    for path, parameter in skeleton.blocks[index].named_parameters():
        file = skeleton.files[
            ".".join(part for part in (skeleton.prefix, str(index), path) if part)
        ]
        found |= {file: tuple(parameter.shape)} if isinstance(file, str) else file.conversion.shapes
    return found


def require_coverage(sites: Sites, *, allow_partial: bool) -> None:
    """Stop where too little of the blocks can be reached.

    Raises:
        UnsupportedModelError: the coverage is under 95 % and ``allow_partial`` is not set.
    """
    check_coverage(sites.coverage, sites.skipped, allow_partial=allow_partial)


def narrow(sites: Sites, targets: Sequence[str], exclude: Sequence[str]) -> Sites:
    """Keep the sites that a target glob matches and no exclusion does.

    A glob matches the name of a tensor in the file, or of a part of one.

    Raises:
        UsageError: a glob matches no site, or nothing is left.
    """
    names = {name for site in sites.chosen for name in (site.place.tensor, site.name)}
    check_globs(names, targets, exclude)
    kept: list[Site] = []
    skipped = dict(sites.skipped)
    for site in sites.chosen:
        if targets and not _matches(site, targets):
            skipped[site.name] = "not among --targets"
        elif _matches(site, exclude):
            skipped[site.name] = "excluded"
        else:
            kept.append(site)
    check_some_left(kept)
    return replace(sites, chosen=tuple(kept), skipped=skipped)


def _matches(site: Site, patterns: Sequence[str]) -> bool:
    names = (site.place.tensor, site.name)
    return any(fnmatchcase(name, pattern) for pattern in patterns for name in names)


def _is_factor(path: str) -> bool:
    return path.split(".")[-2:-1] in (["lora_A"], ["lora_B"])


def _outside(skeleton: Skeleton, file: str) -> bool:
    return not any(
        name.startswith(f"{skeleton.prefix}.")
        for name, each in skeleton.files.items()
        if each == file
    )


def _site(block: int, path: str, held: Matrix) -> Site:
    name = held.place.tensor
    if not held.place.is_whole:
        name = f"{name}#{path.rpartition('.')[2] if held.part is None else held.part}"
    return Site(SiteInfo(name, held.kind, block, held.place.shape), path, held.place, held.part)
