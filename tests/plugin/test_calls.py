"""The matrix that a plug-in gives back, checked before anything is done with it."""

from __future__ import annotations

import pytest

from modelrepair.errors import PluginError
from modelrepair.progress import Progress
from modelrepair.search.scoring import score_round
from tests.support.scoring import Fixed, noise, scoring


def nothing(view):
    raise ZeroDivisionError("division by zero")


def with_nan(view):
    scores = noise(view.name, view.subject.shape)
    scores[0, 0] = float("nan")
    return scores


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        (lambda view: view.subject[:1], r"gave shape \[1, 32\], expected \[32, 32\]"),
        (lambda view: view.subject.double(), "gave torch.float64, expected torch.float32"),
        (lambda view: view.subject.tolist(), "gave list, expected a tensor"),
        (with_nan, "gave scores that are not finite"),
        (lambda view: view.subject / 0, "gave scores that are not finite"),
        (nothing, "failed on .*: ZeroDivisionError: division by zero"),
    ],
)
def test_a_plug_in_s_fault_names_it_and_the_site(tmp_path, rule, message):
    made = scoring(tmp_path, Fixed(rule))
    with pytest.raises(PluginError, match=message) as caught:
        score_round(made, 0, None, Progress())
    assert str(caught.value).startswith("scorer 'mine' of their-package 1.2 ")
    assert "model.layers.0." in str(caught.value)
    assert caught.value.exit_code == 5
