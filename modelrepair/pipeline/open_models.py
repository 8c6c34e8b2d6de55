"""Opens the models of a run: skeleton, template and panel, and what they need on disk."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from modelrepair import ranks
from modelrepair.checkpoint.weight_files import ADAPTER_CONFIG
from modelrepair.checkpoint.wrapped import unwrapped
from modelrepair.engine.device import find_device
from modelrepair.errors import UnsupportedModelError, kind_and_message
from modelrepair.examples.splits import Splits
from modelrepair.pipeline.context import RunContext
from modelrepair.plugin.judge import Judge
from modelrepair.preflight.model import Model
from modelrepair.preflight.plugins import SelectedPlugins
from modelrepair.preflight.sets import Sets
from modelrepair.progress import Notes, Progress
from modelrepair.settings.settings import Arithmetic, Settings
from modelrepair.settings.units import check_unit_of_subject, unit_of
from modelrepair.source.resolve import Source
from modelrepair.text.readable import readable_path

if TYPE_CHECKING:
    import torch

    from modelrepair.engine.sites import Sites
    from modelrepair.engine.skeleton import ReadWeight, Skeleton
    from modelrepair.engine.units import Units
    from modelrepair.engine.weights import Weights
    from modelrepair.evaluation.panel import Panel
    from modelrepair.examples.template import Template
    from modelrepair.pipeline.workspace import Workspace


ANSWERED_LATER = (
    "no model answered (--answer-later): of harmful answers and refusals nothing is known but the "
    "margin between them"
)


def tokenizer_folder(model: Model) -> Path:
    """Where a model's tokenizer lies."""
    return folder_of_tokenizer(model.source, None if model.base is None else model.base.source)


def folder_of_tokenizer(own: Source, base: Source | None) -> Path:
    """The same by the files of a model: an adapter may have its own, or its base's.

    Args:
        own: the model.
        base: what it adapts; None where it is whole.
    """
    names = ("tokenizer.json", "tokenizer_config.json")
    if base is None or any((own.folder / name).exists() for name in names):
        return own.folder
    return base.folder


def load_template(
    folder: Path,
    max_length: int,
    vocabulary: int | None,
    notes: Notes,
    context: int | None = None,
    marks: Sequence[str] = (),
) -> Template:
    """The source's tokenizer and chat template; see `Template` for what it is given.

    Raises:
        UnsupportedModelError: there is no tokenizer, it is another model's, or its chat template
            can't be used.
    """
    from transformers import AutoTokenizer

    from modelrepair.examples.template import Template

    try:
        with readable_path(folder) as path:
            tokenizer = AutoTokenizer.from_pretrained(path, trust_remote_code=False)
    except Exception as error:
        line = kind_and_message(error, 200)
        raise UnsupportedModelError(
            f"the tokenizer can't be loaded: {line}",
            hint="a repair needs the model's own tokenizer files beside its weights",
            id="no-tokenizer",
        ) from error
    if vocabulary is not None and len(tokenizer) > vocabulary:
        notes.warn(
            f"the tokenizer knows {len(tokenizer)} tokens, and the model's embedding has "
            f"{vocabulary}: a text with one of the others would be refused"
        )
    template = Template(tokenizer, max_length, vocabulary, context, marks)
    if template.kind == "plain":
        notes.warn("the tokenizer has no chat template: prompts are given as plain instructions")
    return template


def open_context(
    settings: Settings,
    source: Model,
    sets: Sets,
    chosen: SelectedPlugins,
    workspace: Workspace,
    notes: Notes,
    progress: Progress,
    remembered: Path | None = None,
) -> RunContext:
    """The source, opened, and what it is scored and measured with; Raises as `look_inside`."""
    skeleton, sites, units, panel = look_inside(settings, source, sets, chosen, notes)
    # Memory is another number a moment later, and ranks must agree.
    panel = replace(panel, generates=ranks.share(lambda: panel.generates))
    return RunContext(
        settings=settings,
        source=source,
        sets=replace(sets, splits=panel.splits),
        chosen=chosen,
        skeleton=skeleton,
        sites=sites,
        units=units,
        panel=panel,
        device=skeleton.device,
        workspace=workspace,
        notes=notes,
        progress=progress,
        remembered=remembered or workspace.work / "measured",
    )


def look_inside(
    settings: Settings, source: Model, sets: Sets, chosen: SelectedPlugins, notes: Notes
) -> tuple[Skeleton, Sites, Units | None, Panel]:
    """Build a model of its config, and find its matrices, units and template; headers are enough.

    Raises:
        UnsupportedModelError: coverage, layout, template, units that can't be told apart, or blocks
            that share state where gradients are asked for.
        UsageError: a glob that matches no matrix, or heads of an adapter's factors.
    """
    from modelrepair.engine.adapter import check_plain, unknown_fields
    from modelrepair.engine.sites import find_sites, narrow, require_coverage
    from modelrepair.engine.units import find_units

    device = find_device(settings.device)
    specs = [each.spec for each, _ in chosen.scorers]
    gradients = [spec.name for spec in specs if spec.gradients]
    if chosen.repairer is not None and chosen.repairer.spec.gradients:
        gradients.append(chosen.repairer.spec.name)
    skeleton = open_skeleton(source, device, settings.arithmetic, gradients=gradients)
    if source.base is not None:
        check_plain(skeleton.model)
        if unknown := unknown_fields(source.source.folder):
            notes.warn(f"{ADAPTER_CONFIG} asks for what this peft does not know: {unknown[0]}")
    wrapped = next((name for name in source.checkpoint.entries if unwrapped(name) != name), None)
    if wrapped is not None:
        notes.warn(
            f"training left its wrapper in names such as {wrapped}: they stay as they are, and "
            "other loaders may not know them, in the source as in the result"
        )
    sites = find_sites(skeleton, list(source.checkpoint.entries))
    require_coverage(sites, allow_partial=settings.allow_partial)
    panel = open_panel(settings, source, skeleton, sets.splits, chosen.judge, notes)
    sites = narrow(sites, settings.targets, settings.exclude)
    # Several scorers are tried where none was named: ours, which mask entries.
    unit = unit_of(settings, specs[0]) if specs else "entry"
    if unit == "entry":
        return skeleton, sites, None, panel
    check_unit_of_subject(unit, "factor" if source.base is not None else "weight")
    units, sites = find_units(skeleton, sites, unit)
    return skeleton, sites, units, panel


def open_panel(
    settings: Settings,
    source: Model,
    skeleton: Skeleton,
    splits: Splits,
    judge: Judge,
    notes: Notes,
) -> Panel:
    """What every model of this run is measured with: of the sets, what its template takes."""
    from modelrepair.engine.positions import reach_of
    from modelrepair.engine.stops import unknown_stops

    generates = not settings.answer_later and fits_whole(source, skeleton.device)
    if settings.answer_later:
        notes.warn(ANSWERED_LATER)
    elif not generates:
        notes.warn(
            "the whole model does not fit into memory: nothing is generated, the margin between "
            "refusals and harmful answers leads the search, and the verdict stays undecided; "
            "--answer-later leaves the answers to a server"
        )
    folder = tokenizer_folder(source)
    template = load_template(
        folder,
        settings.max_length,
        skeleton.vocabulary,
        notes,
        reach_of(skeleton.model),
        settings.thought_markers,
    )
    if unknown := unknown_stops((source.base or source).source.folder, skeleton.vocabulary):
        notes.warn(unknown)
    return panel_by(template, settings, splits, judge, notes, generates=generates)


def panel_by(
    template: Template,
    settings: Settings,
    splits: Splits,
    judge: Judge,
    notes: Notes,
    *,
    generates: bool = True,
) -> Panel:
    """What a model is measured with, by its template: of the sets, what that takes.

    Args:
        template: of the model.
        settings: how long answers may be.
        splits: the example sets.
        judge: calls answers harmful, refusals or harmless.
        notes: where warnings go.
        generates: whether the model answers at all.
    """
    from modelrepair.evaluation.panel import Panel
    from modelrepair.examples.checks import look_at_room
    from modelrepair.examples.template_fit import fit

    splits = fit(splits, template, notes)
    if generates:
        look_at_room(splits, template, settings.max_new_tokens, notes)
    return Panel(
        splits=splits,
        template=template,
        judge=judge,
        max_new_tokens=settings.max_new_tokens,
        token_budget=settings.token_budget,
        generates=generates,
        max_thought_tokens=settings.max_thought_tokens,
    )


def fits_whole(model: Model, device: torch.device, copies: int = 1) -> bool:
    """Whether the whole model, in float32 and so many copies, fits where it would be computed.

    Ranks on one machine hold it each.
    """
    import torch

    from modelrepair.preflight.sizes import FLOAT32, free_memory

    needed = copies * FLOAT32 * model.parameters
    if device.type == "cuda":
        free: int | None = torch.cuda.mem_get_info(device)[0]
    else:
        free, needed = free_memory(), needed * ranks.beside()
    return free is None or needed < 0.8 * free


def open_skeleton(
    model: Model, device: torch.device, arithmetic: Arithmetic, *, gradients: Sequence[str] = ()
) -> Skeleton:
    """A model without its weights, its blocks looked at.

    Raises:
        UnsupportedModelError: its blocks share state, and a scorer (named) takes gradients.
    """
    import torch

    from modelrepair.engine.passes.capture import inspect
    from modelrepair.engine.skeleton import build

    whole, dtype = model.base or model, getattr(torch, arithmetic)
    skeleton, shared = inspect(build(whole.source.folder, whole.checkpoint, device, dtype))
    if model.base is not None:
        from modelrepair.engine.adapter import adapt

        skeleton = adapt(skeleton, model.source.folder, model.checkpoint)
    if shared is not None and gradients:
        raise UnsupportedModelError(
            f"the blocks of {type(skeleton.model).__name__} pass each other {shared!r}: "
            f"{gradients[0]} can't take gradients block by block",
            hint="use a scorer without gradients, such as --scorer wanda --no-fallback",
        )
    return skeleton


def skeleton_and_read(
    context: RunContext, model: Model, *, aligned: bool = False
) -> tuple[Skeleton, ReadWeight]:
    """What a model of a run is computed with: the source's skeleton serves its repair, too.

    Args:
        context: the source, opened.
        model: whose weights are read.
        aligned: whether it is the reference, which has a skeleton of its own.
    """
    where = context.device, context.settings.arithmetic
    skeleton = open_skeleton(model, *where) if aligned else context.skeleton
    return skeleton, weights_of(model, *where, aligned=aligned).read


def weights_of(
    model: Model,
    device: torch.device,
    arithmetic: Arithmetic,
    reference: Model | None = None,
    *,
    scale: float = 0.0,
    aligned: bool = False,
) -> Weights:
    """Reads a model's tensors, and the reference's where the subject is the delta from it.

    Args:
        model: what is read.
        device: where the tensors go.
        arithmetic: what the model computes in.
        reference: the aligned model, where the subject is the delta from it.
        scale: what masked entries are multiplied by, where any are going to be masked.
        aligned: whether the model is the reference itself.
    """
    import torch

    from modelrepair.engine.weights import REFERENCE, Weights

    return Weights(
        model.checkpoint,
        device,
        base=None if model.base is None else model.base.checkpoint,
        reference=None if reference is None else reference.checkpoint,
        scale=scale,
        dtype=getattr(torch, arithmetic),
        whose=REFERENCE if aligned else "",
    )
