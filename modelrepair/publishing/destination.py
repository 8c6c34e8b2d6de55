"""Where a push goes, who may send it there, and who will be able to see it: from metadata alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from modelrepair.artifact.records import Origin
from modelrepair.errors import HubError, UsageError
from modelrepair.publishing.options import PushOptions
from modelrepair.publishing.visibility import Upstream, strictest_gate
from modelrepair.source.address import id_for, is_id
from modelrepair.source.licences import Terms
from modelrepair.source.scopes import (
    check_may_create,
    check_may_propose,
    check_may_write,
    check_token,
)

Kind = Literal["new repository", "pull request", "in place"]


@dataclass(frozen=True)
class Destination:
    """Where a repaired model goes.

    Args:
        id: the target's id.
        kind: what is written there.
        account: whose token writes it.
        branch: the branch of the target; a pull request has one of its own.
        exists: whether the repository is there already.
        private: whether it is or will be private.
        gated: ``"auto"`` or ``"manual"`` where access has to be asked for, else None.
        keeps: whether the source's other weight formats and pickles stay.
    """

    id: str
    kind: Kind
    account: str
    branch: str
    exists: bool
    private: bool
    gated: str | None
    keeps: bool = False

    @property
    def visibility(self) -> str:
        """In words.

        >>> Destination("me/m", "new repository", "me", "main", False, False, "auto").visibility
        'public, gated (auto)'
        """
        return visibility(self.private, self.gated)

    def to_json(self) -> dict[str, Any]:
        """Ready for ``--json``."""
        return {**asdict(self), "visibility": self.visibility}


def visibility(private: bool, gated: str | None) -> str:
    """Who may see a repository, in words.

    >>> visibility(True, None), visibility(False, "manual")
    ('private', 'public, gated (manual)')
    """
    shown = "private" if private else "public"
    return f"{shown}, gated ({gated})" if gated else shown


def find_destination(upstream: Upstream, options: PushOptions, name: str) -> Destination:
    """Decide where a repaired model goes, and make sure that it may go there.

    >>> find_destination(upstream, PushOptions(), "model").id  # doctest: +SKIP
    'me/model-repaired'

    Args:
        upstream: what was or will be repaired, and what is behind it.
        options: what was asked for.
        name: the source's last name, of which the target's is made.

    Raises:
        UsageError: a target that makes no sense.
        HubError: token, rights, visibility, or the Hub itself.
    """
    check_name(options, name)
    account = whoami()
    if options.pr or options.in_place:
        if not upstream.source.hub:
            what = "--pr" if options.pr else "--in-place"
            raise UsageError(
                f"{what} needs a source on the Hub, and {upstream.source.id} is a folder",
                hint="leave it out for a new repository, or name one with --to",
            )
        return _own_repository(upstream, options, account)
    return _new_repository(upstream, options, account, name)


def check_name(options: PushOptions, name: str) -> None:
    """Refuse a source's name of which no repository's can be made, where one is to be made.

    >>> check_name(PushOptions(), "model")

    Args:
        options: what was asked for.
        name: the source's last name.

    Raises:
        UsageError: it is so; the hint has the nearest name that does.
    """
    if not (options.pr or options.in_place or options.to or is_id(f"{name}-repaired")):
        raise UsageError(
            f"{name + '-repaired'!r} can name no repository on the Hub",
            hint=f"name one with --to, such as --to {id_for(name, '-repaired')}",
            id="not-a-hub-id",
        )


def whoami() -> Mapping[str, Any]:
    """The account behind the token, which may write.

    Raises:
        HubError: no token, one that is refused, or one that may only read.
    """
    from huggingface_hub import HfApi
    from huggingface_hub.errors import LocalTokenNotFoundError

    try:
        account: Mapping[str, Any] = HfApi().whoami()
    except LocalTokenNotFoundError:
        raise HubError(
            "there is no token to push with",
            hint="run: hf auth login, or set HF_TOKEN to a token that may write",
            id="no-token",
        ) from None
    check_token(account)
    return account


def _own_repository(
    upstream: Upstream, options: PushOptions, account: Mapping[str, Any]
) -> Destination:
    id = upstream.source.id
    if options.in_place:
        check_may_write(account, id)
    else:
        check_may_propose(account, id)
    info = look(id)
    if info is None:
        raise HubError(
            f"there is no {id} on the Hub, or this token may not see it",
            hint="push to a repository of your own: leave --pr and --in-place out",
            id="no-such-repository",
        )
    gate = info.gated or None
    for origin in upstream.held:
        held = _looked_at(origin, options)
        if held is None or info.private:
            continue
        if held.private or strictest_gate(held.gated, gate) != gate:
            raise HubError(
                f"{id} is open to more people than {origin.id}, whose values the repair holds",
                hint="push to a repository of your own: leave --pr and --in-place out",
                id="target-public",
            )
    if options.in_place:
        check_write(id)
    kind: Kind = "pull request" if options.pr else "in place"
    branch = options.to_revision or "main"
    return Destination(
        id,
        kind,
        account["name"],
        branch,
        True,
        bool(info.private),
        gate,
        options.keep_other_weights,
    )


def _new_repository(
    upstream: Upstream, options: PushOptions, account: Mapping[str, Any], name: str
) -> Destination:
    source = upstream.source
    id = options.to or f"{name}-repaired"
    id = id if "/" in id else f"{account['name']}/{id}"
    hidden = "--private was asked for" if options.private else None
    gate = None
    for origin in (source, *upstream.named):
        info = _looked_at(origin, options)
        if info is None:
            continue
        if info.private:
            hidden = hidden or f"{'the source' if origin is source else origin.id} is private"
        if origin is source or origin in upstream.held:
            gate = strictest_gate(gate, info.gated)
    target = look(id)
    id = id if target is None else str(target.id)
    if source.hub and id == source.id:
        raise UsageError(
            f"{id} is the source itself",
            hint="take --in-place or --pr, or name another with --to",
            id="target-is-source",
        )
    if target is None:
        check_may_create(account, id)
    else:
        check_may_write(account, id)
        check_write(id)
        if hidden and not target.private:
            raise HubError(
                f"{id} is public, and {hidden}",
                hint="make it private in its settings, or name another with --to",
                id="target-public",
            )
        gate = strictest_gate(gate, target.gated)
    private = bool(target.private) if target else hidden is not None
    branch = options.to_revision or "main"
    return Destination(
        id, "new repository", account["name"], branch, target is not None, private, gate
    )


def _looked_at(origin: Origin, options: PushOptions) -> Any | None:
    """What the Hub says of a model behind the repair; None for a folder.

    Raises:
        HubError: nothing, and the target may be seen by others.
    """
    if not origin.hub:
        return None
    info = look(origin.id)
    if info is None and not options.private:
        raise HubError(
            f"{origin.id} can't be looked at: whether it is private is not known",
            hint="--private pushes to a private repository",
            id="visibility-unknown",
        )
    return info


def look(id: str) -> Any | None:
    """What the Hub says of a repository; None where there is none for this token."""
    from huggingface_hub import HfApi
    from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError

    try:
        return HfApi().model_info(id)
    except GatedRepoError:
        raise
    except RepositoryNotFoundError:
        return None


def check_write(id: str) -> None:
    """Ask whether the token may write to a repository.

    Raises:
        HubError: it may not.
    """
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError

    try:
        HfApi().auth_check(id, write=True)
    except HfHubHTTPError as error:
        if getattr(error.response, "status_code", None) not in (401, 403, 404):
            raise
        raise HubError(
            f"the token gives no right to write to {id}",
            hint="use a token that may write there, name another target with --to, or take --pr",
            id="no-right",
        ) from None


def check_rights(terms: Terms, destination: Destination) -> None:
    """Refuse to show the public a changed copy of a model whose licence forbids that.

    No option lets it out: who holds the rights can name another licence in the source's card.

    Raises:
        HubError: it does, and the target is public.
    """
    licence = terms.forbidding
    if licence is None or destination.private:
        return
    own = destination.kind == "new repository"
    where = "--private" if own else "a repository of your own and --private"
    raise HubError(
        f"licence {licence.shown} forbids sharing changed copies, and {destination.id} "
        f"{'is' if destination.exists else 'would be'} public",
        hint=f"push with {where}; if the rights are yours, name another licence in the source's "
        f"card; the licence: {licence.url}",
        id="licence-forbids-sharing",
    )
