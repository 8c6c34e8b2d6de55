"""Files that another program holds for a moment, or for good; no room moves a file past it."""

from __future__ import annotations

import ast
import os
import time
from pathlib import Path

import pytest

import modelrepair
from modelrepair import moving
from modelrepair.checkpoint.atomic import write_text
from modelrepair.errors import ResourceError
from tests.support.held_files import in_use

ACTS = {
    "rename": ("replace", lambda path: moving.rename(path / "file", path / "other")),
    "remove": ("unlink", lambda path: moving.remove(path / "file")),
    "remove_folder": ("unlink", lambda path: moving.remove_folder(path)),
    "remove_empty": ("rmdir", lambda path: moving.remove_empty(path / "empty")),
    "temporary_folder": ("unlink", lambda path: temporary(path)),
    "write_text": ("replace", lambda path: write_text(path / "file", "new")),
}


def temporary(path):
    with moving.temporary_folder(inside=path) as folder:
        (folder / "file").touch()


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "there" / "empty").mkdir(parents=True)
    (tmp_path / "there" / "file").write_text("old")
    return tmp_path / "there"


def hold(monkeypatch, name: str, times: float) -> list[str]:
    """A scanner opens each file as it appears, so many times."""
    real, held = getattr(os, name), []

    def act(path, *arguments, **named):
        if len(held) < times:
            held.append(os.fspath(path))
            raise in_use(os.fspath(path))
        return real(path, *arguments, **named)

    monkeypatch.setattr(os, name, act)
    os.supports_dir_fd.add(act)
    return held


@pytest.mark.parametrize("what", ACTS)
def test_a_file_that_is_held_for_a_moment_is_waited_for(folder, monkeypatch, what):
    name, act = ACTS[what]
    held = hold(monkeypatch, name, times=2)
    act(folder)
    assert len(held) == 2
    assert not list(folder.parent.rglob("modelrepair-*"))
    if what in ("rename", "remove", "remove_folder"):
        assert not (folder / "file").exists()
    if what == "write_text":
        assert (folder / "file").read_text() == "new"


@pytest.mark.parametrize("what", [each for each in ACTS if each != "temporary_folder"])
def test_one_that_is_never_let_go_is_named(folder, monkeypatch, what):
    monkeypatch.setattr(moving, "PATIENCE", 0.1)
    name, act = ACTS[what]
    hold(monkeypatch, name, times=float("inf"))
    with pytest.raises(ResourceError, match="another program holds") as caught:
        act(folder)
    assert (caught.value.id, caught.value.exit_code) == ("file-in-use", 4)
    assert (folder / "file").read_text() == "old"


def test_elsewhere_a_refusal_is_reported_at_once(folder, monkeypatch):
    def refuse(*_, **__):
        raise PermissionError(13, "Permission denied", "file")

    monkeypatch.setattr(os, "replace", refuse)
    began = time.monotonic()
    with pytest.raises(PermissionError):
        moving.rename(folder / "file", folder / "other")
    assert time.monotonic() - began < 0.5


@pytest.mark.slow
def test_a_repair_that_can_t_be_named_is_kept(tmp_path, monkeypatch, quick_repair):
    """Its last step fails; the same command finishes it."""
    monkeypatch.setattr(moving, "PATIENCE", 0.1)
    real = os.replace

    def stay(path, to, **named):
        if Path(to).name == "out":
            raise in_use(os.fspath(path))
        real(path, to, **named)

    monkeypatch.setattr(os, "replace", stay)
    with pytest.raises(ResourceError, match="'model' can't be renamed"):
        quick_repair()
    assert (tmp_path / "out.partial" / "model" / "model.safetensors").exists()
    monkeypatch.setattr(os, "replace", real)
    assert quick_repair().out == tmp_path / "out"
    assert not (tmp_path / "out.partial").exists()


MOVES = {"rename", "unlink", "rmdir", "rmtree", "renames", "removedirs", "TemporaryDirectory"}
PAST_IT = {
    "checkpoint/place.py": {"unlink"},  # the file of a lock, which Windows's lock removes itself
}


def test_no_room_moves_or_removes_a_file_past_it():
    top = Path(modelrepair.__file__).parent
    for path in sorted(top.rglob("*.py")):
        name = path.relative_to(top).as_posix()
        if name == "moving.py":
            continue
        calls = [
            node
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
            if isinstance(node, ast.Call)
        ]
        # Of texts, `replace` takes two; of paths, one.
        found = {
            called
            for node in calls
            for called in [ast.unparse(node.func).rpartition(".")[2]]
            if (called in MOVES and not (called == "rename" and isinstance(node.func, ast.Name)))
            or ast.unparse(node.func) in ("os.replace", "os.remove", "shutil.move")
            or (called == "replace" and len(node.args) == 1 and not node.keywords)
        }
        assert found == PAST_IT.get(name, set()), name
