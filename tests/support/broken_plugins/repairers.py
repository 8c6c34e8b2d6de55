"""A good repairer of matrices, a good one that trains, and repairers broken in one place."""

from __future__ import annotations

from tests.support.broken_plugins.broken import Broken

GOOD = '''
"""Half way back to the reference."""

from dataclasses import dataclass

from modelrepair.plugin import RepairerSpec, hookimpl


@dataclass(frozen=True)
class Sums:
    """The squares of the inputs, summed."""

    reads = "inputs"
    combine = "sum"

    def contribution(self, site, batch):
        return {"sum": batch.inputs.square().sum(dim=0)}

    def nbytes(self, site):
        return 8 * site.shape[1]


class Mine:
    strengths = (0.25, 0.5, 1.0)
    statistics_of = "source"

    def __init__(self, options):
        self.needs = {"refusal": (Sums(),)}

    def edit(self, view, statistics, strength):
        used = statistics["refusal", Sums()]["sum"] > 0
        return view.weight + strength * used * (view.reference - view.weight)


def sets(options):
    return {"refusal": "pairs"}


def spec(**more):
    about = {"summary": "goes back to the reference", "load": "MODULE:Mine", "sets": sets}
    return RepairerSpec("NAME", **{**about, "reference": True, **more})


@hookimpl
def modelrepair_repairers():
    return [spec()]
'''

GOOD_TRAINING = '''
"""Plain descent on the refusals."""

from modelrepair.plugin import RepairerSpec, hookimpl


class Mine:
    def __init__(self, options):
        pass

    def train(self, context):
        import torch

        draw = torch.Generator().manual_seed(context.seed)
        examples = context.sets["refusal"]
        for step in range(1, 4):
            chosen = torch.randperm(len(examples), generator=draw)[:4].tolist()
            loss = context.losses(context.batch([examples[each] for each in chosen])).mean()
            found = torch.autograd.grad(loss, context.parameters)
            with torch.no_grad():
                for parameter, gradient in zip(context.parameters, found):
                    parameter -= 0.1 * gradient
            yield step


def sets(options):
    return {"refusal": "pairs"}


@hookimpl
def modelrepair_repairers():
    yield RepairerSpec("NAME", "trains", load="MODULE:Mine", sets=sets, trains=True)
'''

EDIT = "        return view.weight + strength * used * (view.reference - view.weight)"
NEW = "view.weight + strength * used * (view.reference - view.weight)"

REPAIRERS = (
    Broken("cut-matrix", "a matrix of another shape", "shape",
        "it gave shape [6, 7], expected [6, 8]", EDIT, f"        return ({NEW})[:, 1:]",
        also=tuple(f"works-on-{each}" for each in ("delta", "conv1d", "expert", "tied"))),
    Broken("bfloat16-matrix", "a matrix in bfloat16", "dtype",
        "it gave torch.bfloat16, expected torch.float32",
        EDIT, f"        return ({NEW}).bfloat16()"),
    Broken("in-place-edit", "the matrix is changed in place", "in-place",
        "it changed view.weight in place; begin with a clone",
        EDIT, f"        return view.weight.copy_({NEW})"),
    Broken("undeclared-reference", "it needs a reference, and its spec asks for none",
        "reference-flag",
        "without a reference it failed on blocks.0.proj.weight: TypeError: …; the spec says "
        "reference=False", '"reference": True', '"reference": False'),
    Broken("undeclared-model", "it looks at a model that its spec does not name",
        "models", "it looks at the model 'base', which the spec does not name",
        EDIT, f"        view.models['base']\n{EDIT}"),
    Broken("undeclared-set", "its spec names a set that it never reads", "sets",
        "the spec's sets name utility, which is never read",
        'return {"refusal": "pairs"}', 'return {"refusal": "pairs", "utility": "pairs"}'),
    Broken("no-transposed-edit", "it does not know a layout", "works-on-conv1d",
        "it failed on blocks.0.conv1d.weight: KeyError: 'conv1d'",
        EDIT, f"        {{'linear': 0, 'expert': 1}}[view.info.kind]\n{EDIT}"),
    Broken("divides", "it divides by inputs that may be zero", "zero-input",
        "it gave values that are not finite on inputs that are all zero",
        EDIT, f"{EDIT} / used"),
    Broken("counts-calls", "its values depend on earlier calls", "deterministic",
        "it gave other values when asked a second time",
        EDIT, f"        self.calls = getattr(self, 'calls', 0) + 1\n{EDIT} * self.calls"),
    Broken("backwards", "its strengths begin with the largest change", "strengths",
        "it changes more at its first strength, 1, than at its last, 0.25: they go from the least "
        "change to the largest", "(0.25, 0.5, 1.0)", "(1.0, 0.5, 0.25)"),
)  # fmt: skip

TRAININGS = (
    Broken("thaws", "it trains parameters that may not change", "frozen",
        "it changed …, which requires no gradient",
        "        examples = context.sets",
        "        context.model.requires_grad_(True)\n        examples = context.sets"),
    Broken("unseeded", "it draws without the seed", "same-training",
        "it trained another model from the same seed",
        "manual_seed(context.seed)", "manual_seed(torch.seed())", also=("no-random",)),
    Broken("forgets-reference", "its spec asks for a reference that it never looks at",
        "reference-flag", "it never looks at the reference; the spec says reference=True",
        "sets=sets, trains=True", "sets=sets, trains=True, reference=True"),
    Broken("stands-still", "it yields the same number of steps", "steps",
        "it yields 1, 1, expected ascending steps", "yield step", "yield 1"),
)  # fmt: skip
