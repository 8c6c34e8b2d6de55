"""What a plug-in registers is frozen, and importing it loads neither torch nor transformers."""

from __future__ import annotations

import dataclasses
import subprocess
import sys

import pytest

from modelrepair.plugin import specs

SPECS = [specs.ScorerSpec, specs.RepairerSpec, specs.JudgeSpec, specs.ExampleSetSpec]


@pytest.mark.parametrize("spec", SPECS)
def test_a_spec_can_not_be_changed_after_it_was_registered(spec):
    required = {
        field.name: field.name
        for field in dataclasses.fields(spec)
        if field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
    }
    made = spec(**required)
    with pytest.raises(dataclasses.FrozenInstanceError):
        made.name = "other"


def test_a_repairer_asks_for_no_other_model_by_default():
    assert specs.no_models(None) == {}


def test_the_import_is_light():
    code = (
        "import sys, modelrepair.plugin.specs; "
        "print({'torch', 'transformers', 'numpy'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"
