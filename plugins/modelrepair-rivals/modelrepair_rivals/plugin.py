"""What this package offers; nothing here imports torch."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from modelrepair.plugin import (
    Options,
    RepairerSpec,
    ScorerSpec,
    SetName,
    SetUse,
    SubjectKind,
    hookimpl,
)
from modelrepair_rivals.options import (
    ArithmeticOptions,
    DeltaOptions,
    DifferenceOptions,
    DirectionOptions,
    MaskOptions,
    MergingOptions,
    OneShotOptions,
    ProjectionOptions,
    RandomOptions,
    RealignOptions,
    RestoreOptions,
    ShrinkageOptions,
)

WEI = "https://arxiv.org/abs/2402.05162"


def no_sets(options: Options, subject_kind: SubjectKind) -> Mapping[SetName, SetUse]:
    """No example set."""
    return {}


def harmful_and_benign(options: Options, subject_kind: SubjectKind) -> Mapping[SetName, SetUse]:
    """Harmful answers, and benign ones to spare."""
    return {"realign": "pairs", "utility": "pairs"}


@hookimpl
def modelrepair_scorers() -> Iterable[ScorerSpec]:
    """The rivals that choose entries."""
    return [
        ScorerSpec(
            name="random",
            summary="entries at random: what any scorer has to beat at the same ratio",
            load="modelrepair_rivals.chance:Random",
            sets=no_sets,
            scope="tensor",
            options=RandomOptions,
        ),
        ScorerSpec(
            name="wei-wanda",
            summary="top Wanda on harmful answers minus top Wanda on benign ones (Wei et al.)",
            load="modelrepair_rivals.difference:WandaDifference",
            sets=harmful_and_benign,
            scope="tensor",
            signed=True,
            refill=False,
            options=DifferenceOptions,
            url=WEI,
        ),
        ScorerSpec(
            name="wei-snip",
            summary="top SNIP on harmful answers minus top SNIP on benign ones (Wei et al.)",
            load="modelrepair_rivals.difference:SnipDifference",
            sets=harmful_and_benign,
            scope="tensor",
            gradients=True,
            signed=True,
            refill=False,
            options=DifferenceOptions,
            url=WEI,
        ),
    ]


def nothing(options: Options) -> Mapping[SetName, SetUse]:
    """No example set."""
    return {}


def refusals(options: Options) -> Mapping[SetName, SetUse]:
    """Safe answers to harmful prompts."""
    return {"refusal": "pairs"}


def refusals_and_benign(options: Options) -> Mapping[SetName, SetUse]:
    """Safe answers to harmful prompts, and good ones to benign prompts."""
    return {"refusal": "pairs", "utility": "pairs"}


def answers_of_both_kinds(options: Options) -> Mapping[SetName, SetUse]:
    """Safe and harmful answers to the same harmful prompts."""
    return {"refusal": "pairs", "realign": "pairs"}


def harmful_prompts_and_benign(options: Options) -> Mapping[SetName, SetUse]:
    """Harmful prompts alone, and good answers to benign prompts."""
    return {"realign": "prompts", "utility": "pairs"}


def unaligned(
    options: ProjectionOptions | ArithmeticOptions | ShrinkageOptions,
) -> Mapping[str, str]:
    """The model before its alignment."""
    return {"unaligned": options.unaligned}


def unaligned_and_safe(options: MergingOptions) -> Mapping[str, str]:
    """The model before its alignment, and a safety-tuned one where it is named."""
    safe = {"safe": options.safe} if options.safe else {}
    return {"unaligned": options.unaligned, **safe}


@hookimpl
def modelrepair_repairers() -> Iterable[RepairerSpec]:
    """The rivals that give whole matrices new values."""
    return [
        RepairerSpec(
            name="wise-ft",
            summary="delta scaling: a straight line back to the reference",
            load="modelrepair_rivals.scaling:WiseFt",
            sets=nothing,
            reference=True,
            url="https://arxiv.org/abs/2109.01903",
        ),
        RepairerSpec(
            name="safe-lora",
            summary="changes that lie across alignment are projected on it (Safe LoRA)",
            load="modelrepair_rivals.projection:SafeLora",
            sets=nothing,
            reference=True,
            models=unaligned,
            options=ProjectionOptions,
            url="https://arxiv.org/abs/2405.16833",
        ),
        RepairerSpec(
            name="resta",
            summary="what alignment changed is added to the fine-tuned model (RESTA)",
            load="modelrepair_rivals.arithmetic:Resta",
            sets=nothing,
            reference=True,
            models=unaligned,
            options=ArithmeticOptions,
            url="https://arxiv.org/abs/2402.11746",
        ),
        RepairerSpec(
            name="safe-merge",
            summary="matrices that left alignment are merged with safe ones (SafeMERGE)",
            load="modelrepair_rivals.merging:SafeMerge",
            sets=nothing,
            reference=True,
            models=unaligned_and_safe,
            options=MergingOptions,
            url="https://arxiv.org/abs/2503.17239",
        ),
        RepairerSpec(
            name="dg-hard",
            summary="cuts the noise of changes off their singular values, without data (DG-Hard)",
            load="modelrepair_rivals.spectrum:DgHard",
            sets=nothing,
            reference=True,
            url="https://arxiv.org/abs/2605.20296",
        ),
        RepairerSpec(
            name="csu-lora",
            summary="shrinks the changes that lie outside of what alignment changed (CSULoRA)",
            load="modelrepair_rivals.shrinkage:CsuLora",
            sets=nothing,
            reference=True,
            models=unaligned,
            options=ShrinkageOptions,
            url="https://arxiv.org/abs/2605.30640",
        ),
        RepairerSpec(
            name="safe-delta",
            summary="keeps the changes that safety can afford, and compensates them (Safe Delta)",
            load="modelrepair_rivals.compensation:SafeDelta",
            sets=refusals,
            reference=True,
            options=DeltaOptions,
            url="https://arxiv.org/abs/2505.12038",
        ),
        RepairerSpec(
            name="realign",
            summary="short supervised training on refusals and benign answers",
            load="modelrepair_rivals.realignment:Realign",
            sets=refusals_and_benign,
            trains=True,
            options=RealignOptions,
        ),
        RepairerSpec(
            name="one-shot",
            summary="short supervised training on one chosen refusal (one-shot safety fine-tuning)",
            load="modelrepair_rivals.one_shot:OneShot",
            sets=refusals,
            trains=True,
            options=OneShotOptions,
            url="https://arxiv.org/abs/2601.01887",
        ),
        RepairerSpec(
            name="restore-direction",
            summary="finds the direction that ablation removed, and learns it back from refusals",
            load="modelrepair_rivals.restoring:Restore",
            sets=refusals_and_benign,
            trains=True,
            options=RestoreOptions,
        ),
        RepairerSpec(
            name="somf",
            summary="a mask over what fine-tuning changed, learnt from preferences (SOMF)",
            load="modelrepair_rivals.masking:Somf",
            sets=answers_of_both_kinds,
            reference=True,
            trains=True,
            options=MaskOptions,
            url="https://arxiv.org/abs/2405.09055",
            copies=8,
        ),
        RepairerSpec(
            name="direction-align",
            summary="aligned values where they turn harmful prompts (DirectionAlign)",
            load="modelrepair_rivals.direction:DirectionAlign",
            sets=harmful_prompts_and_benign,
            reference=True,
            trains=True,
            options=DirectionOptions,
            url="https://arxiv.org/abs/2504.09757",
        ),
    ]
