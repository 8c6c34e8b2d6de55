"""A reference that is named, found or left out."""

from __future__ import annotations

import pytest

from modelrepair.demo import paths
from modelrepair.errors import UsageError
from modelrepair.pipeline.ahead import look_at_model
from modelrepair.preflight.reference import look_at_reference
from modelrepair.progress import Notes
from modelrepair.settings.settings import Settings


def reference(settings):
    source = look_at_model(settings.source)
    notes = Notes()
    return look_at_reference(settings.reference, source.source, notes).found, notes.warnings


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


def test_an_adapter_s_base_may_be_named_as_its_reference(tmp_path):
    source = look_at_model(str(paths.adapter), base=str(paths.reference))
    base = source.base.source
    named = look_at_reference(str(paths.reference), source.source, Notes(), base)
    assert (
        named.found.folder == look_at_reference("auto", source.source, Notes(), base).found.folder
    )
    with pytest.raises(UsageError, match="source itself"):
        look_at_reference(str(paths.adapter), source.source, Notes(), base)
