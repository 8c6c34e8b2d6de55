"""A good scorer, and scorers that are broken in one place."""

from __future__ import annotations

from tests.support.broken_plugins.broken import ABSENT, Broken

GOOD = '''
"""Wanda once more."""

from dataclasses import dataclass, field

from modelrepair.plugin import ScorerSpec, hookimpl


@dataclass(frozen=True)
class Options:
    power: float = field(default=1.0, metadata={"help": "of the weights"})


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
    def __init__(self, options, subject_kind):
        self.power = options.power
        self.needs = {"realign": (Sums(),)}

    def score(self, view, statistics):
        sums = statistics["realign", Sums()]["sum"].float()
        return view.subject.abs() ** self.power * sums.sqrt()


def sets(options, subject_kind):
    return {"realign": "pairs"}


def spec(**more):
    about = {"summary": "scores as Wanda does", "load": "MODULE:Mine", "sets": sets}
    return ScorerSpec("NAME", **{**about, "options": Options, **more})


@hookimpl
def modelrepair_scorers():
    return [spec()]
'''

RETURN = "        return view.subject.abs() ** self.power * sums.sqrt()"
SCORES = "view.subject.abs() ** self.power * sums.sqrt()"
SUM = "batch.inputs.square().sum(dim=0)"

UNUSABLE = ("deterministic", "no-random", "zero-input", "batch-order", "batch-split", "resume",
            *(f"works-on-{each}" for each in ("weight", "delta", "factor", "expert", "conv1d",
                                             "tied")))  # fmt: skip
"""Checks that need scores that can be used."""

SCORERS = (
    Broken("heavy", "torch is imported where it is registered", "cheap-import",
        "registering it imports torch; import that where it is used",
        '"""Wanda once more."""', "import torch"),
    Broken("slow", "the import takes long", "cheap-import",
        "registering it takes … ms, more than 200 ms; import what takes long where it is used",
        '"""Wanda once more."""', "import time; time.sleep(0.3)"),
    Broken("twice", "two scorers of one name", "registered-once",
        "the name 'twice' is registered 2 times: broken-twice 1.0, broken-twice 1.0",
        "    return [spec()]", "    return [spec(), spec()]"),
    Broken("speechless", "no summary", "documented", "it has no summary",
        '"scores as Wanda does"', '" "'),
    Broken("helpless", "an option without a help text", "documented",
        "its option 'power' has no help text", ', metadata={"help": "of the weights"}', ""),
    Broken("unseen-argument", "a keyword-only argument of a hook", ABSENT,
        "the plug-in that offers 'unseen-argument' could not be loaded: …'modelrepair_scorers' "
        "takes 'quick' by keyword only, which no hook is called with",
        "def modelrepair_scorers():", "def modelrepair_scorers(*, quick=True):"),
    Broken("wrong-default", "an option with a default of another type", ABSENT,
        "the plug-in that offers 'wrong-default' could not be loaded: …its option 'power' has the "
        "default '1', expected number", "default=1.0", 'default="1"'),
    Broken("untypeable", "an option that is another when it is typed", "options",
        "the default of its option 'most' is inf, and another value when inf is given",
        '"of the weights"})', '"of the weights"})\n'
        '    most: float = field(default=float("inf"), metadata={"help": "unused"})'),
    Broken("misspelt", "a misspelt hook", ABSENT,
        "the plug-in that offers 'misspelt' could not be loaded: …modelrepair_scorer…",
        "def modelrepair_scorers():", "def modelrepair_scorer():"),
    Broken("unmarked", "@hookimpl is missing", ABSENT,
        "the plug-in that offers 'unmarked' could not be loaded: …@hookimpl…", "@hookimpl\n", ""),
    Broken("unimportable", "a module that can't be imported", ABSENT,
        "the plug-in that offers 'unimportable' could not be loaded: …ZeroDivisionError…",
        '"""Wanda once more."""', "1 / 0"),
    Broken("wrong-shape", "scores of another shape", "shape",
        "it gave scores of the shape [6, 1], expected [6, 8]",
        RETURN, f"        return ({SCORES})[:, :1]",
        also=UNUSABLE),
    Broken("float64", "scores in float64", "dtype",
        "it gave torch.float64, expected torch.float32",
        RETURN, f"        return ({SCORES}).double()",
        also=UNUSABLE),
    Broken("nan", "scores that are no numbers", "finite",
        "48 of its 48 scores are not finite",
        RETURN, f"        return ({SCORES}) * float('nan')",
        also=UNUSABLE),
    Broken("remembers", "scores that depend on earlier calls", "deterministic",
        "it gave other scores when it was asked again, by … of the largest",
        RETURN, f"        self.calls = getattr(self, 'calls', 0) + 1\n{RETURN} * self.calls",
        also=("resume",)),
    Broken("averages", "an accumulator whose contributions do not add up", "adds-up",
        "Sums: 'sum' of a batch differs from the sum over its parts by … of the largest "
        "value, at most 1e-04",
        SUM, f"{SUM}.sqrt()",
        also=("batch-split",)),
    Broken("draws", "scores drawn at random", "no-random",
        "it draws or seeds the global random numbers of torch; use a generator of its own",
        RETURN, f"        import torch\n        return {SCORES} * torch.rand(())",
        also=("deterministic", "works-on-tied", "batch-order", "batch-split", "resume")),
    Broken("writes", "a file is written", "no-writes",
        "it writes to scores.txt: a scorer gives scores and keeps nothing",
        RETURN, f"        open('scores.txt', 'w').close()\n{RETURN}"),
    Broken("in-place", "the matrix is changed in place", "in-place",
        "`score` changes view.subject in place",
        RETURN, "        return view.subject.abs_() ** self.power * sums.sqrt()"),
    Broken("gradients", "gradients are read that the spec does not declare", "gradients-flag",
        "its accumulators read gradients, and its spec says gradients=False",
        '    reads = "inputs"', '    reads = "gradients"',
        also=("reads",)),
    Broken("memory", "a state larger than nbytes says", "nbytes",
        "Sums: its state takes 64 bytes for a matrix of [6, 8], and nbytes says 8",
        "return 8 * site.shape[1]", "return 8"),
    Broken("no-expert", "it fails on experts", "works-on-expert",
        "scorer 'no-expert' of broken-no-expert 1.0 failed on "
        "blocks.0.experts.gate_up_proj#0.gate: AssertionError:…",
        RETURN, f"        assert view.kind != 'expert'\n{RETURN}"),
    Broken("no-transposed", "it does not know a layout", "works-on-conv1d",
        "scorer 'no-transposed' of broken-no-transposed 1.0 failed on "
        "blocks.0.conv1d.weight: KeyError: 'conv1d'",
        RETURN, f"        {{'linear': 0, 'expert': 1}}[view.kind]\n{RETURN}",
        also=("resume",)),
    Broken("zero", "it divides by inputs that may be zero", "zero-input",
        "scorer 'zero' of broken-zero 1.0 gave scores that are not finite on "
        "blocks.0.proj.weight",
        RETURN, f"        return {SCORES} / sums"),
)  # fmt: skip
