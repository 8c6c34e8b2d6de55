"""Scope, ratio and protected share hold for every mask that is made, and refute others."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelrepair.artifact.records import CandidateRecord, ScorerRecord, SiteRecord
from modelrepair.checkpoint.bits import from_float32
from modelrepair.plugin.loading import OWN
from modelrepair.plugin.registry import load_registry
from modelrepair.search.selection import Spilled, select, spill, top_tensor
from modelrepair.settings.presets import count, published_count
from modelrepair.verification.cut import FILLS, check_cut
from tests.support.sealing import codes, made_fixture, seal, untouched_fixture  # noqa: F401
from tests.support.small_repairs import draft

SIDES = st.integers(1, 7)


def test_the_scorers_that_fill_a_quota_are_ours_that_score_once_and_by_size():
    specs = [each.spec for each in load_registry().scorers() if each.distribution == OWN]
    fill = {each.name for each in specs if each.refill and not (each.iterative or each.signed)}
    assert fill == {*FILLS}


def manifest_of(masks, scope, ratio, rounds=1, *, protect=0.0, scorer="wanda", preset=None):
    by = ScorerRecord(name=scorer, distribution=OWN, version="0.1.0")
    point = CandidateRecord(scorer=scorer, round=rounds, ratio=ratio, share=0.1, chosen=True)
    sites = [
        SiteRecord(name=name, kind="q_proj", block=0, shape=mask.shape, entries=mask.size)
        for name, mask in masks.items()
    ]
    return draft(
        measured={}, scope=scope, ratio=ratio, protect=protect, scorer=by, preset=preset,
        search=(point,), sites=tuple(sites),
    )  # fmt: skip


def found(masks, weights, manifest):
    """What is found of masks, seen as in the file."""
    held = {name: np.flatnonzero(mask) for name, mask in masks.items() if mask.any()}
    mask = SimpleNamespace(names=list(held), positions=lambda name, entries: held[name])
    bits = {name: from_float32(each, "F32") for name, each in weights.items()}
    entries = {name: SimpleNamespace(shape=each.shape, dtype="F32") for name, each in bits.items()}
    source = SimpleNamespace(entries=entries, raw=bits.__getitem__)
    masked = {name: len(each) for name, each in held.items()}
    return [each.message for each in check_cut(mask, masked, manifest, source)]


@st.composite
def models(draw):
    """Weights of a few sites, with zeros in them, some constant."""
    shapes = draw(st.lists(st.tuples(SIDES, SIDES), min_size=1, max_size=3))
    random = np.random.default_rng(draw(st.integers(0, 99)))
    weights = {}
    for number, shape in enumerate(shapes):
        values = random.normal(size=shape).astype(np.float32)
        values[random.random(shape) < draw(st.sampled_from([0, 0.3, 0.9]))] = 0
        weights[f"w{number}"] = values
    return weights


@settings(deadline=None, max_examples=150)
@given(st.data(), models())
def test_every_mask_that_is_made_passes(tmp_path_factory, data, weights):
    """Cut as a repair cuts it: round by round, around what is zero, protected or masked."""
    scope = data.draw(st.sampled_from(["row", "tensor", "global"]))
    ratio = data.draw(st.floats(0.001, 0.999))
    protect = data.draw(st.sampled_from([0.0, 0.1, 0.5, 1.0]))
    signed = data.draw(st.booleans())
    rounds = data.draw(st.integers(1, 4)) if signed else 1
    preset = None if signed else data.draw(st.sampled_from([None, "antidote-paper", OFFICIAL]))
    turned = data.draw(st.booleans())
    random = np.random.default_rng(data.draw(st.integers(0, 99)))
    kept = {
        name: top_tensor(random.random(each.shape, np.float32), count(protect, each.size))
        for name, each in weights.items()
    }
    masks = {name: np.zeros(each.shape, bool) for name, each in weights.items()}
    path = tmp_path_factory.mktemp("scores") / "scores"
    for number in range(rounds):
        spilled, begin = [], 0
        with path.open("wb") as file:
            for name, each in weights.items():
                scores = random.normal(size=each.shape).astype(np.float32)
                idle = data.draw(st.sampled_from([False] * 5 + [True])) and number == 0
                open_ = (each != 0) & ~kept[name] & ~masks[name] & (not idle)
                spill(file, scores if signed else np.abs(scores), open_)
                spilled.append(Spilled(path, begin, each.shape))
                begin = spilled[-1].end
        quota = published_count if preset == OFFICIAL else count
        cut = select(spilled, scope, ratio / rounds, signed=signed, quota=quota)
        for name, more in zip(masks, [*cut], strict=True):
            masks[name] |= more
    scorer = "contrast" if signed else "magnitude"
    if turned:
        masks, weights = ({name: each.T for name, each in some.items()}
                          for some in (masks, weights))  # fmt: skip
    manifest = manifest_of(
        masks, scope, ratio, rounds, protect=protect, scorer=scorer, preset=preset
    )
    assert found(masks, weights, manifest) == []


OFFICIAL = "antidote-official"


def plain(*shape):
    return np.arange(1, 1 + np.prod(shape), dtype=np.float32).reshape(shape)


def rows_of(*held, columns=10):
    return np.array([[at < each for at in range(columns)] for each in held])


CASES = {
    "a row has more than its quota": ("row", 0.2, [2, 2, 3, 2], "rows"),
    "a row has less": ("row", 0.2, [2, 2, 1, 2], "rows"),
    "each has its quota": ("row", 0.2, [2, 2, 2, 2], None),
    "a tensor has more": ("tensor", 0.2, [9, 0, 0, 0], "9 of 40"),
    "a tensor has less": ("tensor", 0.2, [7, 0, 0, 0], "7 of 40"),
    "a tensor has its quota": ("tensor", 0.2, [5, 3, 0, 0], None),
    "all have more": ("global", 0.1, [9, 0, 0, 0], "9 of 80"),
    "all have less": ("global", 0.1, [7, 0, 0, 0], "7 of 80"),
    "all have their quota": ("global", 0.1, [5, 3, 0, 0], None),
}


@pytest.mark.parametrize("how", CASES)
def test_what_is_no_cut_of_its_scope_is_found(how):
    scope, ratio, held, said = CASES[how]
    masks = {"w": rows_of(*held), "v": np.zeros((4, 10), bool)}
    weights = {name: plain(4, 10) for name in masks}
    lines = found(masks, weights, manifest_of(masks, scope, ratio))
    assert bool(lines) == (said is not None), lines
    assert said is None or said in lines[0]


def test_less_than_a_quota_is_explained_by_zeros_alone():
    masks, weights = {"w": rows_of(2, 2, 1, 2)}, {"w": plain(4, 10)}
    manifest = manifest_of(masks, "row", 0.2)
    assert found(masks, weights, manifest)
    weights["w"][2, 1:] = 0
    assert found(masks, weights, manifest) == []


def test_a_protected_share_explains_as_many_and_leaves_no_more():
    masks, weights = {"w": rows_of(2, 2, 1, 2)}, {"w": plain(4, 10)}
    assert found(masks, weights, manifest_of(masks, "row", 0.2, protect=0.01)) == [
        "its rows do not hold what the ratio takes of each"
    ]
    assert found(masks, weights, manifest_of(masks, "row", 0.2, protect=0.03)) == []
    masks = {"w": rows_of(10, 10, 10, 8)}
    lines = found(masks, weights, manifest_of(masks, "tensor", 0.95, protect=0.1))
    assert lines == ["38 of 40 entries, of which a share is protected"]


FORGED = {
    "scope tensor": {"scope": "tensor"},
    "scope global": {"scope": "global"},
    "a small ratio": {"ratio": 0.01},
    "a share protected": {"protect": 0.9},
    "the official preset": {"preset": OFFICIAL},
    "settings of a preset": {"preset": None, "settings": {"preset": "antidote-paper"}},
    "settings of another scope": {"settings": {"scope": "tensor"}},
    "settings of another ratio": {"settings": {"ratio": 0.2}},
    "settings of another share": {"settings": {"protect": 0.3}},
}


@pytest.mark.parametrize("how", FORGED)
def test_a_manifest_that_was_sealed_with_another_choice_is_refuted(made, how):
    change = dict(FORGED[how])
    asked = change.pop("settings", {})

    def forge(document):
        document.update(change)
        document["settings"].update(asked)
        if "ratio" in change:
            document["search"][0]["ratio"] = change["ratio"]

    seal(made, forge)
    assert codes(made) == {"record"}
