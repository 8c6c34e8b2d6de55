"""How long steps look: bars with the time left on a terminal, a few plain lines elsewhere."""

from __future__ import annotations

import io

from modelrepair.cli.progress import Lines


def test_lines_are_few_and_name_the_time_left():
    stream = io.StringIO()
    now = [0.0]
    with Lines(stream, clock=lambda: now[0]).step("pass", total=100) as advance:
        for _ in range(100):
            now[0] += 1
            advance()
    assert stream.getvalue().splitlines() == [
        "pass …",
        "pass: 30%, 1 min 10 s left",
        "pass: 60%, 40 s left",
        "pass: 90%, 10 s left",
    ]
