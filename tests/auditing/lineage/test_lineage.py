"""What the sample is made of: whole files by their digests, the rest by slices of both sides."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from modelrepair.auditing.context import Context
from modelrepair.auditing.lineage.lineage import layers_of, lineage_of
from modelrepair.auditing.opened import opened
from modelrepair.errors import InconclusiveError
from tests.support.weights import fine_tuned, low_rank, matrices, random_model, save


def files(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_files_with_the_digest_of_the_base_are_not_read(hub, tmp_path):
    weights = files(save(tmp_path / "base", random_model(0)))
    hub.add("user/base", weights)
    hub.add("user/copy", weights)
    with opened("user/copy") as target, opened("user/base") as base:
        target.checkpoint, base.checkpoint  # noqa: B018
        headers = target.fetched, base.fetched
        seen = lineage_of(Context(target, 1, base))
        assert (target.fetched, base.fetched) >= headers
        assert target.fetched - headers[0] < 1000  # its config
    assert seen.copied
    assert (seen.certain, seen.of, seen.changes) == (1, 1, ())


def in_two_files(folder, tensors):
    """Layer 0 in one file, the rest in another, and the index of both."""
    parts = {
        f"model-{number:05}-of-00002.safetensors": {
            name: each for name, each in tensors.items() if (".layers.0." in name) == first
        }
        for number, first in ((1, True), (2, False))
    }
    made = {
        file: files(save(folder / file, part))["model.safetensors"] for file, part in parts.items()
    }
    where = {name: file for file, part in parts.items() for name in part}
    return {
        **made,
        "config.json": b"{}",
        "model.safetensors.index.json": json.dumps({"weight_map": where}).encode(),
    }


def test_of_two_files_only_the_one_that_differs_is_sampled(hub, tmp_path):
    base = random_model(0)
    tuned = {name: fine_tuned()(each) if ".layers.1." in name else each
             for name, each in base.items()}  # fmt: skip
    hub.add("user/base", in_two_files(tmp_path / "base", base))
    hub.add("user/tuned", in_two_files(tmp_path / "tuned", tuned))
    with opened("user/tuned") as target, opened("user/base") as other:
        seen = lineage_of(Context(target, 1, other))
    assert (seen.certain, seen.of, seen.copied) == (1, 2, False)
    assert not any(".layers.0." in each.slice.name for each in seen.changes)
    assert layers_of(each.slice.name for each in seen.changed) == [1]
    assert seen.sample.out_of_reach == 0


def test_the_same_slices_of_both_sides_are_read_and_no_more_than_the_budget(hub, tmp_path):
    base = random_model(0, layers=6)
    hub.add("user/base", files(save(tmp_path / "base", base)))
    hub.add("user/tuned", files(save(tmp_path / "tuned", matrices(fine_tuned(), base))))
    drawn = []
    for _ in range(2):
        with (
            opened("user/tuned", budget=400_000) as target,
            opened("user/base", budget=400_000) as other,
        ):
            seen = lineage_of(Context(target, 3, other))
            assert 0 < target.fetched <= 400_000
            assert 0 < other.fetched <= 400_000
        drawn.append(seen)
    assert drawn[0] == drawn[1]
    assert not seen.sample.whole
    assert 0 < seen.sample.scattered < seen.sample.clustered < 1


def test_slices_that_are_too_short_for_a_rank_do_not_speak_against_it(tmp_path):
    base = random_model(0, layers=8)
    known = save(tmp_path / "base", base)
    target = save(tmp_path / "target", matrices(low_rank(8), base))
    with opened(target, budget=700_000) as one, opened(known, budget=700_000) as two:
        seen = lineage_of(Context(one, 1, two))
    assert seen.kind("low-rank")
    assert not seen.kind("dense")


def test_an_adapter_is_not_compared(tmp_path):
    from modelrepair.demo import paths

    with (
        opened(paths.reference) as target,
        opened(paths.adapter) as base,
        pytest.raises(InconclusiveError, match="adapter"),
    ):
        lineage_of(Context(target, 1, base))


def test_layers_are_the_numbers_in_names():
    assert layers_of(["model.layers.10.a.weight", "model.layers.2.b.weight", "x.weight"]) == [2, 10]


def test_stage_three_brings_in_neither_torch_nor_transformers():
    code = (
        "import sys, modelrepair\n"
        "from modelrepair import demo_paths as p\n"
        "modelrepair.audit(p.attacked, base=p.reference)\n"
        "print({'torch', 'transformers'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
