"""A plug-in with repairers of the tests' own, as an installed distribution."""

from __future__ import annotations

from pathlib import Path

CODE = '''
from dataclasses import dataclass

import torch

from modelrepair.plugin.hookspecs import hookimpl
from modelrepair.plugin.specs import RepairerSpec
from modelrepair.plugin.accumulators import InputNorms


@dataclass(frozen=True)
class Options:
    fault: str = ""
    other: str = ""
    steps: int = 3
    rate: float = 0.01


class Back:
    """A step to the reference, or to another model, where the inputs are not all zero."""

    strengths = (0.25, 0.5, 1.0)
    statistics_of = "reference"

    def __init__(self, options):
        self.fault = options.fault
        self.needs = {"refusal": (InputNorms(),)}

    def edit(self, view, statistics, strength):
        norms = statistics["refusal", InputNorms()]["sum"]
        assert norms.shape == (view.weight.shape[1],) and statistics.examples("refusal") > 0
        if self.fault == "shape":
            return view.weight.T[:1]
        if self.fault == "dtype":
            return view.weight.double()
        if self.fault == "nan":
            return view.weight * float("nan")
        if self.fault == "huge":
            return torch.full_like(view.weight, 3.4e38)
        if self.fault == "raise":
            raise RuntimeError("out of paper")
        if self.fault == "coarse":
            strength = max(strength, 0.5)
        if self.fault == "nothing":
            return view.weight.clone()
        if "down_proj" in view.name:
            return view.weight
        target = view.models.get("other", view.reference)
        return view.weight + strength * (target - view.weight) * (norms > 0)


class Halve:
    """Halves every matrix; its strength says nothing."""

    strengths = (1.0,)
    statistics_of = "source"
    needs = {"refusal": (InputNorms(),)}

    def __init__(self, options):
        pass

    def edit(self, view, statistics, strength):
        norms = statistics["refusal", InputNorms()]["sum"]
        assert norms.shape == (view.weight.shape[1],) and view.reference is None
        return view.weight / 2


class Tune:
    """Plain descent on the refusals, looked at after every step."""

    def __init__(self, options):
        self.steps, self.rate = options.steps, options.rate

    def train(self, context):
        generator = torch.Generator().manual_seed(context.seed)
        examples = context.sets["refusal"]
        optimizer = torch.optim.SGD(context.parameters, lr=self.rate)
        for step in range(self.steps):
            chosen = torch.randperm(len(examples), generator=generator)[:4].tolist()
            batch = context.batch([examples[i] for i in chosen])
            labels = batch.input_ids.masked_fill(~batch.answer_mask, -100)
            out = context.model(batch.input_ids, attention_mask=batch.attention_mask, labels=labels)
            out.loss.backward()
            optimizer.step()
            optimizer.zero_grad()
            yield step + 1


class Follow:
    """Takes the reference's values, one tensor after the other, and asks the whole of it, too."""

    def __init__(self, options):
        self.fault = options.fault

    def train(self, context):
        batch = context.batch(context.sets["refusal"][:2])
        asked = {"input_ids": batch.input_ids, "attention_mask": batch.attention_mask}
        with context.reference.model() as aligned, torch.no_grad():
            assert not aligned.training and not any(p.requires_grad for p in aligned.parameters())
            expected = aligned(**asked).logits
        names = [name for name, each in context.model.named_parameters() if each.requires_grad]
        for name in names:
            value = context.reference.values(name)
            assert value.dtype == torch.float32
            context.model.get_parameter(name).data.copy_(value)
        with torch.no_grad():
            if self.fault == "whole":  # nothing else differs between the two models
                torch.testing.assert_close(context.model(**asked).logits, expected)
        if self.fault == "frozen":
            context.reference.values("model.embed_tokens.weight")
        yield 1


def refusals(options):
    return {"refusal": "pairs"}


def others(options):
    return {"other": options.other} if options.other else {}


@hookimpl
def modelrepair_repairers():
    yield RepairerSpec(
        "back", "a step back", load="test_repairs:Back", sets=refusals, reference=True,
        models=others, options=Options,
    )
    yield RepairerSpec("halve", "half of it", load="test_repairs:Halve", sets=refusals)
    yield RepairerSpec(
        "tune", "a step on", load="test_repairs:Tune", sets=refusals, trains=True, options=Options
    )
    yield RepairerSpec(
        "follow", "copies the reference", load="test_repairs:Follow", sets=refusals, trains=True,
        reference=True, options=Options, copies=5,
    )
    yield RepairerSpec("empty", "has no method", load="builtins:type", sets=refusals)
'''


def install(folder: Path) -> Path:
    """Write the distribution into a folder; put that on the path to have it."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "test_repairs.py").write_text(CODE)
    metadata = folder / "test_repairs-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: test-repairs\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text("[modelrepair]\nrepairs = test_repairs\n")
    return folder
