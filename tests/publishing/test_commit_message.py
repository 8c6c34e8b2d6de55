"""What a commit says: what was done, to what, and what it deletes."""

from __future__ import annotations

import pytest

from modelrepair.publishing.commit_message import SAID, count, deleted_by, description, title
from tests.support.small_repairs import make_repair, results


@pytest.mark.parametrize(
    ("measured", "verdict"),
    [
        ({"before": results(200), "after": results(0)}, "passed"),
        ({"before": results(200), "after": results(180)}, "failed"),
        ({}, "unmeasured"),
    ],
)
def test_the_verdict_is_in_title_and_description(tmp_path, measured, verdict):
    manifest = make_repair(tmp_path, measured=measured).manifest
    assert manifest.verdict == verdict
    line = title(manifest)
    assert line.startswith("Repair with modelrepair") and "\n" not in line
    assert line.endswith(")" if verdict == "passed" else f", {verdict})")
    text = description(manifest, [], "d1")
    assert SAID[verdict] in text and "sha256 d1" in text and manifest.command in text
    assert deleted_by(text) == []


def test_deleted_files_can_be_read_back(tmp_path):
    gone = ["pytorch_model.bin", "old/model.gguf"]
    text = description(make_repair(tmp_path).manifest, gone, "d1")
    assert deleted_by(text) == gone


def test_a_count_has_three_digits_and_its_unit():
    assert [count(n) for n in (999, 1000, 1_234_000, 70_600_000_000)] == [
        "999", "1K", "1.23M", "70.6B",
    ]  # fmt: skip
