"""`decide` in Python: who answers, and the sets as files or as rows."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from modelrepair import decide
from modelrepair.examples.keys import SetKey
from modelrepair.pipeline import decide as deciding


@pytest.fixture
def asked(monkeypatch):
    """What the pipeline was asked, and the rows of the sets that it was given."""
    found = {}

    def run_decide(out, asked, progress, *, restart):
        files = {key: path for key, path in asked.sets.items() if path is not None}
        rows = {key: Path(path).read_text("utf-8") for key, path in files.items()}
        found.update(out=out, asked=asked, rows=rows, restart=restart)
        return SimpleNamespace(verdict="passed", exit_code=0)

    monkeypatch.setattr(deciding, "run_decide", run_decide)
    return found


def test_places_models_and_what_no_manifest_holds_reach_the_pipeline(asked, tmp_path):
    rows = [{"prompt": "2 + 2?", "response": "4"}]
    report = decide(
        "out", before="http://h/v1", after=tmp_path / "after.json", before_model="m",
        utility=rows, judge_options={"model": "/data/guard"}, judge_endpoint="http://j/v1",
        base=tmp_path, restart=True, progress=None,
    )  # fmt: skip
    assert report.verdict == "passed"
    given = asked["asked"]
    assert given.places == {"before": "http://h/v1", "after": tmp_path / "after.json"}
    assert given.models == {"before": "m", "after": None, "reference": None}
    assert given.judge_options == {"model": "/data/guard", "endpoint": "http://j/v1"}
    assert (given.base, asked["restart"], asked["out"].name) == (str(tmp_path), True, "out")
    assert asked["rows"] == {SetKey.UTILITY: '{"prompt": "2 + 2?", "response": "4"}\n'}


def test_both_answerers_are_needed():
    with pytest.raises(TypeError, match=r"decide\(\) missing a required .*argument: 'after'"):
        decide("out", before="http://h/v1")
