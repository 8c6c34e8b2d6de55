"""The settings with the values of their preset filled in."""

from __future__ import annotations

from dataclasses import replace

import pytest

from modelrepair import UsageError, repair
from modelrepair.demo import paths
from modelrepair.settings.checks import check
from modelrepair.settings.expand import expand
from modelrepair.settings.presets import PRESETS
from modelrepair.settings.settings import Settings


def test_what_is_named_beside_a_preset_wins():
    bare = Settings("a", realign="r")
    assert expand(bare).ratio == "auto"
    assert expand(replace(bare, ratio=0.3)).ratio == 0.3
    official = expand(replace(bare, preset="antidote-official"))
    assert (official.ratio, official.scope, official.scorer) == (0.1, "row", "wanda")
    assert (official.targets, official.protect) == (("*.[qkv]_proj.*",), 0.0)
    given = replace(bare, preset="antidote-official", ratio="auto", targets=("*",), protect=0.2)
    assert (expand(given).ratio, expand(given).targets) == ("auto", ("*",))
    assert expand(given).protect == 0.2
    paper = expand(replace(bare, preset="antidote-paper", scope="tensor"))
    assert (paper.scope, paper.scorer_options["norm"], paper.targets) == ("tensor", "mean", ())
    with pytest.raises(UsageError, match="made with the scorer 'wanda'"):
        check(replace(bare, preset="antidote-paper", scorer="contrast"))
    assert expand(expand(official)) == official


def test_the_official_preset_is_for_adapters():
    with pytest.raises(UsageError, match="which --preset antidote-official masks"):
        repair(paths.attacked, preset="antidote-official", realign=paths.sets["realign"])
    with pytest.raises(UsageError, match="a merged adapter has no factors"):
        repair(
            paths.adapter,
            base=paths.reference,
            merge=True,
            preset="antidote-official",
            realign=paths.sets["realign"],
        )
    assert PRESETS["antidote-official"].adapter
