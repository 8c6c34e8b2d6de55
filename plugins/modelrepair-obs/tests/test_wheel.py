"""The package as users get it: its wheel, installed into a folder, away from the checkout."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest

from modelrepair import demo_paths as paths
from tests.support.environments import build_wheel, make_environment, own_wheel

ROOT = Path(__file__).parents[1]

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("wheels")]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    return build_wheel(ROOT, tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def environment(tmp_path_factory, wheel):
    """modelrepair and the wheel, and no other plug-in."""
    host = own_wheel(tmp_path_factory)
    made = make_environment(tmp_path_factory.mktemp("environment") / "made")
    made.install([host, wheel])
    return made


def test_the_wheel_holds_what_it_needs_and_no_tests(wheel):
    with zipfile.ZipFile(wheel) as file:
        names = file.namelist()
    modules = {path.name for path in (ROOT / "modelrepair_obs").glob("*.py")}
    assert {f"modelrepair_obs/{name}" for name in (*modules, "py.typed")} <= set(names)
    assert any(name.endswith("licenses/LICENSE") for name in names)
    assert not any("test" in name for name in names)


def test_it_is_listed_once_and_comes_from_the_wheel(environment, tmp_path):
    code = "import modelrepair_obs.plugin as found; print(found.__file__)"
    ended = environment.run("python", "-c", code, cwd=tmp_path)
    assert Path(ended.stdout.strip()).is_relative_to(environment.site), ended.stderr
    ended = environment.run("modelrepair", "scorers", "list", "--json", cwd=tmp_path)
    assert ended.returncode == 0, ended.stderr
    (found,) = [each for each in json.loads(ended.stdout)["scorers"] if each["name"] == "obs"]
    assert (found["distribution"], found["version"]) == ("modelrepair-obs", "0.1.0")


def test_a_fix_of_the_demo_runs_to_its_end(environment, tmp_path):
    sets = [word for role, path in paths.sets.items() for word in (f"--{dashed(role)}", path)]
    ended = environment.run(
        *("modelrepair", "fix", paths.attacked, "--reference", paths.reference),
        *("--scorer", "obs", "--scorer-option", "group=48", "--judge", "demo-world"),
        *("--out", tmp_path / "out", "--json", *sets),
        cwd=tmp_path,
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
