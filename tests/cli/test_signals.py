"""Signals that end a run: through its clean-up the first time, at once the second."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from types import SimpleNamespace

import pytest

from modelrepair.cli import signals
from modelrepair.cli.errors import INTERRUPTED
from modelrepair.cli.signals import PATIENCE, SHOW_CURSOR, Ending
from modelrepair.demo import paths
from tests.support.signals import signals_as_in_a_shell

STOPPED = """
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
    command = command or ["-c", STOPPED.format(cleanup=cleanup, patience=patience)]
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
    code = STOPPED.format(cleanup="exec('raise KeyboardInterrupt')", patience=30)
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


@pytest.fixture
def here(monkeypatch):
    """Signals of this process, whose end is an exception, and the timers that they start."""
    numbers = [getattr(signal, name) for name in signals.ENDING if hasattr(signal, name)]
    handlers = {number: signal.getsignal(number) for number in numbers}
    timers = []

    class Timer(SimpleNamespace):
        daemon = False

        def __init__(self, seconds, call):
            super().__init__(seconds=seconds, call=call)

        def start(self):
            timers.append(self)

    monkeypatch.setattr(signals, "threading", SimpleNamespace(Timer=Timer))
    monkeypatch.setattr(signals, "os", SimpleNamespace(_exit=sys.exit))
    for number in numbers:
        signal.signal(number, signal.SIG_DFL)
    yield SimpleNamespace(numbers=numbers, timers=timers)
    for number, handler in handlers.items():
        signal.signal(number, handler)


def left(ending):
    with pytest.raises(SystemExit) as end:
        ending.leave()
    return end.value.code


def test_every_signal_is_watched_but_those_that_the_caller_ignores(here):
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    Ending(lambda: None).watch()
    assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
    watched = [number for number in here.numbers if callable(signal.getsignal(number))]
    assert watched == [number for number in here.numbers if number != signal.SIGHUP]


def test_the_first_signal_interrupts_and_the_second_only_ends(here):
    ending = Ending(lambda: None)
    ending.watch()
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGTERM)
    signal.raise_signal(signal.SIGINT)
    assert [timer.seconds for timer in here.timers] == [PATIENCE, 0]
    for timer in here.timers:
        assert timer.daemon and timer.call == ending.leave


def test_it_says_so_where_it_ends_without_its_clean_up(here):
    said = []
    ending = Ending(lambda: said.append("interrupted"))
    assert left(ending) == INTERRUPTED
    assert said == ["interrupted"]
    ending.say()
    assert left(ending) == INTERRUPTED
    assert said == ["interrupted"]


def test_it_ends_though_nothing_can_be_said(here):
    def closed():
        raise BrokenPipeError

    assert left(Ending(closed)) == INTERRUPTED


@pytest.mark.parametrize("terminal", [True, False])
def test_the_cursor_comes_back_on_a_terminal(here, terminal, capsys, monkeypatch):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: terminal)
    left(Ending(lambda: print("said", file=sys.stderr)))
    assert capsys.readouterr().err == (SHOW_CURSOR if terminal else "") + "said\n"


HIDE_CURSOR = "\x1b[?25l"


def test_ctrl_c_amid_a_step_leaves_the_terminal_clean(tmp_path):
    """Nothing of a bar stays below the lines, and the cursor is there again."""
    pty = pytest.importorskip("pty")
    here, terminal = pty.openpty()
    words = ["fix", str(paths.attacked), "--reference=none", "--ratio=0.01", "--no-evaluate"]
    words += [f"--{name}={paths.sets[name]}" for name in ("realign", "utility", "borderline")]
    step = ["tests.support.hub.stopping", "looking at the files", "1", "SIGINT"]
    process = subprocess.Popen(
        [sys.executable, "-m", *step, *words, "--judge=demo-world", f"--out={tmp_path / 'out'}"],
        stdin=terminal, stdout=terminal, stderr=terminal, preexec_fn=signals_as_in_a_shell,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "80"},
    )  # fmt: skip
    os.close(terminal)
    written = b""
    with contextlib.suppress(OSError):  # the terminal's end
        while some := os.read(here, 65536):
            written += some
    os.close(here)
    assert process.wait(60) == INTERRUPTED
    _, _, text = written.decode().rpartition(HIDE_CURSOR)
    _, shown, after = text.partition(SHOW_CURSOR)
    last = after.replace(SHOW_CURSOR, "").split()
    assert shown and last[:5] == ["looking", "at", "the", "files:", "stopped"]
    assert " ".join(last).partition("Error: ")[2].startswith("interrupted; nothing was written")
