"""Every line that computes does so on the device that was named, and reads little back from it.

No GPU is needed: see `tests.support.labelled_device`.
"""

from __future__ import annotations

import inspect
import textwrap
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode

from modelrepair import load_manifest, repair
from modelrepair.demo import paths
from modelrepair.engine import skeleton
from modelrepair.engine.passes import capture, loss, passes, statistics
from modelrepair.engine.passes.hidden_states import HiddenStates
from modelrepair.engine.passes.passes import Work, collect, follow
from modelrepair.engine.passes.statistics import AccumulatorError, SetBatches, SiteStatistics
from modelrepair.engine.sites import find_sites
from modelrepair.engine.weights import Weights
from modelrepair.evaluation import generation, thinking
from modelrepair.evaluation.sources import LocalModel
from modelrepair.plugin.accumulators import ExampleGradients, Gradients, InputNorms
from modelrepair.plugin.registry import load_registry, make_scorer
from modelrepair.plugin.scorer import SiteView
from modelrepair.progress import Progress
from modelrepair.search.scoring import score_round
from tests.support import tiny
from tests.support.labelled_device import NAME, MixedDevicesError, labelled_device
from tests.support.opened_models import CPU, INFO, batches, open_tiny, opened
from tests.support.panels import ask, panel_of
from tests.support.repairing import SETS, small, tensors
from tests.support.scoring import scoring

THERE = torch.device(NAME)
ALL = (InputNorms(), InputNorms(tokens="answer", norm="mean"), Gradients(), ExampleGradients())
CUDA = torch.device("cuda", 0)


def swept(folder: Path, kind: str, device: torch.device) -> tuple[dict, list]:
    """The statistics of all sites on the host, and how the model follows every answer."""
    one = open_tiny(kind, folder / "model", device)
    sites = find_sites(one.skeleton, list(one.checkpoint.entries))
    group = SetBatches("realign", batches(9), ALL)
    states: dict[tuple[str, object, str], torch.Tensor] = {}

    def keep(_: int, found: Iterator[tuple[Any, SiteStatistics]]) -> None:
        for site, given in found:
            for accumulator in ALL:
                for key, value in given["realign", accumulator].items():
                    states[site.name, accumulator, key] = value.cpu()

    followed = []
    for name in ("collected", "followed"):
        work = Work(one.skeleton, one.weights.read, [group], folder / name)
        work.folder.mkdir()
        if name == "collected":
            collect(work, sites, keep, Progress())
        else:
            followed = follow(work, Progress())
    return states, followed


def cut(folder: Path, name: str, device: torch.device, **changes: Any) -> np.ndarray:
    """The entries that a built-in scorer chooses in one round, one after the other."""
    registered = load_registry().scorer(name)
    spec = registered.spec
    own = scoring(
        folder,
        make_scorer(registered, {}, changes.get("subject", "weight")),
        device=device,
        batches={
            each: batches(6, seed) for seed, each in enumerate(("realign", "refusal", "utility"))
        },
        signed=spec.signed,
        gradients=spec.gradients,
        iterative=spec.iterative,
        **{"protect": 0.1, **changes},
    )
    masks = score_round(own, 0, None, Progress()).cut(0.05, folder / "mask")
    score_round(own, 1, masks, Progress())  # under a mask
    chosen = [masks.get(each.name, each.entries) for each in own.sites.tensors]
    return np.concatenate([np.zeros(0, bool) if each is None else each for each in chosen])


TOKENS = 6


def answered(folder: Path, device: torch.device) -> list[str]:
    """Greedy answers of a tiny model, which may think first."""
    panel = panel_of("qwen3", ["why?", "how is it done?"], max_new_tokens=TOKENS)
    made = tiny.model("llama", vocab_size=len(panel.template.tokenizer))
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.mul_(3)  # so that choices differ
    one = opened(folder / "model", made, device)
    with one.skeleton.filled_model(one.weights.read) as model:
        found = LocalModel(model).answers(panel, [ask("why?"), ask("how is it done?")], Progress())
    return [each.text for each in found]


READS = {
    # What our own lines read, at most: once for …
    "weights._finite": "tensor",  # each tensor of the file, and each matrix, the first time
    "statistics.take": "sum",
    "declared._mark": "shown tensor",
    "calls.checked": "site",
    "accumulators._by_example": "site and batch",
    "loss.forced": "chunk",
    "thinking.__call__": "token",
    # … and what transformers reads inside of them: masks, routing, ends of answers.
    "capture.record": "batch",
    "capture.replay": "batch",
    "capture.run_block": "expert",
    "hooks.forward": "expert",
    "generation._batch": "token",
}


def within(reads: Counter[str], **most: int) -> None:
    """Fail where a value is read at a place that has no bound, or more often than it says."""
    for place, count in reads.items():
        bound = most.get(READS.get(place, "").replace(" ", "_"))
        assert bound is not None and count <= bound, (place, count, most)


@pytest.mark.quick("llama", "mixtral")
@pytest.mark.parametrize("kind", ["llama", "mixtral", "gpt2", "gpt_oss", "jamba"])
def test_passes(kind, tmp_path):
    here, followed = swept(tmp_path / "here", kind, CPU)
    with labelled_device() as device:
        there, as_well = swept(tmp_path / "there", kind, THERE)
    assert here.keys() == there.keys() and here
    for key, value in here.items():
        assert torch.allclose(value, there[key], rtol=1e-3, atol=1e-5), key
    assert [each.hits for each in followed] == [each.hits for each in as_well]
    several, passed = len(batches(9)), 4  # forward, in reverse, again for the figures, and the head
    within(
        device.reads,
        tensor=4 * len(tiny.model(kind).state_dict()),
        sum=len(here),
        batch=6 * several * passed,
        chunk=3 * several,
        site_and_batch=2 * several * len({name for name, *_ in here}),
        expert=12 * 3 * 4 * several * passed,  # a few in each of 4 experts of 3 blocks
    )


@pytest.mark.quick("wanda-True", "contrast-False")
@pytest.mark.parametrize("float64", [True, False])
@pytest.mark.parametrize("name", ["wanda", "magnitude", "gradient", "contrast"])
def test_scores_and_selection(name, float64, tmp_path):
    here = cut(tmp_path / "here", name, CPU)
    with labelled_device(float64=float64) as device:
        there = cut(tmp_path / "there", name, THERE)
    assert here.any() and np.count_nonzero(here != there) <= 1e-3 * np.count_nonzero(here)
    sites, rounds, several = 21, 2, 3 * len(batches(6))
    within(
        device.reads,
        tensor=2 * 30,
        sum=sites * 4 * rounds,
        batch=6 * several * rounds,
        site=sites * rounds,
        site_and_batch=2 * sites * several * rounds,
        shown_tensor=2 * 6 * sites * rounds,  # before and after
    )


def test_answers(tmp_path):
    here = answered(tmp_path / "here", CPU)
    with labelled_device() as device:
        there = answered(tmp_path / "there", THERE)
    assert here == there
    within(device.reads, tensor=30, token=2 * TOKENS + 20)


@pytest.mark.slow
def test_a_whole_repair(tmp_path):
    """Sets, measures, search, answers, judge, gate and report."""
    few = {role: small(path, tmp_path / path.name, 16) for role, path in SETS.items()}
    options = {**few, "reference": "none", "judge": "demo-world", "max_new_tokens": 8}
    options |= {"kind_examples": 0, "scorer": "contrast", "max_rounds": 2, "max_candidates": 1}
    verdicts = [repair(paths.attacked, out=tmp_path / "here", device="cpu", **options).verdict]
    with labelled_device():
        report = repair(paths.attacked, out=tmp_path / "there", device=NAME, **options)
    assert [*verdicts, load_manifest(report.out).verdict] == 2 * verdicts


@pytest.mark.quick("tune")
@pytest.mark.parametrize("repairer", ["back", "tune"])
@pytest.mark.usefixtures("own_repairers")
def test_repairers(repairer, edit):
    options = {"repairer": repairer, "strength": 1, "examples": 4}
    here = tensors(edit("here", device="cpu", **options).out)
    with labelled_device():
        there = tensors(edit("there", device=NAME, **options).out)
    for name, value in here.items():
        assert torch.allclose(value.float(), there[name].float(), atol=1e-5), name


@pytest.mark.parametrize("name", ["wanda", "magnitude", "gradient", "contrast"])
def test_scorers_on_a_fake_gpu_of_torch(name):
    """Torch's own rules for devices; of a GPU that is not there, it can't show more than this."""
    scorer = make_scorer(load_registry().scorer(name), {}, "weight")
    with FakeTensorMode():
        weight = torch.zeros(INFO.shape, device=CUDA)
        states = {}
        for each, needed in scorer.needs.items():
            for accumulator in needed:
                shape = INFO.shape if accumulator.reads == "gradients" else INFO.shape[1:]
                total = torch.zeros(shape, dtype=torch.float64, device=CUDA)
                states[each, accumulator] = {"sum": total, "absolute": total}
        given = SiteStatistics(
            states, {each: SetBatches(each, batches(2)) for each in scorer.needs}
        )
        view = SiteView(INFO, weight, weight, None, "weight")
        assert scorer.score(view, given).device == CUDA
        if states:
            elsewhere = replace(view, subject=torch.zeros(INFO.shape))
            with pytest.raises(RuntimeError, match=r"devices|device"):
                scorer.score(elsewhere, given)


SWEPT = partial(swept, kind="llama")
ROUTED = partial(swept, kind="mixtral")
OF_DELTA = partial(cut, name="wanda", reference=True)
FLAT = statistics._FlatBatch.of.__func__
PLACES = {
    "prompts": (capture.model_inputs, "batch.input_ids.to(device)", "batch.input_ids", SWEPT),
    "hidden states": (HiddenStates.read, ".to(device, dtype)", ".to(dtype)", SWEPT),
    "answers' tokens": (passes._logits, "[part].to(device)", "[part]", SWEPT),
    "sums of losses": (loss._sums, ", device=values.device", "", SWEPT),
    "tokens kept": (FLAT, "reshape(-1).to(device)", "reshape(-1)", SWEPT),
    "tokens of answers": (FLAT, "[mask].to(device)", "[mask]", SWEPT),
    "owners of tokens": (FLAT, "index.to(device)", "index", SWEPT),
    "places of an expert": (
        statistics._FlatBatch.view,
        "-1, device=self.kept.device",
        "-1",
        ROUTED,
    ),
    "weights": (skeleton._moved, '.to(device, non_blocking=device.type == "cuda")', "", SWEPT),
    "a matrix": (Weights.matrix, ".to(exact(self._device))", "", OF_DELTA),
    "the reference's matrix": (Weights.reference, ".to(exact(self._device))", "", OF_DELTA),
    "masks of prompts": (generation._batch, "mask.to(model.device)", "mask", answered),
    "ends of thoughts": (thinking.Watch.__call__, ", device=ids.device", "", answered),
}
"""Where tensors get to the device: the function, what takes them there, and what runs it."""


@pytest.mark.quick("prompts", "hidden states", "owners of tokens", "a matrix", "masks of prompts")
@pytest.mark.parametrize("place", PLACES)
def test_one_place_left_out_is_noticed(place, monkeypatch, tmp_path):
    function, text, left, run = PLACES[place]
    source = textwrap.dedent(inspect.getsource(function))
    assert source.count(text) == 1
    made: dict[str, Any] = {}
    exec(f"from __future__ import annotations\n{source.replace(text, left)}", made)
    other = made[function.__name__]
    monkeypatch.setattr(function, "__code__", getattr(other, "__func__", other).__code__)
    mixed = pytest.raises((MixedDevicesError, AccumulatorError), match="and of the processor")
    with labelled_device(), mixed:
        run(tmp_path, device=THERE)
