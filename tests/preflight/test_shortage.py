"""Which set is too small to decide by: its option, its name, and how many rows it needs."""

from __future__ import annotations

from modelrepair.demo import paths
from modelrepair.preflight.sets import load_sets
from modelrepair.progress import Notes
from modelrepair.settings.settings import Settings
from tests.support.set_files import write_jsonl


def test_a_short_kind_is_said_ahead_with_its_set_and_its_rows(tmp_path):
    rows = [{"prompt": f"law {n}", "response": "x", "kind": "law"} for n in range(50)]
    utility = write_jsonl(tmp_path / "mine.jsonl", rows)
    given = {"realign": str(paths.sets["realign"]), "borderline": "none"}
    notes = Notes()
    load_sets(Settings("m", utility=str(utility), **given), notes)
    (said,) = [line for line in notes.warnings if "kind" in line]
    assert said.startswith("kind law of --utility mine.jsonl leaves 20 report examples; 25 decide")
    assert "give 70 rows of it" in said
