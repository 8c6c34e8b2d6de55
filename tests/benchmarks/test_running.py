"""The rows of a part: each kept as soon as it is there, and measured once."""

import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks import running
from benchmarks.environments import NotInstalled
from benchmarks.measured import Measured
from benchmarks.parts import PARTS, Options, Part, Row
from benchmarks.running import load, run_part, start_row

PART = Part("Two", lambda options: options.size, lambda _: [Row("one", "ours"), Row("two", "fix")])
HERE = {"processor": "this one"}


@pytest.fixture
def bench(tmp_path):
    """Runs the part; what is given instead of a measurement is raised."""

    def run(*found, machine=HERE, again=False):
        left, begun = list(found), []

        def start(row, options):
            begun.append(row.name)
            one = left.pop(0)
            if isinstance(one, BaseException):
                raise one
            return one

        try:
            run_part("two", PART, Options("tiny"), machine, path, start, again=again)
        except KeyboardInterrupt:
            begun.append("interrupted")
        return begun

    path = run.path = tmp_path / "results.json"
    return run


def rows(path):
    return load(path)["two"]["tiny"]["rows"]


GOOD = Measured(2.0, 1.0, 3, {"masked": 4})


def test_an_interrupted_run_continues_where_it_stopped(bench):
    assert bench(GOOD, KeyboardInterrupt()) == ["one", "two", "interrupted"]
    assert list(rows(bench.path)) == ["one"]
    assert bench(GOOD) == ["two"]
    assert bench() == []
    assert bench(GOOD, GOOD, again=True) == ["one", "two"]


def test_a_failure_is_kept_and_tried_again(bench):
    bench(replace(GOOD, failure="no such package"), GOOD)
    assert rows(bench.path)["one"]["failure"] == "no such package"
    assert bench(GOOD) == ["one"]
    assert rows(bench.path)["one"]["failure"] is None


def test_rows_of_two_machines_are_never_compared(bench):
    bench(GOOD, GOOD)
    assert bench(GOOD, KeyboardInterrupt(), machine={"processor": "another"})[-1] == "interrupted"
    table = load(bench.path)["two"]["tiny"]
    assert table["machine"] == {"processor": "another"} and list(table["rows"]) == ["one"]


def test_other_parts_and_sizes_stay(bench):
    bench.path.write_text(json.dumps({"one": {"x": 1}, "two": {"7b": 2}}))
    bench(GOOD, GOOD)
    found = load(bench.path)
    assert found["one"] == {"x": 1} and found["two"]["7b"] == 2


@pytest.fixture
def commands(monkeypatch):
    asked = []
    monkeypatch.setattr(running, "measure", lambda command, _: asked.append(command) or GOOD)
    return asked


def test_a_row_is_started_with_its_model_and_its_examples(commands, tmp_path):
    options = Options("tiny", examples=4, work=tmp_path)
    start_row(Row("x", "ours", ("--scorer", "gradient"), replace(options, blocks=1), 2), options)
    (command,) = commands
    assert command[:4] == [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node=2"]
    assert command[4:8] == ["-m", "benchmarks.contestants.ours", "--scorer", "gradient"]
    given = dict(zip(command[8::2], command[9::2], strict=True))
    assert json.loads((tmp_path / "tiny-1" / "config.json").read_text())["num_hidden_layers"] == 1
    assert given["--model"] == str(tmp_path / "tiny-1") and given["--device"] == "cpu"
    assert len(Path(given["--examples"]).read_text().splitlines()) == 4


def test_what_can_not_be_installed_is_a_row_that_says_why(commands, monkeypatch, tmp_path):
    def fails(requirements, folder):
        assert folder == tmp_path / "theirs"
        raise NotInstalled("theirs==1 can't be installed: no network")

    monkeypatch.setattr(running, "python_of", fails)
    row = Row("x", "ours", requirements=("theirs==1",))
    found = start_row(row, Options(environments=tmp_path))
    assert found.failure == "theirs==1 can't be installed: no network" and not commands


@pytest.mark.parametrize("name", PARTS)
def test_the_rows_of_a_part_have_names_of_their_own_and_contestants(name):
    made = PARTS[name].rows(Options())
    assert len({row.name for row in made}) == len(made) > 0
    for row in made:
        assert (running.ROOT / "benchmarks" / "contestants" / f"{row.contestant}.py").exists()
