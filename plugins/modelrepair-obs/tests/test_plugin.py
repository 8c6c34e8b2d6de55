"""What the package registers, and a repair of the demo's model with it."""

from __future__ import annotations

import subprocess
import sys

import pytest

from modelrepair import UsageError, repair
from modelrepair import demo_paths as paths
from modelrepair.plugin.registry import load_registry, make_scorer
from modelrepair_obs.options import ObsOptions
from modelrepair_obs.plugin import harmful_and_benign


def test_it_is_listed_as_this_package_s():
    found = {item.spec.name: item for item in load_registry().scorers()}["obs"]
    assert found.distribution == "modelrepair-obs"
    assert (found.spec.scope, found.spec.signed, found.spec.gradients) == ("tensor", True, False)


def test_registering_imports_no_torch():
    code = "import sys, modelrepair_obs.plugin as p; list(p.modelrepair_scorers()); "
    code += "print('torch' in sys.modules)"
    environment = {"PYTHONPATH": ":".join(sys.path)}
    ended = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=True
    )
    assert ended.stdout.strip() == "False"


@pytest.mark.parametrize("minus", ["utility", "refusal", "none"])
def test_preflight_knows_the_sets_that_the_scorer_needs(minus):
    scorer = make_scorer(load_registry().scorer("obs"), {"minus": minus}, "weight")
    asked = harmful_and_benign(ObsOptions(minus=minus), "weight")
    assert set(scorer.needs) == set(asked)
    assert set(asked.values()) == {"pairs"}


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("damping", "-1", "damping is -1.0, expected 0 or more"),
        ("damping", "inf", "option 'damping' of obs is 'inf'|damping is inf"),
        ("group", "0", "group is 0, expected 1 or more"),
        ("minus", "realign", "option 'minus' of obs is 'realign', expected"),
    ],
)
def test_an_option_without_sense_is_refused(option, value, message):
    with pytest.raises(UsageError, match=message):
        make_scorer(load_registry().scorer("obs"), {option: value}, "weight")


@pytest.mark.parametrize("reference", [paths.reference, "none"], ids=["delta", "weight"])
def test_it_masks_the_demo_s_model(tmp_path, reference):
    report = repair(
        paths.attacked,
        reference=reference,
        scorer="obs",
        scorer_options={"group": 48},
        ratio=0.02,
        examples=16,
        evaluate=False,
        judge="demo-world",
        out=tmp_path / "out",
        **{role: paths.sets[role] for role in ("realign", "refusal", "utility", "borderline")},
    )
    manifest = report.manifest
    assert (manifest.scorer.name, manifest.scorer.distribution) == ("obs", "modelrepair-obs")
    assert manifest.subject == ("weight" if reference == "none" else "delta")
    assert sum(site.masked for site in manifest.sites) > 0
    assert all(site.masked <= round(0.02 * site.entries) for site in manifest.sites)
