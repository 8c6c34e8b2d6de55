"""The published formulas, entry by entry against plain Python."""

from __future__ import annotations

import math

import torch

from modelrepair.plugin.formulas import gradient_score, mean_norm, root_mean_square, wanda_score

SUBJECT = torch.tensor([[1.0, -2.0, 0.0], [-0.5, 4.0, 3.0]])


def test_wanda_weighs_each_entry_by_its_input_channel():
    norms = [3.0, 1.0, 2.0]
    expected = [[abs(q) * n for q, n in zip(row, norms, strict=True)] for row in SUBJECT.tolist()]
    assert wanda_score(SUBJECT, torch.tensor(norms)).tolist() == expected


def test_the_change_of_the_loss_has_no_sign():
    gradient = torch.tensor([[-1.0, 0.5, 2.0], [2.0, -0.25, 0.0]])
    expected = [
        [abs(q * g) for q, g in zip(*rows, strict=True)]
        for rows in zip(SUBJECT.tolist(), gradient.tolist(), strict=True)
    ]
    assert gradient_score(SUBJECT, gradient).tolist() == expected


def test_both_norms_are_means_over_examples():
    squares = torch.tensor([4.0, 9.0, 16.0])
    assert root_mean_square(squares, 4).tolist() == [math.sqrt(x / 4) for x in (4, 9, 16)]
    assert mean_norm(squares.sqrt(), 4).tolist() == [0.5, 0.75, 1.0]
