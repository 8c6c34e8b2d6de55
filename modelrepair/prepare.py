"""Everything a repair needs, found and checked before anything is computed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from modelrepair.bench import Bench, Chosen, Model, Notes, Sets
from modelrepair.checkpoint.folder import ADAPTER_CONFIG
from modelrepair.checkpoint.reader import Checkpoint
from modelrepair.checkpoint.wrapped import unwrapped
from modelrepair.device import find_device
from modelrepair.errors import UnsupportedModelError, UsageError
from modelrepair.examples.splits import Splits
from modelrepair.presets import PRESETS
from modelrepair.progress import Progress
from modelrepair.readable import readable_path
from modelrepair.registry.specs import Judge
from modelrepair.settings import Settings
from modelrepair.source.adapter import (
    Adapter,
    check_fits,
    check_type,
    named_base,
    read_adapter,
)
from modelrepair.source.kinds import check_kind
from modelrepair.source.resolve import Source, resolve

if TYPE_CHECKING:
    import torch

    from modelrepair.examples.template import Template
    from modelrepair.measure.evaluate import Panel
    from modelrepair.sweep.sites import Sites
    from modelrepair.sweep.skeleton import Skeleton
    from modelrepair.sweep.weights import Weights
    from modelrepair.workspace import Workspace


def find_source(settings: Settings, *, repair: bool = True, commit: str | None = None) -> Model:
    """Fetch or find the source, with its base where it is an adapter; read the tensors' headers.

    Args:
        settings: what the user chose.
        repair: whether it is to be repaired, and not measured alone.
        commit: what its revision was found to be before, if it was.

    Raises:
        UsageError: a subject that the source does not have, or an adapter without its base.
        UnsupportedModelError: an adapter that can't be repaired.
    """
    include = settings.include
    source = resolve(
        settings.source, settings.revision, weights=False, commit=commit, include=include
    )
    adapter = read_adapter(source.folder)
    if repair:
        check_subject(settings, adapter)
    ahead = Model(source, check_kind(source))
    if adapter is not None:
        found = find_base(settings.base, adapter, weights=False, include=include)
        ahead = replace(ahead, base=Model(found, check_kind(found, "--base")))
        check_fits(ahead.checkpoint.entries, ahead.whole.entries)
    if not (source.complete and (ahead.base is None or ahead.base.source.complete)):
        _check_layout(settings, ahead, repair=repair)
    base = None if ahead.base is None else _fetched(ahead.base.source, include)
    return replace(_fetched(source, include), base=base)


def _check_layout(settings: Settings, model: Model, *, repair: bool) -> None:
    """Refuse a layout that transformers or the engine can't take, before its weights are fetched.

    Raises:
        UnsupportedModelError: it can't, or too little of it can be repaired.
    """
    import torch

    from modelrepair.sweep.sites import find_sites, require_coverage

    whole = model.base if settings.merge and model.base is not None else model
    skeleton = open_skeleton(settings, whole, torch.device("cpu"))
    if repair:
        sites = find_sites(skeleton, list(whole.checkpoint.entries))
        require_coverage(sites, allow_partial=settings.allow_partial)


def _fetched(found: Source, include: Sequence[str]) -> Model:
    """A model that was looked at, with its weights on disk."""
    if not found.complete:
        found = resolve(str(found.id), commit=found.commit, local=False, include=include)
    return Model(found, Checkpoint.open(found.folder))


def check_subject(settings: Settings, adapter: Adapter | None) -> None:
    """Refuse what the source does not have: factors of a whole model, a delta of an adapter.

    Raises:
        UsageError: for these, and for options that go with adapters alone.
        UnsupportedModelError: an adapter that can't be repaired.
    """
    needs_adapter = settings.preset is not None and PRESETS[settings.preset].adapter
    if adapter is None:
        for option, given in (("--base", settings.base), ("--merge", settings.merge)):
            if given:
                raise UsageError(
                    f"{option} was given, and the source is no adapter",
                    hint=f"leave {option} out; the aligned model is named with --reference",
                )
        if settings.subject == "factor" or needs_adapter:
            raise UsageError(
                "the source is a whole model: it has no factors"
                + (f", which --preset {settings.preset} masks" if needs_adapter else ""),
                hint="give the adapter, or leave the option out",
            )
        return
    if settings.repairer is not None and not settings.merge:
        raise UsageError(
            "a repairer gives whole matrices new values, and the source is an adapter",
            hint="add --merge to repair the whole model of adapter and base",
        )
    if settings.subject in ("delta", "weight") and not settings.merge:
        raise UsageError(
            f"an adapter has factors and no {settings.subject} of its own",
            hint="add --merge to repair the whole model of adapter and base, or leave "
            "--subject out",
        )
    if settings.merge and (settings.subject == "factor" or needs_adapter):
        raise UsageError(
            "a merged adapter has no factors", hint="leave out --merge, or the option beside it"
        )
    check_type(adapter, merge=settings.merge)


def find_base(
    given: str | None, adapter: Adapter, *, weights: bool = True, include: Sequence[str] = ()
) -> Source:
    """Fetch or find what an adapter adapts: as named by the user, else by its config as an id.

    Raises:
        UsageError: nobody names it, or the config does by a local path.
        UnsupportedModelError: it is an adapter itself.
    """
    if given is not None:
        found = resolve(given, weights=weights, include=include)
    else:
        found = resolve(
            named_base(adapter), adapter.revision, weights=weights, local=False, include=include
        )
    if read_adapter(found.folder) is not None:
        raise UnsupportedModelError(
            f"the base {found.id or found.name} is an adapter itself",
            hint="merge that one into its base with peft, and give the result with --base",
        )
    return found


def merged(settings: Settings, source: Model, workspace: Workspace, progress: Progress) -> Model:
    """The adapter merged into its base, where that is asked for; else the source as it is.

    The merged model lies in the workspace, written whole or not at all.
    """
    if not settings.merge or source.base is None:
        return source
    from modelrepair.sweep.merge import merge

    folder = workspace.work / "merged"
    if not folder.exists():
        merge(source.source.folder, source.base.source.folder, folder, progress, settings.include)
    return Model(
        replace(source.source, folder=folder),
        Checkpoint.open(folder),
        adapter=source,
    )


def tokenizer_folder(model: Model) -> Path:
    """Where a model's tokenizer lies: an adapter may have its own, or its base's."""
    if model.base is None or any(
        (model.source.folder / name).exists()
        for name in ("tokenizer.json", "tokenizer_config.json")
    ):
        return model.source.folder
    return model.base.source.folder


def load_template(
    folder: Path,
    max_length: int,
    vocabulary: int,
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
        line = " ".join([f"{type(error).__name__}:", *str(error).split()])[:200]
        raise UnsupportedModelError(
            f"the tokenizer can't be loaded: {line}",
            hint="a repair needs the model's own tokenizer files beside its weights",
        ) from error
    if len(tokenizer) > vocabulary:
        notes.warn(
            f"the tokenizer knows {len(tokenizer)} tokens, and the model's embedding has "
            f"{vocabulary}: a text with one of the others would be refused"
        )
    template = Template(tokenizer, max_length, vocabulary, context, marks)
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
    """The source, opened, and what it is scored and measured with; Raises as `look_inside`."""
    skeleton, sites, panel = look_inside(settings, source, sets, chosen, notes)
    return Bench(
        settings=settings,
        source=source,
        sets=replace(sets, splits=panel.splits),
        chosen=chosen,
        skeleton=skeleton,
        sites=sites,
        panel=panel,
        device=skeleton.device,
        workspace=workspace,
        notes=notes,
        progress=progress,
        remembered=remembered or workspace.work / "measured",
    )


def look_inside(
    settings: Settings, source: Model, sets: Sets, chosen: Chosen, notes: Notes
) -> tuple[Skeleton, Sites, Panel]:
    """Build a model of its config, and find its matrices and template; headers are enough.

    Raises:
        UnsupportedModelError: coverage, layout, template, or blocks that share state where
            gradients are asked for.
        UsageError: a glob that matches no matrix.
    """
    from modelrepair.sweep.adapter import check_plain, unknown_fields
    from modelrepair.sweep.sites import find_sites, narrow, require_coverage

    device = find_device(settings.device)
    specs = [each.spec for each, _ in chosen.scorers]
    gradients = [spec.name for spec in specs if spec.gradients]
    if chosen.repairer is not None and chosen.repairer.spec.gradients:
        gradients.append(chosen.repairer.spec.name)
    skeleton = open_skeleton(settings, source, device, gradients=gradients)
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
    return skeleton, narrow(sites, settings.targets, settings.exclude), panel


def open_panel(
    settings: Settings,
    source: Model,
    skeleton: Skeleton,
    splits: Splits,
    judge: Judge,
    notes: Notes,
) -> Panel:
    """What every model of this run is measured with: of the sets, what its template takes."""
    from modelrepair.examples.fit import fit
    from modelrepair.examples.look import look_at_room
    from modelrepair.measure.evaluate import Panel
    from modelrepair.sweep.positions import reach_of
    from modelrepair.sweep.stops import unknown_stops

    generates = fits_whole(source, skeleton.device)
    if not generates:
        notes.warn(
            "the whole model does not fit into memory: nothing is generated, the margin between "
            "refusals and harmful answers leads the search, and the verdict stays undecided"
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
    if told := unknown_stops((source.base or source).source.folder, skeleton.vocabulary):
        notes.warn(told)
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
    """Whether the whole model, in float32 and so many copies, fits where it would be computed."""
    import torch

    from modelrepair.estimate import FLOAT32, free_memory

    needed = copies * FLOAT32 * model.parameters
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

    whole, dtype = model.base or model, getattr(torch, settings.arithmetic)
    skeleton, shared = inspect(build(whole.source.folder, whole.checkpoint, device, dtype))
    if model.base is not None:
        from modelrepair.sweep.adapter import adapt

        skeleton = adapt(skeleton, model.source.folder, model.checkpoint)
    if shared is not None and gradients:
        raise UnsupportedModelError(
            f"the blocks of {type(skeleton.model).__name__} pass each other {shared!r}: "
            f"{gradients[0]} can't take gradients block by block",
            hint="use a scorer without gradients, such as --scorer wanda --no-fallback",
        )
    return skeleton


def weights_of(
    settings: Settings,
    model: Model,
    device: torch.device,
    reference: Model | None = None,
    *,
    aligned: bool = False,
) -> Weights:
    """Reads a model's tensors, and the reference's where the subject is the delta from it.

    ``aligned`` says that the model is the reference itself.
    """
    import torch

    from modelrepair.sweep.weights import REFERENCE, Weights

    return Weights(
        model.checkpoint,
        device,
        base=None if model.base is None else model.base.checkpoint,
        reference=None if reference is None else reference.checkpoint,
        scale=settings.scale,
        dtype=getattr(torch, settings.arithmetic),
        whose=REFERENCE if aligned else "",
    )
