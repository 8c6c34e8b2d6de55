"""What a command takes: its own time, its children's time, and its own peak."""

import os
import sys

import pytest

from benchmarks.measured import measure

pytestmark = pytest.mark.skipif(not hasattr(os, "wait4"), reason="the benchmark needs wait4")
BUSY = "import time\nwhile time.process_time() < .2: pass"
CHILD = f"import subprocess, sys; subprocess.run([sys.executable, '-S', '-c', {BUSY!r}])"
HELD = "import time; held = b'x' * 60_000_000; del held; time.sleep(.6)"


def run(code):
    return measure([sys.executable, "-S", "-c", code])


def test_the_time_of_a_child_counts_and_waiting_does_not():
    waited = run("import time; time.sleep(.3)")
    assert waited.wall_s >= 0.3 > waited.processor_s and waited.load > 0
    assert run(CHILD).processor_s >= 0.2


@pytest.mark.skipif(sys.platform != "linux", reason="the system does not say how much it held")
def test_what_was_held_for_a_while_counts_and_what_the_caller_holds_does_not():
    mine = bytearray(60_000_000)
    small, large = run("import time; time.sleep(.6)").peak_bytes, run(HELD).peak_bytes
    assert len(mine) > small and large - small > 50_000_000


@pytest.mark.parametrize(
    ("code", "said", "failure"),
    [
        ("print('loading'); print('{\"masked\": 3}')", {"masked": 3}, None),
        ("print('done')", {}, None),
        ("raise ValueError('no such model')", {}, "ValueError: no such model"),
        ("raise SystemExit(3)", {}, "exit code 3"),
    ],
)
def test_the_last_line_is_what_it_says_and_a_failure_is_named(code, said, failure):
    found = run(code)
    assert (found.said, found.failure) == (said, failure)
