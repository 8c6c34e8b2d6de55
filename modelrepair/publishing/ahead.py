"""What a push needs, checked before the weights are read: target, rights, files in its way."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Literal

from modelrepair.artifact.card import kept_metadata
from modelrepair.artifact.front_matter import check_front_matter
from modelrepair.artifact.manifest import MANIFEST_NAME
from modelrepair.artifact.plots import FRONTIER_NAME, PLOT_NAME
from modelrepair.artifact.records import Origin
from modelrepair.artifact.verdicts import VERDICTS_NAME
from modelrepair.artifact.writer import MASK_NAME
from modelrepair.checkpoint.kept_files import CARD_NAME, card_text
from modelrepair.checkpoint.roles import role
from modelrepair.checkpoint.values import VALUES_NAME
from modelrepair.checkpoint.weight_files import ADAPTER, ADAPTER_CONFIG
from modelrepair.errors import HubError, ModelRepairError, UsageError
from modelrepair.plugin.names import SubjectKind
from modelrepair.preflight.target import There
from modelrepair.publishing.admission import refuse_lab
from modelrepair.publishing.destination import Destination, check_rights, find_destination
from modelrepair.publishing.earlier import files_of, state_of
from modelrepair.publishing.options import PushOptions
from modelrepair.publishing.there import check_there, sort_there
from modelrepair.publishing.visibility import Upstream
from modelrepair.source.adapter_config import Adapter, names_an_id, read_adapter
from modelrepair.source.address import named_on_hub
from modelrepair.source.hub_errors import hub_errors, push_errors
from modelrepair.source.kept import files_of_source
from modelrepair.source.licences import Terms, terms_in, terms_of, with_base
from modelrepair.source.reference import declared_base
from modelrepair.source.repository_files import Remote
from modelrepair.source.resolve import Source, wanted_files
from modelrepair.text.typed_paths import from_home

AGAIN = "the same command"


def check_measured(options: PushOptions, *, evaluate: bool) -> None:
    """Refuse to push what will not have been measured, unless that is insisted on.

    Raises:
        UsageError: it is so.
    """
    if not evaluate and not options.force:
        raise UsageError(
            "an unmeasured repair is not pushed",
            hint="leave --push out and push it once it has a verdict, or add --force",
            id="not-measured",
        )


def destination_ahead(
    source: Source,
    options: PushOptions,
    base: str | None = None,
    reference: str = "auto",
    *,
    merge: bool = False,
    subject: SubjectKind | Literal["auto"] = "auto",
) -> Destination:
    """Where the repair of a source would go, known before there is one.

    >>> destination_ahead(source, PushOptions()).visibility  # doctest: +SKIP
    'public'

    Args:
        source: what is repaired.
        options: where the user sends it.
        base: what it adapts, as the user named it.
        reference: the aligned model, as the user named it.
        merge: whether the adapter is merged into its base first.
        subject: what is masked, as the user named it.

    Raises:
        ModelRepairError: nothing could be pushed from there to there.
    """
    refuse_lab(source.folder)
    if merge and base is not None and (folder := from_home(base)).is_dir():
        refuse_lab(folder)  # the merged model carries its mark
    with _nothing_saved(), push_errors(options.to or source.id or source.name, AGAIN):
        upstream = upstream_ahead(source, base, reference, merge=merge, subject=subject)
        destination = find_destination(upstream, options, source.name)
    check_rights(terms_ahead(source, base, reference), destination)
    check_front_matter(kept_metadata(card_text(source.folder) or ""), source.id or source.name)
    return destination


@contextmanager
def _nothing_saved() -> Iterator[None]:
    """Nothing is saved yet: there is no folder to finish a push with."""
    try:
        yield
    except ModelRepairError as error:
        error.hint = error.hint.replace(f"finish it with: {AGAIN}", "try again")
        raise


def terms_ahead(source: Source, base: str | None = None, reference: str = "auto") -> Terms:
    """The licences that a repair would be under: the source's, its base's and the reference's.

    Those of models on the Hub are read from its metadata; where it does not say, theirs are left
    out.

    >>> terms_ahead(source).shown  # doctest: +SKIP
    'apache-2.0'
    """
    terms = terms_in(source.folder)
    adapter = read_adapter(source.folder)
    whole = base or (adapter.base if adapter is not None else None)
    aligned = declared_base(source.folder) if reference == "auto" else reference
    for name in dict.fromkeys((whole, aligned)):
        if name is None or name in ("none", source.id):
            continue
        if (id := id_on_hub(name)) is not None:
            terms = with_base(terms, id, _terms_on_the_hub(id))
        elif (folder := from_home(name)).is_dir():
            terms = with_base(terms, folder.resolve().name, terms_in(folder))
    return terms


def _terms_on_the_hub(id: str) -> Terms:
    from huggingface_hub import HfApi, constants

    if constants.HF_HUB_OFFLINE:
        return Terms(())
    try:
        with hub_errors(id):
            card = HfApi().model_info(id).card_data
    except HubError:
        return Terms(())
    return terms_of(dict(card.__dict__) if card else {})


def there_ahead(
    source: Source,
    destination: Destination,
    writes: Callable[[Remote], dict[str, bool]],
    delete: Sequence[str] = (),
) -> There:
    """What a push would make of the files at its destination, known before there is a repair.

    >>> there_ahead(source, destination, writes).kept  # doctest: +SKIP
    (Kept(file='x-Q4_K_M.gguf', verify='may be loaded in place of …'),)

    Args:
        source: what is repaired.
        destination: where the result would go.
        writes: what would be written, as `writes_ahead` says.
        delete: globs of files there that are to go.

    Raises:
        UsageError: files of its owner are in its way, or a glob of ``--delete`` takes none.
        HubError: files of the source were changed since the commit that is repaired.
        InconclusiveError: a later version of modelrepair wrote what is there.
    """
    if not destination.exists and not delete:
        return There()
    origin = Origin(id=source.id or source.name, hub=source.id is not None, commit=source.commit)
    with _nothing_saved(), push_errors(destination.id, AGAIN):
        state, written = state_of(destination, origin, writes)
        there = sort_there(state, written, destination, delete=delete)
        check_there(there, state, written, destination, origin.id, delete)
    return there


def writes_ahead(
    source: Source,
    base: Source | None,
    include: Sequence[str],
    remote: Remote,
    *,
    mask: bool = True,
    values: bool = False,
) -> dict[str, bool]:
    """What a push would write; the bytes of weights and configs are not known yet.

    Args:
        source: what is repaired.
        base: what an adapter is merged into; None where it is not.
        include: globs of the source's files that are taken along, too.
        remote: what the destination holds.
        mask: whether a mask is written.
        values: whether the masked entries' new values are.

    Returns:
        By file, whether its bytes are other ones than those there.
    """
    record = [MANIFEST_NAME, VERDICTS_NAME, PLOT_NAME, FRONTIER_NAME]
    record += [MASK_NAME] if mask else []
    record += [VALUES_NAME] if values else []
    writes = dict.fromkeys(record, True)
    writes |= _files_ahead(source, include, remote)
    if base is not None:
        whole = _files_ahead(base, include, remote)
        writes = {name: writes[name] for name in writes.keys() - {ADAPTER, ADAPTER_CONFIG}} | whole
    return writes


def _files_ahead(model: Source, include: Sequence[str], remote: Remote) -> dict[str, bool]:
    if model.id is None:
        files = files_of_source(model, include)
        return {
            name: not _stays(name) or remote.differs(name, model.folder / name)
            for name in (*files.weights, *files.kept)
        }
    known = files_of(Origin(id=model.id, hub=True, commit=model.commit))
    names = set(wanted_files(known, include=include)) - {CARD_NAME}
    return {name: not _stays(name) or remote.files.get(name) != known[name] for name in names}


def _stays(name: str) -> bool:
    """Whether a repair keeps a file byte for byte, by its name."""
    return role(name) not in ("weights", "index") and not name.endswith("config.json")


def upstream_ahead(
    source: Source,
    base: str | None = None,
    reference: str = "auto",
    *,
    merge: bool = False,
    subject: SubjectKind | Literal["auto"] = "auto",
) -> Upstream:
    """Reference and base, where they are on the Hub: what they hold may come into the result.

    Raises:
        UsageError: an adapter's base is one that others could not find.
    """
    adapter = read_adapter(source.folder)
    base = None if adapter is None else _base(base, adapter, merge=merge)
    if reference == "auto":
        reference = base or readable_base(source) or "none"
    ids = ((named, id_on_hub(named or "none")) for named in (reference, base))
    found = {named: Origin(id=id, hub=True) for named, id in ids if id is not None}
    held = []
    if (adapter is None or merge) and subject != "weight":
        held.append(reference)
    if merge:
        held.append(base or "none")
    return Upstream(
        Origin(id=source.id or source.name, hub=source.id is not None),
        named=tuple(found.values()),
        held=tuple(found[id] for id in dict.fromkeys(held) if id in found),
    )


def _base(given: str | None, adapter: Adapter, *, merge: bool) -> str | None:
    own = adapter.base if names_an_id(adapter) else None
    # The config of an adapter that stays one keeps the id that it names.
    if own is None and not merge and id_on_hub(given or "none") is None:
        raise UsageError(
            f"{ADAPTER_CONFIG} names no base that others can find, and can't be pushed so",
            hint="give --base with the base's id on the Hub",
            id="adapter-base-unknown",
        )
    return given or own


def readable_base(source: Source) -> str | None:
    """The base that a source's card names, where a repair could take it for its reference.

    Raises:
        HfHubHTTPError: the Hub does not answer.
    """
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError

    declared = declared_base(source.folder)
    if declared is None or declared == source.id:
        return None
    try:
        HfApi().auth_check(declared)
    except HfHubHTTPError as error:
        if getattr(error.response, "status_code", None) not in (401, 403, 404):
            raise
        return None
    return declared


def id_on_hub(named: str) -> str | None:
    """The id of a model that was named, where it is one on the Hub and no folder here.

    >>> id_on_hub("hf://org/aligned@v2"), id_on_hub("./aligned"), id_on_hub("none")
    ('org/aligned', None, None)
    """
    name = None if named == "none" else named_on_hub(named)
    return None if name is None else name.id
