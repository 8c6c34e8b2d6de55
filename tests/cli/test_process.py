"""The command line as a process: exit codes, streams, and what is not imported."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import modelrepair
from tests.support.signals import signals_as_in_a_shell

WITHOUT_TORCH = """
import sys
from modelrepair.cli.main import run
code = run(sys.argv[1:])
heavy = {"torch", "transformers", "datasets", "pyarrow", "pandas"} & set(sys.modules)
assert not heavy, heavy
sys.exit(code)
"""


def in_a_process(*arguments, **options):
    return subprocess.run(
        [sys.executable, "-m", "modelrepair", *arguments],
        capture_output=True,
        text=True,
        check=False,
        **options,
    )


def test_version():
    result = in_a_process("--version")
    assert result.returncode == 0
    assert result.stdout.startswith("modelrepair ")


def test_errors_go_to_stderr_and_json_to_stdout():
    result = in_a_process("fix", "nowhere", "--ratio", "1.5", "--json")
    assert result.returncode == 2
    assert json.loads(result.stdout)["error"]["exit_code"] == 2
    assert len(result.stderr.splitlines()) == 2


def test_a_reader_that_leaves_is_no_error():
    result = subprocess.run(
        f"{sys.executable} -m modelrepair scorers list --json | true",
        shell=True,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.stderr == ""


@pytest.mark.quick("fix --help", "plugins list")
@pytest.mark.parametrize(
    "arguments",
    [
        "--help",
        "fix --help",
        "scorers list",
        "scorers show contrast",
        "plugins list",
        "demo --help",
    ],
)
def test_torch_stays_out(arguments):
    result = subprocess.run(
        [sys.executable, "-c", WITHOUT_TORCH, *arguments.split()],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (result.returncode, result.stderr) == (0, "")


DATA = Path(modelrepair.__file__).parent / "demo" / "data"
REALIGN = f"--realign={DATA / 'sets' / 'realign.jsonl'}"


@pytest.mark.quick("plan-with-sets", "verify")
@pytest.mark.parametrize(
    ("command", "code"),
    [
        (["plan", str(DATA / "attacked"), "--scorer=gradient", "--details", REALIGN], 0),
        (
            [
                "plan",
                str(DATA / "attacked"),
                REALIGN,
                "--utility",
                "plain",
            ],
            0,
        ),
        (["verify", str(DATA / "attacked"), "--source", str(DATA / "attacked")], 1),
    ],
    ids=["plan", "plan-with-sets", "verify"],
)
def test_torch_stays_out_of_what_reads_no_model(command, code):
    result = subprocess.run(
        [sys.executable, "-c", WITHOUT_TORCH, *command], capture_output=True, text=True, check=False
    )
    assert result.returncode == code, result.stderr


INTERRUPTED = """
import sys, threading, time, modelrepair
from modelrepair.cli import signals
from modelrepair.cli.main import main

def repair(source, **options):
    try:
        # What is printed in a command goes to stderr; a signal may come before the print is over.
        print("started", flush=True)
        time.sleep(60)
    finally:
        {cleanup}

modelrepair.repair = repair
signals.PATIENCE = {patience}
sys.argv = ["modelrepair", "fix", "somewhere", "--json"]
main()
"""


def started(cleanup="pass", patience=30, command=None, **options):
    """A command at work, whose clean-up does something."""
    command = command or ["-c", INTERRUPTED.format(cleanup=cleanup, patience=patience)]
    process = subprocess.Popen(
        [sys.executable, *command],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **{"preexec_fn": signals_as_in_a_shell, **options},
    )
    assert process.stderr.readline() == "started\n"
    return process


def assert_interrupted(process):
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert [line for line in err.splitlines() if line] == [
        "Error: interrupted; nothing was written or pushed",
        "Hint [interrupted]: run the same command to go on: modelrepair fix somewhere --json",
    ]
    assert json.loads(out)["error"]["exit_code"] == 130


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_what_ends_a_run_says_how_to_go_on(number):
    process = started()
    process.send_signal(number)
    assert_interrupted(process)


def test_an_interrupt_in_an_import_ends_with_our_code(tmp_path):
    """Run with -m, Python kills itself where one passed through an exec."""
    code = INTERRUPTED.format(cleanup="exec('raise KeyboardInterrupt')", patience=30)
    (tmp_path / "stopped.py").write_text(code)
    process = started(command=["-m", "stopped"], cwd=tmp_path)
    process.send_signal(signal.SIGTERM)
    assert_interrupted(process)


WAITS = "print('cleaning', flush=True); time.sleep(60)"


def test_a_second_ctrl_c_ends_the_clean_up_without_a_traceback():
    process = started(cleanup=WAITS)
    process.send_signal(signal.SIGINT)
    # An interrupt amid the print before may leave its line end behind.
    line = process.stderr.readline()
    assert (process.stderr.readline() if line == "\n" else line) == "cleaning\n"
    process.send_signal(signal.SIGINT)
    assert_interrupted(process)


@pytest.mark.parametrize(
    "cleanup", ["time.sleep(60)", "threading.Thread(target=time.sleep, args=(60,)).start()"]
)
def test_a_clean_up_or_a_thread_that_waits_keeps_no_process(cleanup):
    process = started(cleanup=cleanup, patience=0.2)
    process.send_signal(signal.SIGTERM)
    assert_interrupted(process)


def test_a_signal_that_the_caller_ignores_ends_nothing():
    process = started(preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN))
    process.send_signal(signal.SIGHUP)
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(timeout=0.5)
    process.send_signal(signal.SIGTERM)
    assert_interrupted(process)


def test_a_broken_plug_in_is_reported_and_stops_nothing(tmp_path):
    (tmp_path / "broken_plugin.py").write_text("import nowhere_to_be_found")
    metadata = tmp_path / "broken_plugin-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: broken-plugin\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text("[modelrepair]\nbroken = broken_plugin\n")
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}

    listed = in_a_process("scorers", "list", "--json", env=environment)
    assert listed.returncode == 0
    assert "wanda" in listed.stdout
    assert "Warning: plug-in not loaded: broken-plugin 1.0 (broken): ModuleNotF" in listed.stderr

    plugins = json.loads(in_a_process("plugins", "list", "--json", env=environment).stdout)
    broken = next(item for item in plugins["plugins"] if item["distribution"] == "broken-plugin")
    assert broken["status"] == "failed"
    assert "nowhere_to_be_found" in broken["errors"][0]

    chosen = in_a_process("scorers", "show", "broken", env=environment)
    assert chosen.returncode == 5
