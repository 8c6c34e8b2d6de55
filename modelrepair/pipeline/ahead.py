"""What a repair looks at before it fetches an example set or a weight, in this order.

source ─► its kind ─► reference ─► plug-ins' needs and models ─► destination ─► (sets ─► weights)

A repair stops at the first refusal. A plan keeps it and looks on: both take the same steps, so that
a plan refuses what the repair would, in the same words.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from modelrepair.checkpoint.place import placed
from modelrepair.checkpoint.reader import Checkpoint
from modelrepair.pipeline.finished import refuse_foreign
from modelrepair.pipeline.history import past_of
from modelrepair.pipeline.kept import left_ahead
from modelrepair.pipeline.models import check_subject, find_base
from modelrepair.pipeline.other_models import look_at_judge, look_at_repairers
from modelrepair.plugin.names import SubjectKind
from modelrepair.preflight.demand import Demand
from modelrepair.preflight.model import Model
from modelrepair.preflight.named_sets import NamedSets, named_sets
from modelrepair.preflight.needs import require_named, require_reference, sets_to_read
from modelrepair.preflight.other_models import OtherModel
from modelrepair.preflight.plan import plan_model
from modelrepair.preflight.plugins import Plugins
from modelrepair.preflight.reference import Reference, look_at_reference
from modelrepair.preflight.refusals import Refusals
from modelrepair.preflight.target import There
from modelrepair.progress import Notes
from modelrepair.publishing.ahead import (
    check_measured,
    destination_ahead,
    there_ahead,
    writes_ahead,
)
from modelrepair.publishing.destination import Destination, check_name
from modelrepair.publishing.options import PushOptions
from modelrepair.settings.settings import Settings
from modelrepair.settings.subject import subject_for
from modelrepair.settings.units import (
    check_scope_of_unit,
    check_unit_of_subject,
    scope_of,
    unit_of,
)
from modelrepair.source.adapter_config import check_fits, read_adapter
from modelrepair.source.headers import read_once
from modelrepair.source.kinds import check_kind
from modelrepair.source.resolve import Source, resolve

if TYPE_CHECKING:
    from modelrepair.preflight.plan import Plan


@dataclass(frozen=True)
class Ahead:
    """What is known before anything is fetched that takes long.

    Args:
        source: what is repaired, and ``base`` what it adapts where it is an adapter.
        looked: its kind and size.
        reference: what is known of the aligned model.
        past: whether the source was repaired before, or may never have been aligned: lines.
        subject: what is masked, if the reference turns out to be aligned.
        sets: the example sets that are going to be read.
        left_behind: files of the source that the result will not hold, with the reason.
        destination: where the result is pushed; None where it stays here, or was refused.
        there: what a push would make of the files that lie there.
        read: gives the headers of a model's weights, each asked for once.
        others: the models of judge and repairer.
    """

    source: Source
    base: Source | None
    looked: Plan
    reference: Reference
    past: tuple[str, ...]
    subject: SubjectKind
    sets: NamedSets
    left_behind: Mapping[str, str]
    destination: Destination | None
    there: There
    read: Callable[[Source], Checkpoint]
    others: tuple[OtherModel, ...] = ()

    @property
    def model(self) -> Model:
        """The source and its base by their headers."""
        base = None if self.base is None else Model(self.base, self.read(self.base))
        return Model(self.source, self.read(self.source), base)


def look_ahead(
    settings: Settings,
    plugins: Plugins,
    out: str | None,
    pushing: PushOptions | None,
    notes: Notes,
    refusals: Refusals,
) -> Ahead:
    """Look at everything that can stop a repair before a set or a weight is fetched.

    Args:
        settings: every choice of the repair, its preset filled in.
        plugins: what may be tried.
        out: the output folder, where one was named.
        pushing: where the result would go; None where it would stay here.
        notes: what is worth telling.
        refusals: stops the run at the first, or keeps it.

    Raises:
        ModelRepairError: the first refusal; one after which nothing can be looked at, always.
    """
    with refusals.kept():
        if pushing is not None:
            check_measured(pushing, evaluate=settings.answers)
    source = resolve(settings.source, settings.revision, weights=False, include=settings.include)
    with refusals.kept():
        if pushing is not None:
            check_name(pushing, source.name)
        refuse_foreign(placed(output_of(out, source), source.folder))
    read = read_once()
    adapter = read_adapter(source.folder)
    base = None
    with refusals.kept():
        check_subject(settings, adapter)
    if adapter is not None:
        base = find_base(settings.base, adapter, weights=False, include=settings.include)
    looked = plan_model(source, Demand(merge=settings.merge), base=base, read=read)
    reference, left = Reference(), dict[str, str]()
    with refusals.kept():
        if base is not None:
            check_fits(read(source).entries, read(base).entries)
        looked.kind.check()
        left = left_ahead(source, base if settings.merge else None, settings.include)
    with refusals.kept():
        reference = look_at_reference(settings.reference, source, notes, base, read)
    known = reference.found is not None
    past = past_of(source, base, reference=known)
    for line in past:
        notes.warn(line)
    named, factors = named_sets(settings), base is not None and not settings.merge
    subject: SubjectKind = "factor" if factors else "delta" if known else "weight"
    with refusals.kept():
        subject = subject_for(settings.subject, settings.preset, factors=factors, reference=known)
        for each, _ in plugins.scorers:
            unit = unit_of(settings, each.spec)
            check_unit_of_subject(unit, subject)
            check_scope_of_unit(unit, scope_of(settings, each.spec))
        if plugins.repairer is not None:
            require_reference(plugins.repairer.spec, reference.found)
        require_named(named, plugins, subject, settings.protect)
    others: list[OtherModel] = []
    with refusals.kept():
        others += look_at_repairers(plugins, base or source, read)
    with refusals.kept():
        others += look_at_judge(plugins, read)
    destination, there = None, There()
    with refusals.kept():
        if pushing is not None:
            destination = destination_ahead(
                source,
                pushing,
                settings.base,
                settings.reference,
                merge=settings.merge,
                subject=settings.subject,
            )
            writes = partial(
                writes_ahead,
                source,
                base if settings.merge else None,
                settings.include,
                mask=settings.repairer is None,
                values=settings.store_values,
            )
            there = there_ahead(source, destination, writes, pushing.delete)
    return Ahead(
        source=source,
        base=base,
        looked=looked,
        reference=reference,
        past=tuple(past),
        subject=subject,
        sets=sets_to_read(
            named, plugins, subject, evaluate=settings.evaluate, protect=settings.protect
        ),
        left_behind=left,
        destination=destination,
        there=there,
        read=read,
        others=tuple(others),
    )


def output_of(out: str | None, source: Source) -> Path:
    """Where the result will lie: as named, else in a folder here, named like the source."""
    return Path(out or f"{source.name}-repaired")


def look_at_model(
    named: str,
    revision: str | None = None,
    base: str | None = None,
    include: Sequence[str] = (),
) -> Model:
    """Look at a model that is to be measured before a set or a weight of it is fetched.

    Args:
        named: its id or folder.
        revision: branch, tag or commit of it on the Hub.
        base: what it adapts, where its config does not name it.
        include: globs of its files that are taken along, too.

    Returns:
        It and what it adapts, by their headers.

    Raises:
        ModelRepairError: it can't be had, or can't be measured.
    """
    source = resolve(named, revision, weights=False, include=include)
    adapter = read_adapter(source.folder)
    model = Model(source, check_kind(source))
    if adapter is None:
        return model
    found = find_base(base, adapter, weights=False, include=include)
    model = replace(model, base=Model(found, check_kind(found, "--base")))
    check_fits(model.checkpoint.entries, model.whole.entries)
    return model
