"""`fix`: what is typed reaches the Python API; what can't be is refused before anything starts."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest

from modelrepair.budgets import Budgets
from modelrepair.cli.fix import command

EVERYTHING = """
    --revision abc --base org/base --merge --reference none --subject weight --targets *.q*
    --targets *.k* --exclude *.3.* --allow-partial --include *.csv
    --max-thought-tokens 16 --realign r.jsonl --test-utility u.jsonl
    --borderline none --realign-filter is_safe=False --realign-filter kind=a
    --utility-columns prompt=q,response=a --borderline-limit 50
    --examples 64 --max-length 99 --preset antidote-paper --scorer gradient --scorer-option
    reduce=abs --repairer back --repairer-option floor=0.1 --strength 0.5
    --scope global --ratio 0.02 --scale 0.5 --step 0.01 --max-rounds 3 --max-candidates
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
        "ratio": 0.02,
        "scale": 0.5,
        "step": 0.01,
        "max_rounds": 3,
        "max_candidates": 5,
        "max_time": 7200.0,
        "protect": 0.1,
        "fallback": False,
        "evaluate": False,
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


def test_nothing_typed_is_the_default(api, call):
    call("fix", "user/model")
    _, _, options = api.made[0]
    assert options["budgets"] == Budgets()
    assert (options["ratio"], options["fallback"], options["evaluate"]) == (None, True, True)
    assert (options["scorer"], options["scorer_options"]) == (None, {})


def test_every_number_of_the_gate_is_an_option():
    typed = {option for parameter in command.params for option in parameter.opts}
    for field in fields(Budgets):
        assert f"--gate-{field.name.replace('_', '-')}" in typed


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("--ratio 0", "a ratio of 0.0 is not above 0 and below 1"),
        ("--ratio 1.5", "1.5 is not above 0 and below 1"),
        ("--ratio 1", "1.0 is not above 0 and below 1"),
        ("--ratio nan", "nan is not above 0 and below 1"),
        ("--ratio abc", "'abc' is neither a number nor 'auto'"),
        ("--scale 1", "1 is not at least 0 and below 1"),
        ("--scale x", "'x' is no number"),
        ("--protect -0.1", "is not at least 0 and below 1"),
        ("--step 0", "0 is not above 0 and below 1"),
        ("--gate-harm-ratio inf", "inf is not at least 0"),
        ("--scorer-option norm", "'norm' is not name=value"),
        ("--scorer-option a=1 --scorer-option a=2", "'a' is given twice"),
        ("--scope column", "'column' is not one of"),
        ("--subject factors", "'factors' is not one of"),
        ("--max-rounds 0", "0 is not in the range"),
        ("--unheard-of", "no such option '--unheard-of'"),
        ("more", "unexpected extra argument"),
    ],
)
def test_what_makes_no_sense_is_refused(api, call, options, message):
    result = call("fix", "user/model", *options.split(), "--json")
    assert result.code == 2
    assert message in result.err.splitlines()[0]
    assert result.err.splitlines()[1].endswith("]: see `modelrepair fix --help`")
    assert message in result.json["error"]["message"]
    assert not api.made


def test_json_is_the_report_and_nothing_else(api, call):
    expected = api.answers["repair"].to_json()
    assert call("fix", "user/model", "--json").json == expected


def test_what_others_print_goes_to_stderr(api, call):
    def chatty(*arguments, **options):
        print("a plug-in chats")
        options["progress"].note("half way")
        return report

    report = api.answers["repair"]
    api.answers["repair"] = chatty
    result = call("fix", "user/model", "--json")
    assert "a plug-in chats" in result.err
    assert "half way" in result.err
