"""What `plugins new` writes, as users get it: built as a wheel, installed, tested and used."""

from __future__ import annotations

import json
import shutil
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest

from modelrepair.plugin.scaffold import KINDS
from tests.support.environments import Environment, build_wheel, make_environment, own_wheel

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("wheels")]

QUICK = ("--ratio", "0.05", "--examples", "16", "--no-evaluate")
FIX = {
    "scorer": ("--scorer", "my-scorer", *QUICK),
    "repairer": (
        "--repairer",
        "my-repairer",
        "--strength",
        "0.5",
        "--examples",
        "16",
        "--no-evaluate",
    ),
    "judge": ("--judge", "my-judge", "--scorer", "contrast", "--ratio", "0.05", "--examples", "32"),
    "example-set": ("--utility", "my-example-set", "--scorer", "contrast", *QUICK),
}
"""What `fix` is asked for, so that the plug-in of the kind takes part."""


@dataclass(frozen=True)
class Made:
    """An unedited package of a kind, its wheel, and an environment in which it is installed."""

    kind: str
    name: str
    package: Path
    wheel: Path
    environment: Environment


@pytest.fixture(scope="module")
def all_made(tmp_path_factory):
    """A package of each kind, written and installed in one environment, by names of their own."""
    host = own_wheel(tmp_path_factory)
    folder = tmp_path_factory.mktemp("scaffolds")
    environment = make_environment(folder / "environment")
    environment.install([host])
    made = {}
    for kind in KINDS:
        name = f"my-{kind}"
        ended = environment.run(
            *("modelrepair", "plugins", "new", name, "--kind", kind), cwd=folder
        )
        assert ended.returncode == 0, ended.stderr
        wheel = build_wheel(folder / name, folder / "dist" / kind)
        made[kind] = Made(kind, name, folder / name, wheel, environment)
    environment.install([each.wheel for each in made.values()])
    return made


@pytest.fixture(params=KINDS)
def made(request, all_made):
    return all_made[request.param]


def test_the_wheel_holds_what_it_needs_and_no_more(made):
    with zipfile.ZipFile(made.wheel) as file:
        names = {name for name in file.namelist() if ".dist-info/" not in name}
        metadata = {name.partition(".dist-info/")[2] for name in file.namelist()} - {""}
        record = next(name for name in file.namelist() if name.endswith("/entry_points.txt"))
        registered = file.read(record).decode().split()
    module = made.name.replace("-", "_")
    assert registered == ["[modelrepair]", made.name, "=", f"{module}.plugin"]
    own = "examples.jsonl" if made.kind == "example-set" else f"{made.kind}.py"
    assert names == {f"{module}/{each}" for each in ("__init__.py", "plugin.py", "py.typed", own)}
    assert {"licenses/LICENSE", "METADATA", "entry_points.txt"} <= metadata


def test_it_passes_its_own_tests_unedited(made, tmp_path):
    # The tests alone: what they import is what was installed.
    shutil.copytree(made.package / "tests", tmp_path / "tests")
    shutil.copy(made.package / "pyproject.toml", tmp_path)
    ended = made.environment.run("pytest", "--modelrepair-record", "record.json", cwd=tmp_path)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    (record,) = json.loads((tmp_path / "record.json").read_text())
    assert (record["distribution"], record["version"]) == (made.name, "0.1.0")
    assert {check["outcome"] for check in record["checks"]} <= {"passed", "skipped"}
    assert sum(check["outcome"] == "passed" for check in record["checks"]) >= 5
    again = made.environment.run(
        *("modelrepair", "plugins", "check", made.name, "--record", "record.json"), cwd=tmp_path
    )
    assert again.returncode == 0, again.stdout + again.stderr


def test_it_is_clean_as_it_is(made):
    for words in (("ruff", "check"), ("ruff", "format", "--check"), ("mypy",)):
        ended = made.environment.run(*words, cwd=made.package)
        assert ended.returncode == 0, ended.stdout + ended.stderr


def test_it_works_in_a_fix_of_the_demo(made, tmp_path):
    from modelrepair.demo import paths

    sets = {role: paths.sets[role] for role in ("realign", "refusal", "utility", "borderline")}
    given = [word for role, path in sets.items() for word in (f"--{role}", path)]
    ended = made.environment.run(
        *("modelrepair", "fix", paths.attacked, "--reference", paths.reference, *given),
        *("--judge", "demo-world", *FIX[made.kind], "--out", "out", "--json"),
        cwd=tmp_path,
    )
    # 1 is the gate: what the template computes need not repair this model, but it has to take part.
    assert ended.returncode == 0 or (ended.returncode == 1 and made.kind == "judge"), ended.stderr
    manifest = json.loads((tmp_path / "out/repair/manifest.json").read_text("utf-8"))
    if made.kind == "example-set":
        assert manifest["sets"]["utility"]["id"] == made.name
    else:
        assert manifest[made.kind]["name"] == made.name
        assert manifest[made.kind]["distribution"] == made.name
        assert manifest[made.kind]["version"] == "0.1.0"
    if made.kind == "judge":
        assert manifest["measures"]["after"]["harmful_score"]["n"] > 0
