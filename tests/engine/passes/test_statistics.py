"""What the host adds up: padding gone, shared inputs reduced once, any batches, nothing silent."""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from modelrepair.engine.passes.hooks import Seen
from modelrepair.engine.passes.passes import Work, collect
from modelrepair.engine.passes.statistics import BlockSums, SetBatches
from modelrepair.engine.sites import find_sites
from modelrepair.errors import PluginError, UnsupportedModelError
from modelrepair.plugin.accumulators import ExampleGradients, Gradients, InputNorms
from modelrepair.progress import Progress
from modelrepair.ranks import PARTS
from tests.support.opened_models import alone, batches, open_tiny
from tests.support.opened_models import linear_site as site

ALL = (InputNorms(), InputNorms(tokens="answer", norm="mean"), Gradients(), ExampleGradients())


def shown(batch, seed: int = 0, padding: float = 0.0) -> Seen:
    """Whole numbers that depend on the token ids, so that they are the same in any batch."""
    generator = torch.Generator().manual_seed(seed)
    inputs = torch.randint(-4, 5, (97, 4), generator=generator).float()[batch.input_ids]
    gradients = torch.randint(-4, 5, (97, 3), generator=generator).float()[batch.input_ids]
    pads = ~batch.attention_mask.bool()
    inputs[pads], gradients[pads] = padding, padding
    return Seen(inputs, gradients)


def summed(groups, padding: float = 0.0):
    """The sums over some batches of one site, by accumulator and key."""
    sums = BlockSums((site(),))
    for batch in groups:
        group = SetBatches("realign", tuple(groups), ALL)
        sums.add(group, batch, {"proj": shown(batch, padding=padding)})
    statistics = sums.take(site(), {})
    return {
        (accumulator, key): value
        for accumulator in ALL
        for key, value in statistics["realign", accumulator].items()
    }


def test_padding_never_counts():
    whole = batches(9, budget=200)
    ragged = [batch for batch in whole if not batch.attention_mask.all()]
    assert ragged
    expected = summed([alone(batch, row) for batch in ragged for row in range(len(batch.keys))])
    for padding in (0.0, 7.0, 1e15, float("nan")):
        found = summed(ragged, padding)
        for key, value in found.items():
            assert torch.allclose(value, expected[key], rtol=1e-6), (key, padding)


def test_padding_would_count_if_it_were_left_in():
    """The law above can fail: the same batches, padding called tokens, give other sums."""
    ragged = next(batch for batch in batches(9, budget=200) if not batch.attention_mask.all())
    everything = type(ragged)(
        ragged.input_ids, torch.ones_like(ragged.attention_mask), ragged.answer_mask, ragged.keys
    )
    seen = shown(ragged, padding=7.0)
    group = SetBatches("realign", (ragged,), (InputNorms(),))
    found = []
    for batch in (ragged, everything):
        sums = BlockSums((site(),))
        sums.add(group, batch, {"proj": seen})
        found.append(sums.take(site(), {})["realign", InputNorms()]["sum"])
    assert (found[1] > found[0]).all()


def test_what_the_padding_token_embeds_does_not_matter(tmp_path):
    """A whole pass: another padding token, and one whose embedding is huge."""
    one = open_tiny("llama", tmp_path / "one")
    states = []
    for pad in (0, 1):
        if pad == 1:
            one.plain.model.embed_tokens.weight.data[1] = 1e4
            one.plain.save_pretrained(tmp_path / "one")
        group = SetBatches("realign", batches(6, budget=200, pad=pad), (InputNorms(), Gradients()))
        assert any(not batch.attention_mask.all() for batch in group.batches)
        folder = tmp_path / f"work {pad}"
        folder.mkdir()
        found = {}
        collect(
            Work(one.skeleton, one.weights.read, [group], folder),
            find_sites(one.skeleton, list(one.checkpoint.entries)),
            lambda _, given, found=found: found.update({site.name: s for site, s in given}),
            Progress(),
        )
        states.append(found)
    for name in states[0]:
        for accumulator in (InputNorms(), Gradients()):
            first, second = (s[name]["realign", accumulator]["sum"] for s in states)
            assert torch.equal(first, second), name


def test_a_ragged_batch_is_its_examples_in_a_real_model(tmp_path):
    one = open_tiny("llama", tmp_path / "one")
    whole = batches(6, budget=200)
    singles = tuple(alone(batch, row) for batch in whole for row in range(len(batch.keys)))
    sites = find_sites(one.skeleton, list(one.checkpoint.entries))
    states = []
    for number, some in enumerate((whole, singles)):
        found = {}
        folder = tmp_path / str(number)
        folder.mkdir()
        collect(
            Work(one.skeleton, one.weights.read, [SetBatches("realign", some, ALL)], folder),
            sites,
            lambda _, given, found=found: found.update({site.name: s for site, s in given}),
            Progress(),
        )
        states.append(found)
    for each in sites.chosen:
        for accumulator in ALL:
            first, second = (s[each.name]["realign", accumulator] for s in states)
            for key, value in first.items():
                assert torch.allclose(value, second[key], rtol=1e-3, atol=1e-5), each.name


@settings(max_examples=30)
@given(cut=st.integers(1, 6), seed=st.integers(0, 5))
def test_sums_of_two_halves_add_up_to_the_whole(cut, seed):
    whole = batches(12, seed, budget=40)
    cut = min(cut, len(whole) - 1)
    together, first, second = summed(whole), summed(whole[:cut]), summed(whole[cut:])
    for key, value in together.items():
        assert torch.allclose(first[key] + second[key], value, rtol=1e-12)
        assert value.dtype == torch.float64


@dataclass(frozen=True)
class Largest:
    """The largest input of each channel, and how often it was asked."""

    calls: list = None  # type: ignore[assignment]
    reads = "inputs"
    combine = "max"

    def __hash__(self):
        return 1

    def contribution(self, site, batch):
        self.calls.append(site.name)
        return {"max": batch.inputs.max(dim=0).values}

    def nbytes(self, site):
        return 8 * site.shape[1]


def test_maxima_are_maxima_and_a_shared_input_is_reduced_once():
    largest = Largest([])
    sites = (site("q"), site("k", 2), site("other"))
    sums = BlockSums(sites)
    some = batches(6, budget=60)
    expected = None
    for batch in some:
        seen = shown(batch)
        group = SetBatches("realign", some, (largest,))
        shared = {"q": seen, "k": Seen(seen.inputs), "other": Seen(seen.inputs + 1)}
        sums.add(group, batch, shared)
        here = seen.inputs[batch.attention_mask.bool()].max(dim=0).values
        expected = here if expected is None else torch.maximum(expected, here)
    assert largest.calls.count("q.weight") == largest.calls.count("other.weight") == len(some)
    assert "k.weight" not in largest.calls
    for each, added in zip(sites, (0, 0, 1), strict=True):
        assert torch.equal(
            sums.take(each, {})["realign", largest]["max"], (expected + added).double()
        )


def test_a_value_that_is_not_finite_names_accumulator_and_site():
    batch = batches(2)[0]
    seen = shown(batch)
    seen.inputs[:] = 1e30
    sums = BlockSums((site(),))
    sums.add(SetBatches("realign", (batch,), (InputNorms(),)), batch, {"proj": seen})
    with pytest.raises(PluginError, match=r"InputNorms .* not finite on proj\.weight"):
        sums.take(site(), {})


@dataclass(frozen=True)
class Bits:
    """Numbers of many sizes, whose sum depends on the order in which they are added."""

    reads = "inputs"
    combine = "sum"

    def contribution(self, site, batch):
        drawn = torch.Generator().manual_seed(sum(map(ord, batch.examples[0])))
        return {"sum": torch.randn(64, generator=drawn) * 10.0 ** torch.arange(-32, 32).float()}

    def nbytes(self, site):
        return 8 * 64


def in_tree(some) -> torch.Tensor:
    """As the rule says it: the runs one after the other, and in each its batches."""
    batch = SetBatches("realign", some)
    total = None
    for part in batch.parts:
        run = None
        for one in part:
            value = Bits().contribution(None, SimpleNamespace(examples=one.keys))["sum"].double()
            run = value if run is None else run + value
        total = run if total is None else total + run
    return total


@pytest.mark.parametrize("count", [1, 7, 8, 9, 40])
def test_runs_are_summed_apart_and_then_in_their_order(count):
    some = batches(4 * count, budget=40)[:count]
    group = SetBatches("realign", some, (Bits(),))
    assert [key for part in group.parts for one in part for key in one.keys] == [
        key for one in some for key in one.keys
    ]
    assert len(group.parts) == min(count, PARTS)
    assert max(map(len, group.parts)) - min(map(len, group.parts)) <= 1
    sums = BlockSums((site(),))
    for part in group.parts:
        added = BlockSums((site(),))
        for batch in part:
            added.add(group, batch, {"proj": shown(batch)})
        sums.merge(added)
        assert not added.states
    found = sums.take(site(), {})["realign", Bits()]["sum"]
    assert torch.equal(found, in_tree(some))


def test_a_site_that_sees_other_rows_than_the_batch_s_tokens_is_refused():
    batch = batches(2)[0]
    group = SetBatches("realign", (batch,), (InputNorms(),))
    with pytest.raises(UnsupportedModelError, match=r"proj\.weight sees 5 rows"):
        BlockSums((site(),)).add(group, batch, {"proj": Seen(torch.zeros(5, 4))})
    with pytest.raises(UnsupportedModelError, match=r"proj\.weight saw no token"):
        BlockSums((site(),)).add(group, batch, {})


def test_counts_leave_padding_out():
    some = batches(9, budget=200)
    group = SetBatches("realign", some)
    assert group.examples == 9
    assert group.tokens == sum(int(batch.attention_mask.sum()) for batch in some)
    assert group.tokens < sum(batch.input_ids.numel() for batch in some)
    assert not group.reads_gradients
