"""A manifest as it lies in a file: of this version, newer, or damaged; and its JSON's digest."""

from __future__ import annotations

import json

import pytest

from modelrepair.artifact.digests import digest
from modelrepair.artifact.reading import load_manifest
from modelrepair.errors import DamagedCheckpointError
from tests.support.small_repairs import draft


def test_json_round_trip(tmp_path):
    manifest = draft()
    path = tmp_path / "repair" / "manifest.json"
    path.parent.mkdir()
    path.write_text(manifest.model_dump_json())
    for place in (path, tmp_path):
        assert load_manifest(place) == manifest
        assert digest(load_manifest(place)) == digest(manifest)


def test_what_is_no_manifest_says_where(tmp_path):
    path = tmp_path / "manifest.json"
    with pytest.raises(DamagedCheckpointError, match="can't be read"):
        load_manifest(path)
    for edit, message in (
        ({"ratio": "many"}, "ratio"),
        ({"schema_version": "1"}, "schema_version"),
        ({"schema_version": None}, "schema_version: missing"),
        ({"verdict": 5}, "verdict"),
    ):
        path.write_text(json.dumps({**draft().model_dump(mode="json"), **edit}))
        with pytest.raises(DamagedCheckpointError, match=message):
            load_manifest(path)
