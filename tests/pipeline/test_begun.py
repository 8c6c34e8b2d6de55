"""In what a command differs from the unfinished one: named one by one."""

from __future__ import annotations

import os
from dataclasses import replace

import pytest

from modelrepair.budgets import Budgets
from modelrepair.errors import UsageError
from modelrepair.pipeline.begun import Begun, read
from modelrepair.settings.settings import Settings
from modelrepair.version import version

PLAIN = Settings("user/model")


@pytest.mark.parametrize(
    ("before", "now", "said"),
    [
        ({"ratio": 0.01}, {"ratio": 0.02}, "--ratio was 0.01, is 0.02"),
        ({}, {"ratio": 0.02}, "--ratio was not given, is 0.02"),
        ({}, {"source": "user/other"}, "SOURCE was user/model, is user/other"),
        ({"merge": True}, {}, "--merge was given, is not given"),
        ({}, {"evaluate": False}, "--no-evaluate was not given, is given"),
        ({"fallback": False}, {}, "--no-fallback was given, is not given"),
        ({"targets": ("a", "b")}, {"targets": ()}, "--targets was a, b, is not given"),
        ({"max_rounds": 3}, {"max_rounds": 4}, "--max-rounds was 3, is 4"),
        (
            {"scorer_options": {"norm": "rms"}},
            {"scorer_options": {"norm": "mean"}},
            "--scorer-option norm was rms, is mean",
        ),
        (
            {},
            {"judge_options": {"model": "/data/guard"}},
            "--judge-option model was not given, is guard",
        ),
        (
            {},
            {"realign_columns": {"prompt": "goal"}},
            "--realign-columns prompt was not given, is goal",
        ),
        ({}, {"realign": "/data/mine.jsonl"}, "--realign was beavertails, is mine.jsonl"),
    ],
)
def test_every_kind_of_setting_is_named_as_it_is_typed(tmp_path, before, now, said):
    Begun(replace(PLAIN, **before).to_json(), {}).write(tmp_path)
    with pytest.raises(UsageError) as caught:
        Begun(replace(PLAIN, **now).to_json(), {}).check(tmp_path)
    assert str(caught.value).endswith(f"with other settings or inputs: {said}")


def test_numbers_of_the_gate_are_named_by_their_options(tmp_path):
    Begun(PLAIN.to_json(), {}).write(tmp_path)
    field = next(iter(vars(Budgets())))
    other = replace(PLAIN, budgets=replace(Budgets(), **{field: 0.123}))
    with pytest.raises(UsageError, match=f"--gate-{field.replace('_', '-')} was .*, is 0.123"):
        Begun(other.to_json(), {}).check(tmp_path)


def test_all_differences_are_named():
    before = Begun({"ratio": 0.01, "seed": 0}, {"a": "1f" * 32, "torch": "2.6", "b": "x"})
    now = Begun({"ratio": 0.02, "seed": 1}, {"a": "2a" * 32, "torch": "2.7", "c": "x"})
    assert list(now.differs(before)) == [
        "--ratio was 0.01, is 0.02",
        "--seed was 0, is 1",
        "a was changed",
        "torch was 2.6, is 2.7",
        "b is gone",
        "c is new",
    ]
    assert not list(before.differs(before))


@pytest.mark.parametrize("other", ["0.0.9", "9.0.0"])
def test_a_run_before_an_upgrade_or_a_downgrade_is_told_by_both_versions(tmp_path, other):
    Begun({"of": "then"}, {"and": "so"}, version=other).write(tmp_path)
    with pytest.raises(UsageError) as caught:
        Begun(PLAIN.to_json(), {}).check(tmp_path)
    assert f"by modelrepair {other}, and this is modelrepair {version()}" in str(caught.value)
    assert "--restart" in caught.value.hint
    assert "other settings" not in str(caught.value)


def test_what_is_written_is_what_is_read(tmp_path):
    begun = Begun(PLAIN.to_json(), {"config.json of the source": "1f" * 32})
    begun.write(tmp_path)
    assert read(tmp_path) == begun
    begun.check(tmp_path)


def test_a_pipe_in_its_place_does_not_wait(tmp_path):
    os.mkfifo(tmp_path / "settings.json")
    with pytest.raises(UsageError, match="does not say of what"):
        read(tmp_path)
