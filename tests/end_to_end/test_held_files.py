"""Whole runs on a disk that keeps what this process holds, as Windows's does."""

from __future__ import annotations

import shutil

import pytest

from modelrepair.cli.main import run
from modelrepair.demo import paths
from modelrepair.engine.passes import passes
from modelrepair.errors import UnsupportedModelError
from tests.support.held_files import files_in_use_stay
from tests.support.hub.sharded import QUICK as PUSHED
from tests.support.hub.sharded import fill, here_fixture  # noqa: F401

FEW = {"examples": 8}
MERGED = {"source": paths.adapter, "base": paths.reference, "reference": "auto", "merge": True}


@pytest.fixture(autouse=True)
def nothing_held():
    """No file is renamed or removed while it is held, be the refusal ignored or not.

    But the file of a lock: filelock removes it there once the lock is free.
    """
    with files_in_use_stay() as asked:
        yield
    assert not [path for path in asked if not path.endswith(".partial.lock")]


def test_a_held_file_stays(tmp_path):
    """What the runs below are tried with can fail."""
    path = tmp_path / "folder" / "file"
    path.parent.mkdir()
    with files_in_use_stay() as asked, path.open("wb"):
        for act in (
            path.unlink,
            lambda: path.replace(tmp_path / "other"),
            lambda: path.parent.rename(tmp_path / "other"),
            lambda: shutil.rmtree(path.parent),
        ):
            with pytest.raises(PermissionError):
                act()
    assert len(asked) == 4
    shutil.rmtree(path.parent)


@pytest.fixture
def stopped(monkeypatch, quick_repair):
    """A repair that ends with an error after so many blocks; who saw the error still has it."""

    def stop(blocks: int, error: type[BaseException], **options) -> BaseException:
        plain, left = passes._State.save, [blocks]

        def save(state, folder):
            plain(state, folder)
            left[0] -= 1
            if left[0] == 0:
                raise (
                    UnsupportedModelError("a test", hint="")
                    if error is not KeyboardInterrupt
                    else KeyboardInterrupt
                )

        with monkeypatch.context() as patch:
            patch.setattr(passes._State, "save", save)
            with pytest.raises(error) as caught:
                quick_repair(scorer="contrast", **FEW, **options)
        return caught.value

    return stop


@pytest.mark.slow
@pytest.mark.parametrize("blocks", [2, 7])
def test_what_failed_leaves_nothing_and_what_was_stopped_begins_again(
    tmp_path, stopped, quick_repair, blocks
):
    seen = [stopped(blocks, UnsupportedModelError)]
    assert not (tmp_path / "out.partial").exists()
    seen.append(stopped(blocks, KeyboardInterrupt))
    assert (tmp_path / "out.partial").exists()
    seen.append(stopped(blocks, KeyboardInterrupt, restart=True))
    assert len({id(error) for error in seen}) == 3


@pytest.mark.slow
def test_a_stopped_repair_goes_on(tmp_path, stopped, quick_repair):
    seen = stopped(7, KeyboardInterrupt)
    assert quick_repair(scorer="contrast", **FEW).out == tmp_path / "out"
    assert not (tmp_path / "out.partial").exists() and seen.__traceback__


WAYS = {
    "weight": {"reference": "none"},
    "delta": {},
    "out of core": {"token_budget": 64, "scorer": "contrast"},
    "merged adapter": MERGED,
    "adapter": {**MERGED, "merge": False},
    "iterated": {"scorer": "contrast", "scope": "global"},
}


@pytest.mark.slow
@pytest.mark.parametrize("way", WAYS)
def test_a_repair_and_what_is_made_of_it(tmp_path, quick_repair, way, capsys):
    options = {**FEW, **WAYS[way]}
    assert quick_repair(**options).out == tmp_path / "out"
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_dir()) == ["out"]
    source = str(options.get("source", paths.attacked))
    given = [] if way == "weight" else [f"--reference={paths.reference}"]
    given += [f"--base={paths.reference}"] if "base" in options else []
    out = str(tmp_path / "out")
    assert run(["verify", out, f"--source={source}", *given]) == 0, capsys.readouterr()
    assert run(["apply", out, source, f"--out={tmp_path / 'again'}", *given]) == 0
    listed = [out, str(paths.reference), f"--state={tmp_path / 'state'}"]
    for audit in ([out, "--proof"], [out, f"--base={paths.reference}", "--deep"], listed, listed):
        assert run(["audit", *audit]) in (0, 1, 7), capsys.readouterr()


@pytest.mark.slow
def test_from_the_hub_and_back(hub, here, monkeypatch, capsys):
    monkeypatch.chdir(here)
    fill(hub)
    assert run(["fix", "user/broken", *PUSHED]) == 0, capsys.readouterr()
    assert run(["verify", "me/broken-repaired", "--source=user/broken"]) == 0, capsys.readouterr()
    assert run(["audit", "me/broken-repaired", "--proof"]) in (0, 1, 7), capsys.readouterr()


@pytest.mark.slow
@pytest.mark.parametrize("repairer", ["back", "tune"])
def test_a_repairer(own_repairers, edit, repairer):
    assert edit(repairer=repairer).out


@pytest.mark.slow
def test_the_demo_with_its_searches(tmp_path, capsys):
    assert run(["demo", "--out", str(tmp_path / "demo")]) == 0, capsys.readouterr().err
