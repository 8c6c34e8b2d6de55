"""What a push would do at its destination, as a plan records it."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

MOST_LINES = 10
"""Files that are said to stay, one a line."""


@dataclass(frozen=True)
class Kept:
    """A file that is no part of the repair and stays beside it.

    Args:
        file: its path in the repository.
        verify: what `verify` will find wrong with it; None where it only notes the file.
    """

    file: str
    verify: str | None

    @property
    def line(self) -> str:
        """What will be said of it.

        >>> Kept("evals/mine.json", None).line
        "'evals/mine.json': verify notes it"
        """
        said = "verify notes it" if self.verify is None else f"verify will fail: it {self.verify}"
        return f"{self.file!r}: {said}"


@dataclass(frozen=True)
class There:
    """What a push makes of the files at its destination.

    Args:
        kept: what stays beside the repair without being part of it.
        replaced: files that get other bytes; ``deleted`` that go.
        in_the_way: files of its owner where the push must write; ``changed`` the source's own that
            were changed since the repaired commit. Either stops it.
        repair_of: when the repair was made that is replaced; None where there is none.
        other: the source of another model's repair that lies there.
        spared: files that ``--delete`` names, and that are the repair's own already.
    """

    kept: tuple[Kept, ...] = ()
    replaced: tuple[str, ...] = ()
    deleted: tuple[str, ...] = ()
    in_the_way: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    repair_of: str | None = None
    other: str | None = None
    spared: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Ready for ``--json``."""
        return asdict(self)

    def lines(self, id: str) -> list[str]:
        """What is said of it before anything is sent.

        >>> There(kept=(Kept("a.png", None),)).lines("me/m")
        ["stays in me/m: 'a.png': verify notes it"]
        """
        said = []
        if self.repair_of is not None:
            said.append(f"replaces the repair of {self.repair_of[:10]} in {id}")
        said += [f"stays in {id}: {each.line}" for each in self.kept[:MOST_LINES]]
        more = len(self.kept) - MOST_LINES
        said += [f"stays in {id}: {more} more files"] * (more > 0)
        if self.spared:
            said.append(f"--delete names {len(self.spared)} of the repair's own files: they stay")
        return [*said, *(f"will be deleted in {id}: {name}" for name in self.deleted)]


@dataclass(frozen=True)
class HubPlan:
    """The way to the Hub and back.

    Args:
        download_bytes: of the source that are still to be fetched.
        source_visibility: who sees the source.
        security: what the Hub's scan found, or None for a folder.
        reference: the aligned model on the Hub; ``reference_bytes`` are still to be fetched for it.
        base: the model on the Hub that an adapter adapts; ``base_bytes`` likewise.
        target: where the result would go; None where nothing is to be pushed, or nothing may be.
        kind: new repository, pull request or in place.
        visibility: of the target, in words.
        account: whose token would write.
        exists: whether the target is there already.
        upload_bytes: what is sent: files in which an entry may be masked, whole, the small ones,
            and the mask.
        mask_bytes: estimated size of the mask, the largest where the ratio is searched for; 0 with
            a repairer, whose edit has no mask.
        stored_bytes: files that no mask touches: the Hub's store has them, and knows them again.
        there: what would become of the files that are there: kept, with what `verify` will say of
            them, replaced, deleted.
    """

    download_bytes: int
    source_visibility: str | None
    security: str | None
    reference: str | None
    reference_bytes: int
    base: str | None = None
    base_bytes: int = 0
    target: str | None = None
    kind: str | None = None
    visibility: str | None = None
    account: str | None = None
    exists: bool | None = None
    upload_bytes: int = 0
    mask_bytes: int = 0
    stored_bytes: int = 0
    there: There = field(default_factory=There)
