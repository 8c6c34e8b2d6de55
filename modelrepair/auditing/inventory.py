"""What a model consists of and says of itself: files with digests, licences, measures."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from modelrepair.artifact.manifest import MANIFEST_NAME
from modelrepair.artifact.reading import MANIFEST_LIMIT, known, reading_of
from modelrepair.auditing.metadata.licence import named
from modelrepair.auditing.opened import Opened
from modelrepair.checkpoint.digests import sha256_file
from modelrepair.checkpoint.untrusted import find_file, parse_json
from modelrepair.errors import ModelRepairError
from modelrepair.evaluation.measures import Measure, Measures
from modelrepair.source.licences import terms_of


@dataclass(frozen=True)
class ListedFile:
    """A file of a model.

    Args:
        name: its path in the model.
        size: in bytes.
        sha256: of its bytes; None where it was not read, and the Hub does not say.
        git_blob: its name in the repository's git.
    """

    name: str
    size: int
    sha256: str | None = None
    git_blob: str | None = None


@dataclass(frozen=True)
class StatedMeasure:
    """A measure with its two-sided 95 % interval.

    Args:
        name: of the measure.
        value: of the measure.
        n: examples behind it.
        low: of the interval; None where it has no limit.
        high: of the interval; None where it has no limit.
        judge: what classified the answers.
        stated_by: the file that says so, or the stage that measured it.
    """

    name: str
    value: float
    n: int
    low: float | None
    high: float | None
    judge: str
    stated_by: str


@dataclass(frozen=True)
class Inventory:
    """What a bill of materials says of a model.

    Args:
        architecture: as its config names it.
        family: the ``model_type`` of its config.
        licences: as its card names them.
        files: all of them.
        measures: what its manifest states, where it is a repair of ours; the proof stage says
            whether that holds.
        gaps: what could not be read.
    """

    architecture: str | None = None
    family: str | None = None
    licences: tuple[str, ...] = ()
    files: tuple[ListedFile, ...] = ()
    measures: tuple[StatedMeasure, ...] = ()
    gaps: tuple[str, ...] = field(default=())

    def to_json(self) -> dict[str, Any]:
        """The inventory as a document."""
        return {
            name: [asdict(each) if isinstance(each, (ListedFile, StatedMeasure)) else each
                   for each in value] if isinstance(value, tuple) else value
            for name, value in vars(self).items()
        }  # fmt: skip

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Inventory:
        """The inventory that a document of `to_json` holds.

        >>> Inventory.from_json(Inventory(family="llama").to_json()).family
        'llama'

        Args:
            document: of this format.
        """
        return cls(
            document["architecture"],
            document["family"],
            tuple(document["licences"]),
            tuple(ListedFile(**each) for each in document["files"]),
            tuple(StatedMeasure(**each) for each in document["measures"]),
            tuple(document["gaps"]),
        )


def take_inventory(model: Opened) -> Inventory:
    """List a model; the files of a folder are read whole, those on the Hub are not.

    >>> import tempfile
    >>> from modelrepair.auditing.opened import opened
    >>> with opened(tempfile.mkdtemp()) as model:
    ...     take_inventory(model)
    Inventory(architecture=None, family=None, licences=(), files=(), measures=(), gaps=())

    Args:
        model: the model.
    """
    gaps: list[str] = []
    files = tuple(_listed(model, name, gaps) for name in sorted(model.files))
    config: dict[str, Any] = {}
    licences: tuple[str, ...] = ()
    measures: tuple[StatedMeasure, ...] = ()
    with _noted(gaps):
        config = model.config
    with _noted(gaps):
        licences = _licences(model.card)
    with _noted(gaps):
        measures = tuple(_measures(model))
    architectures = config.get("architectures")
    first = architectures[0] if isinstance(architectures, list) and architectures else None
    return Inventory(_text(first), _text(config.get("model_type")), licences, files, measures,
                     tuple(gaps))  # fmt: skip


@contextmanager
def _noted(gaps: list[str]) -> Iterator[None]:
    """Note what can't be read, and let the rest be listed."""
    try:
        yield
    except ModelRepairError as error:
        gaps.append(str(error))


def _listed(model: Opened, name: str, gaps: list[str]) -> ListedFile:
    facts = model.files[name]
    sha256 = facts.sha256
    if model.here and facts.unreadable is None:
        try:
            path = find_file(model.source.folder, name)
            sha256 = None if path is None else sha256_file(path)
        except (ModelRepairError, OSError) as error:
            gaps.append(f"{name}: {error}")
    elif facts.unreadable is not None:
        gaps.append(facts.unreadable)
    return ListedFile(name, facts.size, sha256, facts.blob)


def _licences(card: Mapping[str, Any]) -> tuple[str, ...]:
    terms = terms_of(card)
    return tuple(each.id or each.shown for each in terms.licences) if named(terms) else ()


def _measures(model: Opened) -> Iterable[StatedMeasure]:
    data = model.read(MANIFEST_NAME, MANIFEST_LIMIT)
    if data is None:
        return
    manifest = known(reading_of(parse_json(data, MANIFEST_NAME, strict=True)))
    found = manifest.measures.get("after")
    if found is not None:
        yield from stated(found, MANIFEST_NAME)


def stated(measures: Measures, stated_by: str) -> Iterable[StatedMeasure]:
    """A model's measures one by one.

    >>> list(stated(Measures("keyword"), "repair/manifest.json"))
    []

    Args:
        measures: of one model.
        stated_by: the file that says so, or the stage that measured it.
    """
    for each in fields(measures):
        value = getattr(measures, each.name)
        if isinstance(value, Measure):
            yield StatedMeasure(each.name, value.value, value.n, value.low, value.high,
                                measures.judge, stated_by)  # fmt: skip


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None
