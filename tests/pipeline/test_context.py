"""What the steps of a repair share: the panel of each model, and all warnings of a run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from modelrepair.evaluation.panel import Panel
from modelrepair.examples.splits import Splits
from modelrepair.pipeline.context import RunContext
from modelrepair.preflight.model import Model
from modelrepair.preflight.plugins import SelectedPlugins
from modelrepair.progress import Notes, Progress
from modelrepair.settings.settings import Settings


@dataclass
class Judge:
    """A judge that notes what it saw."""

    notes: list[str]


PANEL = Panel(Splits({}, {}, ()), "the source's", None, 32, 512, max_thought_tokens=9)


def context(notes=(), judge=None):
    return RunContext(
        settings=Settings("m"),
        source=None,
        sets=None,
        chosen=SelectedPlugins((), None, judge),
        skeleton=None,
        sites=None,
        units=None,
        panel=PANEL,
        device=None,
        workspace=None,
        notes=Notes([*notes]),
        progress=Progress(),
        remembered=Path("work"),
    )


def test_a_model_is_asked_under_the_template_of_the_source_unless_it_has_its_own():
    made = context()
    assert made.panel_of(Model(None, None)) is PANEL
    own = made.panel_of(Model(None, None, template="its own"))
    assert own.template == "its own"
    assert {**vars(own), "template": PANEL.template} == vars(PANEL)
    assert PANEL.template == "the source's"


def test_warnings_are_those_of_the_run_then_those_of_its_judge_as_they_are_now():
    judge = Judge([])
    made = context(["a set is small"], judge)
    assert made.warnings == ("a set is small",)
    judge.notes.append("2 texts were cut")
    made.notes.warn("it was repaired before")
    assert made.warnings == ("a set is small", "it was repaired before", "2 texts were cut")
    assert context(["alone"]).warnings == ("alone",)


@pytest.mark.parametrize("name", ["settings", "panel", "remembered", "clock"])
def test_no_step_changes_what_the_others_see(name):
    made = context()
    with pytest.raises(AttributeError, match="cannot assign"):
        setattr(made, name, None)
    assert made.clock.limit is None
    assert context().clock is not made.clock
