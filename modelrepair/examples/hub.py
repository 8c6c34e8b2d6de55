"""Data sets on the Hub: one commit, one split, its files fetched and read; nothing is executed."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import Any, NoReturn

from modelrepair.checkpoint.kept_files import card_text
from modelrepair.errors import ExampleSetError, HubError, UnreachableError, one_line, out_of_memory
from modelrepair.examples.formats import ENDINGS, ending, read_file
from modelrepair.examples.pinned import MOST_FILES, Pinned, pin
from modelrepair.examples.row import Row
from modelrepair.moving import temporary_folder
from modelrepair.source.address import is_id
from modelrepair.source.cached import WHOLE, is_commit
from modelrepair.source.front_matter import read_front_matter
from modelrepair.source.hub_errors import hub_errors
from modelrepair.source.licences import terms_of

_ID = re.compile(
    r"(?P<id>[\w][\w.-]*/[\w][\w.-]*)(?::(?P<first>[^:@]*))?(?::(?P<second>[^:@]+))?"
    r"(?:@(?P<revision>[\w][\w./-]*))?"
)
WITHOUT_CODE = "refs/convert/parquet"
"""Where the Hub keeps a copy of every set in a form that needs no code."""
LIBRARIES = ("datasets", "pyarrow", "pandas")
"""Whose errors say that a set is not as it should be."""


@dataclass(frozen=True)
class HubId:
    """Which examples on the Hub: ``org/name[:config][:split][@revision]``.

    ``parts`` are what stands between colons: config and split, or one of them; "" for the
    default. ``folder`` narrows the set to one of its folders, which registered sets do.
    """

    id: str
    parts: tuple[str, ...] = ()
    revision: str | None = None
    folder: str | None = None

    def __str__(self) -> str:
        return ":".join((self.id, *self.parts))


@dataclass(frozen=True)
class HubRows:
    """The rows of a set at one commit.

    Args:
        id: with config and split, as the manifest shows it.
        commit: the full hash.
        licence: what its card declares, or None.
        rows: in the order of its files.
        newest: whether the cache alone was asked what the newest commit is.
    """

    id: str
    commit: str
    licence: str | None
    rows: Iterator[Row]
    newest: bool = False


def parse_id(text: str) -> HubId | None:
    """The parts of an id, or None where a text can be none.

    >>> parse_id("org/name:30k_train@v2")
    HubId(id='org/name', parts=('30k_train',), revision='v2', folder=None)
    >>> parse_id("harmful.jsonl") is None
    True
    """
    found = _ID.fullmatch(text)
    if found is None or not is_id(found["id"]):
        return None
    parts = tuple(part for part in (found["first"], found["second"]) if part is not None)
    return HubId(found["id"], parts, found["revision"])


def open_hub(wanted: HubId) -> HubRows:
    """Look a set up, pin its commit, and open the files of one split.

    The commit is looked up once; whatever is read afterwards is read at it. JSON, CSV and
    parquet files are fetched into the Hub's cache as they are and read as local ones are, so
    that the same examples have the same digest; what else ``datasets`` knows it reads itself.

    Raises:
        HubError: the Hub, the rights on the set, or the network.
        ExampleSetError: there is no such config or split, or nothing that can be read.
    """
    pinned = pin(wanted.id, wanted.revision)
    wanted = replace(wanted, id=pinned.id)
    with _library_errors(wanted, pinned.names):
        found = _layout(wanted, pinned)
        rows = _rows(wanted, pinned, found)
        first = next(rows, None)
    config = None if found.config == "default" else found.config
    shown = tuple(part for part in (config, found.split) if part)
    return HubRows(
        id=str(replace(wanted, parts=shown)),
        commit=pinned.commit,
        licence=_licence(pinned),
        rows=chain(() if first is None else (first,), _guarded(wanted, pinned, rows)),
        newest=pinned.offline and not is_commit(wanted.revision),
    )


def _licence(pinned: Pinned) -> str | None:
    """What the card declares, as it lies in the cache."""
    card = (card_text(pinned.folder) or "") if "README.md" in pinned.names else ""
    named = [each.id for each in terms_of(read_front_matter(card)).licences if each.id]
    return ", ".join(named) or None


@dataclass(frozen=True)
class _Layout:
    """Which config and split are meant, and its files; none where the library has to read them."""

    builder: Any
    config: str
    split: str
    files: tuple[str, ...]


def _layout(wanted: HubId, pinned: Pinned) -> _Layout:
    """Find config, split and files; a set of a form of its own is asked of the Hub."""
    if len(pinned.names) <= MOST_FILES:
        with pinned.layout() as folder:
            try:
                builder, config, split = _choose(wanted, str(folder))
                files = tuple(
                    Path(str(file)).relative_to(folder).as_posix()
                    for file in (builder.config.data_files or {}).get(split, ())
                )
            except ExampleSetError:
                raise
            except Exception as error:
                if pinned.offline or out_of_memory(error):
                    raise
                files = ()
            if files and all(ending(file) in ENDINGS for file in files):
                return _Layout(builder, config, split, files)
    if pinned.offline:
        raise UnreachableError(
            f"{WHOLE.format(id=wanted.id)}: it is read by the library of its form",
            hint="run the same command with the Hub in reach",
            id="not-in-cache",
        )
    # Never a folder of that name here.
    return _Layout(*_choose(wanted, f"hf://datasets/{wanted.id}", revision=pinned.commit), files=())


def _choose(wanted: HubId, path: str, **settings: Any) -> tuple[Any, str, str]:
    """The builder of the config, and the names of config and split."""
    import datasets

    # The library counts what it loads at an address that is not the Hub's.
    datasets.config.HF_UPDATE_DOWNLOAD_COUNTS = False
    # A cache of its own: the library falls back to what it cached before, whatever commit that
    # was, when the Hub fails.
    with temporary_folder() as cache:
        settings |= {"cache_dir": cache, "data_dir": wanted.folder}
        configs = datasets.get_dataset_config_names(path, **settings)
        parts = list(wanted.parts)
        if len(parts) == 2:
            config = parts.pop(0) or None
        else:
            config = parts.pop(0) if parts and parts[0] in configs else None
        if config is None and len(configs) > 1 and not _default(configs):
            _unknown(wanted, "config", parts[0] if parts else "", configs)
        if config is not None and config not in configs:
            _unknown(wanted, "config", config, configs)
        builder = datasets.load_dataset_builder(path, config, **settings)
    splits = [str(name) for name in builder.config.data_files or builder.info.splits or {}]
    split = parts[0] if parts and parts[0] else None
    if split is None:
        split = splits[0] if len(splits) == 1 else "train"
    if split not in splits:
        _unknown(wanted, "split", split if parts else "", splits, configs[: 2 - len(wanted.parts)])
    return builder, str(builder.config.name), split


def _default(configs: Sequence[str]) -> bool:
    return "default" in configs


def _rows(wanted: HubId, pinned: Pinned, found: _Layout) -> Iterator[Row]:
    builder = found.builder
    if not found.files:
        stream = builder.as_streaming_dataset(split=found.split)
        for number, record in enumerate(stream, 1):
            yield Row(f"{wanted.id}, row {number}", record)
        return
    separator = getattr(builder.config, "sep", None)
    for name in found.files:
        yield from read_file(
            pinned.file(name),
            name,
            delimiter=None if separator == "," else separator,
            field=getattr(builder.config, "field", None),
            by_hand=False,
        )


def _guarded(wanted: HubId, pinned: Pinned, rows: Iterator[Row]) -> Iterator[Row]:
    while True:
        with _library_errors(wanted, pinned.names):
            row = next(rows, None)
        if row is None:
            return
        yield row


def _unknown(
    wanted: HubId, what: str, name: str, there: Sequence[str], configs: Sequence[str] = ()
) -> NoReturn:
    said = f"has no {what} {name!r}" if name else f"has several {what}s"
    if name and what == "split" and configs and configs != ["default"]:
        said = f"has neither a split nor a config {name!r}"
        there = (*there, *configs)
    before = wanted.parts[:1] if what == "split" and len(wanted.parts) == 2 else ()
    written = ":".join((wanted.id, *before, (*there, "…")[0]))
    raise ExampleSetError(
        f"the data set {wanted.id} {said}",
        hint=f"there are: {', '.join(there) or 'none'}; write {written}",
        id="set-split",
    )


@contextlib.contextmanager
def _library_errors(wanted: HubId, files: Sequence[str]) -> Iterator[None]:
    """Report an error of the ``datasets`` library."""
    with hub_errors(wanted.id, wanted.revision, kind="data set"):
        try:
            yield
        except (ExampleSetError, HubError):
            raise
        except Exception as error:
            if out_of_memory(error):
                raise
            said = one_line(error, 160)
            if "is a gated dataset" in said:  # the library forgets the Hub's own error
                raise HubError(
                    f"{wanted.id} is gated, and this account has no access",
                    hint=f"accept its conditions at https://huggingface.co/datasets/{wanted.id}, "
                    "then run: hf auth login",
                    id="gated",
                ) from None
            if isinstance(error, RuntimeError) and "scripts are no longer" in str(error):
                raise ExampleSetError(
                    f"the data set {wanted.id} is made by code of its own, which is never run",
                    hint=f"try the copy that the Hub keeps: {wanted}@{WITHOUT_CODE}",
                    id="set-made-by-code",
                ) from None
            module = type(error).__module__.partition(".")[0]
            missing = isinstance(error, FileNotFoundError) and module != "huggingface_hub"
            wrong = isinstance(error, ValueError | RuntimeError | ImportError)
            if missing or ((wrong or module in LIBRARIES) and not isinstance(error, OSError)):
                names = ", ".join(files[:4])
                raise ExampleSetError(
                    f"the data set {wanted.id} can't be read: {said}",
                    hint="JSON, CSV and parquet files work"
                    + (f"; it has {names}" if names else ""),
                ) from error
            raise
