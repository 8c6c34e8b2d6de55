"""Odd front matter loses no licence, no language and no gate, and takes no time."""

from __future__ import annotations

import time

import pytest

from modelrepair.source.front_matter import read_front_matter, without_front_matter

GATE = "extra_gated_prompt: Be kind\nextra_gated_fields:\n  Name: text\n"
PLAIN = f"license: mit\nlanguage: no\n{GATE}"
SAYS = {
    "license": "mit",
    "language": "no",
    "extra_gated_prompt": "Be kind",
    "extra_gated_fields": {"Name": "text"},
}


@pytest.mark.parametrize(
    "card",
    [
        f"---\n{PLAIN}---\nText",
        f"\ufeff---\n{PLAIN}---\nText",
        f"---\n{PLAIN}---\nText".replace("\n", "\r\n"),
        f"\n\n---  \n{PLAIN}---\t\nText",
        f"---\n{PLAIN}---",
        f"---\n{PLAIN}tags: [unclosed\n---\nText",
        f"---\nwhat is this\n{PLAIN}---\nText",
        f"---\n{PLAIN}bad: a: b: [\n---\nText",
        f"---\n{PLAIN}\tbad\n---\nText",
        f"---\n{PLAIN}bad: \x07\n---\nText",
        f"---\n{PLAIN}bad: *nothing\n---\nText",
        f"---\nbad: &a [*a]\n{PLAIN}---\nText",
        f"---\n{PLAIN}bad: !!python/object:os.system x\n---\nText",
    ],
)
def test_odd_front_matter_loses_nothing_that_is_kept(card):
    found = read_front_matter(card)
    assert {name: found.get(name) for name in SAYS} == SAYS
    assert without_front_matter(card) in ("Text", "")


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("license: [mit]", ["mit"]),
        ("license: 2024-01-31", "2024-01-31"),
        ("license: on", "on"),
        ("license: 'no'", "no"),
        ("license: true", True),
        ("license: 3", 3),
        ("license: 1.10", "1.10"),
        ("license: apache-2.0", "apache-2.0"),
        ("license: My own: see below", "My own: see below"),
        ("license: first\nlicense: last", "last"),
    ],
)
def test_scalars_are_those_of_yaml_1_2(line, value):
    assert read_front_matter(f"---\n{line}\n---\n") == {"license": value}


def test_no_front_matter_is_none():
    assert (
        read_front_matter("")
        == read_front_matter("license: mit")
        == read_front_matter("---\nno end")
        == {}
    )
    assert read_front_matter("---\n---\nText") == read_front_matter("---\n- a list\n---\n") == {}
    assert without_front_matter("# Text\n---\na: b\n---\n") == "# Text\n---\na: b\n---\n"


@pytest.mark.parametrize(
    "bad",
    [
        "a0: &a0 [x]\n" + "".join(f"a{n + 1}: &a{n + 1} [{f'*a{n}, ' * 9}]\n" for n in range(40)),
        "deep: " + "[" * 100_000,
        "deep: " + "{a: " * 50_000,
        "long: " + "x" * 10_000_000,
        "many: [" + "1, " * 10_000,
    ],
)
def test_bombs_take_no_time_and_cost_no_licence(bad):
    started = time.monotonic()
    assert read_front_matter(f"---\nlicense: mit\n{bad}\n---\n")["license"] == "mit"
    assert time.monotonic() - started < 10
