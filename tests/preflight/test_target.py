"""What is said of the files at a destination before anything is sent."""

from __future__ import annotations

from modelrepair.preflight.target import MOST_LINES, Kept, There


def test_the_lines_are_few_and_name_what_goes():
    kept = tuple(Kept(f"{number}.png", None) for number in range(MOST_LINES + 3))
    there = There(kept=kept, deleted=("a.bin", "b.bin"), repair_of="2026-11-20T10:00:00+00:00")
    lines = there.lines("me/m")
    assert lines[0] == "replaces the repair of 2026-11-20 in me/m"
    assert lines[1] == f"stays in me/m: {kept[0].line}"
    assert lines[MOST_LINES + 1] == "stays in me/m: 3 more files"
    assert lines[MOST_LINES + 2 :] == [
        "will be deleted in me/m: a.bin",
        "will be deleted in me/m: b.bin",
    ]


def test_what_verify_will_find_is_said():
    kept = Kept("run.py", "is code that is run on loading")
    assert kept.line == "'run.py': verify will fail: it is code that is run on loading"
    assert There(kept=(kept,)).to_json()["kept"] == (
        {"file": "run.py", "verify": "is code that is run on loading"},
    )
    assert There().lines("me/m") == []
