"""The container file: what it takes, whom it runs as, and that its RUN lines do what they say."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
from pathlib import Path

import pytest
from dockerfile_parse import DockerfileParser

from tests.support.environments import ROOT, own_wheel
from tests.support.thrown_away import make_layer

BASE_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
PARSED = DockerfileParser(str(ROOT / "Dockerfile"), parent_env={"PATH": BASE_PATH})
LINES = [(each["instruction"], each["value"]) for each in PARSED.structure]


def values(instruction):
    """The values of an instruction, in order."""
    return [value for name, value in LINES if name == instruction]


def test_it_runs_what_make_demo_runs():
    (entry,), (command,) = values("ENTRYPOINT"), values("CMD")
    recipe = re.search(
        r"^demo:.*\n\t\$\(BIN\)/(.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE
    )
    assert json.loads(entry) + json.loads(command) == recipe[1].split()


def test_it_runs_as_a_user_without_rights():
    name, value = [line for line in LINES if line[0] in ("USER", "RUN")][-1]
    assert name == "USER"
    assert all(int(number) > 0 for number in value.split(":"))


def test_each_base_has_a_version_and_stands_in_the_docs():
    stages = dict(reversed(value.split(" AS ")) for value in values("FROM")[:-1])
    assert set(stages) == {"cpu", "cuda"}
    assert (values("ARG"), values("FROM")[-1]) == (["BASE=cpu"], "${BASE}")
    written = (ROOT / "docs" / "releasing.md").read_text("utf-8")
    for image in stages.values():
        assert re.search(r":\d+\.\d+", image), image
        assert f"`{image}`" in written


def test_what_it_copies_is_all_that_the_ignore_file_lets_through():
    lines = (ROOT / ".dockerignore").read_text("utf-8").splitlines()
    rules = [line for line in lines if line and not line.startswith("#")]
    copied = [name for value in values("COPY") for name in shlex.split(value)[:-1]]
    assert rules[0] == "*"
    assert {rule.removeprefix("!") for rule in rules[1:]} == set(copied)


@pytest.fixture
def layer(tmp_path):
    """A layer over this system, in which Debian's packages can be installed."""
    made = make_layer(tmp_path / "layer") if shutil.which("apt-get") else None
    return made or pytest.skip("needs root, overlays and Debian's packages")


@pytest.mark.slow
@pytest.mark.xdist_group("wheels")
def test_its_lines_run(layer, tmp_path, tmp_path_factory):
    """Each line runs as written, the CPU base's variables apart: its index may be out of reach."""
    context = tmp_path / "context"
    wheel = own_wheel(tmp_path_factory)
    (context / "dist").mkdir(parents=True)
    shutil.copy(wheel, context / "dist")
    shutil.copy(ROOT / "constraints.txt", context)
    pip = {name: value for name, value in os.environ.items() if name.startswith("PIP_")}
    variables = {**pip, **PARSED.envs, "OMP_NUM_THREADS": "1"}
    cwd = "/"
    for name, value in LINES:
        if name == "WORKDIR":
            cwd = value
            layer.path(cwd).mkdir(parents=True, exist_ok=True)
        elif name == "COPY":
            *sources, target = shlex.split(value)
            assert target == "./"
            for found in (found for each in sources for found in context.glob(each)):
                shutil.copy(found, layer.path(cwd))
        elif name == "RUN":
            ended = layer.run(value, cwd, variables)
            assert ended.returncode == 0, ended.stdout + ended.stderr
    assert not Path("/opt/modelrepair").exists()
    (user,), (entry,), (command,) = values("USER"), values("ENTRYPOINT"), values("CMD")
    container = shlex.join(json.loads(entry) + json.loads(command))
    ended = layer.run(f"id -u && touch mine && {container}", cwd, variables, user)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert ended.stdout.startswith(user.split(":")[0])
    assert "contrast, with reference" in ended.stdout
