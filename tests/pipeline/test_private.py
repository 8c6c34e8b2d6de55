"""What a run knows of secrets: out of the settings that it keeps and shows."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from types import SimpleNamespace

from modelrepair.pipeline.private import shown_settings
from modelrepair.plugin.loading import Registered
from modelrepair.preflight.plugins import SelectedPlugins
from modelrepair.settings.settings import Settings


@dataclass(frozen=True)
class Options:
    """One secret by its name, one that is marked."""

    api_key: str = ""
    phrase: str = field(default="", metadata={"secret": True})
    norm: str = "rms"


def test_settings_that_are_kept_hold_no_secret():
    given = {"api_key": "first canary", "phrase": "second canary", "norm": "mean"}
    settings = Settings("user/model", scorer_options=given, judge_options=given)
    plugin = Registered(SimpleNamespace(name="mine", options=Options), "mine", "1")
    chosen = SelectedPlugins(((plugin, given),), plugin, SimpleNamespace(), judge_options=given)
    shown = shown_settings(settings, chosen)
    for options in (shown.scorer_options, shown.judge_options):
        assert options["norm"] == "mean"
        assert options.keys() == given.keys()
    assert "canary" not in json.dumps(shown.to_json())
