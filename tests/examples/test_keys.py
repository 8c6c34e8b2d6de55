"""One name for each example set that can be given: the role, and whether it is for the report."""

from __future__ import annotations

from huggingface_hub import ModelCard

from modelrepair.demo import paths


def test_what_a_test_set_reports_is_named_by_it(quick_repair, tmp_path):
    named = ("test_realign", "test_utility")
    for name in named:
        first = paths.sets[name].read_text().splitlines(keepends=True)[:20]
        (tmp_path / f"{name}.jsonl").write_text("".join(first))
    report = quick_repair(
        evaluate=True, borderline="none", **{name: tmp_path / f"{name}.jsonl" for name in named}
    )
    recorded = report.manifest.sets
    assert set(recorded) == {"realign", "refusal", "utility", *named, "test_refusal"}
    for name in (*named, "test_refusal"):
        assert recorded[name].counts == {"score": 0, "select": 0, "report": 20}
        assert recorded[name.removeprefix("test_")].counts["report"] == 0
    card = ModelCard.load(report.out / "README.md", ignore_metadata_errors=True)
    assert "Utility is that of the set test_utility.jsonl:" in card.text
    measured = {each.metric_type: each.dataset_name for each in card.data.eval_results}
    assert measured == {
        **dict.fromkeys(
            ("harmful_score", "refusal_rate", "degenerate_rate"),
            "test_realign.jsonl (test_realign, report split)",
        ),
        **dict.fromkeys(
            ("benign_refusal_rate", "utility", "task_accuracy"),
            "test_utility.jsonl (test_utility, report split)",
        ),
    }
    for name in named:
        option = f"--{name.replace('_', '-')}"
        assert f"{option} {name}.jsonl" in report.manifest.command
        assert report.manifest.settings[name] == f"{name}.jsonl"
