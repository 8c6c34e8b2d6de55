"""Where an output goes: outside its source, one run at a time; how a disk's errors are reported."""

from __future__ import annotations

import errno
import subprocess
import sys
from pathlib import Path

import pytest

from modelrepair.checkpoint.place import disk_errors, placed, reserved
from modelrepair.errors import ResourceError, UsageError

HOLDER = """
import os, signal, sys
from pathlib import Path
from modelrepair.checkpoint.place import reserved
with reserved(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_the_source_is_no_place_for_an_output(tmp_path):
    source, link = tmp_path / "model", tmp_path / "link"
    source.mkdir()
    link.symlink_to(source)
    for out in (source, source / "out", link / "out"):
        with pytest.raises(UsageError, match="lies in the source"):
            placed(out, source)
    assert not list(source.iterdir())


def test_a_home_folder_is_expanded(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert placed(Path("~/out"), tmp_path / "model") == tmp_path / "out"


def test_one_run_at_a_time_by_any_way_to_the_folder(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    with reserved(tmp_path / "real" / "out"):
        for out in ("real/out", "link/out", "real/../real/out"):
            with pytest.raises(UsageError, match="another run") as caught, reserved(tmp_path / out):
                pass
            assert caught.value.exit_code == 2
        with reserved(tmp_path / "real" / "other"):
            pass
    with reserved(tmp_path / "real" / "out"):
        pass
    assert not list((tmp_path / "real").iterdir()), "the lock's file goes with the lock"


def test_the_lock_s_file_is_none_of_the_user_s(tmp_path):
    (tmp_path / "poetry.lock").write_text("precious")
    with reserved(tmp_path / "poetry"):
        pass
    assert (tmp_path / "poetry.lock").read_text() == "precious"


def test_a_dead_process_holds_no_lock(tmp_path):
    command = [sys.executable, "-c", HOLDER, str(tmp_path / "out")]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdout.readline() == b"held\n"
    with pytest.raises(UsageError, match="another run"), reserved(tmp_path / "out"):
        pass
    process.kill()
    process.communicate()
    with reserved(tmp_path / "out"):
        pass
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.ENOTSUP, errno.EACCES, errno.EROFS])
def test_where_there_can_be_no_lock_there_is_none(tmp_path, monkeypatch, number):
    def refuse(lock):
        raise OSError(number, "no locks")

    monkeypatch.setattr("filelock.FileLock._acquire", refuse)
    with reserved(tmp_path / "out"):
        pass


def test_a_full_disk_is_told(tmp_path, monkeypatch):
    def refuse(lock):
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr("filelock.FileLock._acquire", refuse)
    with pytest.raises(ResourceError, match="the disk is full"), reserved(tmp_path / "out"):
        pass


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
