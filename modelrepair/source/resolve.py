"""From what the user typed to a folder with a model: a local folder, or the Hub at one commit."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from modelrepair.checkpoint.digests import sha256_file
from modelrepair.checkpoint.kept_files import (
    CARD_NAME,
    CONFIGS,
    OUR_FOLDER,
    card_text,
    check_links,
    reason_left_behind,
)
from modelrepair.checkpoint.weight_files import INDEX, check_one_model, weight_files
from modelrepair.errors import (
    DamagedCheckpointError,
    HubError,
    ModelRepairError,
    UnreachableError,
    UsageError,
)
from modelrepair.moving import remove
from modelrepair.source.address import id_in, is_id, one_revision, read_name
from modelrepair.source.cached import WHOLE, check_cache, is_commit, remember, unreachable
from modelrepair.source.fetching import say_fetch
from modelrepair.source.forms import FORMS
from modelrepair.source.front_matter import read_front_matter
from modelrepair.source.hub_errors import hub_errors
from modelrepair.source.look import Look, first_of, is_weights
from modelrepair.source.suggestions import did_you_mean, near_paths
from modelrepair.text.typed_paths import from_home


@dataclass(frozen=True)
class Source:
    """What is repaired.

    Args:
        id: the repository on the Hub; None for a local folder.
        commit: the full hash that ``folder`` is at; None for a local folder.
        folder: where the files are. Those of the Hub lie in its cache, as links into it.
        name: the last part of the id or of the folder's path.
        left_behind: files of the repository that a repair does not need and that were not
            downloaded.
        complete: False where the weights were left on the Hub.
        sizes: file → bytes, of all files that the Hub lists; empty where it was not asked.
    """

    id: str | None
    commit: str | None
    folder: Path
    name: str
    left_behind: tuple[str, ...] = ()
    complete: bool = True
    sizes: Mapping[str, int] = field(default_factory=dict)

    @property
    def files(self) -> tuple[str, ...]:
        """The names of all its files, of a folder those that lie at most three levels deep."""
        return tuple(self.sizes) or _listed(self.folder)


def resolve(
    source: str | Path,
    revision: str | None = None,
    *,
    weights: bool = True,
    local: bool = True,
    record: bool = False,
    commit: str | None = None,
    include: Sequence[str] = (),
) -> Source:
    """Find a model: a folder where the path exists or looks like one, else the Hub.

    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp()) / "model"
    >>> folder.mkdir(); _ = (folder / "model.safetensors").write_bytes(b"")
    >>> resolve(folder).name
    'model'

    Args:
        source: a folder, or a Hub id (``name`` or ``user/name``, with ``@revision``, or as an
            address). A path that begins with ``.``, ``/`` or ``~`` or has a backslash is never
            an id.
        revision: branch, tag or commit on the Hub; it is looked up once, and the commit that
            it names is what is downloaded.
        weights: whether to download a Hub model's weights too; a plan does without.
        local: whether a folder of this name here is meant; not where a file names an id.
        record: whether to download the record of an earlier repair, ``repair/``, too.
        commit: what the revision was found to be before; asked in its place on the Hub.
        include: globs of files to download, too, as for `wanted_files`.

    Raises:
        UsageError: there is no such folder, this is no id, or it names two revisions.
        HubError: the Hub, the rights on it, or the network.
        UnsupportedModelError: there are no safetensors weights, and nothing was downloaded; or a
            file that is read is a link out of the model's folder.
        ResourceError: the disk is full.
    """
    text = os.fspath(source)
    if not text.strip():
        raise UsageError("the source is empty", hint="give a folder, or an id such as user/name")
    folder = from_home(text)
    path_like = isinstance(source, Path) or text[:1] in ".~/" or "\\" in text
    if local and (path_like or folder.exists()):
        found = _local(folder, revision, record)
    else:
        name = read_name(text)
        if name is None:
            raise _no_id(text)
        revision = one_revision(name, revision)
        found = _hub(name.id, commit or revision, weights, record, include)
    if not record:  # what is wrong with a repaired model is reported by its verification
        check_links(found.folder)
    return found


def wanted_files(
    names: Iterable[str], *, record: bool = False, include: Sequence[str] = ()
) -> list[str]:
    """Which files of a repository to fetch: the weights at the top, and what a repair keeps.

    >>> wanted_files(["model.safetensors", "pytorch_model.bin", "config.json", ".gitattributes"])
    ['config.json', 'model.safetensors']

    Args:
        names: every file of the repository.
        record: also what an earlier repair wrote about itself.
        include: globs of more files, of those that may be kept at all.
    """
    return sorted(
        name
        for name in names
        if is_weights(name)
        or name in (INDEX, CARD_NAME)
        or (record and name.startswith(f"{OUR_FOLDER}/"))
        or reason_left_behind(name, include) is None
    )


def _local(folder: Path, revision: str | None, record: bool) -> Source:
    if not folder.exists():
        ask = did_you_mean(near_paths(folder)) or "check the path; "
        raise UsageError(
            f"no folder {folder}",
            hint=f"{ask}an id on the Hub looks like user/name",
            id="no-such-folder",
        )
    if not folder.is_dir():
        raise UsageError(
            f"{folder} is a file", hint="give the folder that the model is in", id="no-such-folder"
        )
    if revision is not None:
        raise UsageError(
            f"a folder has no revision {revision!r}",
            hint="leave --revision out, or give a Hub id",
            id="revision-conflict",
        )
    name, files = folder.resolve().name, _listed(folder)
    if not (record and _has_record(files)):
        check_one_model(files, f"folder {name!r}")
        check_form(Look(name, files, card=_said(folder)))
        weight_files(folder)
    return Source(None, None, folder, name)


def _has_record(names: Iterable[str]) -> bool:
    """Whether this is to be a repair; what is wrong with its files, its verification says."""
    return any(name.startswith(f"{OUR_FOLDER}/") for name in names)


def _said(folder: Path) -> Mapping[str, Any]:
    """What a card says of its model; nothing where it can't be read."""
    try:
        return read_front_matter(card_text(folder) or "")
    except DamagedCheckpointError:
        return {}


def _hub(
    id: str, revision: str | None, weights: bool, record: bool, include: Sequence[str]
) -> Source:
    # Imported here: a local folder needs nothing of it.
    from huggingface_hub import HfApi, constants

    if not is_id(id):
        raise _no_id(id)
    api = HfApi()
    if constants.HF_HUB_OFFLINE:
        return _cached(id, revision, record, include)
    check_cache()
    try:
        with hub_errors(id, revision):
            info = api.model_info(id, revision=revision, files_metadata=True)
    except UnreachableError as error:
        if not is_commit(revision):
            raise unreachable(error, id, revision, f"{id}@{{commit}}") from None
        try:
            return _cached(id, revision, record, include)
        except HubError:
            raise error from None
    id = info.id  # of a repository that was renamed, or is spelt in other capitals, its own
    names = [sibling.rfilename for sibling in info.siblings or ()]
    if not (record and _has_record(names)):
        check_one_model(names, id)
        said = {} if info.card_data is None else vars(info.card_data)
        check_form(Look(id, names, card=said, hub=True))
    wanted = wanted_files(names, record=record, include=include)
    sizes = {sibling.rfilename: sibling.size or 0 for sibling in info.siblings or ()}
    fetched = [name for name in wanted if weights or not is_weights(name)]
    with hub_errors(id, revision):
        say_fetch(id, str(info.sha), {name: sizes[name] for name in fetched})
        folder = api.snapshot_download(
            id, revision=info.sha, allow_patterns=[glob.escape(name) for name in fetched]
        )
        remember(Path(folder), revision or "main")
    if weights:
        checksums = {s.rfilename: s.lfs.sha256 for s in info.siblings or () if s.lfs}
        weight_names = [name for name in wanted if is_weights(name) and name in checksums]
        check_arrived(id, Path(folder), {name: checksums[name] for name in weight_names})
    left = tuple(sorted(set(names) - set(wanted)))
    return Source(id, info.sha, Path(folder), id.rpartition("/")[2], left, weights, sizes)


def check_form(look: Look) -> None:
    """Refuse a folder or repository that holds no weights in a form that is read.

    >>> check_form(Look("user/model", ["config.json", "model.safetensors"]))

    Raises:
        UnsupportedModelError: with the way on.
    """
    if (kind := first_of(FORMS, look)) is not None:
        kind.check()


def _listed(folder: Path) -> tuple[str, ...]:
    """The files of a folder, three levels deep: what is below is no model's."""
    found = (path for depth in ("*", "*/*", "*/*/*") for path in folder.glob(depth))
    return tuple(path.relative_to(folder).as_posix() for path in found if path.is_file())


def check_arrived(id: str, folder: Path, checksums: Mapping[str, str]) -> None:
    """Compare weights with the checksums that the Hub gave for them; the client does not.

    One that differs is removed from the cache, so that it is fetched again.

    Args:
        id: the repository.
        folder: its snapshot in the cache.
        checksums: file → SHA-256.

    Raises:
        HubError: a file is damaged.
    """
    for name, checksum in checksums.items():
        blob = (folder / name).resolve()
        if sha256_file(blob) != checksum:
            remove(blob)
            remove(folder / name)
            raise HubError(
                f"{name} of {id} arrived damaged: its checksum is not the Hub's",
                hint="run the same command again: it fetches the file again",
                id="damaged-download",
            )


def _cached(id: str, revision: str | None, record: bool, include: Sequence[str]) -> Source:
    """What the cache holds of a model at a revision, asked for with ``HF_HUB_OFFLINE``."""
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HFValidationError

    missing = UnreachableError(
        WHOLE.format(id=id),
        hint="unset HF_HUB_OFFLINE once, so that it can be downloaded",
        id="not-in-cache",
    )
    try:
        # Not the whole repository: pickles were never fetched, and would count as missing.
        found = HfApi().snapshot_download(
            id, revision=revision, local_files_only=True, allow_patterns=list(CONFIGS)
        )
        folder = Path(found)
        weight_files(folder)
    except HFValidationError:
        raise _no_id(id) from None
    except (OSError, ModelRepairError):
        raise missing from None
    names = [path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()]
    left = tuple(sorted(set(names) - set(wanted_files(names, record=record, include=include))))
    # A snapshot's folder is named by its commit.
    return Source(id, folder.name, folder, id.rpartition("/")[2], left)


def _no_id(text: str) -> UsageError:
    meant = f"did you mean {near!r}? " if (near := id_in(text)) else ""
    return UsageError(
        f"{text!r} is neither a folder here nor an id on the Hub",
        hint=f"{meant}an id looks like user/name, a folder that is meant like ./name",
        id="not-a-hub-id",
    )


def small_files(named: str, revision: str | None = None, include: Sequence[str] = ()) -> Source:
    """A model whose weights are not needed; of a folder, nothing is asked but that it is one.

    >>> small_files("user/model").commit  # doctest: +SKIP
    '0123456789abcdef0123456789abcdef01234567'

    Args:
        named: its folder or id.
        revision: branch, tag or commit on the Hub.
        include: globs of its files that are taken along, too.

    Raises:
        ModelRepairError: it can't be had.
    """
    folder = from_home(named)
    if folder.is_dir() and revision is None:
        check_links(folder)
        return Source(None, None, folder, folder.resolve().name)
    return resolve(named, revision, weights=False, include=include)
