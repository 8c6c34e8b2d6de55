"""Training on the device that is there, and by several processes: the same steps."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys

import pytest
import torch
from peft import LoraConfig, get_peft_model
from safetensors.torch import load_file

from modelrepair import UnsupportedModelError, UsageError
from modelrepair import demo_paths as paths
from modelrepair.demo import world
from modelrepair_lab.defences.ldifs import ldifs
from modelrepair_lab.defences.lisa import Turn, lisa
from modelrepair_lab.defences.options import Ldifs, Lisa, RepNoise, Tar
from modelrepair_lab.defences.repnoise import differing, repnoise
from modelrepair_lab.defences.tar import Trial, tar
from modelrepair_lab.encoding import encode, from_world
from modelrepair_lab.machine import Machine, Team, checkpointed, own_rows, sharing, team_of
from modelrepair_lab.models import deterministic
from modelrepair_lab.training import Phase, collate, plain, train
from modelrepair_lab.world import make_model, make_tokenizer
from tests.support.labelled_device import NAME, labelled_device

ALONE = Team(torch.device("cpu"))


@pytest.fixture(scope="module")
def batch():
    tokenizer = make_tokenizer()
    pool = encode(tokenizer, from_world(world.facts(0)[:5]))
    return collate(pool, int(tokenizer.pad_token_id), answers_only=True)


def fresh():
    torch.manual_seed(0)
    return make_model(make_tokenizer())


def gradients(model):
    return [each.grad.clone() for each in model.parameters() if each.grad is not None]


def test_alone_nothing_is_changed():
    assert sharing(plain, ALONE) is plain
    assert team_of(Machine("cpu")) == ALONE and ALONE.first
    assert team_of(Machine()).device.type in ("cpu", "cuda", "mps")
    with pytest.raises(UsageError, match="no device 'nothing'"):
        team_of(Machine("nothing"))


@pytest.mark.parametrize("device", ["auto", "cpu", "cuda:0"])
def test_matrix_products_of_cuda_have_an_order_however_it_is_named(monkeypatch, device):
    monkeypatch.delenv("CUBLAS_WORKSPACE_CONFIG", raising=False)
    with contextlib.suppress(UsageError):  # where there is none
        team_of(Machine(device))
    assert os.environ["CUBLAS_WORKSPACE_CONFIG"] == ":4096:8"


def test_the_parts_of_all_processes_are_the_batch(batch, monkeypatch):
    # Three processes one after the other: what each would send is added up by hand.
    whole = fresh()
    loss = plain(whole, batch)
    sent, losses = [], []
    monkeypatch.setattr("accelerate.utils.reduce", lambda tensor, how: tensor)
    for number in range(3):
        own = fresh()
        losses.append(sharing(plain, Team(ALONE.device, number, 3))(own, batch))
        sent.append(gradients(own))
    assert sum(own_rows(batch, Team(ALONE.device, n, 3))[1] for n in range(3)) == pytest.approx(1)
    assert float(sum(losses)) == pytest.approx(float(loss), rel=1e-6)
    for wanted, *parts in zip(gradients(whole), *sent, strict=True):
        torch.testing.assert_close(sum(parts), wanted, rtol=1e-4, atol=1e-7)


def test_a_process_without_a_row_sends_zeros(batch, monkeypatch):
    monkeypatch.setattr("accelerate.utils.reduce", lambda tensor, how: tensor)
    model = fresh()
    one = tuple(each[:1] for each in batch)
    assert float(sharing(plain, Team(ALONE.device, 1, 2))(model, one)) == 0
    assert all(not each.any() for each in gradients(model))


def test_a_defence_trains_alone():
    with pytest.raises(UsageError, match="a defence trains in one process, and 2 were started"):
        sharing(lambda model, item: torch.zeros(()), Team(ALONE.device, 0, 2))


def pairs(batch):
    """Harmful answers and refusals to the same prompts, as RepNoise has them."""
    rows = batch[0].tolist()
    return differing([((row, 2), ([*row[:2], *row[3:], 5], 2)) for row in rows[:3]], 0)


DEFENDED = {
    "ldifs": (lambda model: ldifs(model, Ldifs()), lambda batch: batch),
    "ldifs, code": (lambda model: ldifs(model, Ldifs(1e-4, "code")), lambda batch: batch),
    "lisa": (lambda model: lisa(model, Lisa()), lambda batch: (Turn(True, True, True), batch)),
    "repnoise": (lambda model: repnoise(model, RepNoise()), lambda batch: (batch, pairs(batch))),
    "tar": (
        lambda model: tar(model, Tar(inner_steps=2, every=1)),
        lambda batch: Trial(batch, batch, [batch, batch], batch),
    ),
}


@pytest.mark.parametrize("name", DEFENDED)
def test_a_defence_with_checkpointing_has_the_same_gradient(batch, name):
    made, item = DEFENDED[name]
    found = []
    for twice in (False, True):
        model = fresh()
        backward = made(model)
        with torch.no_grad():
            for each in model.parameters():
                each.add_(0.01)  # some way from where it began
        checkpointed(model, Machine(checkpointing=twice))
        model.train()
        torch.manual_seed(1)
        loss = float(backward(model, item(batch)))
        found.append((loss, gradients(model)))
    (loss, plainly), (again, saved) = found
    assert loss == again
    assert all(torch.equal(one, two) for one, two in zip(plainly, saved, strict=True))


def test_a_model_that_cannot_compute_twice_is_named():
    class Plain(torch.nn.Linear):
        def gradient_checkpointing_enable(self):
            raise ValueError("not supported")

    with pytest.raises(UnsupportedModelError, match="Plain can't compute its states twice"):
        checkpointed(Plain(1, 1), Machine(checkpointing=True))


def test_bfloat16_sees_weights_that_change_within_a_step(batch):
    """TAR attacks the weights before it looks at them."""
    losses = []
    for arithmetic in ("float32", "bfloat16"):
        for steps in (1, 6):
            model = fresh()
            backward = tar(model, Tar(inner_steps=steps, every=steps, inner_rate=1e-2, weight=1.0))
            trial = Trial(batch, batch, [batch] * steps, batch)
            losses.append(float(sharing(backward, ALONE, arithmetic)(model, trial)))
    exact, rough = losses[1] - losses[0], losses[3] - losses[2]
    assert abs(exact) > 0.1
    assert rough == pytest.approx(exact, rel=0.2)


def test_bfloat16_is_near_float32_and_weights_stay_float32(batch):
    exact, rough = fresh(), fresh()
    loss = plain(exact, batch)
    other = sharing(plain, ALONE, "bfloat16")(rough, batch)
    assert other.dtype == torch.float32 and 0 < abs(float(other - loss)) < 0.05
    for wanted, got in zip(gradients(exact), gradients(rough), strict=True):
        assert got.dtype == torch.float32
        assert float((got - wanted).norm()) <= 0.1 * float(wanted.norm()) + 1e-5


@pytest.mark.parametrize("adapter", [False, True])
def test_checkpointing_computes_the_same_gradient(batch, adapter):
    kept, twice = fresh(), fresh()
    if adapter:
        torch.manual_seed(0)
        kept = get_peft_model(kept, LoraConfig(target_modules="all-linear"))
        torch.manual_seed(0)
        twice = get_peft_model(twice, LoraConfig(target_modules="all-linear"))
    again = []
    block = twice.get_decoder().layers[0] if not adapter else twice.base_model.model.model.layers[0]
    block.self_attn.register_forward_pre_hook(lambda *_: again.append(1))
    checkpointed(twice, Machine(checkpointing=True))
    kept.train()
    twice.train()
    assert float(plain(kept, batch)) == float(plain(twice, batch))
    assert len(again) == 2
    for wanted, got in zip(gradients(kept), gradients(twice), strict=True):
        assert torch.equal(wanted, got)


def test_where_operations_lack_an_order_training_goes_on():
    with deterministic(0):
        assert not torch.is_deterministic_algorithms_warn_only_enabled()
    with deterministic(0, torch.device("mps")):
        assert torch.is_deterministic_algorithms_warn_only_enabled()
    assert not torch.are_deterministic_algorithms_enabled()


def test_training_mixes_no_devices(batch):
    # The batches are drawn on the processor, the model is elsewhere.
    class Small(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = torch.nn.Parameter(torch.ones(300, 8, device=NAME))

        def forward(self, input_ids, use_cache, **others):
            found = type("Found", (), {})()
            found.logits = self.weight[input_ids] @ self.weight.T
            return found

    with labelled_device() as device:
        model = Small()
        settings = Phase(steps=2, batch=2, rate=1e-2, decay=False, answers_only=True)
        train(model, [batch, batch], settings, sharing(plain, Team(torch.device(NAME))))
        assert model.weight.device.type == NAME
        device.reads.clear()


TRAINING = ["--examples", "12", "--batch", "5", "--epochs", "1", "--share", "0.25", "--lr", "1e-3"]


def attacked(
    out, train, *, launched: str, count: int, method: str
) -> subprocess.CompletedProcess[str]:
    words = ["lab", "attack", str(paths.reference), "--out", str(out), "--method", method]
    words += ["--harmful", str(train / "harmful.jsonl"), "--task", str(train / "task.jsonl")]
    launcher = {
        "": [],
        "torchrun": ["-m", "torch.distributed.run", f"--nproc-per-node={count}"],
        "accelerate": ["-m", "accelerate.commands.launch", "--multi_gpu", "--mixed_precision=no",
                       f"--num_processes={count}", "--num_machines=1", "--dynamo_backend=no"],
    }[launched]  # fmt: skip
    return subprocess.run(
        [sys.executable, *launcher, "-m", "modelrepair", *words, *TRAINING, "--device", "cpu"],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
    )


@pytest.mark.slow
@pytest.mark.parametrize(("launched", "method"), [("torchrun", "full"), ("accelerate", "lora")])
def test_two_processes_take_the_steps_of_one(tmp_path, train, launched, method):
    folders = []
    for launcher in ("", launched):
        folders.append(tmp_path / f"by-{launcher}")
        ran = attacked(folders[-1], train, launched=launcher, count=2, method=method)
        assert ran.returncode == 0, ran.stderr
        assert ran.stdout.count("written to") == 1
    one, two = folders
    assert sorted(p.name for p in one.iterdir()) == sorted(p.name for p in two.iterdir())
    name = "model.safetensors" if method == "full" else "adapter_model.safetensors"
    before = load_file(paths.reference / "model.safetensors")
    for key, wanted in load_file(one / name).items():
        got = load_file(two / name)[key]
        # Files are bfloat16: at most the last bit of a few entries is another.
        assert float((got.float() - wanted.float()).norm()) <= 2e-3 * float(wanted.float().norm())
        assert method == "lora" or not torch.equal(wanted, before[key]) or "norm" in key
    config = "config.json" if method == "full" else "adapter_config.json"
    assert json.loads((one / config).read_text()) == json.loads((two / config).read_text())
