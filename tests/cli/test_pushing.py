"""The options of a push, which `fix` and `push` share."""

from __future__ import annotations

import inspect
from pathlib import Path

import click
import pytest

import modelrepair
from modelrepair.budgets import Budgets
from modelrepair.cli.main import cli

EVERYTHING = """
    --revision abc --base org/base --merge --reference none --subject weight --targets *.q*
    --targets *.k* --exclude *.3.* --allow-partial --include *.csv
    --max-thought-tokens 16 --realign r.jsonl --test-utility u.jsonl
    --borderline none --realign-filter is_safe=False --realign-filter kind=a
    --utility-columns prompt=q,response=a --borderline-limit 50
    --examples 64 --max-length 99 --preset antidote-paper --scorer gradient --scorer-option
    reduce=abs --repairer back --repairer-option floor=0.1 --strength 0.5
    --scope global --unit row --ratio 0.02 --scale 0.5 --step 0.01 --max-rounds 3 --max-candidates
    5 --max-time 2h --protect 0.1 --no-fallback --no-evaluate --judge mine --judge-option
    model=org/judge --also-template a.jinja --also-template org/chat --max-new-tokens 32
    --gate-harm-ratio 0.5
    --gate-fewest 10 --device cpu --arithmetic bfloat16 --token-budget 512 --seed 7 --out
    there --store-values --restart
    --push --to me/mine --to-revision v2 --private --force --delete *.gguf
"""


def test_everything_typed_reaches_the_api(api, call):
    result = call("fix", "user/model", *EVERYTHING.split())
    assert result.code == 1
    ((name, arguments, options),) = api.made
    assert (name, arguments) == ("repair", ("user/model",))
    assert options.pop("progress") is not None
    assert callable(options.pop("reported"))
    assert options.pop("budgets") == Budgets(harm_ratio=0.5, fewest=10)
    assert options == {
        "revision": "abc",
        "base": "org/base",
        "merge": True,
        "reference": "none",
        "subject": "weight",
        "targets": ("*.q*", "*.k*"),
        "exclude": ("*.3.*",),
        "allow_partial": True,
        "include": ("*.csv",),
        "max_thought_tokens": 16,
        "thought_markers": (),
        "realign": "r.jsonl",
        "refusal": None,
        "utility": "plain",
        "borderline": "none",
        "test_realign": None,
        "test_refusal": None,
        "test_utility": "u.jsonl",
        "test_borderline": None,
        "realign_filter": ("is_safe=False", "kind=a"),
        "refusal_filter": (),
        "utility_filter": (),
        "borderline_filter": (),
        "realign_columns": {},
        "refusal_columns": {},
        "utility_columns": {"prompt": "q", "response": "a"},
        "borderline_columns": {},
        "realign_limit": None,
        "refusal_limit": None,
        "utility_limit": None,
        "borderline_limit": 50,
        "examples": 64,
        "max_length": 99,
        "kind_examples": 60,
        "preset": "antidote-paper",
        "scorer": "gradient",
        "scorer_options": {"reduce": "abs"},
        "repairer": "back",
        "repairer_options": {"floor": "0.1"},
        "strength": 0.5,
        "scope": "global",
        "unit": "row",
        "ratio": 0.02,
        "scale": 0.5,
        "step": 0.01,
        "max_rounds": 3,
        "max_candidates": 5,
        "max_time": 7200.0,
        "protect": 0.1,
        "fallback": False,
        "evaluate": False,
        "answer_later": False,
        "judge_endpoint": None,
        "judge_endpoint_model": None,
        "judge": "mine",
        "judge_options": {"model": "org/judge"},
        "also_template": ("a.jinja", "org/chat"),
        "max_new_tokens": 32,
        "device": "cpu",
        "arithmetic": "bfloat16",
        "token_budget": 512,
        "seed": 7,
        "out": Path("there"),
        "store_values": True,
        "restart": True,
        "push": True,
        "to": "me/mine",
        "to_revision": "v2",
        "pr": False,
        "in_place": False,
        "keep_other_weights": False,
        "private": True,
        "force": True,
        "delete": ("*.gguf",),
    }


def command_of(name):
    return cli.get_command(click.Context(cli), name)


@pytest.mark.parametrize(
    ("name", "function", "typed_first"),
    [
        ("fix", modelrepair.repair, "source"),
        ("plan", modelrepair.plan, "source"),
        ("measure", modelrepair.measure, "model"),
        ("push", modelrepair.push, "folder"),
        ("verify", modelrepair.verify, "repaired"),
        ("apply", modelrepair.apply, "mask"),
    ],
)
def test_names_and_defaults_agree(name, function, typed_first):
    keywords = {
        parameter.name: parameter.default
        for parameter in inspect.signature(function).parameters.values()
        if parameter.kind is inspect.Parameter.KEYWORD_ONLY
    }
    context = click.Context(command_of(name))
    typed = {
        parameter.name: parameter.get_default(context)
        for parameter in command_of(name).params
        if isinstance(parameter, click.Option)
        and parameter.name not in ("json", "debug", "events", "no_plugins", "details")
        and not parameter.name.startswith("gate_")
    }
    keywords = {name: value for name, value in keywords.items() if name not in BESIDE}
    assert set(typed) == set(keywords)
    for option, default in keywords.items():
        if default is not inspect.Parameter.empty and default not in (None, ()):
            assert typed[option] == default, option


BESIDE = ("progress", "budgets", "reported")
