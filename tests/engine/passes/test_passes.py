"""A pass shows, bit for bit, what hooks see in a plain forward and backward."""

from __future__ import annotations

import random
import shutil

import pytest
import torch

from modelrepair import ranks
from modelrepair.checkpoint.reader import Checkpoint
from modelrepair.engine import skeleton as skeletons
from modelrepair.engine.passes.capture import check_first_batch, inspect, model_inputs
from modelrepair.engine.passes.loss import answer_losses
from modelrepair.engine.passes.passes import Work, collect, follow
from modelrepair.engine.passes.statistics import SetBatches, SiteStatistics
from modelrepair.engine.sites import find_sites
from modelrepair.engine.weights import Weights
from modelrepair.examples.batches import canonical_batches
from modelrepair.plugin.accumulators import ExampleGradients, Gradients, InputNorms
from modelrepair.plugin.repairer import TokenizedExample
from modelrepair.plugin.scorer import SiteBatch
from modelrepair.progress import Progress
from tests.support import tiny
from tests.support.held_files import files_in_use_stay
from tests.support.hooked_run import plain_run, rows
from tests.support.opened_models import open_tiny

CPU = torch.device("cpu")


def examples(count: int, seed: int = 0) -> list[TokenizedExample]:
    generator = random.Random(seed)
    made = []
    for number in range(count):
        length = generator.randint(5, 24)
        ids = tuple(generator.randint(3, 96) for _ in range(length))
        made.append(TokenizedExample(ids, generator.randint(1, length - 2), f"{seed}-{number}", 0))
    return made


def batches(count: int, seed: int = 0, budget: int = 64):
    return tuple(canonical_batches(examples(count, seed), budget, 0))


@pytest.fixture
def opened(request, tmp_path):
    """A tiny model on disk, as a plain module and as a skeleton."""
    plain = tiny.save(request.param, tmp_path / "model")
    checkpoint = Checkpoint.open(tmp_path / "model")
    skeleton, shared = inspect(skeletons.build(tmp_path / "model", checkpoint, CPU))
    assert shared is None
    return plain, skeleton, Weights(checkpoint, CPU), checkpoint


@pytest.mark.quick(*tiny.QUICK)
@pytest.mark.parametrize("opened", list(tiny.DENSE), indirect=True)
def test_statistics_equal_a_plain_run_to_the_last_bit(opened, tmp_path):
    plain, skeleton, weights, checkpoint = opened
    sites = find_sites(skeleton, list(checkpoint.entries))
    assert sites.coverage == 1.0
    accumulators = (
        InputNorms(),
        InputNorms(tokens="answer", norm="mean"),
        Gradients(),
        ExampleGradients(),
    )
    group = SetBatches("realign", batches(9), accumulators)
    check_first_batch(skeleton, model_inputs(group.batches[0], CPU), weights.read)
    swept = {}
    collect(
        Work(skeleton, weights.read, [group], tmp_path / "work"),
        sites,
        lambda _, given: swept.update({site.name: each for site, each in given}),
        Progress(),
    )

    expected: dict = {}
    for batch in group.batches:
        seen, gradients = plain_run(plain, skeleton.prefix, sites.chosen, batch)
        kept = batch.attention_mask.bool()
        index = torch.arange(len(kept))[:, None].expand_as(kept)[kept]
        for site in sites.chosen:
            view = SiteBatch(
                rows(seen[site.name], kept),
                rows(gradients[site.name], kept),
                batch.answer_mask[kept],
                index,
                batch.keys,
            )
            for accumulator in accumulators:
                state = expected.setdefault(site.name, {}).setdefault(accumulator, {})
                for key, value in accumulator.contribution(site.info, view).items():
                    state[key] = state.get(key, 0) + value.double()
    for site in sites.chosen:
        for accumulator in accumulators:
            state = swept[site.name]["realign", accumulator]
            for key, value in expected[site.name][accumulator].items():
                assert torch.equal(state[key], value), (site.name, accumulator, key)


@pytest.mark.parametrize("opened", ["llama", "gemma2", "gpt_neox"], indirect=True)
def test_teacher_forced_scores_equal_the_model_s_own(opened, tmp_path):
    plain, skeleton, weights, _ = opened
    group = SetBatches("utility", batches(7, seed=3))
    results = follow(Work(skeleton, weights.read, [group], tmp_path / "work"), Progress())
    flat = iter(results)
    for batch in group.batches:
        with torch.no_grad():
            logits = plain(**model_inputs(batch, CPU)).logits
        losses = answer_losses(logits, batch.input_ids, batch.answer_mask)
        for row, key in enumerate(batch.keys):
            mask = batch.answer_mask[row, 1:]
            right = logits[row, :-1].argmax(-1)[mask] == batch.input_ids[row, 1:][mask]
            result = next(flat)
            assert (result.key, result.hits, result.counted) == (
                key,
                int(right.sum()),
                int(mask.sum()),
            )
            assert result.loss == losses[row].item()


def test_an_error_in_a_pass_leaves_no_file_mapped(tmp_path):
    """Whoever has the error can remove the folder, on Windows too."""
    one = open_tiny("llama", tmp_path / "model")
    group = SetBatches("realign", tuple(batches(3)), (Gradients(),))
    sites = find_sites(one.skeleton, list(one.checkpoint.entries))
    work = Work(one.skeleton, one.weights.read, [group], tmp_path / "work")
    work.folder.mkdir()

    def fail(*_):
        raise KeyboardInterrupt

    with files_in_use_stay(), pytest.raises(KeyboardInterrupt) as caught:
        collect(work, sites, fail, Progress())
    assert caught.value.__traceback__ is not None
    with files_in_use_stay():
        shutil.rmtree(work.folder)


DAMAGES = {
    "short": lambda path: path.write_bytes(path.read_bytes()[:-4]),
    "zeros": lambda path: path.write_bytes(bytes(path.stat().st_size)),
    "gone": lambda path: path.unlink(),
    "nothing": lambda path: None,
}
"""What a power cut may leave of a file that was not synced, while a synced one names it."""


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("kind", [InputNorms(), Gradients()])
def test_a_pass_whose_hidden_states_were_lost_begins_again(kind, damage, tmp_path):
    one = open_tiny("llama", tmp_path / "model")
    sites = find_sites(one.skeleton, list(one.checkpoint.entries))
    group = SetBatches("realign", batches(5), (kind,))

    def swept(name, stop=None):
        folder, found, blocks = tmp_path / name, {}, []
        folder.mkdir(exist_ok=True)

        def keep(block, given):
            if block == stop:
                raise KeyboardInterrupt
            blocks.append(block)
            found.update({site.name: each["realign", kind] for site, each in given})

        collect(Work(one.skeleton, one.weights.read, [group], folder), sites, keep, Progress())
        return found, blocks

    whole, walked = swept("whole")
    with pytest.raises(KeyboardInterrupt):
        swept("cut", stop=walked[-1])
    for path in (tmp_path / "cut").rglob("*.hidden"):
        DAMAGES[damage](path)
    again, blocks = swept("cut")
    assert blocks == (walked[-1:] if damage == "nothing" else walked)
    for name, state in again.items():
        for part, value in state.items():
            assert torch.equal(value, whole[name][part]), (name, part)


class Wire:
    """Ranks that run one after the other in this process; the first one last."""

    def __init__(self, monkeypatch) -> None:
        self.monkeypatch = monkeypatch
        self.sent: dict[int, list] = {}

    def as_rank(self, number: int, count: int) -> None:
        queue = self.sent.setdefault(number, [])
        self.monkeypatch.setattr(ranks, "_now", ranks._Ranks(number, count, 0))
        for name in ("send", "send_object"):
            self.monkeypatch.setattr(ranks, name, queue.append)
        self.monkeypatch.setattr(ranks, "gather", lambda own: [own])
        self.monkeypatch.setattr(ranks, "receive_object", lambda rank: self.sent[rank].pop(0))
        self.monkeypatch.setattr(
            ranks, "receive", lambda rank, shape, dtype, device: self.sent[rank].pop(0)
        )


@pytest.mark.quick("llama-3", "mixtral-2")
@pytest.mark.parametrize("count", [1, 2, 3, 9])
@pytest.mark.parametrize("opened", ["llama", "mixtral"], indirect=True)
def test_ranks_sum_to_the_bits_of_one(opened, count, tmp_path, monkeypatch):
    _, skeleton, weights, checkpoint = opened
    sites = find_sites(skeleton, list(checkpoint.entries))
    groups = [
        SetBatches("realign", batches(30, budget=40), (InputNorms(), Gradients())),
        SetBatches("utility", batches(3, 1, budget=40), (ExampleGradients(),)),
    ]
    assert len(groups[0].batches) > ranks.PARTS

    def swept(name: str) -> dict[str, SiteStatistics]:
        found: dict[str, SiteStatistics] = {}
        (tmp_path / name).mkdir()
        collect(
            Work(skeleton, weights.read, groups, tmp_path / name), sites, keep(found), Progress()
        )
        return found

    def keep(found):
        return lambda _, given: found.update({site.name: each for site, each in given})

    alone = swept("alone")
    wire = Wire(monkeypatch)
    for number in reversed(range(count)):
        wire.as_rank(number, count)
        found = swept(f"rank {number}")
        assert bool(found) == (number == 0)
    assert not any(wire.sent.values()) and found.keys() == alone.keys()
    for name, statistics in alone.items():
        assert statistics.routed == found[name].routed
        for key, state in statistics.states.items():
            for part, value in state.items():
                assert torch.equal(value, found[name].states[key][part]), (name, key, part)
