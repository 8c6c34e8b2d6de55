"""Every bad input ends in two lines, the right exit code, and nothing that looks whole."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from modelrepair import errors, repair, verify
from modelrepair.cli.main import run
from modelrepair.demo import paths
from modelrepair.errors import url_of
from tests.support.bad_inputs import ROWS
from tests.support.breaking import Row, scorer
from tests.support.errors_page import page
from tests.support.harmless_inputs import HARMLESS, Harmless
from tests.support.signals import signals_as_in_a_shell

MASK = "repair/mask.safetensors"
ROOT = Path(__file__).parents[2]


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A folder with the demo's broken model and its sets; the command runs in it."""
    shutil.copytree(paths.attacked, tmp_path / "model")
    for role in ("realign", "refusal", "utility"):
        shutil.copy(paths.sets[role], tmp_path / f"{role}.jsonl")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def files(folder: Path) -> dict[str, bytes]:
    found = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}


def says(pattern: str, text: str) -> bool:
    return re.fullmatch(".+".join(map(re.escape, pattern.split("…"))), text) is not None


FIRST_LINES = re.compile(r"([A-Z][a-z]+|Goes to| ) {2,}")
"""What is said before the first byte of weights: `tests/preflight/test_opening.py`."""


STEP = re.compile(r"[^:]+: (stopped|done earlier|harm|refusals|benign|utility|\d+ (s|min)).*")
"""What is said of a step: `tests/text/test_step_words.py`."""


FIRST_OF_ID = {row.id: row for row in reversed(ROWS)}
"""The quick ones: an error of each id."""


def case(row: Row):
    marks = () if row is FIRST_OF_ID[row.id] else pytest.mark.slow
    return pytest.param(row, id=row.what.replace(" ", "-"), marks=marks)


@pytest.mark.parametrize("row", map(case, ROWS))
def test_a_bad_input_is_told_in_two_lines(here, capsys, row: Row):
    if row.make:
        row.make(here)
    capsys.readouterr()
    before, folders = files(here), {path.name for path in here.iterdir()}
    with pytest.MonkeyPatch.context() as monkeypatch:
        if row.patch:
            row.patch(monkeypatch)
        code = run([*row.arguments(), "--json"])
    captured = capsys.readouterr()
    *progress, error, hint = captured.err.splitlines()
    assert says(f"Error: {row.line}", error), error
    assert says(f"Hint [{row.id}]: {row.hint}", hint), hint
    assert all(not line or STEP.match(line) or FIRST_LINES.match(line) for line in progress)
    assert json.loads(captured.out)["error"] == {
        "message": error.removeprefix("Error: "),
        "hint": hint.removeprefix(f"Hint [{row.id}]: "),
        "id": row.id,
        "exit_code": code,
        "url": url_of(row.id),
    }
    assert code == row.code

    after = files(here)
    assert before.items() <= after.items(), "what was there is as it was"
    rest = {"out.partial"} if row.rest else set()
    assert {path.name for path in here.iterdir()} - folders == rest
    assert "out.partial/model/repair/manifest.json" not in after
    assert not (here / "out").exists()


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory) -> bytes:
    """The mask of the demo's model, with nothing wrong."""
    folder = tmp_path_factory.mktemp("undisturbed")
    model = shutil.copytree(paths.attacked, folder / "model")  # the mask holds its name
    row = Row("nothing", "", "", "", source=str(model))
    given = [f"--realign={paths.sets['realign']}", f"--out={folder / 'out'}"]
    assert run([*row.arguments(), *given]) == 0
    return (folder / "out" / MASK).read_bytes()


@pytest.mark.quick("no-chat-template", "a-tokenizer-with-more-*")
@pytest.mark.parametrize("harmless", HARMLESS, ids=lambda each: each.what.replace(" ", "-"))
def test_what_stops_nothing_is_said(here, capsys, undisturbed, harmless: Harmless):
    harmless.make(here)
    capsys.readouterr()
    before, when = files(here / "model"), (here / "model").stat().st_mtime_ns
    assert run([*Row(harmless.what, "", "", "", harmless.options).arguments(), "--json"]) == 0
    warnings = json.loads(capsys.readouterr().out)["warnings"]
    if harmless.said:
        assert any(says(harmless.said, warning) for warning in warnings), warnings
    else:
        assert (here / "out" / MASK).read_bytes() == undisturbed
    assert files(here / "model") == before
    assert (here / "model").stat().st_mtime_ns == when, "nothing was made in it"
    assert verify(here / "out", source=here / "model").ok
    assert os.access(here / "out", os.W_OK)
    assert all(path.stat().st_mode & 0o200 for path in (here / "out").rglob("*"))


STOPPED = [row for row in ROWS if row.rest and row.patch]


@pytest.mark.quick("Ctrl-C")
@pytest.mark.parametrize("row", STOPPED, ids=lambda row: row.what.replace(" ", "-"))
def test_what_was_stopped_goes_on_with_the_same_command(here, capsys, row: Row):
    with pytest.MonkeyPatch.context() as monkeypatch:
        row.patch(monkeypatch)
        assert run(row.arguments()) == row.code
    assert run(row.arguments()) == 0
    assert not (here / "out.partial").exists()
    assert verify(here / "out", source=here / "model").ok


def test_the_page_is_the_table():
    written = (ROOT / "docs" / "errors.md").read_text(encoding="utf-8")
    assert written == page(), "run `make docs`"


def test_every_exit_code_has_a_row():
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type)]
    codes = {kind.exit_code for kind in kinds if hasattr(kind, "exit_code")}
    # Code 3 is the Hub's: tests/hub/test_source.py.
    assert codes - {row.code for row in ROWS} == {3, 7}


def test_a_scorer_that_was_repaired_starts_its_scores_afresh(here, capsys):
    command = ["fix", "model", "--realign=realign.jsonl", "--utility=none", "--borderline=none",
               "--reference=none", "--examples=8",
               "--ratio=0.01", "--no-evaluate", "--judge=demo-world", "--scorer=mine.py:Mine",
               "--out=out"]  # fmt: skip
    scorer("if view.info.block: raise ValueError(1)\n        return view.subject.abs()")(here)
    assert run(command) == 5
    scorer("return -view.subject.abs()")(here)
    assert run(command) == 0
    scorer("return -view.subject.abs() ")(here)
    assert run([*command[:-1], "--out=other"]) == 0
    assert (here / "out" / MASK).read_bytes() == (here / "other" / MASK).read_bytes()


REAL = ("NaN in a weight", "an unknown option of a scorer", "no such folder")


@pytest.mark.quick("no such folder")
@pytest.mark.parametrize(
    "row",
    [row for row in ROWS if row.what in REAL],
    ids=lambda row: row.what,
)
def test_a_real_process_says_the_same(here, row: Row):
    if row.make:
        row.make(here)
    ended = process(row.arguments(), here)
    out, err = ended.communicate(timeout=120)
    assert (ended.returncode, out) == (row.code, "")
    *progress, error, hint = err.splitlines()
    assert says(f"Error: {row.line}", error)
    assert says(f"Hint [{row.id}]: {row.hint}", hint)
    assert all(STEP.match(line) or FIRST_LINES.match(line) for line in progress)


@pytest.mark.slow
def test_ctrl_c_in_the_middle_of_the_statistics(here, capsys):
    command = ["fix", "model", "--realign=realign.jsonl", "--utility=utility.jsonl",
               "--borderline=none", "--reference=none", "--scorer=contrast", "--ratio=0.002",
               "--step=0.001", "--no-evaluate", "--judge=demo-world", "--examples=12",
               "--out=out"]  # fmt: skip
    running = process(command, here)
    passed = "out.partial/work/*/round-*/pass/pass.json"
    while not list(here.glob(passed)):
        assert running.poll() is None
        time.sleep(0.005)
    running.send_signal(signal.SIGINT)
    out, err = running.communicate(timeout=60)
    assert (running.returncode, out) == (130, "")
    assert err.splitlines()[-2:] == [
        "Error: interrupted; nothing was written or pushed",
        f"Hint [interrupted]: run the same command to go on: modelrepair {' '.join(command)}",
    ]
    assert "Traceback" not in err
    assert not (here / "out").exists()
    assert run(command) == 0
    assert verify(here / "out", source=here / "model").ok


def process(arguments: list[str], folder: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "modelrepair", *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        preexec_fn=signals_as_in_a_shell,
        text=True,
    )


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"ratio": 0}, "a ratio of 0"),
        ({"ratio": 1.5}, "a ratio of 1.5"),
        ({"ratio": float("nan")}, "a ratio of nan"),
        ({"ratio": "abc"}, "a ratio of 'abc'"),
        ({"ratio": "auto"}, "a search for the ratio needs measures"),
        ({"scale": 1}, "a scale of 1"),
        ({"protect": 1}, "a protected share of 1"),
        ({"step": 0}, "a step of 0"),
        ({"subject": "factors"}, "subject is 'factors'"),
        ({"subject": "factor"}, "the source is a whole model: it has no factors"),
        ({"scope": "column"}, "scope is 'column'"),
        ({"arithmetic": "float16"}, "arithmetic is 'float16'"),
        ({"examples": 0}, "examples is 0"),
        ({"token_budget": 0}, "token_budget is 0"),
        ({"max_rounds": 1.5}, "max_rounds is 1.5"),
        ({"device": "meta"}, "no device 'meta'"),
        ({"out": "/"}, "the output '/' has no name"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_python_callers_are_told_too(here, options, said):
    given = {
        "realign": "realign.jsonl",
        "utility": "none",
        "reference": "none",
        "judge": "demo-world",
        "ratio": 0.01,
    }
    with pytest.raises(errors.UsageError, match=re.escape(said)) as caught:
        repair("model", **{**given, "evaluate": False, "out": "out", **options})
    assert caught.value.hint
    assert not list(here.glob("out*"))
