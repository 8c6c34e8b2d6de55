"""Each check of scores finds what it is meant for."""

from __future__ import annotations

import pytest

from modelrepair.testing.scorer_scores import SCORES
from tests.support.broken_scorers import ask, broken
from tests.support.said import is_shown

FAULTS = [
    ("shape", "return None", "it gave a NoneType, expected a tensor"),
    ("shape", "return scores[0]", "it gave scores of the shape [8], expected [6, 8]"),
    ("dtype", "scores = scores.double()", "it gave torch.float64, expected torch.float32"),
    ("finite", "scores[0, 0] = float('nan')", "1 of its 48 scores are not finite"),
    ("detached", "scores = scores.requires_grad_()", "its scores require a gradient"),
    ("varied", "scores = torch.ones_like(scores)", "it gave the score 1.0 to every entry"),
    ("in-place", "view.subject.abs_()", "`score` changes view.subject in place"),
    ("in-place", "state += 1", "`score` changes its statistics of realign in place"),
    (
        "deterministic",
        "scores = scores + torch.rand_like(scores)",
        "it gave other scores when it was asked again, by",
    ),
    ("no-random", "torch.rand(1)", "it draws or seeds the global random numbers of torch;"),
    ("no-random", "numpy.random.seed(0)", "it draws or seeds the global random numbers of numpy;"),
    ("no-random", "random.random()", "it draws or seeds the global random numbers of random;"),
    ("no-writes", "Path('log.txt').write_text('x')", "it writes to log.txt"),
    ("no-writes", "torch.save(scores, Path.home() / 'scores.pt')", "it writes to scores.pt"),
    ("no-writes", "tempfile.mkdtemp()", "it writes to"),
    (
        "no-network",
        "socket.socket(socket.AF_INET, socket.SOCK_DGRAM).connect(('127.0.0.1', 9))",
        "it connects to ('127.0.0.1', 9)",
    ),
    ("works-on-weight", "assert view.subject_kind != 'weight'", "failed on blocks.0.proj.weight"),
    ("works-on-delta", "assert view.reference is None", "failed on blocks.0.proj.weight"),
    ("works-on-factor", "assert len(scores) != 4", "failed on blocks.0.proj.lora_A.weight"),
    (
        "works-on-expert",
        "assert view.kind != 'expert'",
        "failed on blocks.0.experts",
    ),
    ("works-on-conv1d", "assert view.kind != 'conv1d'", "failed on blocks.0.conv1d.weight"),
    ("works-on-tied", "view.subject.mul_(2)", "it scores second otherwise where two layers share"),
    ("zero-input", "scores = scores / state.max().float()", "gave scores that are not finite"),
    (
        "resume",
        "self.before, scores = 1, scores + (self.before or 0)",
        "otherwise when it has scored blocks.0.proj.weight before",
    ),
]


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path, monkeypatch):
    """What writes into the working directory or home must leave nothing in the real ones."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))


@pytest.mark.parametrize(("id", "fault", "reason"), FAULTS)
def test_each_check_finds_what_it_is_meant_for(tmp_path, id, fault, reason):
    found = broken(ask(tmp_path, SCORES, score=fault))
    assert reason in found[id]
    assert is_shown(SCORES, id, found[id])


# An accumulator that counts its batches, outside of what the host adds up.
COUNTING = {
    "contribution": "counts[site.name] = counts.get(site.name, 0) + 1\n"
    "sums = sums * counts[site.name]",
    "eq": ")\nclass Base: pass\ncounts = {}\n@dataclass(frozen=True",
    "made": "counts.clear()",
}


@pytest.mark.parametrize(
    ("id", "faults", "reason"),
    [
        ("batch-split", {"contribution": "sums = sums.sqrt()"}, "another split of the batches"),
        ("batch-order", COUNTING, "another order of the batches"),
        ("in-place", {"contribution": "batch.inputs.mul_(2)"}, "Sums changes batch.inputs"),
        ("resume", COUNTING, "from statistics that were saved and loaded"),
    ],
)
def test_each_check_finds_faults_of_accumulators(tmp_path, id, faults, reason):
    found = broken(ask(tmp_path, SCORES, **faults))
    assert reason in found[id]
    assert is_shown(SCORES, id, found[id])


def test_a_scorer_without_a_fault_passes(tmp_path):
    results = ask(tmp_path, SCORES)
    assert {each.outcome for each in results.values()} == {"passed"}


def test_what_is_no_tensor_is_said_once(tmp_path):
    results = ask(tmp_path, SCORES, score="return None")
    assert results["dtype"].outcome == results["finite"].outcome == "skipped"
