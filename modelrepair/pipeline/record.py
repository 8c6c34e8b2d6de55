"""The manifest as far as the pipeline knows it; what follows from the files the writer adds."""

from __future__ import annotations

import datetime
import json
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

from modelrepair.artifact.manifest import Manifest
from modelrepair.artifact.name_ranges import fold_keys
from modelrepair.artifact.records import SiteRecord
from modelrepair.artifact.rights import recorded
from modelrepair.checkpoint.digests import digests
from modelrepair.checkpoint.weight_files import ADAPTER_CONFIG
from modelrepair.evaluation.gate import GateResult
from modelrepair.evaluation.measures import Measures, summarise
from modelrepair.examples.keys import SetKey
from modelrepair.examples.load import ExampleSet
from modelrepair.examples.splits import PARTS
from modelrepair.pipeline.benign_kinds import kinds_record
from modelrepair.pipeline.change import ChosenChange
from modelrepair.pipeline.context import RunContext
from modelrepair.pipeline.how_asked import judge_record
from modelrepair.pipeline.inputs import made_on
from modelrepair.pipeline.private import private_of, scorer_options, shown_settings
from modelrepair.pipeline.repeating import repeating
from modelrepair.plugin.loading import Registered
from modelrepair.plugin.names import SetName
from modelrepair.plugin.specs import RepairerSpec, ScorerSpec
from modelrepair.preflight.model import Model
from modelrepair.source.licences import Terms, terms_in, with_base
from modelrepair.text.published import Private, published, published_json
from modelrepair.text.readable import all_readable
from modelrepair.version import version

if TYPE_CHECKING:
    from modelrepair.engine.sites import FileTensor, Sites
    from modelrepair.search.candidates import Candidate
    from modelrepair.search.editing import Repairing
    from modelrepair.search.scoring import Scoring
    from modelrepair.search.training import Training


def manifest_sites(sites: Sites, made: Scoring | Repairing | Training) -> list[SiteRecord]:
    """The tensors of the file in which sites lie, as the manifest lists them, in its order.

    Args:
        sites: what was open to change.
        made: what made the change: a scorer knows how many tokens each expert saw.
    """
    routed = _routed(made)
    return [
        SiteRecord(
            name=tensor.name,
            kind=_kind(tensor),
            block=tensor.sites[0].info.block,
            shape=tensor.shape,
            entries=tensor.entries,
            tokens=_tokens(tensor, routed),
        )
        for tensor in sites.tensors
    ]


def _kind(tensor: FileTensor) -> str:
    """What multiplies with a tensor: ``q_proj``, ``experts.gate_up_proj``."""
    modules = dict.fromkeys(site.projection for site in tensor.sites)
    parts = dict.fromkeys(site.part.projection for site in tensor.sites if site.part)
    name = "+".join(modules)
    return f"{name}.{'_'.join(parts)}_proj" if parts else name


def _tokens(
    tensor: FileTensor, routed: Mapping[str, Mapping[SetName, int]]
) -> dict[str, dict[int, int]]:
    """How many tokens of each set each expert of a tensor saw."""
    found: dict[str, dict[int, int]] = {}
    for site in tensor.sites:
        if site.part is not None:
            for name, count in routed.get(site.name, {}).items():
                found.setdefault(name, {})[site.part.expert] = count
    return found


def _unseen(made: Scoring | Repairing | Training) -> dict[str, str]:
    """The experts that no token of the scorer's sets was routed to, and that were left alone."""
    from modelrepair.search.scoring import Scoring

    if not isinstance(made, Scoring):
        return {}
    needs = made.scorer.needs
    found = {}
    for site, counts in _routed(made).items():
        sets = [name for name in counts if name in needs] or list(counts)
        if sets and not any(counts[name] for name in sets):
            found[site] = f"no token of {' or '.join(sets)} was routed to this expert"
    return found


def _routed(made: Scoring | Repairing | Training) -> dict[str, dict[SetName, int]]:
    path = getattr(made, "routed", None)
    return json.loads(path.read_bytes()) if path is not None and path.exists() else {}


def _made_by(context: RunContext, found: ChosenChange) -> dict[str, Any]:
    """What the manifest says of a mask's scorer, or of a dense edit's repairer."""
    from modelrepair.search.scoring import Scoring

    settings, made = context.settings, found.made
    if isinstance(made, Scoring):
        options = scorer_options(context, made.registered)
        return {
            "subject": made.subject,
            "scope": made.scope,
            "unit": made.unit,
            "ratio": found.point.ratio,
            "scale": settings.scale,
            "protect": made.protect,
            "preset": settings.preset,
            "scorer": _plugin(made.registered, options),
        }
    models = {name: _origin(each, files=True) for name, each in context.chosen.models.items()}
    repairer = {
        **_plugin(made.registered, settings.repairer_options),
        "strength": found.point.ratio,
        "trains": made.registered.spec.trains,
        "models": models,
    }
    return {"edit": "dense", "subject": "weight", "repairer": repairer}


def _plugin(registered: Registered[Any], options: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "name": registered.spec.name,
        "distribution": registered.distribution,
        "version": registered.version,
        "options": dict(options),
        "api": registered.spec.api,
    }


def draft_manifest(
    context: RunContext,
    found: ChosenChange,
    reference: Model | None,
    measures: Mapping[str, Measures],
    gate: GateResult | None,
    seconds: float,
    under: Sequence[Mapping[str, Any]] = (),
    text: Mapping[str, Any] | None = None,
) -> Manifest:
    """Everything about a repair but what its files say."""
    private = private_of(context, reference)
    context = replace(context, settings=shown_settings(context.settings, context.chosen))
    settings = context.settings
    adapter = context.source.adapter
    base = context.source.base or (adapter.base if adapter else None)
    facts: dict[str, Any] = published_json(
        {
            "templates": list(under),
            "settings": settings.to_json(),
            "command": repeating(settings, found, _last(context, found)).command(_commits(context)),
            **_made_by(context, found),
        },
        replace(private, texts=frozenset()),
    )
    return _manifest(
        {
            **facts,
            "warnings": published_json(context.warnings, private),
            "tool": {"version": version()},
            "source": _origin(context.source),
            "base": None if base is None else _origin(base, files=True),
            "adapter": None if adapter is None else _origin(adapter, files=True),
            "reference": None if reference is None else _origin(reference, files=True),
            "judge": judge_record(settings, context.chosen),
            "licences": _inherited(base, reference, private),
            "sites": manifest_sites(context.sites, found.made),
            "coverage": context.sites.coverage,
            "skipped": fold_keys({**context.sites.skipped, **_unseen(found.made)}),
            "kinds": kinds_record(context.sets.splits, measures),
            "sets": {
                str(key): _set(context, key, some) for key, some in context.sets.given.items()
            },
            "methods": [asdict(each) for each in found.methods],
            "search": [_point(each, found.point, settings.judge) for each in found.points],
            "measures": dict(measures),
            "text": text,
            "verdict": "unmeasured" if gate is None else gate.verdict,
            "gate": None if gate is None else gate.to_json(),
            "template": context.panel.template.kind,
            "arithmetic": settings.arithmetic,
            "token_budget": settings.token_budget,
            "run": {**_run(context, seconds), "time_ended_search": found.stopped},
        }
    )


def _last(context: RunContext, found: ChosenChange) -> ScorerSpec | RepairerSpec:
    """What searched last."""
    if context.chosen.repairer is not None:
        return context.chosen.repairer.spec
    name = found.methods[-1].name
    return next(each.spec for each, _ in context.chosen.scorers if each.spec.name == name)


def _manifest(record: Mapping[str, Any]) -> Manifest:
    return Manifest.model_validate(all_readable(record))


def _commits(context: RunContext) -> dict[SetKey, str]:
    """By key: at which commit each set from the Hub was read."""
    given = context.sets.given.items()
    return {key: some.commit for key, some in given if some.commit}


def _origin(model: Model, *, files: bool = False) -> dict[str, Any]:
    """Where a model came from; the writer digests the source's files as it copies them."""
    names = [*model.checkpoint.files, *([ADAPTER_CONFIG] if model.base else [])]
    return {
        "id": model.name if model.source.id else published(model.name) or "model",
        "hub": model.source.id is not None,
        "commit": model.source.commit,
        "files": digests(model.source.folder, names) if files else {},
    }


def _inherited(
    base: Model | None, reference: Model | None, private: Private
) -> list[dict[str, Any]]:
    """The licences of the models that the source was made from; the writer adds its own."""
    terms = Terms(())
    for model in (base, reference):
        if model is not None:
            named = _origin(model)["id"]
            terms = with_base(terms, named, terms_in(model.source.folder))
    return recorded(terms, private)


def _set(context: RunContext, key: SetKey, given: ExampleSet) -> dict[str, Any]:
    splits = context.sets.splits
    prompts = {example.key for example in given.examples}
    counts = {
        part: sum(example.key in prompts for example in splits[key.role].part(part))
        for part in PARTS
        if key.role in splits
    }
    if not key.test and key.tested in context.sets.given:
        counts["report"] = 0  # a prompt that is in both is the test set's
    return {
        "id": published(given.id) or "examples",
        "counts": counts,
        "commit": given.commit,
        "licence": given.licence,
        "digest": given.digest,
        "dropped": given.duplicates + splits.dropped.get(key, 0),
        "cut": context.notes.cut.get(key, 0),
    }


def _point(point: Candidate, chosen: Candidate, judge: str) -> dict[str, Any]:
    return {
        "scorer": point.scorer,
        "round": point.round,
        "ratio": point.ratio,
        "share": point.share,
        "screen": {} if point.screen is None else point.screen.to_json(),
        "measures": None if point.results is None else summarise(point.results, judge),
        "chosen": point.change.folder == chosen.change.folder,
    }


def _run(context: RunContext, seconds: float) -> dict[str, Any]:
    import torch
    import transformers

    now = datetime.datetime.now(datetime.UTC)
    device = context.device
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else device.type
    return {
        "time": now.isoformat(timespec="seconds"),
        "duration": round(seconds, 3),
        "max_time": context.clock.limit,
        "device": name,
        "versions": {
            "python": platform.python_version(),
            "torch": torch.__version__,
            "transformers": transformers.__version__,
        },
        "inputs": made_on(context.workspace.inputs, context.chosen),
    }
