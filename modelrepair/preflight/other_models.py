"""Models that a run needs beside source and reference: a judge's, and those of a repairer."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from modelrepair.errors import ResourceError
from modelrepair.text.units import in_bytes, in_parameters


@dataclass(frozen=True)
class OtherModel:
    """A model that a run needs beside source and reference.

    >>> print(OtherModel("judge", "org/guard", None, 7_000_000, memory_bytes=30_000_000).line)
    judge: org/guard, 7.0 M parameters, 30.0 MB of memory while it judges

    Args:
        role: ``"judge"``, or what the repairer calls it.
        model: its id, or its folder's name; ``commit`` on the Hub or None.
        commit: on the Hub, or None.
        parameters: of its weights; 0 where a server answers for it.
        download_bytes: still to be fetched.
        memory_bytes: of the process while it judges, of a processor; 0 where it takes none there.
    """

    role: str
    model: str
    commit: str | None
    parameters: int
    download_bytes: int = 0
    memory_bytes: int = 0

    @property
    def line(self) -> str:
        """What is said of it before anything is fetched."""
        at = f" at {self.commit[:12]}" if self.commit else ""
        parts = [f"{self.role}: {self.model}{at}"]
        if self.parameters:
            parts.append(f"{in_parameters(self.parameters)} parameters")
        else:
            parts.append("a server answers for it")
        if self.memory_bytes:
            parts.append(f"{in_bytes(self.memory_bytes)} of memory while it judges")
        if self.download_bytes:
            parts.append(f"{in_bytes(self.download_bytes)} to download")
        return ", ".join(parts)


def most_memory(others: Iterable[OtherModel]) -> int:
    """The bytes that the largest of them takes; none of them is there while a model computes.

    >>> most_memory([OtherModel("judge", "m", None, 7, memory_bytes=28)]), most_memory([])
    (28, 0)
    """
    return max((each.memory_bytes for each in others), default=0)


def check_memory(others: Iterable[OtherModel], free: int | None, ranks: int) -> None:
    """Refuse a judge's model for which there is no memory.

    >>> check_memory([], 0, 1)

    Args:
        others: the models.
        free: bytes of memory; None where not known.
        ranks: how many processes of this machine load one each.

    Raises:
        ResourceError: there is too little.
    """
    for each in others:
        if free is not None and each.memory_bytes * ranks > free:
            by = f" by {ranks} ranks on this machine" if ranks > 1 else ""
            raise ResourceError(
                f"the {each.role}'s model {each.model} needs about "
                f"{in_bytes(each.memory_bytes * ranks)} of memory{by}, {in_bytes(free)} are free",
                hint="take a smaller one, --judge-option arithmetic=bfloat16, or a server with "
                "--judge-endpoint",
                id="not-enough-memory",
            )
