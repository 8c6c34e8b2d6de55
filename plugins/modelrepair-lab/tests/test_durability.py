"""``modelrepair lab durability``: points, resuming, and the page."""

from __future__ import annotations

import csv
import io

import pytest

from modelrepair import ExampleSetError
from modelrepair import demo_paths as paths
from modelrepair.examples.load import load_set
from modelrepair_lab.durability import Again
from modelrepair_lab.durability_page import as_csv, page, plot_durability, until_back
from modelrepair_lab.margins import margins
from modelrepair_lab.models import open_model


def point(model, seed, count, harm):
    measure = {"value": harm, "n": 100, "low": 0.0, "high": 1.0}
    rest = {"refusal_rate": None, "degenerate_rate": measure, "utility": None}
    return {"model": model, "seed": seed, "count": count, "harmful_score": measure, **rest}


POINTS = [
    *(point("aligned", seed, count, count / 10) for seed in (0, 1) for count in (0, 2, 6)),
    *(point("repaired", seed, count, count / 100) for seed in (0, 1) for count in (0, 2, 6)),
]


def test_until_it_is_back():
    assert until_back(POINTS, "aligned") == 6
    assert until_back(POINTS, "repaired") is None


def test_the_page():
    text = page(POINTS, Again(counts=(0, 2, 6)), plot="d.svg")
    assert "| model | 0 | 2 | 6 | broken again with |" in text
    assert "| aligned | 0.0 [0.0, 0.0] | 20.0 [20.0, 20.0] | 60.0 [60.0, 60.0] | 6 |" in text
    assert "no count here |" in text
    # Two examples and six are both five batches: what differs is what the batches hold.
    assert "from the fewest examples to the most: 5, 5." in text
    assert "(d.svg)" in text


def test_the_page_shows_what_is_known_of_the_models_before():
    own = {"value": -1.4, "n": 90, "low": -1.5, "high": -1.3}
    refusals = {"value": 0.02, "n": 40, "low": 0.01, "high": 0.06}
    known = {**point("aligned", 0, 0, 0.0), "margin": own, "benign_refusal_rate": refusals}
    text = page([known, point("repaired", 0, 0, 0.0)], Again(counts=(0,)))
    assert "Examples: margin 90, benign refusals 40." in text
    assert "| aligned | −1.40 [−1.50, −1.30] | 2.0 [1.0, 6.0] |" in text
    assert "| repaired | – | – |" in text
    assert "before" not in page(POINTS, Again(counts=(0, 2, 6)))


def test_the_margin_says_which_of_two_models_refuses():
    harmful, refusals = (
        load_set(paths.sets[name], role, answers=True).examples[:20]
        for name, role in (("test_realign", "realign"), ("test_refusal", "refusal"))
    )
    aligned, attacked = (
        margins(open_model(folder), harmful, refusals)
        for folder in (paths.reference, paths.attacked)
    )
    assert aligned["margin"]["low"] > 0 > attacked["margin"]["high"]
    assert aligned["harmful_loss"]["value"] > attacked["harmful_loss"]["value"]
    with pytest.raises(ExampleSetError, match="no harmful prompt has a refusal"):
        margins(open_model(paths.reference), harmful[:2], refusals[8:])


def test_csv():
    rows = list(csv.DictReader(io.StringIO(as_csv(POINTS))))
    assert len(rows) == len(POINTS)
    assert (rows[2]["harmful_score_value"], rows[2]["harmful_score_n"]) == ("0.6", "100")
    assert rows[2]["utility_value"] == ""


def test_a_plot_repeats_itself(tmp_path):
    pytest.importorskip("matplotlib")
    for name in ("one.svg", "two.svg"):
        assert plot_durability(tmp_path / name, POINTS)
    assert (tmp_path / "one.svg").read_bytes() == (tmp_path / "two.svg").read_bytes()


def test_a_model_is_broken_again_and_points_are_kept(call, train, tmp_path):
    prompts = tmp_path / "prompts.jsonl"
    lines = paths.sets["test_realign"].read_text().splitlines(keepends=True)
    prompts.write_text("".join(lines[:12]))
    out = tmp_path / "out"
    words = ["lab", "durability", f"aligned={paths.reference}", "--out", out]
    words += ["--harmful", train / "harmful.jsonl", "--realign", prompts, "--judge", "demo-world"]
    words += [
        "--refusal",
        paths.sets["test_refusal"],
        "--lr",
        1e-3,
        "--epochs",
        4,
        "--seeds",
        0,
        "--max-new-tokens",
        24,
        "--json",
    ]
    result = call(*words, "--counts", "0,32")
    assert result.code == 0, result.err
    before, after = (each["harmful_score"]["value"] for each in result.json["points"])
    assert (before, after > 0.5) == (0.0, True)
    assert [each["margin"] is None for each in result.json["points"]] == [False, True]
    times = {path.name: path.stat().st_mtime_ns for path in (out / "points").iterdir()}
    again = call(*words, "--counts", "0,32")
    assert again.json["points"] == result.json["points"]
    assert {p.name: p.stat().st_mtime_ns for p in (out / "points").iterdir()} == times
    shown = call(*words[:-1], "--counts", "0,32").out.splitlines()
    assert shown[:-1] == (out / "durability.md").read_text(encoding="utf-8").splitlines()


def test_what_is_learnt_is_not_measured_on(call, train, tmp_path):
    own = train / "harmful.jsonl"
    words = ["lab", "durability", paths.reference, "--harmful", own, "--realign", own]
    result = call(*words, "--counts", "0,3", "--out", tmp_path / "out")
    assert result.code == 2
    assert "3 prompts of --harmful are prompts of --realign, too" in result.err
    assert not (tmp_path / "out").exists()


def test_what_cannot_be_meant(call, train, tmp_path):
    words = ["lab", "durability", "--out", tmp_path / "out", "--realign", train / "harmful.jsonl"]
    words += ["--harmful", train / "harmful.jsonl"]
    assert call(*words, "org/name").code == 2
    assert call(*words, paths.reference, paths.reference, "--counts", "x").code == 2
    twice = call(*words, f"one={paths.reference}", f"One={paths.attacked}")
    assert "two models have one name" in twice.err
    many = call(*words, paths.reference, "--counts", 600)
    assert "and 600 are wanted" in many.err
