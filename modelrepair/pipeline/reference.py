"""The reference with the chat template that it is measured under."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from modelrepair.errors import ExampleSetError, UnsupportedModelError
from modelrepair.pipeline.context import RunContext
from modelrepair.pipeline.open_models import load_template, open_skeleton, tokenizer_folder
from modelrepair.preflight.model import Model

if TYPE_CHECKING:
    from modelrepair.examples.template import Template


def with_tokens(context: RunContext, reference: Model | None) -> Model | None:
    """The reference with the chat template that it is asked under, where its embedding is smaller.

    A fine-tune's template may use tokens that were added later, and that the reference does not
    have: then it is asked under the template of its own tokenizer.

    Raises:
        UnsupportedModelError: the user named it, and it has no template that works.
    """
    if reference is None or not context.settings.evaluate:
        return reference
    from modelrepair.examples.template import Template

    source = context.panel.template
    vocabulary = open_skeleton(reference, context.device, context.settings.arithmetic).vocabulary
    if source.vocabulary is None or vocabulary >= source.vocabulary:
        return reference
    try:
        own = Template(
            source.tokenizer, source.max_length, vocabulary, source.context, source.marks
        )
        _check_takes(context, own)
        return replace(reference, template=own)
    except UnsupportedModelError as error:
        reason = str(error)
    folder = tokenizer_folder(reference)
    try:
        own = load_template(
            folder, source.max_length, vocabulary, context.notes, source.context, source.marks
        )
        _check_takes(context, own)
    except (UnsupportedModelError, ExampleSetError) as error:
        unusable = UnsupportedModelError(
            f"the reference {reference.name} lacks tokens that this model is asked with, and can't "
            f"be asked under its own chat template: {error}",
            hint="give a reference with its tokenizer, or --reference none",
        )
        if context.settings.reference != "auto":
            raise unusable from None
        context.notes.warn(f"{unusable}; it is not used")
        return None
    context.notes.warn(
        f"the reference {reference.name} lacks tokens that this model is asked with ({reason}): "
        "it is measured under its own chat template"
    )
    return replace(reference, template=own)


def _check_takes(context: RunContext, template: Template) -> None:
    """Encode every measured example: none may be refused once the work has begun."""
    for split in context.panel.splits.sets.values():
        for example in (*split.select, *split.report):
            template.prompt_ids(example)
            if example.response is not None:
                template.pairs([example])
