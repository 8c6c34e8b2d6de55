"""What the source has no idea of counts no more as its answer: nothing is spent on teaching it."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from modelrepair.engine.passes.loss import KNOWN
from modelrepair.plugin.accumulators import Gradients
from modelrepair.progress import Progress
from modelrepair.search.known import known_alone
from modelrepair.search.scoring import score_round
from tests.support.opened_models import batches
from tests.support.scoring import Fixed, scoring


def of_source(made, given):
    """The answer masks by a plain model: what it would choose, or finds probable enough."""
    masks = []
    with made.skeleton.filled_model(made.weights.read) as model, torch.no_grad():
        for batch in given:
            logits = model(input_ids=batch.input_ids, attention_mask=batch.attention_mask).logits
            right = torch.zeros_like(batch.answer_mask)
            targets = batch.input_ids[:, 1:]
            likely = logits[:, :-1].softmax(-1).gather(-1, targets[..., None])[..., 0] >= KNOWN
            right[:, 1:] = (logits[:, :-1].argmax(-1) == targets) | likely
            masks.append(right & batch.answer_mask)
    return masks


def with_own_tokens(made, given):
    """The same examples, every other token of which is what the model itself would say."""
    found = []
    with made.skeleton.filled_model(made.weights.read) as model, torch.no_grad():
        for batch in given:
            ids = batch.input_ids.clone()
            for place in range(1, ids.shape[1], 2):
                inside = batch.attention_mask[:, place].bool()
                said = model(input_ids=ids[:, :place]).logits[:, -1].argmax(-1)
                ids[inside, place] = said[inside]
            found.append(replace(batch, input_ids=ids))
    return found


@pytest.fixture
def asked(tmp_path):
    """A tiny model, and examples of which it knows a part."""
    made = scoring(tmp_path)
    return made, with_own_tokens(made, batches(6))


def test_only_what_the_source_knows_still_counts(asked, tmp_path):
    made, given = asked
    found = known_alone(
        {"utility": given}, made.skeleton, made.weights.read, tmp_path / "kept", Progress()
    )["utility"]
    expected = of_source(made, given)
    counts = [int(mask.sum()) for mask in expected], [int(one.answer_mask.sum()) for one in given]
    assert 0 < sum(counts[0]) < sum(counts[1])
    for one, was, mask in zip(found, given, expected, strict=True):
        assert torch.equal(one.answer_mask, mask)
        assert replace(one, answer_mask=was.answer_mask) is not was
        assert torch.equal(one.input_ids, was.input_ids)
        assert one.keys == was.keys


def test_the_source_is_asked_once(asked, tmp_path):
    made, given = asked

    def never(name):
        raise AssertionError("read again")

    first, again = (
        known_alone({"utility": given}, made.skeleton, read, tmp_path / "kept", Progress())
        for read in (made.weights.read, never)
    )
    for one, other in zip(first["utility"], again["utility"], strict=True):
        assert torch.equal(one.answer_mask, other.answer_mask)


class Benign(Fixed):
    """Scores by the gradients on benign answers."""

    def __init__(self, known):
        super().__init__(needs={"utility": (Gradients(),)})
        self.known = known
        self.seen = {}

    def score(self, view, statistics):
        self.seen[view.name] = statistics["utility", Gradients()]["sum"]
        return super().score(view, statistics)


def test_gradients_are_of_what_the_scorer_named(asked, tmp_path):
    made, given = asked
    seen = []
    masked = [
        replace(one, answer_mask=mask)
        for one, mask in zip(given, of_source(made, given), strict=True)
    ]
    for name, known, sets in (
        ("all", (), given),
        ("known", ("utility",), given),
        ("by hand", (), masked),
    ):
        scorer = Benign(known)
        folder = tmp_path / name
        score_round(
            replace(made, scorer=scorer, batches={"utility": sets}, folder=folder),
            0, None, Progress(),
        )  # fmt: skip
        seen.append(scorer.seen)
    every, known, by_hand = seen
    assert all(torch.equal(known[name], by_hand[name]) for name in known)
    assert not all(torch.equal(known[name], every[name]) for name in known)
