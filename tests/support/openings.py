"""The first lines of repairs of the demo's attacked model, from its plans."""

from __future__ import annotations

from modelrepair.demo import paths
from modelrepair.pipeline.planning import plan_of
from modelrepair.preflight.opening import Opening
from modelrepair.settings.settings import Settings

REALIGN = str(paths.sets["realign"])


def opening(**options) -> Opening:
    """What a repair with these options begins with."""
    made = plan_of(Settings(str(paths.attacked), **{"realign": REALIGN, **options})).opening
    assert made is not None
    return made
