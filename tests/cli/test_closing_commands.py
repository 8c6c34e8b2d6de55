"""Commands to copy: they run as they are, and hold what was typed."""

from __future__ import annotations

import pytest

from modelrepair.cli.closing_commands import Asked, again, decide_command

JUDGE = {"judge_endpoint": "http://h/v1", "judge_endpoint_model": "guard"}


@pytest.mark.parametrize(
    ("typed", "drop", "expected"),
    [
        (("fix", "m", "--ratio", "-0.1", "--push"), ("--ratio",), "fix m --push"),
        (("fix", "--ratio=0.1", "m"), ("--ratio",), "fix m"),
        (("fix", "--no-evaluate", "m"), ("--no-evaluate",), "fix m"),
        (("fix", "--ratio", "0.1", "--", "-m"), ("--ratio",), "fix ./-m"),
    ],
)
def test_an_option_is_left_out_with_its_value(typed, drop, expected):
    assert again(Asked("m", typed), drop=drop) == f"modelrepair {expected}"


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({}, ""),
        ({"base": "org/base", "realign": "beavertails", "utility": "org/set", "refusal": None}, ""),
        ({"base": "./base"}, " --base ./base"),
        ({"test_realign": "my sets/a.csv"}, ' --test-realign "my sets/a.csv"'),
        ({"base": None, "judge": "guard", "judge_options": {"model": "./guard"}}, ""),
        (JUDGE, " --judge-endpoint http://h/v1 --judge-endpoint-model guard"),
    ],
)
def test_what_no_manifest_holds_is_named_again_to_decide_a_repair(options, named):
    command = decide_command("out", Asked("m", options=options))
    assert command == f"modelrepair decide out --before URL --after URL{named}"
