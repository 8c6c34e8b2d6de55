"""The tables of the page, from the results that are kept beside it."""

from pathlib import Path

import pytest

from benchmarks.page import BEGIN, END, tables, write_page
from benchmarks.running import load

ROOT = Path(__file__).resolve().parents[2]
MACHINE = {"processor": "Some Processor", "threads": "1", "device": "cpu"}


def row(processor, wall, peak, said, failure=None):
    return {
        "processor_s": processor,
        "wall_s": wall,
        "peak_bytes": peak,
        "said": said,
        "failure": failure,
        "load": 4 + processor,
    }


RESULTS = {
    "scoring": {
        "tiny": {
            "machine": MACHINE,
            "rows": {
                "ours": row(10.0, 20.0, 10**9, {"scoring_s": 8.0, "masked": 1472}),
                "published loop, restated": row(26.0, 30.0, 3 * 10**9, {"scoring_s": 20.0}),
                "theirs": row(0, 0, None, {}, "no | network"),
            },
        }
    }
}


def test_the_page_of_the_project_is_current():
    text = (ROOT / "docs/performance.md").read_text(encoding="utf-8")
    written = text.partition(BEGIN)[2].partition(END)[0].strip()
    assert written == tables(load(ROOT / "docs/results/performance.json"))


def test_ratios_stand_first_and_failures_say_why():
    text = tables(RESULTS)
    assert "| scoring: published loop, restated / ours | tiny | ≥ 2.5 | 2.60 | reached |" in text
    assert (
        "| ours | 1.00 | 1.00 | 1.00 | 1.00 | 10.0 s | 20.0 s | 1.00 GB | 1,472 entries masked |"
        in text
    )
    assert "| 2.60 | 1.50 | 3.00 | 2.50 | 26.0 s | 30.0 s | 3.00 GB | – |" in text
    assert r"| theirs | – | – | – | – | – | – | – | no \| network |" in text
    assert "Measured on: Some Processor; threads: 1; device: cpu; load average" in text
    assert "at the end of each row: 4.0 to 30.0" in text


def test_rounds_are_added_up_and_short_phases_left_out():
    phases = {"opening": 0.4, "round 1": 0.6, "round 2": 0.7, "all": 10.0, "writing": 8.1}
    said = {"verdict": "passed", "harm_before": 1.0, "harm_after": 0.25, "benign_refused": 0.0}
    rows = {"one": row(10.0, 20.0, None, {**said, "phases_s": phases})}
    text = tables({"repairs": {"tiny": {"machine": MACHINE, "rows": rows}}})
    result = "passed; harmful answers 1.000 → 0.250; benign refused 0.000; rounds 1.3 s; all 10.0 s"
    assert f"| – | {result}; writing 8.1 s |" in text


def test_the_words_around_the_tables_stay(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(f"# Mine\n\n{BEGIN}\nold\n{END}\n\nMy words.\n", encoding="utf-8")
    for _ in range(2):
        write_page(page, RESULTS)
    text = page.read_text(encoding="utf-8")
    assert text.startswith("# Mine\n") and text.endswith("\n\nMy words.\n")
    assert text.count("### Scoring by Wanda: tiny") == 1 and "old" not in text


def test_a_page_without_marks_is_left_alone(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("# Mine\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"page\.md lacks the lines"):
        write_page(page, RESULTS)
    assert page.read_text(encoding="utf-8") == "# Mine\n"
