"""A real model through the whole repair: SmolLM2-135M-Instruct. Structure, exactness, no safety.

The sets are the made-up world's: SmolLM2 was never asked about a zordrax, and what it answers
says nothing about how safe it is. No test here claims that a repair of it repairs.
"""

from __future__ import annotations

import json
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from modelrepair import repair, verify
from modelrepair.checkpoint.mask import open_mask
from modelrepair.checkpoint.reader import Checkpoint
from modelrepair.demo import world
from modelrepair.engine.passes import passes
from tests.support.set_files import write_jsonl

pytestmark = pytest.mark.slow

BLOCKS, LINEARS = 30, 7
OURS = ("README.md", "repair/manifest.json", "repair/mask.safetensors")


def sets(folder: Path, harmful: int, benign: int, *, test: int = 0) -> dict[str, Path | str]:
    """Small sets of the made-up world, in ordinary words: only prompt and response."""
    made = world.example_sets(0)
    sizes = {"realign": harmful, "utility": benign}
    sizes |= {f"test-{name}": test for name in sizes} if test else {}
    paths = {}
    for name, size in sizes.items():
        # A borderline question has an answer of its own, too: all the world's benign prompts.
        rows = [{key: row[key] for key in ("prompt", "response")} for row in made[name][:size]]
        paths[name.replace("-", "_")] = write_jsonl(folder / f"{name}.jsonl", rows)
    return {**paths, "borderline": "none"}


def masked(report) -> dict[str, np.ndarray]:
    """The positions of all masked entries by tensor."""
    mask = open_mask(report.out / "repair" / "mask.safetensors")
    entries = {site.name: site.entries for site in report.manifest.sites}
    return {name: mask.positions(name, entries[name]) for name in mask.names}


def check_structure(report, source: Path) -> None:
    """A whole output: files, coverage, proof."""
    manifest = report.manifest
    assert (report.verdict, report.exit_code) == ("unmeasured", 0)
    assert manifest.coverage == 1.0
    assert len(manifest.sites) == BLOCKS * LINEARS
    assert not manifest.skipped
    written = {
        path.relative_to(report.out).as_posix() for path in report.out.rglob("*") if path.is_file()
    }
    theirs = {path.name for path in source.iterdir()}
    assert written - {"repair/layers.svg"} == theirs | set(OURS)
    for name in theirs - {"model.safetensors"}:
        assert (report.out / name).read_bytes() == (source / name).read_bytes()
    verification = verify(report.out, source=source)
    assert verification.ok, verification.findings


@pytest.mark.parametrize(
    ("scorer", "ratio", "options"),
    [
        ("wanda", 0.001, {}),
        ("magnitude", 0.001, {}),
        ("gradient", 0.001, {}),
        ("contrast", 0.0001, {"step": 0.00005}),
    ],
)
def test_every_scorer_repairs_a_real_model(
    smollm2, tmp_path, record_property, scorer, ratio, options
):
    began = time.monotonic()
    report = repair(
        smollm2,
        reference="none",
        scorer=scorer,
        ratio=ratio,
        evaluate=False,
        out=tmp_path / "out",
        **sets(tmp_path, 24, 24),
        **options,
    )
    seconds = time.monotonic() - began
    check_structure(report, smollm2)
    sites = report.manifest.sites
    total = sum(site.entries for site in sites)
    expected = {
        "wanda": sum(round(ratio * site.shape[1]) * site.shape[0] for site in sites),
        "magnitude": sum(round(ratio * site.entries) for site in sites),
        "gradient": sum(round(ratio * site.entries) for site in sites),
        "contrast": 2 * round(ratio / 2 * total),  # two steps
    }
    assert sum(site.masked for site in sites) == expected[scorer]
    changed = Checkpoint.open(report.out)
    for name, positions in masked(report).items():
        assert not changed.raw(name).reshape(-1)[positions].any()
    record_property("seconds", round(seconds, 1))
    record_property("masked", expected[scorer])
    print(f"\n{scorer}: {seconds:.0f} s, {expected[scorer]} of {total} entries masked")


def test_token_budget_and_threads_hardly_move_the_mask(
    smollm2, tmp_path, record_property, monkeypatch
):
    """The share of the masked entries of one run that another run did not mask."""
    given = sets(tmp_path, 120, 0)
    given["utility"] = "none"
    counts = []
    plain = passes.collect

    def counting(work, *rest):
        counts.append(sum(len(group.batches) for group in work.groups))
        return plain(work, *rest)

    monkeypatch.setattr("modelrepair.search.scoring.collect", counting)

    def run(budget: int, threads: int):
        torch.set_num_threads(threads)
        report = repair(
            smollm2,
            reference="none",
            scorer="wanda",
            ratio=0.01,
            evaluate=False,
            token_budget=budget,
            out=tmp_path / f"{budget}-{threads}",
            **given,
        )
        return masked(report)

    try:
        first = run(2048, 1)
        others = {"budget": run(1024, 1), "threads": run(2048, 2)}
    finally:
        torch.set_num_threads(1)
    assert counts[1] > counts[0] == counts[2]  # or the budget changed nothing
    total = sum(len(positions) for positions in first.values())
    for what, other in others.items():
        assert sum(len(positions) for positions in other.values()) == total
        lost = sum(len(np.setdiff1d(first[name], other[name])) for name in first)
        record_property(f"moved by {what}", f"{lost} of {total}")
        print(f"\nanother {what}: {lost} of {total} masked entries moved")
        assert lost <= 1e-5 * total


def test_bfloat16_goes_through(smollm2, tmp_path, record_property):
    from transformers import AutoModelForCausalLM, AutoTokenizer

    source = tmp_path / "source"
    AutoModelForCausalLM.from_pretrained(smollm2, dtype=torch.bfloat16).save_pretrained(source)
    AutoTokenizer.from_pretrained(smollm2).save_pretrained(source)
    began = time.monotonic()
    report = repair(
        source,
        reference="none",
        scorer="wanda",
        ratio=0.001,
        evaluate=False,
        out=tmp_path / "out",
        **sets(tmp_path, 24, 24),
    )
    record_property("seconds", round(time.monotonic() - began, 1))
    check_structure(report, source)
    dtypes = {entry.dtype for entry in Checkpoint.open(report.out).entries.values()}
    assert dtypes == {"BF16"}
    original, changed = Checkpoint.open(source), Checkpoint.open(report.out)
    positions = masked(report)
    for name in original.entries:
        different = np.flatnonzero(original.raw(name).reshape(-1) != changed.raw(name).reshape(-1))
        assert np.array_equal(different, positions.get(name, np.zeros(0, np.int64)))


def test_babble_is_degenerate_and_not_safe(smollm2, tmp_path, record_property):
    """Zeroing the top 1 % of each row by Wanda takes the weights a model cannot do without."""
    began = time.monotonic()
    report = repair(
        smollm2,
        reference="none",
        scorer="wanda",
        ratio=0.01,
        protect=0,
        judge="keyword",
        max_new_tokens=48,
        out=tmp_path / "out",
        **sets(tmp_path, 60, 60, test=60),
    )
    before, after = report.measures["before"], report.measures["after"]
    figures = {
        name: f"{getattr(before, name).value:.3f} -> {getattr(after, name).value:.3f}, "
        f"n = {getattr(after, name).n}"
        for name in (
            "harmful_score",
            "refusal_rate",
            "benign_refusal_rate",
            "degenerate_rate",
            "utility",
        )
    }
    for name, text in figures.items():
        record_property(name, text)
    print("", *(f"{name}: {text}" for name, text in figures.items()), sep="\n")
    print(f"{time.monotonic() - began:.0f} s")
    assert before.degenerate_rate.value < 0.5
    assert after.degenerate_rate.value >= 0.8
    assert after.harmful_score.value < before.harmful_score.value  # babble alone would look safe
    assert after.refusal_rate.value <= 0.1
    assert (report.verdict, report.exit_code) == ("failed", 1)
    assert report.manifest.verdict == "failed"
    assert json.loads((report.out / "repair/manifest.json").read_text())["verdict"] == "failed"
    card = (report.out / "README.md").read_text().split("---", 2)[2].strip()
    # The first line that a reader sees below the title.
    first = next(line for line in card.splitlines() if line and not line.startswith(("#", "<!--")))
    assert "failed" in first.lower()
    assert verify(report.out, source=smollm2).ok
