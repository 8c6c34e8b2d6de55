"""The last step of a repair: weights, mask, record, card and manifest, and then one rename."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from modelrepair.artifact.card import kept_metadata, render_card
from modelrepair.artifact.manifest import MANIFEST_NAME, Manifest
from modelrepair.artifact.mask_header import header_of
from modelrepair.artifact.name_ranges import fold_sites
from modelrepair.artifact.plots import FRONTIER_NAME, PLOT_NAME, plot_frontier, plot_layers
from modelrepair.artifact.records import SiteRecord
from modelrepair.artifact.rewriting import rewrite_file
from modelrepair.artifact.rights import recorded, with_recorded
from modelrepair.artifact.verdicts import VERDICTS_NAME, Results, write_verdicts
from modelrepair.checkpoint.atomic import fsync_folder, write_bytes, write_json, write_text
from modelrepair.checkpoint.digests import sha256_file
from modelrepair.checkpoint.edits import Edit, MaskEdit
from modelrepair.checkpoint.kept_files import (
    CARD_NAME,
    Files,
    card_text,
    classify,
    kinds_left_behind,
    reason_left_behind,
)
from modelrepair.checkpoint.mask import write_mask
from modelrepair.checkpoint.norms import norm_removed, tensor_digest
from modelrepair.checkpoint.reader import ITEM_SIZES, Checkpoint, TensorEntry
from modelrepair.checkpoint.values import VALUES_NAME, write_values
from modelrepair.checkpoint.writer import copy_file, write_shard
from modelrepair.errors import DamagedCheckpointError, UsageError
from modelrepair.moving import remove_empty, rename
from modelrepair.progress import Progress
from modelrepair.source.licences import terms_in
from modelrepair.text.published import private_to
from modelrepair.text.readable import all_readable

MASK_NAME = "repair/mask.safetensors"


@dataclass(frozen=True)
class WrittenWeights:
    """What `write_weights` wrote: digests of the output's and the source's files, the sites."""

    files: Mapping[str, str]
    source_files: Mapping[str, str]
    sites: tuple[SiteRecord, ...]
    left_behind: Mapping[str, str]
    rewritten: Mapping[str, str]


def write_weights(
    staged: Path,
    *,
    source: Checkpoint,
    sites: Sequence[SiteRecord],
    edit: Edit,
    files: Files | None = None,
    base_id: str | None = None,
    progress: Progress | None = None,
) -> WrittenWeights:
    """Write the kept files, then the shards in which changed entries differ, then the index.

    What it leaves is a model that loads, so that it can be measured before it is published.
    No more than one tensor's changes are held at a time.

    >>> weights = write_weights(staged, source=source, sites=sites,
    ...                         edit=MaskEdit(masks.__getitem__))  # doctest: +SKIP

    Args:
        staged: the folder to write, made where it is missing; nothing else may lie in it.
        source: the checkpoint under repair.
        sites: the tensors that were open to change, in manifest order.
        edit: gives each site's changes; asked once here, and a mask twice by `write_record`.
        files: which files stay; `classify` is asked where not given.
        base_id: the Hub id that replaces a local base path in ``adapter_config.json``.
        progress: where the bytes written are shown.

    Raises:
        EmptyMaskError: no entry of any site changes.
        DamagedCheckpointError: a site that is not in the checkpoint as it is described.
        ResourceError: the disk is full, or the folder can't be written.
    """
    files = files or classify(source.folder, weights=source.files, index=source.index)
    _check_sites(source, sites)
    written: dict[str, str] = {}
    source_files: dict[str, str] = {}
    rewritten: dict[str, str] = {}
    done: dict[str, SiteRecord] = {}
    touched: set[str] = set()
    by_name = {site.name: site for site in sites}

    def patches(file: str) -> Iterator[tuple[TensorEntry, np.ndarray, np.ndarray]]:
        for entry in source.by_file[file]:
            if (site := by_name.get(entry.name)) is not None:
                chosen, values = edit.change(source, site.name)
                norm = norm_removed(source, site.name, chosen, values)
                done[site.name] = site.model_copy(
                    update={"masked": len(chosen), "norm_removed": norm}
                )
                if len(chosen):
                    touched.add(file)
                    yield entry, chosen, values

    ordered = [name for name in files.kept if name != files.index]
    ordered += [*files.weights, *([files.index] if files.index else [])]
    total = sum((source.folder / name).stat().st_size for name in ordered)
    with (progress or Progress()).step("writing", total, "bytes") as advance:
        for name in ordered:
            original, target = source.folder / name, staged / name
            target.parent.mkdir(parents=True, exist_ok=True)
            if name in files.weights:
                written[name] = write_shard(original, target, patches(name))
                source_files[name] = sha256_file(original) if name in touched else written[name]
            elif (made := rewrite_file(source.folder, name, base_id)) is not None:
                written[name] = write_bytes(target, made[0])
                source_files[name] = sha256_file(original)
                rewritten[name] = made[1]
            else:
                written[name] = source_files[name] = copy_file(original, target)
            advance(original.stat().st_size)
    result = tuple(done[site.name] for site in sites)
    if not touched:
        raise edit.nothing()
    if edit.kind == "dense":
        result = with_digests(result, Checkpoint.open(staged))
    return WrittenWeights(written, source_files, result, files.left_behind, rewritten)


def with_digests(sites: Sequence[SiteRecord], written: Checkpoint) -> tuple[SiteRecord, ...]:
    """Name the bytes that each changed tensor has now: a dense edit has no mask to name them."""
    return tuple(
        site.model_copy(update={"digest": tensor_digest(written, site.name)})
        if site.masked
        else site
        for site in sites
    )


def with_not_fetched(weights: WrittenWeights, names: Sequence[str]) -> WrittenWeights:
    """Count what was left on the Hub among what is left behind.

    >>> with_not_fetched(weights, ["optimizer.pt"]).left_behind  # doctest: +SKIP
    {'optimizer.pt': 'training state'}
    """
    reasons = {name: reason_left_behind(name) or "not fetched" for name in names}
    return replace(weights, left_behind=dict(sorted({**reasons, **weights.left_behind}.items())))


def write_record(
    staged: Path,
    draft: Manifest,
    weights: WrittenWeights,
    *,
    source: Checkpoint,
    edit: Edit,
    results: Results | None = None,
    store_values: bool = False,
    target: str | None = None,
) -> Manifest:
    """Write mask, verdicts, picture and card beside the weights, and the manifest last.

    >>> manifest = write_record(staged, draft, weights, source=source,
    ...                         edit=MaskEdit(masks.__getitem__))  # doctest: +SKIP

    Args:
        staged: the folder that `write_weights` filled.
        draft: the manifest as far as the pipeline knows it; what follows from the files
            (sites, shares, digests, left_behind, rewritten) is filled here.
        weights: what `write_weights` returned.
        source: as for `write_weights`.
        edit: as for `write_weights`.
        results: the measured examples of the report split, for source, reference and result.
        store_values: put the masked entries' new values beside the mask; a dense edit has none.
        target: the Hub id that the model will have, for the commands in the card.

    Returns:
        The manifest as written.
    """
    if edit.kind != draft.edit:
        raise UsageError(f"a {edit.kind} edit for a manifest of {draft.edit}", hint="a bug of ours")
    sites = weights.sites
    (staged / "repair").mkdir(parents=True, exist_ok=True)
    files, tensors = dict(weights.files), {}
    if isinstance(edit, MaskEdit):
        tensors = _reference_tensors(draft, sites, edit.reference)
        files |= _write_mask(staged, draft, weights, tensors, source, edit, store_values)
    if results:
        files[VERDICTS_NAME] = write_verdicts(staged / VERDICTS_NAME, results)
    if plot_layers(staged / PLOT_NAME, sites, "masked" if edit.kind == "mask" else "changed"):
        files[PLOT_NAME] = sha256_file(staged / PLOT_NAME)
    # Where a repair passed, the table of what was tried is enough.
    if draft.verdict != "passed" and plot_frontier(staged / FRONTIER_NAME, draft.search):
        files[FRONTIER_NAME] = sha256_file(staged / FRONTIER_NAME)
    old, private = card_text(source.folder), private_to([source.folder])
    filled: dict[str, Any] = {
        "sites": fold_sites(site.model_dump() for site in sites),
        "masked_share": sum(s.masked for s in sites) / sum(s.entries for s in sites),
        "reference_tensors": tensors,
        "metadata": kept_metadata(old or "", private),
        "licences": recorded(with_recorded(terms_in(source.folder), draft.licences), private),
        # Names in a folder on a machine are its owner's business; those on the Hub are public.
        "left_behind": dict(weights.left_behind) if draft.source.hub else {},
        "left_behind_kinds": kinds_left_behind(weights.left_behind),
        "rewritten": dict(weights.rewritten),
        "files": dict(sorted(files.items())),
        "source": {
            **draft.source.model_dump(),
            "files": dict(sorted(weights.source_files.items())),
        },
    }
    manifest = Manifest.model_validate({**draft.model_dump(), **all_readable(filled)})
    card = render_card(manifest, old, target=target, private=private)
    write_text(staged / CARD_NAME, card)
    write_json(staged / MANIFEST_NAME, manifest.model_dump(mode="json"))
    fsync_folder(staged)
    return manifest


def _reference_tensors(
    draft: Manifest, sites: Sequence[SiteRecord], reference: Checkpoint | None
) -> dict[str, str]:
    if (reference is not None) != (draft.subject == "delta"):
        raise UsageError(
            f"subject {draft.subject!r} with{'out' if reference is None else ''} a reference",
            hint="pass the reference to the writer where the subject is a delta, and only there",
        )
    if reference is None:
        return {}
    return {site.name: tensor_digest(reference, site.name) for site in sites if site.masked}


def _write_mask(
    staged: Path,
    draft: Manifest,
    weights: WrittenWeights,
    tensors: Mapping[str, str],
    source: Checkpoint,
    edit: MaskEdit,
    store_values: bool,
) -> dict[str, str]:
    """Write the mask, and the values where they are wanted; their digests by name."""
    masked = [site for site in weights.sites if site.masked]
    header = mask_header(draft, weights, tensors)
    positions = ((site.name, edit.positions(site.name)) for site in masked)
    files = {MASK_NAME: write_mask(staged / MASK_NAME, header, positions)}
    if store_values:
        files[VALUES_NAME] = write_values(
            staged / VALUES_NAME,
            {s.name: s.masked * ITEM_SIZES[source.entries[s.name].dtype] for s in masked},
            (edit.change(source, site.name)[1] for site in masked),
        )
    return files


def finish(staged: Path, out: Path) -> Path:
    """Give the finished folder its name, in one step; return it.

    >>> finish(Path("model-repaired.partial/model"), Path("model-repaired"))  # doctest: +SKIP

    Args:
        staged: the folder that `write_weights` and `write_record` filled, on the disk of ``out``.
        out: the folder to become; it may exist where it is empty.

    Raises:
        UsageError: ``out`` is not empty, or is no folder.
        DamagedCheckpointError: a file in ``staged`` that the manifest does not know.
    """
    manifest = Manifest.model_validate_json((staged / MANIFEST_NAME).read_bytes())
    found = {path.relative_to(staged).as_posix() for path in staged.rglob("*") if path.is_file()}
    strangers = found ^ {*manifest.files, CARD_NAME, MANIFEST_NAME}
    if strangers:
        raise DamagedCheckpointError(
            f"{min(strangers)!r} and the manifest contradict each other: it was added or lost "
            "while the repair was written",
            hint="run the same command again, and let nothing else write to that folder",
        )
    make_room(out)
    rename(staged, out)
    fsync_folder(out.parent)
    return out


def make_room(out: Path) -> None:
    """Refuse an output folder that holds anything; remove one that is empty.

    Raises:
        UsageError: ``out`` is not empty, or is no folder.
    """
    refuse_full(out)
    if out.exists():
        remove_empty(out)


def refuse_full(out: Path) -> None:
    """Refuse an output folder that holds anything.

    >>> refuse_full(Path("nowhere"))

    Raises:
        UsageError: ``out`` is not empty, or is no folder.
    """
    if out.is_symlink() or (out.exists() and not out.is_dir()):
        raise UsageError(f"{out.name!r} is no folder", hint="choose another --out")
    if out.exists() and any(out.iterdir()):
        raise UsageError(
            f"the output folder {out.name!r} is not empty",
            hint="choose another --out, or remove the folder",
            id="output-not-empty",
        )


def mask_header(
    draft: Manifest, weights: WrittenWeights, reference_tensors: Mapping[str, str]
) -> dict[str, str]:
    """What a mask must say so that it can be applied without the manifest."""
    shards = {name for name in weights.files if name.endswith(".safetensors")}
    sealed = draft.model_copy(update={"reference_tensors": dict(reference_tensors)})
    return header_of(sealed, weights.source_files, weights.files, shards)


def _check_sites(source: Checkpoint, sites: Sequence[SiteRecord]) -> None:
    for site in sites:
        entry = source.entries.get(site.name)
        if entry is None or entry.shape != site.shape or entry.entries != site.entries:
            found = "nothing" if entry is None else f"shape {list(entry.shape)}"
            raise DamagedCheckpointError(
                f"site {site.name!r}: expected a tensor of shape {list(site.shape)} in the "
                f"checkpoint, found {found}",
                hint="this is a bug: sites are tensors as they lie in the file",
            )
