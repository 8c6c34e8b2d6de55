"""Everything a repair needs, found and checked before anything is computed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from modelrepair.bench import Bench, Chosen, Model, Notes, Sets
from modelrepair.checkpoint.reader import Checkpoint
from modelrepair.errors import HubError, UnsupportedModelError, UsageError
from modelrepair.examples.splits import Splits
from modelrepair.progress import Progress
from modelrepair.registry.manager import Registry, load_registry, make_judge
from modelrepair.registry.options import parse_options
from modelrepair.registry.specs import Judge
from modelrepair.settings import Settings
from modelrepair.source.reference import check_another, check_same_shapes, declared_base
from modelrepair.source.resolve import resolve

if TYPE_CHECKING:
    import torch

    from modelrepair.examples.template import Template
    from modelrepair.measure.evaluate import Panel
    from modelrepair.sweep.skeleton import Skeleton
    from modelrepair.sweep.weights import Weights
    from modelrepair.workspace import Workspace

DEFAULT_SCORERS = ("wanda", "contrast")
"""What is tried, in this order, where nobody names a scorer."""


def choose_plugins(settings: Settings, notes: Notes, registry: Registry | None = None) -> Chosen:
    """Find scorer and judge, and read the scorer's options.

    Raises:
        UsageError: an unknown name or option.
        PluginError: the chosen plug-in was found and can't be loaded.
    """
    registry = registry or load_registry()
    judge = registry.judge(settings.judge)
    if settings.scorer is None:
        names = DEFAULT_SCORERS if settings.fallback else DEFAULT_SCORERS[:1]
        if settings.ratio != "auto" or not settings.evaluate:
            names = names[:1]
        if settings.scorer_options:
            names = names[:1]
    else:
        names = (settings.scorer,)
    chosen = []
    for name in names:
        registered = registry.scorer(name)
        options = settings.scorer_options if name == names[0] else {}
        parse_options(registered.spec.options, options, name)
        chosen.append((registered, options))
    for failure in registry.failures:
        notes.warn(f"a plug-in was not loaded: {failure.distribution} ({failure.error})")
    return Chosen(tuple(chosen), judge, make_judge(judge))


def find_source(settings: Settings) -> Model:
    """Fetch or find the source, and read its tensors' headers."""
    source = resolve(settings.source, settings.revision)
    return Model(source, Checkpoint.open(source.folder))


def find_reference(settings: Settings, source: Model, notes: Notes) -> Model | None:
    """The aligned model that the source was fine-tuned from, where one is known.

    By itself, the base that the source's card names, if it can be had and its tensors fit;
    whether it is aligned at all is measured later.

    Raises:
        UnsupportedModelError: a reference that the user named does not fit.
    """
    if settings.reference == "none":
        return None
    named = settings.reference != "auto"
    wanted = settings.reference if named else declared_base(source.source.folder)
    if wanted is None:
        return None
    try:
        found = resolve(wanted)
        check_another(source.source.folder, found.folder)
        reference = Model(found, Checkpoint.open(found.folder))
        check_same_shapes(source.checkpoint, reference.checkpoint, source.checkpoint.entries)
    except (HubError, UsageError, UnsupportedModelError) as error:
        if named:
            raise
        notes.warn(f"the card's base model {wanted} is not used as reference: {error}")
        return None
    return reference


def load_template(folder: Path, max_length: int, notes: Notes) -> Template:
    """The source's tokenizer and chat template.

    Raises:
        UnsupportedModelError: there is no tokenizer, or its chat template can't be used.
    """
    from transformers import AutoTokenizer

    from modelrepair.examples.template import Template

    try:
        tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=False)
    except Exception as error:
        line = " ".join([f"{type(error).__name__}:", *str(error).split()])[:200]
        raise UnsupportedModelError(
            f"the tokenizer can't be loaded: {line}",
            hint="a repair needs the model's own tokenizer files beside its weights",
        ) from error
    template = Template(tokenizer, max_length)
    if template.kind == "plain":
        notes.warn("the tokenizer has no chat template: prompts are given as plain instructions")
    return template


def open_bench(
    settings: Settings,
    source: Model,
    sets: Sets,
    chosen: Chosen,
    workspace: Workspace,
    notes: Notes,
    progress: Progress,
    remembered: Path | None = None,
) -> Bench:
    """The source, opened, and everything it is scored and measured with.

    Raises:
        UnsupportedModelError: coverage, layout, template, or blocks that share state where
            gradients are asked for.
    """
    from modelrepair.sweep.sites import find_sites, narrow, require_coverage

    device = find_device(settings.device)
    gradients = [each.spec.name for each, _ in chosen.scorers if each.spec.gradients]
    skeleton = open_skeleton(settings, source, device, gradients=gradients)
    sites = find_sites(skeleton, list(source.checkpoint.entries))
    require_coverage(sites, allow_partial=settings.allow_partial)
    return Bench(
        settings=settings,
        source=source,
        sets=sets,
        chosen=chosen,
        skeleton=skeleton,
        sites=narrow(sites, settings.targets, settings.exclude),
        panel=open_panel(settings, source, sets.splits, chosen.judge, notes, device),
        device=device,
        workspace=workspace,
        notes=notes,
        progress=progress,
        remembered=remembered or workspace.work / "measured",
    )


def open_panel(
    settings: Settings,
    source: Model,
    splits: Splits,
    judge: Judge,
    notes: Notes,
    device: torch.device,
) -> Panel:
    """What every model of this run is measured with."""
    from modelrepair.measure.evaluate import Panel

    generates = fits_whole(source, device)
    if not generates:
        notes.warn(
            "the whole model does not fit into memory: nothing is generated, the margin between "
            "refusals and harmful answers leads the search, and the verdict stays undecided"
        )
    return Panel(
        splits=splits,
        template=load_template(source.source.folder, settings.max_length, notes),
        judge=judge,
        max_new_tokens=settings.max_new_tokens,
        token_budget=settings.token_budget,
        generates=generates,
    )


def fits_whole(model: Model, device: torch.device) -> bool:
    """Whether the whole model, in float32, fits where it would generate."""
    import torch

    from modelrepair.estimate import FLOAT32, free_memory

    needed = FLOAT32 * sum(entry.entries for entry in model.checkpoint.entries.values())
    free = torch.cuda.mem_get_info(device)[0] if device.type == "cuda" else free_memory()
    return free is None or needed < 0.8 * free


def open_skeleton(
    settings: Settings, model: Model, device: torch.device, *, gradients: Sequence[str] = ()
) -> Skeleton:
    """A model without its weights, its blocks looked at.

    Raises:
        UnsupportedModelError: its blocks share state, and a scorer (named) takes gradients.
    """
    import torch

    from modelrepair.sweep.record import inspect
    from modelrepair.sweep.skeleton import build

    folder, dtype = model.source.folder, getattr(torch, settings.arithmetic)
    skeleton, shared = inspect(build(folder, model.checkpoint, device, dtype))
    if shared is not None and gradients:
        raise UnsupportedModelError(
            f"the blocks of {type(skeleton.model).__name__} pass each other {shared!r}: "
            f"{gradients[0]} can't take gradients block by block",
            hint="use a scorer without gradients, such as --scorer wanda --no-fallback",
        )
    return skeleton


def weights_of(
    settings: Settings, model: Model, device: torch.device, reference: Model | None = None
) -> Weights:
    """Reads a model's tensors, and the reference's where the subject is the delta from it."""
    import torch

    from modelrepair.sweep.weights import Weights

    return Weights(
        model.checkpoint,
        device,
        reference=None if reference is None else reference.checkpoint,
        scale=settings.scale,
        dtype=getattr(torch, settings.arithmetic),
    )


def find_device(name: str) -> torch.device:
    """The device that computes; ``auto`` is a GPU where there is one.

    Raises:
        UsageError: there is no such device.
    """
    import torch

    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        device = torch.device(name)
        torch.empty(0, device=device).cpu()
    except (RuntimeError, AssertionError) as error:
        raise UsageError(
            f"no device {name!r}: {str(error).splitlines()[0]}", hint="--device auto, cpu or cuda"
        ) from error
    return device
