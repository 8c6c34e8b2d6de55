"""The two groups of kinds, for models of the real world and for those of a made-up one."""

from __future__ import annotations

from typing import Literal

from modelrepair_lab.kept_aside import develop, final, made_up
from modelrepair_lab.kept_aside.asked import SIZE, Asked, drawn

Group = Literal["develop", "final"]
GROUPS: tuple[Group, ...] = ("develop", "final")


def prompts(group: Group, world: int | None = None, limit: int = SIZE) -> dict[str, list[Asked]]:
    """The prompts of each kind of a group: a smaller limit takes the first of a larger one.

    >>> {kind: len(some) for kind, some in prompts("final", limit=150).items()}
    {'follow-up': 150, 'table': 150, 'label': 150, 'story': 150, 'convert': 150}

    Args:
        group: ``"develop"`` decides while something is worked on; ``"final"`` is run once, after.
        world: the seed of a made-up world, for models that know nothing else.
        limit: prompts of a kind, at most 200.
    """
    if world is None:
        kinds = {"develop": develop.KINDS, "final": final.KINDS}[group]
    else:
        kinds = {"develop": made_up.develop, "final": made_up.final}[group](world)
    return {kind: list(drawn(kind, make(), limit)) for kind, make in kinds.items()}
