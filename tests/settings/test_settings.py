"""Settings: the command that they give means the same settings again, whatever they are."""

from __future__ import annotations

import json
import shlex
from dataclasses import replace
from pathlib import Path

import click
from hypothesis import given
from hypothesis import settings as hypothesis
from hypothesis import strategies as st

from modelrepair.budgets import Budgets
from modelrepair.cli.fix import command
from modelrepair.cli.gate_options import take_budgets
from modelrepair.cli.types import as_mapping
from modelrepair.examples.columns import FIELDS
from modelrepair.examples.keys import ROLES, SetKey
from modelrepair.settings.declared import choices_of
from modelrepair.settings.expand import expand
from modelrepair.settings.settings import DEFAULT_SETS, Settings

BESIDE = ("json", "debug", "events", "no_plugins", "out", "restart", "push")
BESIDE += (
    "to",
    "to_revision",
    "pr",
    "in_place",
    "keep_other_weights",
    "delete",
    "private",
    "force",
    "judge_endpoint",
    "judge_endpoint_model",
)
"""Options of fix that say where the result goes or who answers: no part of what the repair is."""
SHARE = st.floats(min_value=1e-9, max_value=0.999)
COUNT = st.integers(min_value=2, max_value=10**6)
# Without what no quotes hold in every shell: see tests/text/test_pasted.py.
WORD = st.from_regex(r"[a-z*?\[\]' ;ä-][a-zA-Z0-9_.*? '-]{0,12}", fullmatch=True)
NAME = st.from_regex(r"[a-z][a-z0-9_]{0,8}", fullmatch=True)
FILTER = st.builds("{}={}".format, NAME, WORD)
COLUMNS = st.dictionaries(st.sampled_from(FIELDS), NAME, max_size=3)
FILE = st.from_regex(r"[a-z][a-z0-9 _-]{0,8}\.jsonl", fullmatch=True)
SETTINGS = st.builds(
    Settings,
    source=st.just("user/model"),
    revision=st.none() | NAME,
    base=st.none() | st.just("org/base"),
    merge=st.booleans(),
    reference=st.sampled_from(["auto", "none", "org/aligned"]),
    subject=st.sampled_from(choices_of("subject")),
    targets=st.lists(WORD, max_size=2).map(tuple),
    exclude=st.lists(WORD, max_size=2).map(tuple),
    allow_partial=st.booleans(),
    examples=COUNT,
    kind_examples=COUNT,
    max_length=COUNT,
    preset=st.sampled_from((None, *choices_of("preset"))),
    scorer=st.none() | st.sampled_from(["wanda", "mine.py:Mine"]),
    scorer_options=st.dictionaries(NAME, WORD, max_size=2),
    repairer=st.none() | st.just("back"),
    repairer_options=st.dictionaries(NAME, WORD, max_size=2),
    strength=st.none() | st.floats(0, 1e3),
    scope=st.sampled_from((None, *choices_of("scope"))),
    ratio=st.none() | st.just("auto") | SHARE,
    scale=st.just(0.0) | SHARE,
    step=st.none() | SHARE,
    max_rounds=st.none() | COUNT,
    max_candidates=st.none() | COUNT,
    protect=st.none() | SHARE,
    fallback=st.booleans(),
    evaluate=st.booleans(),
    judge=NAME,
    judge_options=st.dictionaries(NAME, WORD, max_size=2),
    also_template=st.lists(st.sampled_from(["a.jinja", "org/chat"]), max_size=2).map(tuple),
    max_new_tokens=COUNT,
    budgets=st.builds(Budgets, harm_ratio=SHARE, fewest=COUNT),
    device=st.sampled_from(["auto", "cpu", "cuda:1"]),
    arithmetic=st.sampled_from(choices_of("arithmetic")),
    token_budget=COUNT,
    seed=st.integers(0, 99),
    include=st.lists(st.sampled_from(["*.csv", "a b/*"]), max_size=2).map(tuple),
    store_values=st.booleans(),
    **{
        name: st.sampled_from(["none", "plain", "org/name:a:b@v1", "self:plain"]) | FILE
        if name in DEFAULT_SETS
        else st.none() | FILE
        for name in SetKey
    },
    **{f"{name}_filter": st.lists(FILTER, max_size=2).map(tuple) for name in ROLES},
    **{f"{name}_columns": COLUMNS for name in ROLES},
    **{f"{name}_limit": st.none() | COUNT for name in ROLES},
)


def parsed(line: str) -> Settings:
    """A command as the command line reads it."""
    tool, name, *arguments = shlex.split(line)
    assert (tool, name) == ("modelrepair", "fix")
    with command.make_context("fix", arguments, obj=None) as context:
        options = dict(context.params)
    for beside in BESIDE:
        options.pop(beside)
    options["scorer_options"] = as_mapping(options["scorer_options"])
    options["judge_options"] = as_mapping(options["judge_options"], "--judge-option")
    options["repairer_options"] = as_mapping(options["repairer_options"], "--repairer-option")
    budgets = take_budgets(options)
    texts = {key: str(value) for key, value in options.items() if isinstance(value, Path)}
    return Settings(**{**options, **texts}, budgets=budgets)


@hypothesis(deadline=None)
@given(SETTINGS)
def test_the_command_gives_the_same_settings_again(settings):
    again = parsed(settings.command())
    if settings.preset is None:  # where nothing else is said, the ratio is searched for
        settings, again = expand(settings), expand(again)
    assert again == settings


@hypothesis(deadline=None)
@given(SETTINGS, st.dictionaries(st.sampled_from(SetKey), st.just("c0ffee")))
def test_commits_in_the_command_pin_ids_and_nothing_else(settings, commits):
    pinned = {
        name: "org/name:a:b@c0ffee"
        for name in commits
        if getattr(settings, name) == "org/name:a:b@v1"
    }
    assert parsed(settings.command(commits)) == parsed(replace(settings, **pinned).command())


@hypothesis(deadline=None)
@given(SETTINGS)
def test_json_stands_for_all_choices(settings):
    shown = settings.to_json()
    assert json.loads(json.dumps(shown, allow_nan=False)) == shown
    assert shown != replace(settings, seed=settings.seed + 1).to_json()


def test_every_option_of_fix_is_a_setting():
    options = {option.name for option in command.params if isinstance(option, click.Option)}
    beside = set(BESIDE)
    settings = set(vars(Settings("user/model"))) - {"source", "budgets"}
    assert {name for name in options - beside if not name.startswith("gate_")} == settings
