"""Paths as they are typed; Windows is simulated by its name in sys.platform, and writes nothing."""

from __future__ import annotations

import sys
from pathlib import Path, PureWindowsPath

import pytest

from modelrepair.errors import UsageError
from modelrepair.text.typed_paths import from_home, output_folder, refuse_unfit, windows_refuses

ROOT = Path(__file__).parents[2]


def test_a_home_is_found_and_a_user_that_is_none_stays(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert from_home("~/x") == tmp_path / "x"
    assert from_home(Path("~no-such-user/x")) == Path("~no-such-user/x")
    assert from_home("a~/x") == Path("a~/x")


def test_no_other_module_asks_for_a_home():
    asking = [
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "modelrepair").rglob("*.py")
        if "expanduser(" in (text := path.read_text(encoding="utf-8")) or "Path.home(" in text
    ]
    assert asking == ["modelrepair/text/typed_paths.py"]


@pytest.mark.parametrize("name", ["CON", "nul.txt", "com1", "LPT9.tar.gz", "aux", "com¹", "con .x"])
def test_a_device(name):
    assert windows_refuses(name) == "it is the name of a device"


@pytest.mark.parametrize("name", ["a.", "a ", "...", "a:b", "a\\b", 'a"', "a*", "a\nb", "<a>"])
def test_what_windows_cannot_hold(name):
    assert windows_refuses(name)


@pytest.mark.parametrize(
    "name", ["console", "com10", "a.b c", "模型", ".hidden", "aux-repaired", "~"]
)
def test_what_windows_holds(name):
    assert windows_refuses(name) is None


@pytest.mark.parametrize(
    ("out", "held"),
    [
        (r"C:\models\out", True),
        (r"C:out", True),
        (r"\\host\share\out", True),
        (r"\\?\C:\models\out", True),
        (r"..\out", True),
        (r"C:\models\nul", False),
        (r"\\host\share\con.d\out", False),
        (r"C:\a:b\out", False),
        ("aux/out", False),
    ],
)
def test_an_output_on_windows(monkeypatch, out, held):
    path = PureWindowsPath(out)  # a Path there
    refuse_unfit(path)  # this system holds all of them
    monkeypatch.setattr(sys, "platform", "win32")
    if held:
        refuse_unfit(path)
    else:
        with pytest.raises(UsageError, match="Windows can't hold"):
            refuse_unfit(path)


@pytest.mark.parametrize("typed", [".", "..", "/", "../inside", "./"])
def test_the_working_folder_is_not_replaced(monkeypatch, tmp_path, typed):
    (tmp_path / "inside").mkdir()
    monkeypatch.chdir(tmp_path / "inside")
    with pytest.raises(UsageError, match=r"working folder|no name"):
        output_folder(Path(typed))
    assert output_folder(Path("out")) == tmp_path / "inside" / "out"
