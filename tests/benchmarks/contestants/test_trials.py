"""The rival by trials: its knobs, its directions and its search."""

import pytest
import torch

from benchmarks.contestants import trials
from benchmarks.contestants.trials import Trial, Tuned
from modelrepair import demo_paths

KINDS = ("self_attn.o_proj", "mlp.down_proj")


def trial(strongest, reach=2.0, place=1.0, source=1):
    return Trial(source, *(dict.fromkeys(KINDS, value) for value in (strongest, place, reach)))


@pytest.fixture(scope="module")
def tuned():
    harmful, benign = (trials._prompts(name)[:4] for name in ("realign", "utility"))
    with torch.no_grad():
        yield Tuned(demo_paths.attacked, harmful, benign, "cpu")


def test_the_strength_falls_on_both_sides_of_its_place():
    one = trial(1.2)
    assert [one.strength(KINDS[0], index) for index in range(5)] == [0.6, 1.2, 0.6, 0, 0]


def test_a_direction_is_taken_out_and_nothing_stays_of_a_trial(tuned):
    weight = tuned.matrices[1][KINDS[1]]
    before = weight.detach().clone()
    tuned.apply(trial(1.0))
    assert torch.allclose(tuned.directions[1] @ weight, torch.zeros(weight.shape[1]), atol=1e-5)
    assert not torch.equal(weight, before)
    tuned.apply(trial(0.0))
    assert torch.equal(weight, before)


def test_the_search_gives_one_of_its_trials(tuned):
    prompts = trials._prompts("realign")[:2]
    best = trials.search(tuned, prompts, prompts, 2)
    assert 0 <= best.source < len(tuned.matrices) and set(best.strongest) == set(KINDS)
    assert trials.share(tuned, prompts, "harmful", "harmful") in (0.0, 0.5, 1.0)
