"""Rebuild a repaired model from its source and the mask, bit for bit."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Set
from hashlib import sha256
from pathlib import Path

from modelrepair.artifact.files import first_change
from modelrepair.artifact.manifest import MANIFEST_NAME, Manifest
from modelrepair.artifact.mask_header import MaskHeader, mask_path, read_header_of
from modelrepair.artifact.reading import load_manifest
from modelrepair.artifact.rewriting import rewrite_file
from modelrepair.artifact.writer import make_room
from modelrepair.checkpoint.atomic import fsync_folder, write_bytes
from modelrepair.checkpoint.digests import sha256_file
from modelrepair.checkpoint.kept_files import Files, classify
from modelrepair.checkpoint.mask import MaskFile, open_mask
from modelrepair.checkpoint.place import placed, reserved
from modelrepair.checkpoint.reader import Checkpoint
from modelrepair.checkpoint.writer import Patch, copy_file, write_shard
from modelrepair.errors import GateError, ModelRepairError, UsageError
from modelrepair.moving import remove_folder, rename
from modelrepair.progress import Progress
from modelrepair.verification.masked_values import new_values_of
from modelrepair.verification.merged_source import original
from modelrepair.verification.verify import count_masked


def apply(
    mask: str | Path,
    source: str | Path,
    *,
    reference: str | Path | None = None,
    base: str | Path | None = None,
    out: str | Path,
    progress: Progress | None = None,
) -> Path:
    """Write the repaired weights and the files that a repair keeps; return the folder.

    The source, the reference and the result are checked by the digests in the mask's header.

    >>> apply("model-repaired", "model", out="rebuilt")  # doctest: +SKIP
    PosixPath('rebuilt')

    Args:
        mask: a repaired model's folder, or its ``repair/mask.safetensors`` alone.
        source: folder of the source.
        reference: folder of the reference, where the subject is a delta; without one the values
            stored beside the mask are taken, where there are some.
        base: folder of the model that the source adapts, where an adapter was merged first.
        out: the folder to write; it may exist where it is empty.
        progress: where the bytes written are shown.

    Raises:
        GateError: a source or reference that the mask was not made for, or another result.
        UsageError: the output folder is not empty, lies in the source or is written by another
            run, the reference is needed, or there is no mask because a repairer made the weights.
        DamagedCheckpointError: the mask or the source is damaged.
        InconclusiveError: mask or manifest are newer than this program.
        ResourceError: the disk is full, or the folder can't be written.
    """
    progress = progress or Progress()
    include = included(Path(mask))
    _check_mask(Path(mask))
    path, source, out = mask_path(Path(mask)), Path(source), placed(Path(out), Path(source))
    opened = open_mask(path)
    header = read_header_of(opened)
    given = None if base is None else Path(base)
    with reserved(out), original(source, given, header.subject, progress, include) as folder:
        checkpoint, base_id = Checkpoint.open(folder), _base_id(path)
        _check_source(header, checkpoint)
        files = classify(folder, weights=checkpoint.files, index=checkpoint.index, include=include)
        if _holds_it(out, folder, files, header, base_id, progress):
            progress.note(f"nothing to do: {out.name} holds this model already")
            return out
        make_room(out)
        named = None if reference is None else Path(reference)
        patches = _patches(path, opened, header, checkpoint, named)
        _write(out, folder, files, header, base_id, patches, progress)
        return out


def included(mask: Path) -> tuple[str, ...]:
    """Globs of files that the repair took along, too; a mask alone does not say.

    >>> included(Path("nowhere"))
    ()
    """
    manifest = _beside(mask_path(mask))
    return () if manifest is None else manifest.include


def _base_id(mask: Path) -> str | None:
    """The Hub id that an adapter's local base path became."""
    manifest = _beside(mask)
    base = None if manifest is None else manifest.base
    return base.id if base is not None and base.hub else None


def _beside(mask: Path) -> Manifest | None:
    """The manifest beside a mask; what can't be read of it is not needed to apply the mask."""
    folder = mask.parent.parent
    try:
        return load_manifest(folder) if (folder / MANIFEST_NAME).is_file() else None
    except ModelRepairError:
        return None


def _check_mask(place: Path) -> None:
    """Refuse the folder of a model that was not repaired by a mask."""
    if not (place / MANIFEST_NAME).is_file() or mask_path(place).is_file():
        return
    manifest = load_manifest(place)
    if manifest.edit == "dense":
        raise UsageError(
            f"{place.name!r} can't be rebuilt from a mask: its weights were made by the repairer "
            f"{manifest.by.name!r}",
            hint="take the repaired model itself; `modelrepair verify` checks it",
        )


def _holds_it(
    out: Path,
    source: Path,
    files: Files,
    header: MaskHeader,
    base_id: str | None,
    progress: Progress,
) -> bool:
    """Whether the output folder holds this very model already.

    Raises:
        UsageError: it holds something else.
    """
    if not (out.is_dir() and any(out.iterdir())):
        return False
    expected = {**_kept(source, files, base_id), **{n: header.files[n] for n in files.weights}}
    # As a whole, or it is not what this command would write.
    if changed := first_change(out, expected, (), progress):
        raise UsageError(
            f"the output folder {out.name!r} holds something else: {changed}",
            hint="choose another --out, or remove the folder",
            id="output-not-empty",
        )
    return True


def _patches(
    path: Path, opened: MaskFile, header: MaskHeader, checkpoint: Checkpoint, reference: Path | None
) -> Callable[[str], Iterator[Patch]]:
    """What gives the new values of the masked entries, for each weight file.

    Raises:
        GateError: the reference is not the mask's.
        UsageError: there is none, and no stored values.
    """
    masked = count_masked(opened, checkpoint)
    beside = path.with_name("values.safetensors")
    stored = beside if beside.is_file() else None
    values = new_values_of(checkpoint, header, masked, reference=reference, stored=stored)
    for finding in values.findings:
        if finding.code == "stored-values":
            continue
        error = GateError if finding.code == "wrong-reference" else UsageError
        hint = "give the reference that the mask names with --reference"
        raise error(finding.message, hint=hint)

    def patches(file: str) -> Iterator[Patch]:
        for entry in checkpoint.by_file[file]:
            if entry.name in masked:
                positions = opened.positions(entry.name, entry.entries)
                old = checkpoint.raw(entry.name).reshape(-1)[positions]
                new = values.expected(entry.name, positions, old, 0)
                assert new is not None, "what is unknown is a finding"
                yield entry, positions, new

    return patches


def _write(
    out: Path,
    source: Path,
    files: Files,
    header: MaskHeader,
    base_id: str | None,
    patches: Callable[[str], Iterator[Patch]],
    progress: Progress,
) -> None:
    """Write the model beside its place, and move it there as a whole."""
    # Not OUT.partial: that may be an interrupted repair, which can still go on.
    staged = out.with_name(out.name + ".applying")
    _clear(staged, {*files.weights, *files.kept})
    total = sum((source / name).stat().st_size for name in (*files.weights, *files.kept))
    with progress.step("writing", total, "bytes") as advance:
        for name in (*files.weights, *files.kept):
            target = staged / name
            target.parent.mkdir(parents=True, exist_ok=True)
            if name not in files.weights:
                made = rewrite_file(source, name, base_id)
                if made is None:
                    copy_file(source / name, target)
                else:
                    write_bytes(target, made[0])
            elif write_shard(source / name, target, patches(name)) != header.files[name]:
                raise GateError(
                    f"{name} did not come out as the repaired file that the mask names",
                    hint="fetch the mask again; if that does not help, report it",
                )
            advance((source / name).stat().st_size)
    rename(staged, out)
    fsync_folder(out.parent)


def _kept(source: Path, files: Files, base_id: str | None) -> dict[str, str]:
    """The digests of the files that are taken along as they are, or with an id for a path."""
    made = {name: rewrite_file(source, name, base_id) for name in files.kept}
    return {
        name: sha256_file(source / name) if new is None else sha256(new[0]).hexdigest()
        for name, new in made.items()
    }


def _clear(staged: Path, ours: Set[str]) -> None:
    """Remove what an earlier run left that was cut off.

    Raises:
        UsageError: something else lies there.
    """
    for path in staged.rglob("*"):
        name = path.relative_to(staged).as_posix().removesuffix(".tmp")
        if not path.is_dir() and name not in ours:
            raise UsageError(
                f"{staged.name!r} is in the way and not ours",
                hint="remove it, or choose --out",
                id="output-in-the-way",
            )
    remove_folder(staged)


def _check_source(header: MaskHeader, source: Checkpoint) -> None:
    for name in sorted({*header.source_files, *source.files}):
        expected = header.source_files.get(name)
        if name not in source.files or expected is None or name not in header.files:
            found = "has no" if name not in source.files else "has a"
            problem = f"it {found} file {name}"
        else:
            digest = sha256_file(source.folder / name)
            if digest == expected:
                continue
            problem = f"{name} has sha256 {digest[:12]}…, expected {expected[:12]}…"
        raise GateError(
            f"this is not the source {header.source} of the mask: {problem}",
            hint="give the source that the mask names, at its commit",
        )
