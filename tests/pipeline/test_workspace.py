"""The work folder: whose it is, with what it goes on, and when it stays."""

from __future__ import annotations

import json

import pytest

from modelrepair.errors import (
    DamagedCheckpointError,
    EmptyMaskError,
    HubError,
    PluginError,
    ResourceError,
    UsageError,
)
from modelrepair.pipeline.begun import SETTINGS, Begun
from modelrepair.pipeline.workspace import open_workspace, work_on

DIGESTS = ["1f" * 32, "2a" * 32]
BEGUN = Begun({"ratio": 0.01}, {"config.json of the source": DIGESTS[0]})


@pytest.fixture
def source(tmp_path):
    folder = tmp_path / "model"
    folder.mkdir()
    return folder


@pytest.fixture
def opened(tmp_path, source):
    return open_workspace(tmp_path / "out", BEGUN)


def test_the_same_settings_and_inputs_go_on(tmp_path, opened):
    (opened.work / "scores").write_text("1")
    again = open_workspace(tmp_path / "out", BEGUN)
    assert again == opened
    assert (again.work / "scores").read_text() == "1"
    again.close()
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


OTHERS = [
    Begun({"ratio": 0.02}, BEGUN.inputs),
    Begun(BEGUN.settings, {"config.json of the source": DIGESTS[1]}),
    Begun(BEGUN.settings, {}),
    Begun(BEGUN.settings, BEGUN.inputs, version="0.0.9"),
]


@pytest.mark.parametrize("other", OTHERS, ids=["settings", "input", "gone", "version"])
def test_others_do_not_go_on_but_restart(tmp_path, opened, other):
    (opened.work / "scores").write_text("1")
    with pytest.raises(UsageError, match="unfinished repair") as caught:
        open_workspace(tmp_path / "out", other)
    assert "--restart" in caught.value.hint
    assert (opened.work / "scores").exists()
    assert open_workspace(tmp_path / "out", BEGUN) == opened, "the refusal changed nothing"
    again = open_workspace(tmp_path / "out", other, restart=True)
    assert not list(again.work.iterdir())
    assert open_workspace(tmp_path / "out", other) == again


DAMAGED = [
    '{"digest": "another"}',
    "{",
    "[]",
    "{}",
    b"\xff",
    '{"modelrepair": 1, "settings": {}, "inputs": {}}',
    '{"modelrepair": "0.1.0", "settings": [], "inputs": {}}',
    "[" * 10**5,
    None,
]


@pytest.mark.parametrize("content", DAMAGED, ids=lambda content: str(content)[:24])
def test_damaged_settings_are_told_and_restart_is_possible(tmp_path, opened, content):
    settings = opened.folder / SETTINGS
    if content is None:
        settings.unlink()
    else:
        settings.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(UsageError, match=r"unfinished repair, and its settings\.json") as caught:
        open_workspace(tmp_path / "out", BEGUN)
    assert "--restart" in caught.value.hint
    assert open_workspace(tmp_path / "out", BEGUN, restart=True) == opened


@pytest.mark.parametrize("restart", [False, True])
def test_a_folder_with_foreign_files_is_never_ours(tmp_path, opened, restart):
    (opened.folder / "thesis.txt").write_text("years")
    with pytest.raises(UsageError, match="in the way and not ours"):
        open_workspace(tmp_path / "out", BEGUN, restart=restart)
    assert (opened.folder / "thesis.txt").read_text() == "years"


def test_what_a_kill_left_while_the_folder_was_made_is_ours(tmp_path):
    folder = tmp_path / "out.partial"
    folder.mkdir()
    (folder / f"{SETTINGS}.tmp").write_text("{")
    assert open_workspace(tmp_path / "out", BEGUN).work.is_dir()


def test_an_empty_output_folder_and_missing_parents_are_fine(tmp_path, source):
    (tmp_path / "out").mkdir()
    with work_on(tmp_path / "out", BEGUN, source) as opened:
        assert not opened.out.exists()
        opened.close()
    deep = tmp_path / "a" / "b" / "out"
    with work_on(deep, BEGUN, source) as opened:
        assert opened.folder == tmp_path / "a" / "b" / "out.partial"
        opened.close()
    assert not list(deep.parent.iterdir())


def test_a_second_run_changes_nothing_for_the_first(tmp_path, source):
    with work_on(tmp_path / "out", BEGUN, source) as first:
        (first.work / "scores").write_text("1")
        for other in (BEGUN, *OTHERS):
            for restart in (False, True):
                with (
                    pytest.raises(UsageError, match="another run is writing 'out' now"),
                    work_on(tmp_path / "out", other, source, restart=restart),
                ):
                    pass
        assert (first.work / "scores").read_text() == "1"
        first.close()
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


HOPELESS = [UsageError("u", hint="h"), DamagedCheckpointError("d", hint="h"),
            EmptyMaskError("e", hint="h")]  # fmt: skip
PASSING = [PluginError("p", hint="h"), ResourceError("r", hint="h"), HubError("h", hint="h"),
           KeyboardInterrupt(), MemoryError(), ZeroDivisionError()]  # fmt: skip


@pytest.mark.parametrize("error", [*HOPELESS, *PASSING], ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("begun", [False, True], ids=["nothing-done", "begun"])
def test_work_stays_where_the_same_command_can_go_on(opened, error, begun):
    def stop():
        with opened.going_on():
            if begun:
                (opened.work / "scores").write_text("1")
            raise error

    with pytest.raises(type(error)):
        stop()
    assert opened.folder.exists() == (begun and error in PASSING)


def test_a_whole_model_is_never_thrown_away(opened):
    manifest = opened.staged / "repair" / "manifest.json"
    manifest.parent.mkdir(parents=True)
    (opened.work / "scores").write_text("1")
    manifest.write_text("{}")
    with pytest.raises(UsageError), opened.going_on():
        raise UsageError("the output folder is not empty any more", hint="h")
    assert manifest.exists()


def test_what_is_kept_is_the_settings_and_inputs_themselves(opened):
    kept = json.loads((opened.folder / SETTINGS).read_bytes())
    assert (kept["settings"], kept["inputs"]) == (BEGUN.settings, BEGUN.inputs)
