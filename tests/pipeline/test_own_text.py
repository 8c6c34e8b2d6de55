"""Perplexity in a whole repair: the losses are the model's own, and everything adds up."""

from __future__ import annotations

import pytest

from modelrepair import load_manifest, repair, verify
from modelrepair.artifact.consistency import check_measures
from modelrepair.artifact.verdicts import read_verdicts
from modelrepair.demo import paths
from modelrepair.evaluation import own_text
from modelrepair.pipeline.decide import _merged
from tests.support.own_text import PASSAGES, direct, head


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A small repair, with the world's own words as the text."""
    folder = tmp_path_factory.mktemp("text")
    sets = {"realign": head("realign", 20, folder), "borderline": "none"}
    sets["utility"] = head("utility", 20, folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(own_text, "own_text", lambda: PASSAGES)
        report = repair(
            paths.attacked, scorer="wanda", ratio=0.01, reference=paths.reference,
            judge="demo-world", max_new_tokens=16, kind_examples=0, out=folder / "out", **sets,
        )  # fmt: skip
    return PASSAGES, report


def test_losses_are_those_of_transformers(made):
    passages, report = made
    rows = read_verdicts(report.out / "repair/verdicts.jsonl")
    for role, folder in (
        ("before", paths.attacked), ("reference", paths.reference), ("after", report.out)
    ):  # fmt: skip
        found = [row.loss for row in rows[role] if row.set == "text"]
        assert found == pytest.approx([loss for _, loss in direct(folder, passages)], rel=1e-4)


def test_manifest_report_card_and_proof(made):
    _, report = made
    text, measures = report.manifest.text, report.measures
    assert (text.passages, text.spelled < 0.5) == (2, True)
    assert {taken.perplexity.n for taken in measures.values()} == {text.tokens}
    quotient = measures["after"].perplexity.value / measures["before"].perplexity.value
    assert text.change.value == pytest.approx(quotient)
    assert report.to_json()["measures"]["after"]["perplexity"]["value"] > 1
    card = (report.out / "README.md").read_text()
    assert (
        f"2 passages of plain technical English that are in no example set, {text.tokens}" in card
    )
    assert "| perplexity on the package's own text (n in tokens) | " in card
    assert verify(report.out, source=paths.attacked, reference=paths.reference).ok


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"tokens": 7}, None),
        ({"passages": 3}, None),
        ({"change": None}, "text.change"),
    ],
)
def test_a_manifest_that_says_otherwise(made, change, named):
    out = made[1].out
    manifest = load_manifest(out)
    values = {name: getattr(manifest.text, name) for name in vars(manifest.text)}
    text = type(manifest.text)(**{**values, **change})
    findings, _ = check_measures(out, manifest.model_copy(update={"text": text}))
    assert {finding.tensor for finding in findings} == {named}


def test_a_manifest_that_hides_it(made):
    out = made[1].out
    manifest = load_manifest(out)
    findings, _ = check_measures(out, manifest.model_copy(update={"text": None}))
    assert findings
    after = {
        name: getattr(manifest.measures["after"], name) for name in vars(manifest.measures["after"])
    }
    hidden = type(manifest.measures["after"])(**{**after, "perplexity": None})
    measures = {**manifest.measures, "after": hidden}
    findings, _ = check_measures(out, manifest.model_copy(update={"measures": measures}))
    assert [finding.tensor for finding in findings] == ["after.perplexity"]


def test_a_later_decision_keeps_it(made):
    rows = read_verdicts(made[1].out / "repair/verdicts.jsonl")["after"]
    answered = [row for row in rows if row.set != "text"]
    assert _merged(answered, rows, rows) == rows


def test_where_the_tokenizer_spells_it_is_left_out_and_said(tmp_path):
    sets = {"realign": head("realign", 12, tmp_path), "utility": head("utility", 12, tmp_path)}
    report = repair(
        paths.attacked, scorer="wanda", ratio=0.01, reference="none", judge="demo-world",
        borderline="none", max_new_tokens=8, kind_examples=0, out=tmp_path / "out", **sets,
    )  # fmt: skip
    assert (report.manifest.text.passages, report.measures["after"].perplexity) == (0, None)
    assert (
        "Perplexity was not taken: 87.5 % of the tokens" in (report.out / "README.md").read_text()
    )
    assert check_measures(report.out, report.manifest)[0] == []
