from __future__ import annotations

import json
from pathlib import Path

import pytest
from pydantic import ValidationError

from modelrepair.artifact.manifest import Manifest, Origin, Run, canonical, digest, json_schema
from tests.support.small_repairs import draft

SCHEMA = Path(__file__).parents[2] / "docs" / "manifest.schema.json"
REFRESH = (
    "python -c 'import json; from modelrepair.artifact.manifest import json_schema; "
    "print(json.dumps(json_schema(), indent=2))' > docs/manifest.schema.json"
)


def test_the_published_schema_is_current():
    assert json.loads(SCHEMA.read_text()) == json_schema(), REFRESH


def test_the_digest_leaves_out_the_run_and_nothing_else():
    one = draft()
    other = one.model_copy(update={"run": Run(time="later", duration=9.0, device="cuda")})
    assert digest(one) == digest(other)
    assert digest(one) != digest(one.model_copy(update={"ratio": 0.2}))


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
    with pytest.raises(ValueError, match="JSON"):
        canonical(float("inf"))


def test_frozen():
    with pytest.raises(ValidationError, match="frozen"):
        draft().ratio = 0.5
    assert Manifest.model_config["extra"] == "forbid"
