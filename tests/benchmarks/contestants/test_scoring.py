"""The contestants of scoring on a tiny shape: they do what they are compared for."""

import json

import pytest
import torch
from transformers import AutoModelForCausalLM

from benchmarks.contestants import cut_at_once, fix, forward, ours, products, published
from benchmarks.contestants.batched import batched
from benchmarks.examples import read_examples, write_examples
from benchmarks.shapes import SHAPES, write_model
from modelrepair.engine.weights import Masks
from modelrepair.search.scoring import Progress, masked_entries, score_round

EXACT = 0.125
"""A share of a row that is a whole number, for each width: both ways of counting agree."""


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return write_model(SHAPES["tiny"], tmp_path_factory.mktemp("shape") / "model")


@pytest.fixture(scope="module")
def examples(tmp_path_factory):
    return write_examples(6, SHAPES["tiny"].vocabulary, tmp_path_factory.mktemp("rows") / "r.jsonl")


@pytest.fixture
def said(model, examples, tmp_path, capsys):
    def run(contestant, *more):
        given = ["--model", str(model), "--examples", str(examples), "--work", str(tmp_path)]
        contestant.main([*given, *more])
        return json.loads(capsys.readouterr().out.splitlines()[-1])

    return run


def test_ours_and_the_published_loop_choose_the_same_entries(model, examples, tmp_path):
    scoring = ours.scoring_of(model, examples, torch.device("cpu"), tmp_path, "wanda")
    masks = score_round(scoring, 0, None, Progress()).cut(EXACT, tmp_path / "mask")
    pruned = AutoModelForCausalLM.from_pretrained(model, dtype=torch.float32)
    with torch.no_grad():
        count = published.prune(pruned, [ids for ids, _ in read_examples(examples)], EXACT)
    weights = dict(pruned.named_parameters())
    for site in scoring.sites.chosen:
        zeroed = (weights[site.name] == 0).numpy().reshape(-1)
        mine = masks.get(site.name, site.entries)
        count -= int(mine.sum())
        assert (zeroed != mine).mean() < 1e-3  # sums of other precision, in another order
    assert count == 0


def test_the_plain_forward_gives_what_the_model_gives(model, examples):
    batches = batched(examples)
    whole = AutoModelForCausalLM.from_pretrained(model, dtype=torch.float32)
    with torch.no_grad():
        states = forward.forward(model, batches, "cpu")
        for batch, state in zip(batches, states, strict=True):
            expected = whole(batch.input_ids, attention_mask=batch.attention_mask).logits
            seen = batch.attention_mask.bool()
            found = whole.lm_head(whole.model.norm(state))
            torch.testing.assert_close(found[seen], expected[seen])


@pytest.mark.parametrize("scorer", ["wanda", "gradient"])
def test_each_says_how_long_it_scored(said, scorer):
    mine = said(ours, "--scorer", scorer)
    assert mine["scoring_s"] > 0 and mine["selection_s"] > 0
    assert mine["masked"] > 0
    assert said(forward, "--scorer", scorer)["scoring_s"] > 0


def test_a_mask_that_is_cut_at_once_is_the_same(said, model, examples, tmp_path):
    mine = said(cut_at_once)
    scoring = ours.scoring_of(model, examples, torch.device("cpu"), tmp_path / "kept", "wanda")
    kept = score_round(scoring, 0, None, Progress()).cut(0.01, tmp_path / "mask")
    for site in scoring.sites.chosen:
        block = Masks(tmp_path / "masks" / f"{site.info.block:05d}")
        asked = site.name, site.entries
        assert block.get(*asked).tolist() == kept.get(*asked).tolist()
    assert mine["masked"] == masked_entries(kept, scoring.sites)


def test_the_bare_products_take_less_than_they_are_part_of(said):
    assert 0 < said(products)["scoring_s"] < said(published)["scoring_s"]


@pytest.mark.slow
def test_the_whole_command_masks_as_many_and_tells_its_phases(said):
    whole = said(fix)
    assert whole["masked"] == said(ours)["masked"]
    assert whole["phases_s"]["all"] >= whole["phases_s"]["wanda, statistics"] > 0
