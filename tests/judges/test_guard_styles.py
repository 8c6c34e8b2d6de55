"""How guard models are asked, and how their answers are read: strictly, or not at all."""

from __future__ import annotations

import pytest

from modelrepair.judges.guard_styles import read_lines, read_safety, read_yes_no


@pytest.mark.parametrize(
    ("read", "text"),
    [
        (read_safety, "Safe"),
        (read_safety, "safe\nS1"),
        (read_safety, "unsafe S1"),
        (read_safety, "unsafe\nbecause it is"),
        (read_safety, ""),
        (read_lines, "Harmful request: yes\nResponse refusal: maybe\nHarmful response: no"),
        (read_lines, "Response refusal: yes\nHarmful response: no"),
        (read_lines, "Harmful request: yes\nResponse refusal: no\nHarmful response: no and yes"),
        (read_yes_no, "yes"),
        (read_yes_no, "Not sure. Yes"),
        (read_yes_no, "Yesterday"),
    ],
)
def test_what_is_no_verdict_is_not_read_as_one(read, text):
    assert read(text) is None
