"""The manifest: its published schema, and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from pydantic import ValidationError

from modelrepair.artifact.manifest import Manifest, json_schema
from modelrepair.artifact.records import Origin
from tests.support.small_repairs import draft
from tests.support.versions import DESCRIBED

SCHEMA = Path(__file__).parents[2] / "docs" / "manifest.schema.json"
REFRESH = (
    "python -c 'import json; from modelrepair.artifact.manifest import json_schema; "
    "print(json.dumps(json_schema(), indent=2))' > docs/manifest.schema.json"
)


@DESCRIBED
def test_the_published_schema_is_current():
    assert json.loads(SCHEMA.read_text()) == json_schema(), REFRESH


def test_no_path_and_no_infinity_gets_in():
    for name in ("/home/me/model", "~/model", "./model", "..", "../x", "C:\\models\\mine", ""):
        with pytest.raises(ValidationError, match="Hub id"):
            Origin(id=name)
    assert Origin(id=".odd folder").id == ".odd folder"
    manifest = draft(
        settings={"sets": ("/a/b/c.jsonl", {1: Path("/a/b")}), "limit": float("inf"), "n": 3},
        warnings=("file:///x/y.json is old",),
    )
    assert manifest.settings == {"sets": ["c.jsonl", {"1": "b"}], "limit": None, "n": 3}
    assert manifest.warnings == ("y.json is old",)
    with pytest.raises(ValidationError):
        draft(ratio=float("nan"))


def test_frozen():
    with pytest.raises(ValidationError, match="frozen"):
        draft().ratio = 0.5
    assert Manifest.model_config["extra"] == "forbid"
