"""Our own scorers, judges and sets, registered as any plug-in's are; nothing here imports torch."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from modelrepair.examples.registered import EXAMPLE_SETS
from modelrepair.judges.options import ClassifierOptions, GuardOptions, WorldOptions
from modelrepair.plugin.hookspecs import hookimpl
from modelrepair.plugin.names import Options, SetName, SetUse, SubjectKind
from modelrepair.plugin.specs import ExampleSetSpec, JudgeSpec, ScorerSpec
from modelrepair.scorers.options import ContrastOptions, GradientOptions, WandaOptions


def realign_pairs(options: Options, subject_kind: SubjectKind) -> Mapping[SetName, SetUse]:
    """Harmful prompts with harmful answers, and nothing else."""
    return {"realign": "pairs"}


def no_sets(options: Options, subject_kind: SubjectKind) -> Mapping[SetName, SetUse]:
    """No example set."""
    return {}


def contrast_sets(options: ContrastOptions, subject_kind: SubjectKind) -> Mapping[SetName, SetUse]:
    """Refusals and benign answers; the harmful answers only where they have a weight."""
    sets: dict[SetName, SetUse] = {"refusal": "pairs", "utility": "pairs"}
    if options.eta > 0:
        sets["realign"] = "pairs"
    return sets


@hookimpl
def modelrepair_scorers() -> Iterable[ScorerSpec]:
    """The scorers that ship with modelrepair."""
    return [
        ScorerSpec(
            name="wanda",
            summary="Antidote's score: size of the entry times the norm of what it multiplies",
            load="modelrepair.scorers.wanda:Wanda",
            sets=realign_pairs,
            scope="row",
            options=WandaOptions,
        ),
        ScorerSpec(
            name="magnitude",
            summary="size of the entry alone; needs no examples",
            load="modelrepair.scorers.magnitude:Magnitude",
            sets=no_sets,
            scope="tensor",
        ),
        ScorerSpec(
            name="gradient",
            summary="SNIP: what removing the entry does to the harmful answers, by gradient",
            load="modelrepair.scorers.gradient:Gradient",
            sets=realign_pairs,
            scope="tensor",
            gradients=True,
            options=GradientOptions,
        ),
        ScorerSpec(
            name="contrast",
            summary="signed and in rounds: entries whose removal brings refusals back at no cost",
            load="modelrepair.scorers.contrast:Contrast",
            sets=contrast_sets,
            scope="global",
            gradients=True,
            iterative=True,
            signed=True,
            options=ContrastOptions,
        ),
    ]


@hookimpl
def modelrepair_judges() -> Iterable[JudgeSpec]:
    """The judges that ship with modelrepair."""
    return [
        JudgeSpec(
            name="keyword",
            summary="calls an answer a refusal by its phrases: a keyword rate, no more",
            load="modelrepair.judges.keyword:KeywordJudge",
        ),
        JudgeSpec(
            name="classifier",
            summary="asks a text-classification model; refusals by phrase unless it knows them",
            load="modelrepair.judges.classifier:ClassifierJudge",
            options=ClassifierOptions,
        ),
        JudgeSpec(
            name="guard",
            summary="asks a guard model such as Llama Guard, WildGuard or ShieldGemma",
            load="modelrepair.judges.guard:GuardJudge",
            options=GuardOptions,
        ),
        JudgeSpec(
            name="demo-world",
            summary="knows the made-up world of the demo, and judges its answers exactly",
            load="modelrepair.demo.judge:WorldJudge",
            options=WorldOptions,
        ),
    ]


@hookimpl
def modelrepair_example_sets() -> Iterable[ExampleSetSpec]:
    """The example sets that modelrepair knows by name."""
    return EXAMPLE_SETS
