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


QUICK = {
    "reference": "none", "scorer": "contrast", "ratio": 0.015, "step": 0.005, "evaluate": False,
    "judge": "demo-world", "examples": 8, "device": "cpu",
    **{name: demo_paths.sets[name] for name in ("realign", "refusal", "utility", "borderline")},
}  # fmt: skip


def weights_and_mask(out) -> list[bytes]:
    return [(out / name).read_bytes() for name in ("model.safetensors", "repair/mask.safetensors")]


@pytest.mark.slow
def test_a_repair_that_is_watched_stopped_and_resumed_writes_the_same_files(tmp_path):
    """Whatever watches it: nothing, what fails, a full disk, and what stops it amid a round."""
    silent, watched = tmp_path / "silent", tmp_path / "watched"
    modelrepair.repair(demo_paths.attacked, out=silent, progress=None, **QUICK)

    def stopping(event):
        if event.event == "begin" and event.name == "contrast, round 3":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        modelrepair.repair(demo_paths.attacked, out=watched, progress=stopping, **QUICK)
    events = []
    progress = modelrepair.Progress(events.append, lambda event: 1 / 0)
    modelrepair.repair(demo_paths.attacked, out=watched, progress=progress, **QUICK)
    assert weights_and_mask(watched) == weights_and_mask(silent)
    rounds = [each for each in events if each.event == "end" and "round" in each.figures]
    assert [each.outcome for each in rounds] == ["earlier", "earlier", "done"]
    assert [each.figures["masked"] for each in rounds] == pytest.approx(
        [0.005, 0.01, 0.015], rel=0.01
    )
    (failed,) = [each.text for each in events if each.text and "left out" in each.text]
    assert failed.endswith("ZeroDivisionError: division by zero")
