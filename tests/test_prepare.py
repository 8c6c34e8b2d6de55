"""What is found and checked before anything is computed."""

from __future__ import annotations

import shutil
from dataclasses import replace

import pytest

from modelrepair import prepare
from modelrepair.bench import Notes
from modelrepair.demo import paths
from modelrepair.device import find_device
from modelrepair.errors import UnsupportedModelError, UsageError
from modelrepair.registry.loading import PluginFailure
from modelrepair.registry.manager import Registry, load_registry
from modelrepair.settings import Settings

REALIGN = str(paths.sets["realign"])


def chosen(**options):
    notes = Notes()
    found = prepare.choose_plugins(Settings("m", judge="demo-world", **options), notes)
    return [registered.spec.name for registered, _ in found.scorers]


def test_which_scorers_are_tried():
    assert chosen() == ["wanda", "contrast"]
    assert chosen(fallback=False) == ["wanda"]
    assert chosen(ratio=0.01) == ["wanda"]
    assert chosen(scorer_options={"norm": "mean"}) == ["wanda"]
    assert chosen(scorer="gradient") == ["gradient"]


def test_a_plug_in_that_was_not_loaded_is_a_warning():
    failure = PluginFailure("other", "1", "point", "ImportError: x")
    registry = Registry(replace(load_registry().found, failures=(failure,)))
    notes = Notes()
    prepare.choose_plugins(Settings("m"), notes, registry)
    assert notes.warnings == ["a plug-in was not loaded: other (ImportError: x)"]


def reference(settings):
    source = prepare.find_source(settings)
    notes = Notes()
    return prepare.find_reference(settings, source, notes), notes.warnings


def test_a_reference_is_found_named_or_not_at_all(tmp_path):
    source = str(paths.attacked)
    assert reference(Settings(source)) == (None, [])
    assert reference(Settings(source, reference="none")) == (None, [])
    found, _ = reference(Settings(source, reference=str(paths.reference)))
    assert found.name == "reference"
    with pytest.raises(UsageError, match="source itself"):
        reference(Settings(source, reference=source))
    link = tmp_path / "link"
    link.symlink_to(paths.attacked)
    with pytest.raises(UsageError, match="source itself"):
        reference(Settings(source, reference=str(link)))


def test_a_broken_tokenizer_is_told_with_its_reason(tmp_path):
    folder = shutil.copytree(paths.attacked, tmp_path / "model")
    (folder / "tokenizer.json").write_text("{}")
    with pytest.raises(UnsupportedModelError, match=r"the tokenizer can't be loaded: KeyError"):
        prepare.load_template(folder, 128, 346, Notes())


def test_devices():
    assert find_device("cpu").type == "cpu"
    assert find_device("auto").type in ("cpu", "cuda", "mps")
    for name in ("gpu", "meta", "cuda:99", ""):
        with pytest.raises(UsageError, match="no device"):
            find_device(name)
