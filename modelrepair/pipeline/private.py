"""What a run knows of this machine, its secrets and its examples: kept out of what it records."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from modelrepair.examples.example import Message
from modelrepair.examples.find import OWN_ANSWERS, is_path
from modelrepair.examples.keys import SetKey
from modelrepair.pipeline.context import RunContext
from modelrepair.plugin.loading import Registered
from modelrepair.plugin.options import hide_secrets, secrets_among
from modelrepair.plugin.specs import ScorerSpec
from modelrepair.preflight.model import Model
from modelrepair.preflight.plugins import Plugins, SelectedPlugins
from modelrepair.settings.settings import Settings
from modelrepair.settings.short_names import short_options
from modelrepair.text.published import Private, private_to
from modelrepair.text.redaction import HIDDEN


def private_of(context: RunContext, reference: Model | None) -> Private:
    """What the manifest of a run must not reveal, as far as the run knows it.

    Args:
        context: of the run, with its settings as they were given.
        reference: the aligned model, where one is known.
    """
    from huggingface_hub import constants

    settings, chosen = context.settings, context.chosen
    named = [settings.source, settings.base, settings.reference, *settings.also_template]
    named += [getattr(settings, key) for key in SetKey]
    opened = [context.source, context.source.base, context.source.adapter, reference]
    opened += context.chosen.models.values()
    plugins = _options(chosen)
    given = [str(value) for _, options, _ in plugins for value in options.values()]
    texts = (
        message.content
        for some in context.sets.given.values()
        for example in some.examples
        for message in (*example.messages, Message("assistant", example.response or ""))
    )
    return private_to(
        [
            *(name.removeprefix(OWN_ANSWERS) for name in named if name and is_path(name)),
            *(value for value in given if value and is_path(value)),
            *(model.source.folder for model in opened if model is not None),
            context.workspace.out,
            constants.HF_HOME,
            constants.HF_HUB_CACHE,
        ],
        secrets=[
            str(options[name])
            for spec, options, _ in plugins
            for name in secrets_among(spec.options, options)
        ],
        texts=texts,
    )


def _options(chosen: SelectedPlugins | Plugins) -> list[tuple[Any, Mapping[str, Any], str]]:
    """Every plug-in's spec with its given options, and the setting that they stem from."""
    found: list[tuple[Any, Mapping[str, Any], str]] = [
        (each.spec, options, "scorer_options") for each, options in chosen.scorers
    ]
    found.append((chosen.registered_judge.spec, chosen.judge_options, "judge_options"))
    if chosen.repairer is not None:
        found.append((chosen.repairer.spec, chosen.repairer_options, "repairer_options"))
    return found


def shown_settings(settings: Settings, chosen: SelectedPlugins | Plugins) -> Settings:
    """The settings with nothing secret in them."""
    for spec, options, name in _options(chosen):
        given = getattr(settings, name)
        hidden = secrets_among(spec.options, options) & given.keys()
        shown = {each: HIDDEN if each in hidden else value for each, value in given.items()}
        changed: dict[str, Any] = {name: shown}
        settings = replace(settings, **changed)
    return settings


def scorer_options(context: RunContext, registered: Registered[ScorerSpec]) -> dict[str, Any]:
    """The options of the scorer that made the mask, with nothing secret in them."""
    options = next(given for each, given in context.chosen.scorers if each is registered)
    return short_options(hide_secrets(registered.spec.options, options))
