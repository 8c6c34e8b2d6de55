"""How much of a model a repair reaches, by the names of its tensors: the share, and the globs."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from fnmatch import fnmatchcase

from modelrepair.errors import UnsupportedModelError, UsageError

MINIMUM_COVERAGE = 0.95
"""The share of the parameters of the blocks' matrices that must be repairable."""


def check_coverage(coverage: float, skipped: Iterable[str], *, allow_partial: bool) -> None:
    """Stop where too little of the blocks can be reached.

    >>> check_coverage(0.96, ["h.0.gate.weight"], allow_partial=False)

    Args:
        coverage: the share that can be.
        skipped: the tensors that can't, or parts of them, ``tensor#part``.
        allow_partial: whether that was asked for.

    Raises:
        UnsupportedModelError: the coverage is under 95 % and ``allow_partial`` is not set.
    """
    if coverage >= MINIMUM_COVERAGE or allow_partial:
        return
    names = sorted({name.partition("#")[0] for name in skipped})
    raise UnsupportedModelError(
        f"only {coverage:.1%} of the blocks' matrices can be repaired "
        f"({len(names)} skipped, such as {names[0]})",
        hint="--allow-partial repairs the part that can be reached",
        id="low-coverage",
    )


def check_globs(names: Collection[str], targets: Sequence[str], exclude: Sequence[str]) -> None:
    """Stop at a glob that matches no tensor that can be repaired.

    >>> check_globs(["h.0.up.weight"], ["*.up.weight"], [])

    Args:
        names: of the tensors in the file, and of parts of them.
        targets: the globs of ``--targets``.
        exclude: those of ``--exclude``.

    Raises:
        UsageError: one matches nothing.
    """
    for option, patterns in (("--targets", targets), ("--exclude", exclude)):
        for pattern in patterns:
            if not any(fnmatchcase(name, pattern) for name in names):
                raise UsageError(
                    f"{option} {pattern!r} matches no matrix that can be repaired",
                    hint=f"globs match whole tensor names such as {min(names)!r}",
                    id="no-matching-matrix",
                )


def check_some_left(kept: Collection[object]) -> None:
    """Stop where the globs leave nothing.

    >>> check_some_left(["h.0.up.weight"])

    Raises:
        UsageError: it is so.
    """
    if not kept:
        raise UsageError(
            "--targets and --exclude leave no matrix to repair",
            hint="widen --targets or drop an --exclude",
            id="no-matching-matrix",
        )


def chosen(name: str, targets: Sequence[str], exclude: Sequence[str]) -> bool:
    """Whether the globs choose a tensor.

    >>> chosen("h.0.up.weight", ["*.up.*"], []), chosen("h.0.up.weight", [], ["h.0.*"])
    (True, False)
    """
    wanted = not targets or any(fnmatchcase(name, glob) for glob in targets)
    return wanted and not any(fnmatchcase(name, glob) for glob in exclude)
