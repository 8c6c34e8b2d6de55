"""The models of judge and repairer, looked at before anything large of them is fetched."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from modelrepair.checkpoint.config import read_config
from modelrepair.checkpoint.reader import Checkpoint
from modelrepair.judges.options import ClassifierOptions, GuardOptions, ModelOptions
from modelrepair.plugin.names import Options
from modelrepair.plugin.registry import judge_options, repairer_options
from modelrepair.preflight.gpus import gpus_for
from modelrepair.preflight.other_models import OtherModel
from modelrepair.preflight.plugins import Plugins
from modelrepair.preflight.sizes import FLOAT32, LIBRARIES
from modelrepair.preflight.speed import accelerated
from modelrepair.source.reference import check_same_matrices
from modelrepair.source.resolve import Source, resolve, small_files
from modelrepair.source.to_fetch import bytes_to_fetch

Read = Callable[[Source], Checkpoint]


def look_at_judge(plugins: Plugins, read: Read) -> tuple[OtherModel, ...]:
    """The model of a judge that is one; of a judge that is none, nothing.

    >>> look_at_judge(find_plugins(Settings("user/model"), Notes()), headers)  # doctest: +SKIP
    ()

    Args:
        plugins: of the run, none of them made yet.
        read: gives the headers of a model's weights.

    Raises:
        ModelRepairError: it can't be had, or its options don't fit it, as the judge itself says.
    """
    options = judge_options(plugins.registered_judge, plugins.judge_options)
    if not isinstance(options, ModelOptions):
        return ()
    _check_style(options)
    elsewhere = isinstance(options, GuardOptions) and options.endpoint is not None
    if elsewhere:
        found = small_files(options.model, options.revision)
        return (OtherModel("judge", found.id or found.name, found.commit, 0),)
    found = resolve(options.model, options.revision, weights=False)
    made = _looked("judge", found, read)
    _check_labels(options, found)
    size = 2 if options.arithmetic == "bfloat16" else FLOAT32
    here = not (gpus_for(options.device) or accelerated(options.device))
    memory = (LIBRARIES + made.parameters * size) * here
    return (replace(made, memory_bytes=memory),)


def look_at_repairers(plugins: Plugins, whole: Source, read: Read) -> tuple[OtherModel, ...]:
    """The models that a repairer needs beside source and reference; each must fit the source.

    Args:
        plugins: as for `look_at_judge`, and ``read``.
        whole: the source, or what it adapts.
        read: gives the headers of a model's weights.

    Raises:
        ModelRepairError: one can't be had, or does not fit the source.
    """
    if plugins.repairer is None:
        return ()
    options = repairer_options(plugins.repairer, plugins.repairer_options)
    made = []
    for name, place in plugins.repairer.spec.models(options).items():
        found = resolve(place, weights=False)
        made.append(_looked(name, found, read))
        check_same_matrices(whole.folder, read(whole), read(found), f"the {name} model")
    return tuple(made)


def _looked(role: str, found: Source, read: Read) -> OtherModel:
    parameters = sum(entry.entries for entry in read(found).entries.values())
    fetched = 0 if found.complete else bytes_to_fetch(found)
    return OtherModel(role, found.id or found.name, found.commit, parameters, fetched)


def _check_style(options: Options) -> None:
    """Refuse a guideline that is missing, or not asked for."""
    if isinstance(options, GuardOptions):
        from modelrepair.judges.guard import check_guideline

        check_guideline(options)


def _check_labels(options: Options, found: Source) -> None:
    """Refuse a classifier none of whose labels counts, where its config names them."""
    names = read_config(found.folder).get("id2label")
    if isinstance(options, ClassifierOptions) and isinstance(names, dict) and names:
        from modelrepair.judges.classifier import choose_labels

        by_number = {number: str(name) for number, name in enumerate(names.values())}
        choose_labels(by_number, options.harmful, options.refusal)
