"""The wheel as users install it: by pip, by pipx, and as a tool of uv."""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from importlib.metadata import EntryPoints

import pytest
import uv

from modelrepair.demo import paths
from modelrepair.version import version
from tests.release import environment
from tests.support.environments import ROOT, own_wheel

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("wheels")]

CONSTRAINTS = str(ROOT / "constraints.txt")
BY_PIP = ("--backend", "pip", f"--pip-args=--constraint {CONSTRAINTS}")
INSTALLERS = {
    "pip": (
        (sys.executable, "-m", "venv", "pip"),
        ("pip/bin/python", "-m", "pip", "install", "--constraint", CONSTRAINTS, "{wheel}"),
    ),
    "pipx": ((sys.executable, "-m", "pipx", "install", *BY_PIP, "{wheel}"),),
    "uv": ((uv.find_uv_bin(), "tool", "install", "--constraints", CONSTRAINTS, "{wheel}"),),
}
"""Commands that install the wheel, run in an empty folder."""
COMMANDS = {"pip": "pip/bin/modelrepair"}
"""Where the command is afterwards, other than in ``bin``."""
PLACES = {
    "PIPX_HOME": "pipx",
    "PIPX_BIN_DIR": "bin",
    "PIPX_MAN_DIR": "man",
    "UV_TOOL_DIR": "uv",
    "UV_TOOL_BIN_DIR": "bin",
}
"""What says where pipx and uv put what they make."""
UNREACHABLE = "http://127.0.0.1:9"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    return own_wheel(tmp_path_factory)


@pytest.fixture(params=INSTALLERS)
def installed(request, wheel, tmp_path):
    """A function that runs the installed command without a network."""
    if request.param == "pipx":
        pytest.importorskip("pipx")
    made = {name: str(tmp_path / place) for name, place in PLACES.items()}
    clean = {
        name: value
        for name, value in environment.variables(**made, UV_PYTHON=sys.executable).items()
        if not name.startswith(("PYTHON", "PYTEST_", "COV_")) and name != "VIRTUAL_ENV"
    }

    def call(*words, **variables):
        return subprocess.run(
            words,
            cwd=tmp_path,
            env={**clean, **variables},
            capture_output=True,
            text=True,
            check=False,
        )

    for line in INSTALLERS[request.param]:
        ended = call(*(word.format(wheel=wheel) for word in line))
        assert ended.returncode == 0, ended.stdout + ended.stderr
    command = str(tmp_path / COMMANDS.get(request.param, "bin/modelrepair"))

    def run(*words):
        ended = call(command, *words, HTTPS_PROXY=UNREACHABLE, HTTP_PROXY=UNREACHABLE)
        assert ended.returncode == 0, ended.stdout + ended.stderr
        return ended.stdout

    yield run
    for each in ("pip", "pipx", "uv"):
        shutil.rmtree(tmp_path / each, ignore_errors=True)


def test_the_command_works(installed, tmp_path):
    assert installed("--version").split() == ["modelrepair", version()]
    assert "--out" in installed("demo", "--help")
    listed = installed("plugins", "list")
    assert "builtin of modelrepair" in listed and "modelrepair-lab" not in listed
    sets = [
        word
        for role in ("realign", "refusal", "utility")
        for word in (f"--{role}", paths.sets[role])
    ]
    quick = ("--scorer", "contrast", "--ratio", "0.05", "--examples", "16", "--no-evaluate")
    installed(
        *("fix", paths.attacked, "--reference", paths.reference, *map(str, sets), *quick),
        *("--out", "out"),
    )
    assert (tmp_path / "out" / "repair" / "manifest.json").exists()


def test_the_wheel_says_what_it_is(wheel):
    with zipfile.ZipFile(wheel) as file:
        names = set(file.namelist())
        (points,) = (name for name in names if name.endswith(".dist-info/entry_points.txt"))
        registered = EntryPoints._from_text(file.read(points).decode())
        info = points.rpartition("/")[0]
        licence = file.read(f"{info}/licenses/LICENSE").decode()
        metadata = file.read(f"{info}/METADATA").decode()
    assert "modelrepair/py.typed" in names
    assert not [name for name in names if not name.startswith(("modelrepair/", f"{info}/"))]
    assert licence == (ROOT / "LICENSE").read_text("utf-8")
    assert "License-Expression: Apache-2.0" in metadata
    assert {(each.group, each.name, each.value) for each in registered} == {
        ("console_scripts", "modelrepair", "modelrepair.cli.main:main"),
        ("modelrepair", "builtin", "modelrepair.builtin"),
        ("pytest11", "modelrepair.testing.pytest_plugin", "modelrepair.testing.pytest_plugin"),
    }
