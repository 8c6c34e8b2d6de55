"""A scorer that ends a repair where it would begin: all that comes before it has been measured."""

from __future__ import annotations

from typing import Any, ClassVar


class MeasureOnly:
    """Measures source and reference, on both splits, and scores nothing."""

    sets: ClassVar[dict[str, str]] = {}

    def __init__(self, options: Any, subject_kind: str) -> None:
        raise RuntimeError("source and reference are measured; there is nothing to score")


SCORER = f"{__file__}:{MeasureOnly.__name__}"
