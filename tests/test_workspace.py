"""The work folder: whose it is, when it stays, and how a disk's errors are told."""

from __future__ import annotations

import errno
import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from modelrepair.bench import Chosen
from modelrepair.errors import (
    DamagedCheckpointError,
    EmptyMaskError,
    HubError,
    PluginError,
    ResourceError,
    UsageError,
)
from modelrepair.workspace import SETTINGS, disk_errors, inputs_of, open_workspace


@pytest.fixture
def source(tmp_path):
    folder = tmp_path / "model"
    folder.mkdir()
    return folder


@pytest.fixture
def opened(tmp_path, source):
    return open_workspace(tmp_path / "out", "digest", source)


def test_the_same_digest_goes_on(tmp_path, source, opened):
    (opened.work / "scores").write_text("1")
    again = open_workspace(tmp_path / "out", "digest", source)
    assert again == opened
    assert (again.work / "scores").read_text() == "1"
    again.close()
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


@pytest.mark.parametrize("content", ['{"digest": "another"}', "{", "[]", "{}", b"\xff"])
def test_another_digest_or_none_does_not(tmp_path, source, opened, content):
    settings = opened.folder / SETTINGS
    settings.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(UsageError, match="unfinished repair"):
        open_workspace(tmp_path / "out", "digest", source)


def test_an_empty_output_folder_and_missing_parents_are_fine(tmp_path, source):
    (tmp_path / "out").mkdir()
    assert not open_workspace(tmp_path / "out", "d", source).out.exists()
    deep = open_workspace(tmp_path / "a" / "b" / "out", "d", source)
    assert deep.folder == tmp_path / "a" / "b" / "out.partial"


def test_the_source_is_no_place_for_an_output(tmp_path, source):
    link = tmp_path / "link"
    link.symlink_to(source)
    for out in (source, source / "out", link / "out"):
        with pytest.raises(UsageError, match="lies in the source"):
            open_workspace(out, "d", source)
    assert not list(source.iterdir())


def test_a_home_folder_is_expanded(tmp_path, source, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert open_workspace(Path("~/out"), "d", source).out == tmp_path / "out"


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


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (errno.ENOSPC, "the disk is full beside 'out'"),
        (errno.EDQUOT, "the disk is full beside 'out'"),
        (errno.EACCES, "'out' can't be written: "),
        (errno.EROFS, "'out' can't be written: "),
        (errno.EFBIG, "'out' can't be written: "),
    ],
)
def test_errors_of_the_disk(tmp_path, number, said):
    with pytest.raises(ResourceError, match=said) as caught, disk_errors(tmp_path / "out"):
        raise OSError(number, "so")
    assert caught.value.hint


def test_other_errors_of_the_system_stay_what_they_are(tmp_path):
    with pytest.raises(FileNotFoundError), disk_errors(tmp_path / "out"):
        (tmp_path / "none").read_text()


def test_inputs_are_sets_judge_version_and_every_weight_file(tmp_path):
    def model(name):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "model.safetensors").write_bytes(b"123")
        checkpoint = SimpleNamespace(files=("model.safetensors",))
        return SimpleNamespace(source=SimpleNamespace(folder=folder), checkpoint=checkpoint)

    sets = SimpleNamespace(given={"realign": SimpleNamespace(digest="abc")})
    judge = SimpleNamespace(inputs={"commit": "def"})
    chosen = Chosen((), SimpleNamespace(distribution="mine", version="2"), judge)
    one, two = model("one"), model("two")
    found = inputs_of(sets, chosen, one, two)
    assert (found["set realign"], found["judge"]) == ("abc", "mine 2")
    assert found["judge commit"] == "def"
    assert (
        inputs_of(sets, replace(chosen, judge=SimpleNamespace()), one).get("judge commit") is None
    )
    assert {"modelrepair", "0 model.safetensors", "1 model.safetensors"} < found.keys()
    (one.source.folder / "model.safetensors").write_bytes(b"1234")
    changed = inputs_of(sets, chosen, one, two)
    assert {key for key in found if found[key] != changed[key]} == {"0 model.safetensors"}
    assert "1 model.safetensors" not in inputs_of(sets, chosen, one, None)
    json.dumps(found)
