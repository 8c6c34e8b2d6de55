"""Which matrices of a model can be pruned, and which can't and why: coverage, never assumed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from torch import nn

from modelrepair.errors import UnsupportedModelError, UsageError
from modelrepair.scorers.protocol import SiteInfo
from modelrepair.sweep.skeleton import Skeleton

MINIMUM_COVERAGE = 0.95
"""The share of the parameters of the blocks' matrices that must be sites."""


@dataclass(frozen=True)
class Site:
    """One prunable matrix and the module that multiplies with it.

    ``module`` is the module's dotted name inside its block.
    """

    info: SiteInfo
    module: str

    @property
    def name(self) -> str:
        """The tensor's name in the checkpoint file."""
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


@dataclass(frozen=True)
class Sites:
    """The sites that a repair works on, in manifest order, and what it leaves alone.

    Args:
        chosen: the sites, in the order of the file's tensors.
        skipped: tensor name → why it is no site.
        coverage: share of the parameters of the blocks' matrices that are sites, before
            ``--targets`` and ``--exclude``.
    """

    chosen: tuple[Site, ...]
    skipped: Mapping[str, str]
    coverage: float

    @property
    def entries(self) -> int:
        """The entries of all chosen sites."""
        return sum(site.entries for site in self.chosen)

    def of_block(self, block: int) -> tuple[Site, ...]:
        """The chosen sites of one block."""
        return tuple(site for site in self.chosen if site.info.block == block)


def find_sites(skeleton: Skeleton, order: Sequence[str]) -> Sites:
    """Find every prunable matrix of the blocks.

    Args:
        skeleton: the model on the meta device.
        order: the checkpoint's tensor names in manifest order.
    """
    owners = _owners(skeleton)
    adapter = skeleton.adapter
    found: dict[str, Site] = {}
    skipped: dict[str, str] = {}
    covered = total = 0
    for index, block in enumerate(skeleton.blocks):
        for path, module in block.named_modules():
            for leaf, parameter in module.named_parameters(recurse=False):
                if parameter.dim() < 2:
                    continue
                parts = (skeleton.prefix, str(index), path, leaf)
                file = skeleton.files[".".join(part for part in parts if part)]
                if adapter is not None and file not in adapter:
                    continue
                total += parameter.numel()
                reason = _why_not(module, leaf, owners[file])
                if adapter is not None and reason is None and not _is_factor(path):
                    reason = "saved whole beside the factors"
                if reason is not None:
                    skipped[file] = reason
                    continue
                covered += parameter.numel()
                rows, columns = parameter.shape
                found[file] = Site(SiteInfo(file, "linear", index, (rows, columns)), path)
    for file in sorted(adapter or ()):
        if file not in found and file not in skipped:
            skipped[file] = "outside the blocks" if _outside(skeleton, file) else "no matrix"
    if not found and adapter is not None:
        raise UnsupportedModelError(
            "the adapter has no factors of linear layers in the model's blocks",
            hint="--merge makes a whole model of adapter and base, and repairs that",
        )
    if not found:
        raise UnsupportedModelError(
            f"no prunable matrix was found in the blocks of {type(skeleton.model).__name__}",
            hint="models whose blocks are made of nn.Linear work; please report this one",
        )
    chosen = tuple(found[name] for name in order if name in found)
    return Sites(chosen, skipped, covered / total)


def require_coverage(sites: Sites, *, allow_partial: bool) -> None:
    """Stop where too little of the blocks can be reached.

    Raises:
        UnsupportedModelError: the coverage is under 95 % and ``allow_partial`` is not set.
    """
    if sites.coverage >= MINIMUM_COVERAGE or allow_partial:
        return
    name, reason = next(iter(sites.skipped.items()))
    raise UnsupportedModelError(
        f"only {sites.coverage:.1%} of the blocks' matrices can be repaired "
        f"({len(sites.skipped)} skipped, first {name}: {reason})",
        hint="--allow-partial repairs the part that can be reached",
    )


def narrow(sites: Sites, targets: Sequence[str], exclude: Sequence[str]) -> Sites:
    """Keep the sites that a target glob matches and no exclusion does.

    Raises:
        UsageError: a glob matches no site, or nothing is left.
    """
    for option, patterns in (("--targets", targets), ("--exclude", exclude)):
        for pattern in patterns:
            if not any(fnmatchcase(site.name, pattern) for site in sites.chosen):
                raise UsageError(
                    f"{option} {pattern!r} matches none of the {len(sites.chosen)} matrices",
                    hint=f"globs match whole tensor names such as {sites.chosen[0].name!r}",
                )
    kept: list[Site] = []
    skipped = dict(sites.skipped)
    for site in sites.chosen:
        if targets and not any(fnmatchcase(site.name, pattern) for pattern in targets):
            skipped[site.name] = "not among --targets"
        elif any(fnmatchcase(site.name, pattern) for pattern in exclude):
            skipped[site.name] = "excluded"
        else:
            kept.append(site)
    if not kept:
        raise UsageError(
            "--targets and --exclude leave no matrix to repair",
            hint="widen --targets or drop an --exclude",
        )
    return Sites(tuple(kept), skipped, sites.coverage)


def _owners(skeleton: Skeleton) -> dict[str, int]:
    """How many parameters of the model each file tensor stands for."""
    owners: dict[str, int] = {}
    for file in skeleton.files.values():
        owners[file] = owners.get(file, 0) + 1
    return owners


def _is_factor(path: str) -> bool:
    return path.split(".")[-2:-1] in (["lora_A"], ["lora_B"])


def _outside(skeleton: Skeleton, file: str) -> bool:
    return not any(
        name.startswith(f"{skeleton.prefix}.")
        for name, each in skeleton.files.items()
        if each == file
    )


def _why_not(module: nn.Module, leaf: str, owners: int) -> str | None:
    if not isinstance(module, nn.Linear):
        return f"{type(module).__name__} is no nn.Linear"
    if leaf != "weight":
        return f"{leaf} of a linear layer"
    if owners > 1:
        return "tied: it stands in several places of the model"
    return None
