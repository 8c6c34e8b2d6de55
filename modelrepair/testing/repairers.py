"""The checks of a repairer: one that edits matrices, or one that trains a model."""

from __future__ import annotations

from modelrepair.plugin.registry import repairer_options
from modelrepair.testing import edits, training
from modelrepair.testing.checks import Broken, Check
from modelrepair.testing.common import COMMON
from modelrepair.testing.effects import draws_nothing, writes_nothing
from modelrepair.testing.subject import Subject


def declared_sets(subject: Subject) -> None:
    """It reads the sets that its spec names, and each of them."""
    options = repairer_options(subject.registered, subject.options)
    named = set(subject.spec.sets(options))
    if subject.spec.trains:
        read = set(training.sets_read(subject))
    else:
        read = set(edits.site_repairer(subject).needs)
    if read - named:
        raise Broken(f"it reads the {min(read - named)} set, which the spec's sets do not name")
    if named - read:
        raise Broken(f"the spec's sets name {min(named - read)}, which is never read")


def declared_reference(subject: Subject) -> None:
    """What it makes of a reference is as its spec says."""
    (training if subject.spec.trains else edits).declared_reference(subject)


CHECKS: tuple[Check, ...] = (
    *COMMON,
    Check(
        "sets",
        "It reads the example sets that its spec names, and each of them.",
        declared_sets,
        "it reads the … set, which the spec's sets do not name · the spec's sets name …, which is "
        "never read",
    ),
    Check(
        "gradients-flag",
        "An accumulator of a site repairer reads gradients where the spec says so, and only there.",
        edits.declared_gradients,
        "… reads gradients, and the spec says gradients=False · the spec says gradients=True, and "
        "no accumulator reads them",
    ),
    Check(
        "reference-flag",
        "A repairer works without a reference, or its spec asks for one: then what a site repairer "
        "gives depends on it, and one that trains looks at it.",
        declared_reference,
        "without a reference it failed on …; the spec says reference=False · it passes sets "
        "through the reference, and the spec says reference=False · it gives the same whatever "
        "the reference; the spec says reference=True · it never looks at the reference; the spec "
        "says reference=True",
    ),
    Check(
        "models",
        "A site repairer looks at the other models that its spec names, and at no more.",
        edits.declared_models,
        "it looks at the model …, which the spec does not name · the spec names the model …, "
        "which is never looked at",
    ),
    Check(
        "strengths",
        "The strengths of a site repairer are numbers, each once, from the least change up.",
        edits.ordered_strengths,
        "it has the strength …, expected a number · it names no strength, or one twice · it "
        "changes more at its first strength, …, than at its last, …: they go from the least "
        "change to the largest",
    ),
    Check(
        "shape",
        "A site repairer gives a matrix of the old one's shape, at every strength.",
        edits.right_shape,
        "it gave …, expected a tensor · it gave shape …, expected …",
    ),
    Check(
        "dtype",
        "A site repairer gives float32, at every strength.",
        edits.right_dtype,
        "it gave …, expected torch.float32",
    ),
    Check(
        "finite",
        "A site repairer gives finite values, at every strength.",
        edits.finite_values,
        "it gave values that are not finite",
    ),
    Check(
        "deterministic",
        "A site repairer gives the same bits when it is asked again, and when it is made anew.",
        edits.same_again,
        "it gave other values when asked a second time · it gave other values when made anew",
    ),
    Check(
        "in-place",
        "A site repairer changes none of the tensors that it is shown.",
        edits.inputs_left_alone,
        "it changed … in place; begin with a clone",
    ),
    Check(
        "works-on-delta",
        "A site repairer works on a linear matrix.",
        edits.works_on("delta"),
        "it failed on …: … · it gave no finite matrix of the same shape on …",
    ),
    Check(
        "works-on-conv1d",
        "A site repairer works on a matrix that the file holds transposed.",
        edits.works_on("conv1d"),
        "it failed on …: … · it gave no finite matrix of the same shape on …",
    ),
    Check(
        "works-on-expert",
        "A site repairer works on each expert of a fused tensor, one that few tokens reach "
        "among them.",
        edits.works_on("expert"),
        "it failed on …: … · it gave no finite matrix of the same shape on …",
    ),
    Check(
        "works-on-tied",
        "A site repairer works on a matrix that two modules share.",
        edits.works_on("tied"),
        "it failed on …: … · it gave no finite matrix of the same shape on …",
    ),
    Check(
        "zero-input",
        "A site repairer gives finite values where all inputs are zero, and where the matrix "
        "equals its reference.",
        edits.nothing_to_go_by,
        "it gave values that are not finite on …",
    ),
    draws_nothing(edits.action),
    writes_nothing(edits.action, "a repairer gives values"),
    Check(
        "steps",
        "A repairer that trains yields the number of steps taken, more each time.",
        training.counted_steps,
        "it yields nothing: the model is never looked at · it yields …, expected the number of "
        "steps taken · it yields …, expected ascending steps",
    ),
    Check(
        "trains",
        "A repairer that trains changes parameters that may change, to finite values.",
        training.changed_model,
        "no parameter that may change has changed · … holds values that are not finite",
    ),
    Check(
        "frozen",
        "A repairer that trains leaves parameters alone that require no gradient.",
        training.frozen_parameters,
        "it changed …, which requires no gradient",
    ),
    Check(
        "same-training",
        "A repairer that trains makes the same model of the same seed.",
        training.same_training,
        "it trained another model from the same seed",
    ),
)
"""All checks, in the order in which they are run."""
