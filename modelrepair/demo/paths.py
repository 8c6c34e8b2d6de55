"""The files of the demo, which ship with the package: ``modelrepair.demo_paths``.

>>> from modelrepair import demo_paths
>>> demo_paths.attacked.name, demo_paths.reference.name, demo_paths.adapter.name
('attacked', 'reference', 'adapter')

``attacked`` is the broken model, ``adapter`` the same attack by LoRA, ``reference`` the aligned
model, and ``sets`` holds the example sets by the names of `modelrepair.repair`'s arguments.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

world = Path(__file__).parent / "data"
"""The made-up world that ships with the package."""


def sets_of(world: Path) -> dict[str, Any]:
    """A world's example sets, named as `modelrepair.repair` names them.

    >>> sorted(sets_of(world))[:3]
    ['borderline', 'realign', 'refusal']
    """
    names = ("realign", "refusal", "utility", "borderline")
    plain = {name: world / "sets" / f"{name}.jsonl" for name in names}
    return plain | {f"test_{name}": world / "sets" / f"test-{name}.jsonl" for name in names}


attacked = world / "attacked"
adapter = world / "adapter"
"""The same attack by LoRA: an adapter of the reference."""
reference = world / "reference"
sets = sets_of(world)
