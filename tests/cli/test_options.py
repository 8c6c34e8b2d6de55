"""Command line, Python API and the command in the card say the same things by the same names."""

from __future__ import annotations

import shlex

import pytest

from modelrepair.budgets import Budgets
from modelrepair.publishing.options import PushOptions
from modelrepair.settings.settings import Settings


@pytest.mark.parametrize(
    "settings",
    [
        Settings("user/model"),
        Settings(
            "user/model",
            revision="abc",
            reference="org/aligned",
            subject="delta",
            targets=("*.q_proj.*", "*.k_proj.*"),
            exclude=("*.0.*",),
            allow_partial=True,
            realign="harm.jsonl",
            test_utility="u.jsonl",
            examples=64,
            scorer="contrast",
            scorer_options={"mu": "3", "lambda": "0.5"},
            scope="global",
            ratio=0.01,
            scale=0.5,
            step=0.01,
            max_rounds=4,
            max_candidates=3,
            protect=0.2,
            fallback=False,
            evaluate=False,
            judge="demo-world",
            max_new_tokens=64,
            budgets=Budgets(harm_ratio=0.5, fewest=10),
            device="cpu",
            arithmetic="bfloat16",
            token_budget=1024,
            seed=3,
            store_values=True,
        ),
    ],
    ids=["defaults", "everything"],
)
def test_the_command_in_the_card_asks_for_the_same_repair(api, call, settings):
    call(*shlex.split(settings.command())[1:])
    ((_, (source,), options),) = api.made
    for beside in ("progress", "reported", "out", "restart", "push", *vars(PushOptions())):
        options.pop(beside)
    for name, value in options.items():
        if name.rpartition("_")[2] in ("realign", "refusal", "utility", "borderline"):
            options[name] = None if value is None else str(value)
    assert Settings(source, **options) == settings
