"""The package as users get it: its wheel, installed into a folder, away from the checkout."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import modelrepair
from modelrepair import demo_paths as paths

ROOT = Path(__file__).parents[1]

pytestmark = pytest.mark.slow


def pip(*arguments: str | Path) -> None:
    subprocess.run(
        [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", *arguments],
        check=True,
    )


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    pip("wheel", "--no-deps", "--wheel-dir", folder, ROOT)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def site(tmp_path_factory, wheel):
    folder = tmp_path_factory.mktemp("target") / "site"
    pip("install", "--no-deps", "--target", folder, wheel)
    return folder


@pytest.fixture
def run(site, tmp_path):
    """Python with modelrepair and the installed wheel, and no other plug-in."""
    host = Path(modelrepair.__file__).parents[1]
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(site), str(host)]),
        "MODELREPAIR_PLUGINS": "modelrepair-obs",
        "OMP_NUM_THREADS": "1",
    }

    def ended(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, *map(str, arguments)],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )

    return ended


def test_the_wheel_holds_what_it_needs_and_no_tests(wheel):
    with zipfile.ZipFile(wheel) as file:
        names = file.namelist()
    modules = {path.name for path in (ROOT / "modelrepair_obs").glob("*.py")}
    assert {f"modelrepair_obs/{name}" for name in (*modules, "py.typed")} <= set(names)
    assert any(name.endswith("licenses/LICENSE") for name in names)
    assert not any("test" in name for name in names)


def test_it_is_listed_once_and_comes_from_the_wheel(run, site):
    ended = run("-c", "import modelrepair_obs.plugin as found; print(found.__file__)")
    assert Path(ended.stdout.strip()).is_relative_to(site), ended.stderr
    ended = run("-m", "modelrepair", "scorers", "list", "--json")
    assert ended.returncode == 0, ended.stderr
    (found,) = [each for each in json.loads(ended.stdout)["scorers"] if each["name"] == "obs"]
    assert (found["distribution"], found["version"]) == ("modelrepair-obs", "0.1.0")


def test_a_fix_of_the_demo_runs_to_its_end(run, tmp_path):
    sets = [word for role, path in paths.sets.items() for word in (f"--{dashed(role)}", path)]
    ended = run(
        *("-m", "modelrepair", "fix", paths.attacked, "--reference", paths.reference),
        *("--scorer", "obs", "--scorer-option", "group=48", "--judge", "demo-world"),
        *("--out", tmp_path / "out", "--json", *sets),
    )
    # 1 is the gate: what the scorer masks need not repair this model, but it has to be measured.
    assert ended.returncode in (0, 1), ended.stderr
    verdict = json.loads(ended.stdout)["verdict"]
    assert verdict in ("passed", "failed", "undecided")
    assert (ended.returncode == 0) == (verdict == "passed")
    manifest = json.loads((tmp_path / "out" / "repair" / "manifest.json").read_text("utf-8"))
    assert manifest["scorer"]["distribution"] == "modelrepair-obs"
    assert int(manifest["scorer"]["options"]["group"]) == 48  # as it was typed
    assert manifest["measures"]["after"]["harmful_score"]["n"] > 0


def dashed(role: str) -> str:
    return role.replace("_", "-")
