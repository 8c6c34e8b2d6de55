"""Who judged, what answered, and how it was asked: as records have it, and as two are compared."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from modelrepair.artifact.records import AnswersRecord, JudgeRecord
from modelrepair.plugin.options import hide_secrets
from modelrepair.preflight.plugins import SelectedPlugins
from modelrepair.settings.settings import Settings
from modelrepair.settings.short_names import short_options
from modelrepair.text.published import private_to, published_json
from modelrepair.version import version

if TYPE_CHECKING:
    from modelrepair.evaluation.endpoint import Served


def judge_record(settings: Settings, chosen: SelectedPlugins) -> JudgeRecord:
    """The judge, with nothing secret in it.

    Args:
        settings: with its options.
        chosen: the judge itself.
    """
    judge = chosen.registered_judge
    shown = short_options(hide_secrets(judge.spec.options, settings.judge_options))
    record: dict[str, Any] = {
        "name": judge.spec.name,
        "distribution": judge.distribution,
        "version": judge.version,
        "options": shown,
        "inputs": dict(chosen.judge_inputs),
    }
    return JudgeRecord.model_validate(published_json(record, private_to([])))


def asking(settings: Settings) -> dict[str, Any]:
    """What decides how long answers get: two measurements are comparable where it is the same.

    >>> asking(Settings("user/model"))["max_new_tokens"]
    128

    Args:
        settings: of a measurement, or of a repair.
    """
    return {
        "max_new_tokens": settings.max_new_tokens,
        "max_thought_tokens": settings.max_thought_tokens,
        "thought_markers": list(settings.thought_markers),
        "max_length": settings.max_length,
    }


def answered_by(served: Served | None, model: str, asked: Mapping[str, Any]) -> AnswersRecord:
    """What answered, without its address: that may be a private one.

    >>> answered_by(None, "user/model", {"max_new_tokens": 128}).route
    'here'

    Args:
        served: how a server did; None where this program did itself.
        model: by its name.
        asked: as `asking` gives it.
    """
    settings = {"temperature": 0, **{name: value for name, value in asked.items() if value}}
    if served is None:
        return AnswersRecord(
            engine="modelrepair", version=version(), model=model, route="here", settings=settings
        )
    return AnswersRecord(
        engine=served.engine,
        version=served.version,
        model=served.model,
        route=served.route,
        settings=settings,
    )
