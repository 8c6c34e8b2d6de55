"""One round: what may be chosen, what is never chosen, and what a plug-in may answer."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from modelrepair.checkpoint.reader import Checkpoint
from modelrepair.engine.weights import Weights
from modelrepair.errors import PluginError
from modelrepair.plugin.accumulators import InputNorms
from modelrepair.progress import Progress
from modelrepair.scorers.options import WandaOptions
from modelrepair.scorers.wanda import Wanda
from modelrepair.search.score_files import spilled
from modelrepair.search.scoring import masked_entries, score_round
from modelrepair.settings.presets import count
from tests.support.labelled_device import NAME, labelled_device
from tests.support.scoring import Fixed, noise, scoring

SCOPES = ["row", "tensor", "global"]


def masks_of(made, masks) -> dict[str, np.ndarray]:
    """Every site's mask in its shape."""
    found = {}
    for site in made.sites.chosen:
        mask = masks.get(site.name, site.entries)
        empty = np.zeros(site.entries, bool)
        found[site.name] = (empty if mask is None else mask).reshape(site.info.shape)
    return found


def protected_of(made) -> dict[str, np.ndarray]:
    """Every site's protected entries in its shape."""
    return {
        site.name: made.protected(site.info.block)
        .get(site.name, site.entries)
        .reshape(site.info.shape)
        for site in made.sites.chosen
    }


@pytest.mark.parametrize("scope", SCOPES)
def test_the_count_is_exact_and_the_top_is_taken(tmp_path, scope):
    made = scoring(tmp_path, scope=scope)
    masks = masks_of(made, score_round(made, 0, None, Progress()).cut(0.05, tmp_path / "mask"))
    scores = {site.name: noise(site.name, site.info.shape).numpy() for site in made.sites.chosen}
    if scope == "global":
        everything = np.concatenate([each.reshape(-1) for each in scores.values()])
        assert sum(mask.sum() for mask in masks.values()) == count(0.05, len(everything))
        chosen = np.concatenate([mask.reshape(-1) for mask in masks.values()])
        assert everything[chosen].min() > everything[~chosen].max()
        return
    for name, mask in masks.items():
        rows = [(mask, scores[name])]
        if scope == "row":
            rows = list(zip(mask, scores[name], strict=True))
        for chosen, values in rows:
            assert chosen.sum() == count(0.05, values.size)
            assert values[chosen].min() > values[~chosen].max()


@pytest.fixture(scope="module")
def scored(tmp_path_factory):
    """A scored round of every scope, signed and not: masks are cut from it again and again."""
    rounds = {}
    for scope in SCOPES:
        for signed in (False, True):
            folder = tmp_path_factory.mktemp(f"{scope}-{signed}")
            made = scoring(folder, scope=scope, signed=signed)
            rounds[scope, signed] = (made, score_round(made, 0, None, Progress()))
    return rounds


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    scope=st.sampled_from(SCOPES),
    signed=st.booleans(),
    shares=st.lists(st.floats(0, 1), min_size=2, max_size=2).map(sorted),
)
def test_a_smaller_mask_lies_in_a_larger_one(scored, tmp_path_factory, scope, signed, shares):
    made, finished = scored[scope, signed]
    folder = tmp_path_factory.mktemp("masks")
    small, large = (
        masks_of(made, finished.cut(share, folder / str(number)))
        for number, share in enumerate(shares)
    )
    assert all(not (small[name] & ~large[name]).any() for name in small)
    if signed:
        for name, mask in large.items():
            assert (noise(name, mask.shape).numpy()[mask] > 0).all()


@pytest.mark.parametrize("scale", [0.0, 0.75])
@pytest.mark.parametrize("scope", SCOPES)
def test_masked_entries_stay_masked_and_are_not_chosen_again(tmp_path, scope, scale):
    """Shrunk entries still have a subject: only the mask itself says that they were chosen."""
    made = scoring(tmp_path, scope=scope, scale=scale, iterative=True)
    first = score_round(made, 0, None, Progress()).cut(0.05, tmp_path / "first")
    # The same scores again: without the rule, the same entries would be chosen.
    second = score_round(made, 1, first, Progress()).cut(0.05, tmp_path / "second", first)
    one, two = masks_of(made, first), masks_of(made, second)
    assert all(not (one[name] & ~two[name]).any() for name in one)
    assert masked_entries(second, made.sites) == 2 * masked_entries(first, made.sites)


def test_entries_without_a_subject_are_never_chosen(tmp_path):
    made = scoring(tmp_path, reference=True, scope="row")
    masks = masks_of(made, score_round(made, 0, None, Progress()).cut(0.5, tmp_path / "mask"))
    for mask in masks.values():
        half = mask.shape[0] // 2
        assert not mask[:half].any()  # there the reference is the source
        assert (mask[half:].sum(axis=1) == count(0.5, mask.shape[1])).all()


def test_the_delta_shrinks_by_its_own_mask(tmp_path):
    """In a second round the subject is what is left: zero where the first round masked."""
    seen = {}

    def rule(view):
        seen.setdefault(view.name, []).append(view.subject.clone())
        return noise(view.name, view.subject.shape)

    made = scoring(tmp_path, Fixed(rule), reference=True, iterative=True)
    first = score_round(made, 0, None, Progress()).cut(0.2, tmp_path / "first")
    score_round(made, 1, first, Progress())
    for name, mask in masks_of(made, first).items():
        before, after = (each.numpy() for each in seen[name])
        assert not after[mask].any()
        assert np.array_equal(after[~mask], before[~mask])


def test_protected_entries_are_wanda_s_top_on_the_utility_set(tmp_path):
    made = scoring(tmp_path, protect=0.25, scope="tensor")
    finished = score_round(made, 0, None, Progress())
    masks = masks_of(made, finished.cut(1.0, tmp_path / "everything"))
    plain = scoring(tmp_path / "plain", Wanda(WandaOptions(), "weight"), scope="tensor")
    plain.batches["realign"] = made.batches["utility"]
    expected = masks_of(
        plain, score_round(plain, 0, None, Progress()).cut(0.25, tmp_path / "expected")
    )
    for site in made.sites.chosen:
        assert expected[site.name].sum() == count(0.25, site.entries)
        assert np.array_equal(~masks[site.name], expected[site.name])


def test_protection_is_fixed_in_the_first_round(tmp_path):
    made = scoring(tmp_path, protect=0.25, scope="tensor", iterative=True)
    first = score_round(made, 0, None, Progress()).cut(0.3, tmp_path / "first")
    before = protected_of(made)
    second = score_round(made, 1, first, Progress()).cut(1.0, tmp_path / "second", first)
    protected, masks = protected_of(made), masks_of(made, second)
    for name, mask in masks.items():
        assert np.array_equal(protected[name], before[name])
        assert np.array_equal(mask, ~protected[name])


def test_a_share_is_of_all_entries_protected_ones_counted(tmp_path):
    made = scoring(tmp_path, protect=0.5, scope="tensor")
    masks = masks_of(made, score_round(made, 0, None, Progress()).cut(0.4, tmp_path / "mask"))
    assert all(mask.sum() == count(0.4, mask.size) for mask in masks.values())
    masks = masks_of(made, score_round(made, 0, None, Progress()).cut(0.7, tmp_path / "more"))
    assert all(mask.sum() == mask.size - count(0.5, mask.size) for mask in masks.values())


def test_one_score_everywhere_is_an_error(tmp_path):
    made = scoring(tmp_path, Fixed(lambda view: torch.full_like(view.subject, 3.0)))
    with pytest.raises(PluginError, match="one and the same score everywhere"):
        score_round(made, 0, None, Progress())


def test_one_constant_site_is_reported_and_has_nothing_to_choose(tmp_path):
    name = "model.layers.1.mlp.up_proj.weight"

    def rule(view):
        constant = torch.full_like(view.subject, 1e6)
        return constant if view.name == name else noise(view.name, view.subject.shape)

    made = scoring(tmp_path, Fixed(rule))
    said = []
    finished = score_round(made, 0, None, Progress(said.append))
    assert finished.constant == (name,)
    (note,) = [event.text for event in said if event.event == "note"]
    assert name in note
    masks = masks_of(made, finished.cut(0.1, tmp_path / "mask"))
    assert not masks[name].any()
    assert sum(mask.any() for mask in masks.values()) == len(masks) - 1


def test_a_finished_round_is_not_run_again(tmp_path):
    scorer = Fixed()
    made = scoring(tmp_path, scorer)
    first = score_round(made, 0, None, Progress()).cut(0.1, tmp_path / "first")
    asked = len(scorer.asked)
    assert asked == len(made.sites.chosen)
    second = score_round(made, 0, None, Progress()).cut(0.1, tmp_path / "second")
    assert len(scorer.asked) == asked
    one, two = masks_of(made, first), masks_of(made, second)
    assert all(np.array_equal(one[name], two[name]) for name in one)


def test_an_interrupted_round_goes_on_after_its_last_block(tmp_path):
    scorer = Fixed(needs={"realign": (InputNorms(),)})
    made = scoring(tmp_path, scorer)
    plain, last = scorer.rule, made.sites.of_block(2)[0].name

    def stop(view):
        if view.name == last:
            raise KeyboardInterrupt
        return plain(view)

    scorer.rule = stop
    with pytest.raises(KeyboardInterrupt):
        score_round(made, 0, None, Progress())
    scorer.rule, scorer.asked = plain, []
    masks = masks_of(made, score_round(made, 0, None, Progress()).cut(0.1, tmp_path / "mask"))
    assert set(scorer.asked) == {site.name for site in made.sites.of_block(2)}
    whole = scoring(tmp_path / "whole", Fixed(needs={"realign": (InputNorms(),)}))
    expected = masks_of(
        whole, score_round(whole, 0, None, Progress()).cut(0.1, tmp_path / "expected")
    )
    assert all(np.array_equal(masks[name], expected[name]) for name in masks)


def test_a_round_syncs_as_often_with_many_experts_as_with_few(tmp_path, monkeypatch):
    """A model may have a hundred thousand matrices; each sync waits for the disk."""
    synced, plain = [], os.fsync
    monkeypatch.setattr(os, "fsync", lambda file: (synced.append(file), plain(file)))
    found = []
    for experts in (2, 32):
        made = scoring(
            tmp_path / str(experts),
            kind="mixtral",
            shape={"num_local_experts": experts},
            protect=0.1,
            scope="global",
        )
        synced.clear()
        score_round(made, 0, None, Progress()).cut(0.1, tmp_path / "mask")
        found.append((len(synced), len(list(made.folder.rglob("*")))))
    assert len(made.sites.chosen) > 3 * 3 * 32
    assert found[0] == found[1]


DAMAGES = {
    "gone": lambda path: path.unlink(),
    "short": lambda path: path.write_bytes(path.read_bytes()[:-4]),
    "zeros": lambda path: path.write_bytes(bytes(path.stat().st_size)),
    "no facts": lambda path: path.with_suffix(".json").write_text(""),
}


@pytest.mark.parametrize("finished", [False, True])
@pytest.mark.parametrize("damage", DAMAGES)
def test_a_round_of_which_a_power_cut_left_a_part_is_taken_again(tmp_path, damage, finished):
    scorer = Fixed(needs={"realign": (InputNorms(),)})
    made = scoring(tmp_path, scorer)
    plain, last = scorer.rule, made.sites.of_block(2)[0].name

    def stop(view):
        if view.name == last and not finished:
            raise KeyboardInterrupt
        return plain(view)

    scorer.rule = stop
    with suppress(KeyboardInterrupt):
        score_round(made, 0, None, Progress())
    DAMAGES[damage](made.folder / "round-0000" / "block-00001.scores")
    scorer.rule, scorer.asked = plain, []
    later = replace(made, whole=set())  # another process knows nothing of the files
    masks = masks_of(made, score_round(later, 0, None, Progress()).cut(0.1, tmp_path / "mask"))
    assert set(scorer.asked) == {site.name for site in made.sites.chosen}
    whole = scoring(tmp_path / "whole", Fixed(needs={"realign": (InputNorms(),)}))
    expected = masks_of(
        whole, score_round(whole, 0, None, Progress()).cut(0.1, tmp_path / "expected")
    )
    assert all(np.array_equal(masks[name], expected[name]) for name in masks)


def test_a_device_without_float64_gives_the_scores_of_the_host(tmp_path):
    """Only its own matrix products round otherwise; sums and scores are taken on the host."""

    def scores(folder, device) -> dict[str, np.ndarray]:
        made = scoring(folder, Wanda(WandaOptions(), "weight"), protect=0.1)
        weights = Weights(Checkpoint.open(folder / "model"), device)
        skeleton = replace(made.skeleton, device=device)
        score_round(replace(made, skeleton=skeleton, weights=weights), 0, None, Progress())
        lying = spilled(made.folder / "round-0000", made.sites)
        return {site.name: each.read() for site, each in zip(made.sites.chosen, lying, strict=True)}

    with labelled_device(float64=False):
        there = scores(tmp_path / "there", torch.device(NAME))
    here = scores(tmp_path / "here", torch.device("cpu"))
    assert len(there) == len(here) > 10
    assert all(np.allclose(there[name], here[name], rtol=1e-4, atol=1e-6) for name in here)
