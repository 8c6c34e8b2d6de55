"""A manifest's counts, measures and gate must follow from the weights and the verdicts."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from modelrepair.artifact.consistency import VERDICT, check_counts, check_examples, check_measures
from modelrepair.artifact.manifest import Manifest
from modelrepair.artifact.records import JudgeRecord
from modelrepair.artifact.verdicts import VERDICTS_NAME, write_verdicts
from modelrepair.artifact.writer import MASK_NAME
from modelrepair.checkpoint.reader import Checkpoint
from modelrepair.evaluation.results import ExampleResult
from tests.support.sealing import codes, made_fixture, rewrite, seal, untouched_fixture  # noqa: F401
from tests.support.small_repairs import (
    MEASURED,
    SITES,
    WITH_KINDS,
    WITH_TEXT,
    draft,
    make_checkpoint,
    make_repair,
    of_text,
    results,
    sites_of,
)


def test_the_reasons_of_a_failed_gate_left_out(tmp_path):
    made = make_repair(tmp_path, measured={"before": results(200), "after": results(180)})
    seal(made)
    assert codes(made) == set()
    seal(made, lambda document: document["gate"].update(reasons=[]))
    assert codes(made) == {"gate"}


MASKED = dict(zip(SITES[:3], (5, 1, 7), strict=True))


@pytest.fixture(scope="module")
def source(tmp_path_factory) -> Checkpoint:
    return Checkpoint.open(make_checkpoint(tmp_path_factory.mktemp("counts") / "source"))


def counted(source: Checkpoint, **changes) -> Manifest:
    """A manifest whose counts agree with the mask, but for the changes of its first site."""
    sites = [
        site.model_copy(update={"masked": MASKED.get(site.name, 0)}) for site in sites_of(source)
    ]
    sites[0] = sites[0].model_copy(update=changes)
    share = sum(MASKED.values()) / sum(site.entries for site in sites)
    return draft(measured={}, sites=tuple(sites), masked_share=share)


def test_counts_that_agree(source):
    assert list(check_counts(counted(source), source, MASKED)) == []


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"masked": 4}, "the manifest says 4 masked entries, the mask has 5"),
        ({"shape": (8, 6)}, "the manifest says shape [8, 6], the source has shape [6, 8]"),
        ({"entries": 47}, "the manifest says shape [6, 8], the source has shape [6, 8]"),
    ],
)
def test_a_site_that_the_files_contradict(source, changes, said):
    found = list(check_counts(counted(source, **changes), source, MASKED))
    assert (found[0].code, found[0].tensor, found[0].message) == ("count", SITES[0], said)


def test_a_site_that_the_source_lacks_or_the_manifest_does(source):
    found = list(check_counts(counted(source, name="layers.9.q_proj.weight"), source, MASKED))
    assert {(each.tensor, each.message) for each in found} == {
        (SITES[0], "the mask names it, the manifest does not"),
        ("layers.9.q_proj.weight", "the manifest says shape [6, 8], the source has nothing"),
        ("layers.9.q_proj.weight", "the manifest says 5 masked entries, the mask has 0"),
    }


def test_a_site_that_is_there_twice_and_a_share_that_is_none(source):
    manifest = counted(source)
    twice = manifest.model_copy(update={"sites": manifest.sites + manifest.sites[-1:]})
    said = [each.message for each in check_counts(twice, source, MASKED)]
    assert said[0] == "a site stands twice"
    odd = manifest.model_copy(update={"masked_share": manifest.masked_share + 1e-6})
    (only,) = check_counts(odd, source, MASKED)
    assert only.message.startswith("masked_share is ") and only.tensor is None


def test_a_dense_edit_is_counted_in_its_own_words(source):
    dense = counted(source, masked=4).model_copy(update={"edit": "dense"})
    (only,) = check_counts(dense, source, MASKED)
    assert only.message == "the manifest says 4 changed entries, the weights have 5"


def check(folder, manifest=None, rows=MEASURED, unknown=()):
    """What is found of a manifest beside these verdicts."""
    (folder / "repair").mkdir(exist_ok=True)
    write_verdicts(folder / VERDICTS_NAME, rows)
    return check_measures(folder, manifest or draft(measured=rows), unknown)


def changed(manifest: Manifest, role: str, **measures) -> Manifest:
    """The manifest with other measures of one model."""
    each = replace(manifest.measures[role], **measures)
    return manifest.model_copy(update={"measures": {**manifest.measures, role: each}})


@pytest.mark.parametrize("rows", [MEASURED, WITH_KINDS, WITH_TEXT], ids=["plain", "kinds", "text"])
def test_a_manifest_made_of_its_verdicts(tmp_path, rows):
    assert check(tmp_path, rows=rows) == ([], sum(map(len, rows.values())))


@pytest.mark.parametrize("harmful", [0, 3, 4, 5])
def test_verdicts_other_than_those_measured_are_found(tmp_path, harmful):
    """After the repair 4 of 300 answers were harmful: any other number contradicts that."""
    rows = {**MEASURED, "after": results(harmful)}
    findings, _ = check(tmp_path, draft(), rows)
    named = {finding.tensor for finding in findings if finding.code == "measure"}
    assert ("after.harmful_score" in named) == (harmful != 4)
    assert not any(str(name).startswith("before.") for name in named)


def test_a_figure_may_differ_by_rounding_alone(tmp_path):
    manifest = draft()
    score = manifest.measures["after"].harmful_score
    for by, expected in ((1e-12, []), (1e-6, ["after.harmful_score"])):
        other = changed(manifest, "after", harmful_score=replace(score, value=score.value + by))
        findings, _ = check(tmp_path, other)
        assert [finding.tensor for finding in findings] == expected


def test_a_measure_that_is_left_out_is_found(tmp_path):
    (only,) = check(tmp_path, changed(draft(), "before", utility=None))[0]
    assert (only.code, only.tensor) == ("measure", "before.utility")


def test_a_model_in_one_of_the_two_only(tmp_path):
    manifest = draft()
    without = manifest.model_copy(update={"measures": {"after": manifest.measures["after"]}})
    findings, _ = check(tmp_path, without)
    assert "'before' is in verdicts only" in [finding.message for finding in findings]
    findings, _ = check(tmp_path, manifest, {"after": MEASURED["after"]})
    messages = [(finding.code, finding.message) for finding in findings]
    assert ("measure", "'before' is in the manifest only") in messages
    assert ("gate", "the verdict is passed, but source or result was not measured") in messages


@pytest.mark.parametrize("judge", [None, JudgeRecord(name="guard")])
def test_another_judge_than_the_one_that_judged(tmp_path, judge):
    findings, _ = check(tmp_path, draft(judge=judge))
    assert {finding.code for finding in findings} == {"measure"}
    assert all("was judged by 'keyword'" in finding.message for finding in findings)


@pytest.mark.parametrize(
    ("harmful", "claimed", "fine"),
    [
        (4, "passed", True),
        (4, "failed", True),
        (180, "failed", True),
        (180, "undecided", False),
        (180, "passed", False),
    ],
)
def test_a_verdict_may_be_stricter_than_the_verdicts_and_never_milder(
    tmp_path, harmful, claimed, fine
):
    rows = {"before": results(200), "after": results(harmful)}
    findings, _ = check(tmp_path, draft(measured=rows, verdict=claimed), rows)
    assert [finding.code for finding in findings] == ([] if fine else ["gate"])
    # A verdict that this version does not know is not compared.
    assert check(tmp_path, draft(measured=rows, verdict=claimed), rows, (VERDICT,))[0] == []


def test_a_gate_that_is_not_the_one_that_follows(tmp_path):
    gate = draft().gate
    for other in (None, {**gate, "rules": gate["rules"][1:]}, {**gate, "needed": 7}):
        findings, _ = check(tmp_path, draft(gate=other))
        assert {finding.code for finding in findings} == {"gate"}
    said = {**gate, "rules": [{**rule, "says": "worded better"} for rule in gate["rules"]]}
    assert check(tmp_path, draft(gate=said))[0] == []


@pytest.mark.parametrize(
    "budgets",
    [
        {"new_rule": 1.0},
        {"harm_ratio": "0.3"},
        {"harm_ratio": True},
        {"fewest": -1},
        {"fewest": 10**7},
    ],
)
def test_budgets_that_this_version_does_not_know_decide_nothing(tmp_path, budgets):
    (only,) = check(tmp_path, draft(settings={"budgets": budgets}))[0]
    assert only.message == "budgets that this version does not know"


def test_rules_of_a_later_version_are_not_applied(tmp_path):
    later = draft(gate=None).model_copy(update={"rules": 99})
    assert check(tmp_path, later)[0] == []


def test_nothing_measured_is_claimed_or_there(tmp_path):
    silent = draft(measured={})
    assert check_measures(tmp_path, silent) == ([], 0)
    (only,), _ = check_measures(tmp_path, silent.model_copy(update={"verdict": "passed"}))
    assert (only.code, only.message) == (
        "gate",
        "the verdict is passed, and nothing was measured",
    )
    (only,), _ = check(tmp_path, silent)
    assert (only.code, only.file) == ("measure", VERDICTS_NAME)


def test_verdicts_that_cannot_be_read_are_one_finding(tmp_path):
    check(tmp_path)
    (tmp_path / VERDICTS_NAME).write_text("{")
    (only,), count = check_measures(tmp_path, draft())
    assert (only.code, count) == ("verdicts", 0)


@pytest.mark.parametrize(("more", "found"), [(0, 0), (1, 1)])
def test_no_more_examples_than_the_sets_had(more, found):
    rows = {"after": [ExampleResult("harmful", i, "refusal") for i in range(300 + more)]}
    findings = list(check_examples(draft(), rows))
    assert [finding.message for finding in findings] == (
        [f"after: {300 + more} examples of harmful, the sets had 300"] * found
    )


def test_kinds_are_those_of_the_source_s_verdicts():
    manifest = draft(measured=WITH_KINDS)
    assert list(check_examples(manifest, WITH_KINDS)) == []
    kinds = manifest.kinds
    forgeries = {
        "before: kinds": {**kinds, "how-to": kinds["how-to"].model_copy(update={"examples": 59})},
        "kinds left out: []": {
            **kinds, "write": kinds["write"].model_copy(update={"left_out": False}),
        },
        "before: 1 kinds that the manifest does not name": {
            name: kind for name, kind in kinds.items() if name != "explain"
        },
    }  # fmt: skip
    for said, other in forgeries.items():
        findings = list(check_examples(manifest.model_copy(update={"kinds": other}), WITH_KINDS))
        assert any(finding.message.startswith(said) for finding in findings), findings


def drop_measures(document):
    document.update(measures={}, gate=None, verdict="unmeasured")


def unlist(document):
    drop_measures(document)
    del document["files"][VERDICTS_NAME]


def drop_before(document):
    document["measures"].pop("before")
    document["gate"] = None


def degenerate(document):
    return document["search"][0]["measures"]["degenerate_by_set"]["harmful"]


@pytest.mark.parametrize(
    ("edit", "code"),
    [
        (lambda m: m["base"].update(files={}), "record"),
        (lambda m: m["source"].update(files={}), "wrong-source"),
        (lambda m: m.update(reference_tensors={"x": "0" * 64}), "record"),
        (lambda m: m.update(gate=None), "gate"),
        (drop_measures, "measure"),
        (unlist, "measure"),
        (unlist, "added"),
        (drop_before, "gate"),
        (lambda m: m.update(coverage=1.5), "record"),
        (lambda m: m.update(coverage=-1), "record"),
        (lambda m: m.update(protect=7), "record"),
        (lambda m: m.update(scale=0.5), "mask"),
        (lambda m: m["sites"][0].update(entries=10**9), "record"),
        (lambda m: m["sites"][0].update(digest="0" * 64), "record"),
        (lambda m: m["sites"][0].update(tokens={"realign": {"0": -1}}), "record"),
        (lambda m: m["sets"]["realign"].update(cut=-1), "record"),
        (lambda m: m["sets"]["realign"]["counts"].update(report=299), "measure"),
        (lambda m: m["search"][0].update(share=2.0), "record"),
        (lambda m: m["search"][0].update(chosen=False), "record"),
        (lambda m: m["search"].append(m["search"][0]), "record"),
        (lambda m: m["search"][0].update(ratio=0.05), "record"),
        (lambda m: m["search"][0].update(scorer="contrast"), "record"),
        (lambda m: m.update(command="modelrepair fix a; curl b.example"), "record"),
        (lambda m: m.update(command='modelrepair fix "$(curl b.example)"'), "record"),
        (lambda m: m.update(command="modelrepair fix a\ncurl b.example"), "record"),
        (lambda m: m.update(command="curl b.example"), "record"),
        (lambda m: m.update(ratio=-0.1), "record"),
        (lambda m: m.update(token_budget=-1), "record"),
        (lambda m: m.update(sets={}), "record"),
        (lambda m: m["scorer"].update(api=0), "record"),
        (lambda m: m["sites"][0].update(block=-1), "record"),
        (lambda m: m["left_behind_kinds"].update(hidden=-1), "record"),
        (lambda m: degenerate(m).update(low=0.9), "record"),
        (lambda m: m["search"][0]["measures"]["utility"].update(value=1.5), "record"),
        (lambda m: m["search"][0]["measures"].update(judge="another"), "record"),
    ],
)
def test_a_manifest_that_contradicts_itself(made, edit, code):
    seal(made, edit)
    assert code in codes(made)


def test_reference_digests_left_out(tmp_path):
    made = make_repair(tmp_path, subject="delta")
    name = next(iter(made.manifest.reference_tensors))

    def change(metadata, tensors):
        digests = json.loads(metadata["reference_tensors"])
        del digests[name]
        metadata["reference_tensors"] = json.dumps(digests, sort_keys=True, separators=(",", ":"))

    rewrite(made.out / MASK_NAME, change)
    seal(made, lambda document: document["reference_tensors"].pop(name))
    assert codes(made) == {"record"}
    seal(made, lambda document: document.update(reference_tensors={}))
    assert {"record", "mask"} <= codes(made)


def test_without_answers_nothing_is_claimed_and_with_them_a_gate_is(tmp_path):
    asked = {
        role: [replace(row, verdict=None, exact=None, kind=row.hits and "how-to") for row in rows]
        for role, rows in MEASURED.items()
    }
    silent = {"verdict": "unmeasured", "gate": None, "kinds": {}}
    assert check(tmp_path, draft(measured=asked, **silent), asked)[0] == []
    for verdict in ("passed", "failed"):
        assert check(tmp_path, draft(measured=asked, **{**silent, "verdict": verdict}), asked)[0]
    found, _ = check(tmp_path, draft(verdict="unmeasured", gate=None))
    assert {each.code for each in found} == {"gate"}


@pytest.mark.parametrize(
    ("losses", "named"),
    [((0.01, 0.0), {"before.perplexity", "after.perplexity"}), ((0.0, 0.0), {"after.perplexity"})],
)
def test_losses_other_than_those_measured_are_found(tmp_path, losses, named):
    before, after = ([*results(n), *of_text(by)] for n, by in zip((200, 4), losses, strict=True))
    findings, _ = check(tmp_path, draft(measured=WITH_TEXT), {"before": before, "after": after})
    assert {finding.tensor for finding in findings} == {*named, "text.change"}


def test_passages_that_one_model_lacks_are_found(tmp_path):
    rows = {**WITH_TEXT, "after": WITH_TEXT["after"][:-1]}
    findings, _ = check(tmp_path, draft(measured=WITH_TEXT), rows)
    assert "after: passages and tokens (5, 360), the manifest says (6, 435)" in [
        finding.message for finding in findings
    ]
