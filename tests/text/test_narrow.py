"""What a narrow encoding lacks."""

from __future__ import annotations

import pytest

from modelrepair.text.narrow import NARROW


@pytest.mark.parametrize(
    ("text", "encoding", "written"),
    [
        ("–", "cp437", "-"),
        ("–", "cp1252", "–"),
        ("three …", "cp437", "three ..."),
        ("evaluate · 3 s", "ascii", "evaluate - 3 s"),
        ("a→b, a → b", "cp437", r"a\u2192b, a -> b"),
        ("naïve", "cp437", "naïve"),
        ("模型\udce8", "cp1252", r"\u6a21\u578b\udce8"),
    ],
)
def test_signs_become_plain_and_letters_their_escapes(text, encoding, written):
    assert text.encode(encoding, NARROW).decode(encoding) == written


def test_it_decodes_nothing():
    with pytest.raises(UnicodeDecodeError):
        b"\xff".decode("utf-8", NARROW)
