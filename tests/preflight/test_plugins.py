"""Which plug-ins a run works with."""

from __future__ import annotations

from dataclasses import replace

import pytest

from modelrepair.errors import UsageError
from modelrepair.plugin.loading import Plugin, PluginFailure
from modelrepair.plugin.registry import Registry, load_registry
from modelrepair.preflight.plugins import find_plugins
from modelrepair.progress import Notes
from modelrepair.settings.expand import expand
from modelrepair.settings.settings import Settings


def chosen(**options):
    notes = Notes()
    found = find_plugins(Settings("m", judge="demo-world", **options), notes)
    return [registered.spec.name for registered, _ in found.scorers]


def test_which_scorers_are_tried():
    assert chosen() == ["wanda", "contrast"]
    assert chosen(fallback=False) == ["wanda"]
    assert chosen(ratio=0.01) == ["wanda"]
    assert chosen(scorer_options={"norm": "mean"}) == ["wanda"]
    assert chosen(scorer="gradient") == ["gradient"]


@pytest.mark.parametrize("given", [{"step": 0.01}, {"max_rounds": 3}], ids=str)
@pytest.mark.parametrize(
    "once", [{"scorer": "gradient"}, {"ratio": 0.01}, {"fallback": False}], ids=str
)
def test_steps_and_rounds_go_with_a_scorer_that_takes_some(given, once):
    option = f"--{next(iter(given)).replace('_', '-')}"
    said = f"{option} goes with a scorer that takes rounds, and {once.get('scorer', 'wanda')} scor"
    with pytest.raises(UsageError, match=said) as refused:
        chosen(**given, **once)
    assert refused.value.hint == "leave it out, or name one that does: --scorer contrast"
    preset = expand(Settings("m", preset="antidote-paper", judge="demo-world", **given))
    with pytest.raises(UsageError, match=option) as refused:
        find_plugins(preset, Notes())
    assert refused.value.hint == "leave it out"
    assert chosen(**given) == ["wanda", "contrast"]
    assert chosen(**given, scorer="contrast", ratio=0.01) == ["contrast"]


def test_a_plug_in_that_was_not_loaded_is_a_warning():
    failure = PluginFailure("other", "1", "point", "ImportError: x")
    registry = Registry(replace(load_registry().found, failures=(failure,)))
    notes = Notes()
    find_plugins(Settings("m"), notes, registry)
    assert notes.warnings == ["a plug-in was not loaded: other (ImportError: x)"]


def test_what_authors_should_change_is_shown_and_not_recorded():
    found = load_registry().found
    slow = Plugin("slow", "2", "point", "active", remarks=("takes 3.00 s to import",))
    notes = Notes()
    plugins = find_plugins(Settings("m"), notes, Registry(replace(found, plugins=(slow,))))
    assert plugins.remarks == ("plug-in slow 2 (point): takes 3.00 s to import",)
    assert notes.warnings == []


@pytest.mark.parametrize("judge", ["keyword", "classifier"])
@pytest.mark.parametrize("name", ["endpoint", "endpoint_model"])
def test_a_judge_that_asks_no_server_is_given_none(judge, name):
    with pytest.raises(UsageError, match=f"--judge-{name.replace('_', '-')} goes with") as refused:
        find_plugins(Settings("m", judge=judge, judge_options={name: "x"}), Notes())
    assert "--judge guard" in refused.value.hint


def test_an_address_that_is_none_is_refused_before_the_judge_is_made():
    options = {"model": "org/guard", "endpoint": "http://me:s3cret@h/v1"}
    with pytest.raises(UsageError, match="--judge-endpoint holds a user") as refused:
        find_plugins(Settings("m", judge="guard", judge_options=options), Notes())
    assert "s3cret" not in f"{refused.value}{refused.value.hint}"
