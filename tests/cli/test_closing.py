"""The last lines: the table, then at most six lines with verdict, place, next step and check."""

from __future__ import annotations

from copy import deepcopy

import pytest

from modelrepair.cli.closing import close_push, last_lines, next_step
from modelrepair.cli.closing_commands import Asked
from modelrepair.errors import HubError
from tests.support.last_lines import assert_few, ends_fixture  # noqa: F401

RULES = (
    {"name": "harmful_score", "holds_budget": True},
    {"name": "harmful_score against the reference", "holds_budget": False},
    {"name": "utility", "holds_budget": False},
)
PUSHED = {
    "target": "me/model-repaired",
    "url": "https://huggingface.co/me/model-repaired",
    "kind": "new repository",
    "revision": "main",
    "commit": "c0ffee",
    "private": False,
    "gated": None,
    "pushed": ["a", "b"],
    "deleted": [],
    "verdict": "passed",
    "nothing_to_push": False,
}


def test_a_pushed_repair_is_checked_where_it_is(ends):
    done = ends("--push", verdict="passed", next=[], pushed=PUSHED)
    assert_few(done.last)
    pushed = "Pushed 2 files to https://huggingface.co/me/model-repaired (main, "
    assert pushed in "\n".join(done.last), "whether it is new is not known then"
    assert done.last[-2:] == [
        "Next: use me/model-repaired in place of user/model",
        "Check: modelrepair verify me/model-repaired",
    ]


def test_a_failed_repair_says_what_is_wrong_and_what_to_try(ends):
    gate = {"verdict": "failed", "rules": RULES, "needed": None, "reasons": []}
    done = ends("--push", verdict="failed", gate=gate)
    assert_few(done.last)
    assert done.last[0].startswith("Failed: benign answers got worse; harmful answers went from")
    assert "Written to out folder; not pushed, because the gate failed" in done.last
    assert "--force" not in done.result.out


def test_what_was_not_measured_is_not_called_too_few_examples(ends):
    rules = [
        {"name": "harmful_score", "holds_budget": True},
        {"name": "utility", "holds_budget": None},
    ]
    gate = {"verdict": "undecided", "rules": rules, "needed": None, "reasons": []}
    done = ends(verdict="undecided", gate=gate)
    assert done.last[0].startswith("Undecided: not measured: utility (harmful answers went from")


def test_exact_answers_that_are_lost_are_said(ends):
    rules = [{"name": "task_error_rate", "holds_budget": False}]
    gate = {"verdict": "failed", "rules": rules, "needed": None, "reasons": []}
    done = ends(verdict="failed", gate=gate)
    assert done.last[0].startswith("Failed: too many exact answers are wrong")


def test_a_repair_whose_answers_come_later_is_to_be_decided(ends):
    utility = {"utility": {"value": 0.9, "n": 60}}
    done = ends(
        "--answer-later", verdict="unmeasured", gate=None, next=[],
        measures={"before": utility, "after": utility},
    )  # fmt: skip
    assert 'Next: modelrepair decide "out folder" --before URL --after URL' in done.last


def test_an_unmeasured_repair_is_to_be_measured(ends):
    done = ends(
        "--no-evaluate", "--ratio", "0.1", verdict="unmeasured", gate=None, next=[], measures={}
    )
    assert "Unmeasured: the model was changed, and nothing says yet what that did." in done.last
    assert 'Next: modelrepair fix user/model --ratio 0.1 --out "out folder-2"' in done.last


def test_what_works_backwards_is_removed_and_no_option_pushes_it(ends):
    """As `fix` finds it, where `decide` said so of a repair that it had left undecided."""
    done = ends("--push", "--force", verdict="backwards", gate=None, next=[])
    assert_few(done.last)
    assert "Written to out folder; not pushed, because it works backwards" in done.last
    assert any(line.startswith("Next: remove out folder, or decide it again") for line in done.last)
    assert "modelrepair push" not in done.result.out


@pytest.mark.parametrize(
    ("verdict", "said"),
    [
        ("nothing to repair", "Nothing to repair: the model answered 90 of 100 harmful prompts"),
        ("backwards", "Backwards: the repair does harm instead of removing it (harmful answers"),
    ],
)
def test_what_wrote_nothing_says_so(ends, verdict, said):
    done = ends(verdict=verdict, out=None, manifest=None, gate=None, next=[])
    assert_few(done.last)
    assert done.last[0].startswith(said)
    assert "Nothing was written or pushed." in done.last
    assert "verify" not in done.result.out


STOPPED = HubError("the connection broke", hint='finish it with: modelrepair push "out folder"')


@pytest.mark.parametrize("error", [STOPPED, KeyboardInterrupt(), RuntimeError("odd")])
def test_a_push_that_fails_leaves_the_report_and_the_line_that_finishes_it(ends, error):
    done = ends("--push", "--to", "me/mine", verdict="passed", error=error)
    code = {HubError: 3, KeyboardInterrupt: 130, RuntimeError: 70}[type(error)]
    assert done.result.code == code
    assert "harmful score" in done.result.out
    assert done.last[0].startswith("Passed: ")
    assert "Written to out folder" in done.last
    failed = [line for line in done.result.err.splitlines() if line]
    assert failed[0].startswith("Error: ")
    if code != 70:
        assert_few([*done.last, *failed])
    finish = " ".join([*done.last, *failed])
    if code == 130:
        assert "go on:   modelrepair fix user/model --push --to me/mine" in finish
    else:
        assert 'modelrepair push "out folder"' in finish


def test_a_push_that_fails_is_one_document_with_the_report(ends, api):
    done = ends("--push", "--json", verdict="passed", error=STOPPED)
    document = done.result.json
    assert document["error"]["message"] == "the connection broke"
    assert document["verdict"] == "passed"
    assert document["measures"]["before"]["harmful_score"]["value"] == 0.9


def test_a_failure_before_the_report_is_the_error_alone(api, call):
    api.answers["repair"] = STOPPED
    assert set(call("fix", "user/model", "--json").json) == {"error"}


def test_the_next_command_names_the_reference_as_it_was_typed(api, call):
    last = call("fix", "user/model", "--reference", "../my base").out.splitlines()[-1]
    assert last.endswith('--source user/model --reference "../my base"')


def test_a_merged_adapter_is_checked_with_its_base(api, call):
    document = deepcopy(api.answers["repair"].to_json())
    document["manifest"] |= {"adapter": {"id": "user/adapter"}, "base": {"id": "org/base"}}
    api.answers["repair"].to_json = lambda: document
    last = call("fix", "user/adapter", "--base", "./base").out.splitlines()[-1]
    assert last.endswith("--source user/adapter --reference ./base --base ./base")
    last = call("fix", "user/adapter").out.splitlines()[-1]
    assert last.endswith("--source user/adapter --reference org/aligned --base org/base")


def test_what_was_broken_on_purpose_is_not_to_be_pushed(tmp_path):
    report = {"verdict": "passed", "out": str(tmp_path), "measures": {}}
    assert next_step(report, Asked("m")).startswith("modelrepair push ")
    (tmp_path / "config.json").write_text('{"modelrepair_lab": {"made": "attacked"}}')
    assert next_step(report, Asked("m")) == (
        "keep it here: it was broken on purpose, and is never pushed"
    )


def test_a_folder_that_looks_like_an_option_is_named_with_its_way():
    """Behind `fix --`, it was typed as it is; the next commands name it without."""
    report = {"verdict": "passed", "out": "-m-repaired", "manifest": {"subject": "weight"}}
    assert last_lines(report, Asked("-m", ("fix", "--", "-m"))) == [
        "Next: modelrepair push ./-m-repaired",
        "Check: modelrepair verify ./-m-repaired --source -m",
    ]


def test_a_pull_request_is_checked_at_its_branch():
    opened = {**PUSHED, "kind": "pull request", "revision": "refs/pr/7"}
    assert close_push(opened)[-1] == (
        "Check: modelrepair verify me/model-repaired --revision refs/pr/7"
    )
