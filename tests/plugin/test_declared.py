"""A plug-in reads what it declared, and leaves what it is shown as it was."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
import torch

from modelrepair.engine.passes.statistics import AccumulatorError, BlockSums, SetBatches
from modelrepair.engine.passes.statistics import SiteStatistics as Statistics
from modelrepair.errors import ChangedInputsError, UndeclaredReadError
from modelrepair.plugin import declared
from modelrepair.plugin.accumulators import InputNorms
from modelrepair.plugin.declared import InputsBatch, unchanged
from modelrepair.plugin.scorer import SiteBatch


def batch():
    return SiteBatch(
        torch.ones(3, 4), torch.ones(3, 2), torch.ones(3).bool(), torch.zeros(3).long(), ("a",)
    )


def test_an_accumulator_of_inputs_can_not_read_gradients():
    shown = InputsBatch.of(batch())
    assert shown.inputs.shape == (3, 4) and shown.examples == ("a",)
    for read in (
        lambda: shown.output_gradients,
        lambda: getattr(shown, "output_gradients", None),
        lambda: hasattr(shown, "output_gradients"),
    ):
        with pytest.raises(UndeclaredReadError, match=r"reads batch\.output_gradients, which it"):
            read()


@pytest.mark.parametrize("values", [True, False])
def test_what_is_left_alone_is_no_error(values):
    shown = {"a": torch.ones(2, 3).T, "b": None, "c": torch.zeros(0), "d": torch.ones(2).double()}
    with unchanged(shown, values=values):
        shown["a"].sum()


def by_method(tensor):
    tensor.mul_(2)


def by_data(tensor):
    tensor.data[0] = 5


def by_numpy(tensor):
    tensor.numpy()[0] = 5


DTYPES = (torch.float32, torch.float64, torch.bfloat16, torch.int64)
CHANGES = [
    (change, dtype)
    for change in (by_method, by_data, by_numpy)
    for dtype in DTYPES
    if (change, dtype) != (by_numpy, torch.bfloat16)  # NumPy has none
]


@pytest.mark.parametrize(("change", "dtype"), CHANGES)
def test_what_is_changed_in_place_is_named(change, dtype):
    tensor = torch.ones(2, 3, dtype=dtype)
    with (
        pytest.raises(ChangedInputsError, match=r"changes view\.weight in place") as error,
        unchanged({"view.subject": torch.ones(2), "view.weight": tensor}, values=True),
    ):
        change(tensor)
    assert error.value.hint == "work on a copy: `view.weight.clone()`"


def test_statistics_that_were_not_declared_are_named():
    declared, other = InputNorms(), InputNorms(norm="mean")
    group = SetBatches("utility", ())
    states = {(name, each): {"sum": torch.ones(4)} for name in ("realign", "utility")
              for each in (declared, other)}  # fmt: skip
    given = Statistics(states, {"realign": group, "utility": group}).of({"realign": (declared,)})
    assert given["realign", declared]["sum"].sum() == 4
    assert given.examples("realign") == 0
    assert list(given.shown()) == ['statistics["realign", InputNorms]["sum"]']
    for read in (
        lambda: given["realign", other],
        lambda: given["utility", declared],
        lambda: given.tokens("utility"),
    ):
        with pytest.raises(UndeclaredReadError, match="which it did not declare"):
            read()


@dataclass(frozen=True)
class Wrong:
    """An accumulator of inputs that does more."""

    does: str
    reads = "inputs"
    combine = "sum"

    def contribution(self, site, batch):
        if self.does == "gradients":
            return {"sum": batch.output_gradients.sum(dim=0)}
        return {"sum": batch.inputs.abs_().sum(dim=0)}

    def nbytes(self, site):
        return 8 * site.shape[1]


@pytest.mark.parametrize(
    ("does", "id", "said"),
    [
        ("gradients", "plugin-undeclared", "Wrong reads batch.output_gradients, which it did not"),
        ("inputs", "plugin-changed-inputs", "Wrong changes batch.inputs in place on"),
    ],
)
def test_an_accumulator_is_named_with_the_site(does, id, said):
    from modelrepair.engine.passes.hooks import Seen
    from modelrepair.engine.sites import Place, Site
    from modelrepair.plugin.repairer import Batch
    from modelrepair.plugin.scorer import SiteInfo

    ones = torch.ones(1, 3).long()
    some = Batch(ones, ones, ones.bool(), ("a",))
    place = Place("q.weight", (2, 4), (2, 4), 0, (4, 1))
    site = Site(SiteInfo("q.weight", "linear", 0, (2, 4)), "q", place, None)
    seen = {"q": Seen(torch.ones(1, 3, 4), torch.ones(1, 3, 2))}
    with pytest.raises(AccumulatorError) as error:
        BlockSums((site,)).add(SetBatches("realign", (some,), (Wrong(does),)), some, seen)
    assert error.value.id == id
    assert str(error.value).startswith(said) and str(error.value).endswith("on q.weight")


def test_a_tensor_that_is_shown_twice_is_summed_once(monkeypatch):
    summed, real = [], declared._mark
    monkeypatch.setattr(declared, "_mark", lambda *given: summed.append(given) or real(*given))
    one = torch.ones(2)
    with unchanged({"view.subject": one, "view.weight": one, "view.reference": None}, values=True):
        pass
    assert len(summed) == 2  # before and after
