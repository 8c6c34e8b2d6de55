"""The reference: which aligned model a card names as its base, and whether it fits."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from modelrepair.checkpoint.config import block_matrices
from modelrepair.checkpoint.kept_files import card_text
from modelrepair.checkpoint.reader import Checkpoint
from modelrepair.checkpoint.wrapped import unwrapped
from modelrepair.errors import UnsupportedModelError, UsageError
from modelrepair.source.address import is_id
from modelrepair.source.front_matter import read_front_matter


def declared_base(folder: str | Path) -> str | None:
    r"""The one model that the card's front matter names as its base, if it names one.

    The fields of ``config.json`` are not asked: they name whatever was loaded last, often a
    folder of another machine. A merge has several bases and so no reference.

    >>> import tempfile
    >>> card = Path(tempfile.mkdtemp()) / "README.md"
    >>> _ = card.write_text("---\nbase_model: user/aligned\n---\nText\n")
    >>> declared_base(card.parent)
    'user/aligned'

    Args:
        folder: the source's.
    """
    metadata = read_front_matter(card_text(folder) or "")
    base = metadata.get("base_model")
    if isinstance(base, list) and len(base) == 1:
        base = base[0]
    if metadata.get("base_model_relation") == "merge" or not isinstance(base, str):
        return None
    return base if is_id(base) else None


def check_another(source: Path, reference: Path) -> None:
    """Make sure that the reference is not the source's own folder.

    Raises:
        UsageError: it is.
    """
    if reference.samefile(source):
        raise UsageError(
            "the reference is the source itself",
            hint="give the aligned model that the source was fine-tuned from, or 'none'",
            id="reference-is-source",
        )


def check_same_matrices(
    folder: Path, source: Checkpoint, other: Checkpoint, what: str = "the reference"
) -> list[str]:
    """Make sure that another model has all matrices of the source's blocks, in their shapes.

    Args:
        folder: of the source, or of what it adapts.
        source: the checkpoint that is repaired.
        other: the one that must fit it.
        what: how the messages call it.

    Returns:
        The names of these matrices. There is none without repeated blocks, where nothing can be
        repaired: that is reported with its own reason.

    Raises:
        UnsupportedModelError: one is missing or has another shape.
    """
    matrices = [entry.name for entry in block_matrices(folder, source.entries)]
    check_same_shapes(source, other, matrices, what)
    return matrices


def check_same_shapes(
    source: Checkpoint,
    reference: Checkpoint,
    names: Iterable[str],
    what: str = "the reference",
) -> None:
    """Make sure that the reference has these tensors, in the source's shapes.

    Args:
        source: the checkpoint that is repaired.
        reference: the one that it is compared with.
        names: tensors of the source.
        what: how the messages call it.

    Raises:
        UnsupportedModelError: one is missing or has another shape.
    """
    for name in names:
        expected = source.entries[name].shape
        entry = reference.entries.get(name)
        if entry is None or entry.shape != expected:
            wrapped = entry is None and unwrapped(name) in reference.entries
            found = "is missing" if entry is None else f"has shape {list(entry.shape)}"
            raise UnsupportedModelError(
                f"{what} does not fit: {name} {found}, expected {list(expected)}",
                hint="save the source without what training wrapped around it, or take "
                f"--reference none: there it is called {unwrapped(name)}"
                if wrapped
                else "give the model that the source was fine-tuned from, or --reference none"
                if what == "the reference"
                else "give one of the source's own architecture and size",
                id="reference-does-not-fit",
            )


def other_tensors(source: Checkpoint, reference: Checkpoint, compared: Iterable[str]) -> list[str]:
    """The tensors outside a comparison that only one of two models has, or has in another shape.

    A fine-tune often has more tokens than its reference, a padded vocabulary, a head of its own,
    or tables that other versions of transformers did not store: no repair touches these.

    Args:
        source: the checkpoint that is repaired.
        reference: the one that it is compared with.
        compared: the names that were compared already.
    """
    shapes = [{n: e.shape for n, e in each.entries.items()} for each in (source, reference)]
    names = (shapes[0].keys() | shapes[1].keys()) - set(compared)
    return sorted(name for name in names if shapes[0].get(name) != shapes[1].get(name))
