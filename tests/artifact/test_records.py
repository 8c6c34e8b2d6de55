"""The parts of a manifest: no path of this machine, no unknown field, nothing that is no JSON."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from modelrepair.artifact.records import ExampleSetRecord, Origin, PluginRecord


@pytest.mark.parametrize("path", ["/home/me/model", "../model", "C:\\models\\mine", ""])
def test_a_path_is_no_name_of_a_model_or_a_set(path):
    with pytest.raises(ValidationError, match="expected a Hub id or a folder's name"):
        Origin(id=path)
    with pytest.raises(ValidationError, match="expected a Hub id or a folder's name"):
        ExampleSetRecord(id=path, counts={}, digest="0")


def test_a_digest_is_64_hexadecimal_digits():
    with pytest.raises(ValidationError):
        Origin(id="org/model", files={"model.safetensors": "no digest"})


def test_options_are_json():
    given = {"rates": (1.0, float("inf")), "kind": complex(1, 2)}
    made = PluginRecord(name="mine", distribution="mine", version="1", options=given)
    assert made.options == {"rates": [1.0, None], "kind": "(1+2j)"}
    assert PluginRecord.model_validate_json(made.model_dump_json()) == made


def test_an_unknown_field_is_refused():
    with pytest.raises(ValidationError, match="extra"):
        Origin(id="org/model", place="here")
