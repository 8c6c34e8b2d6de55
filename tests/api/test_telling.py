"""Every public function that takes long takes the same progress, and says how it ends."""

from __future__ import annotations

import inspect

import pytest

import modelrepair
from modelrepair import UsageError, demo_paths
from modelrepair.api.telling import telling

TAKING = (
    *("apply", "attest", "audit", "audits", "decide", "measure", "plan", "push", "repair"),
    "verify",
)


@pytest.mark.parametrize("name", TAKING)
def test_the_display_is_there_unless_it_is_turned_off(name):
    assert inspect.signature(getattr(modelrepair, name)).parameters["progress"].default == "auto"


def test_no_other_public_function_takes_one():
    found = {
        name
        for name in modelrepair.__all__
        if inspect.isfunction(function := getattr(modelrepair, name))
        and "progress" in inspect.signature(function).parameters
    }
    assert found == set(TAKING)


CALLS = {
    "plan": lambda **more: modelrepair.plan(
        demo_paths.attacked, realign=demo_paths.sets["realign"], **more
    ),
    "audit": lambda **more: modelrepair.audit(demo_paths.attacked, base="none", **more),
    "audits": lambda **more: list(
        modelrepair.audits([str(demo_paths.attacked)], base="none", **more)
    ),
}


@pytest.mark.parametrize("name", CALLS)
def test_a_call_says_that_it_starts_and_how_it_ends(name, capsys):
    events = []
    CALLS[name](progress=events.append)
    first, last = events[0], events[-1]
    assert (first.event, first.name, last.event, last.outcome) == ("start", name, "finish", "done")
    CALLS[name](progress=None)
    CALLS[name]()
    assert capsys.readouterr() == ("", ""), "without a terminal"


@pytest.mark.parametrize("name", [name for name in TAKING if name != "audits"])
def test_a_call_that_is_refused_says_so(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    events = []
    more = {
        "apply": {"source": "./x", "out": "y"},
        "decide": {"before": "a.json", "after": "b.json"},
    }.get(name, {})
    with pytest.raises(modelrepair.ModelRepairError):
        getattr(modelrepair, name)("./nowhere", progress=events.append, **more)
    assert (events[0].event, events[-1].event, events[-1].outcome) == ("start", "finish", "stopped")
    assert events[-1].error


def test_what_watches_may_fail():
    with pytest.warns(RuntimeWarning, match="left out"):
        plan = modelrepair.plan(
            demo_paths.attacked, realign=demo_paths.sets["realign"], progress=lambda event: 1 / 0
        )
    assert plan.blocks == 4


def test_a_progress_is_shared():
    events = []
    with telling("demo", modelrepair.Progress(events.append)) as (progress, _):
        modelrepair.plan(demo_paths.attacked, realign=demo_paths.sets["realign"], progress=progress)
    assert [each.name for each in events if each.event == "start"] == ["demo", "plan"]


def test_a_file_of_events_is_a_watcher(tmp_path):
    path = tmp_path / "events.jsonl"
    with pytest.raises(UsageError):
        modelrepair.plan("./nowhere", progress=modelrepair.EventFile(path))
    assert '"error": "no-such-folder"' in path.read_text()
