"""Where a push goes, who may send it there, and who will be able to see it: from metadata alone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from modelrepair.errors import HubError, UsageError
from modelrepair.publish.manifest import MANIFEST_NAME, Manifest, Origin
from modelrepair.publish.pushing import PushOptions
from modelrepair.publish.remote import HUBS_OWN

Kind = Literal["new repository", "pull request", "in place"]
WRITING = ("write", "admin", "contributor")


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
    """

    id: str
    kind: Kind
    account: str
    branch: str
    exists: bool
    private: bool
    gated: str | None

    @property
    def visibility(self) -> str:
        """In words.

        >>> Destination("me/m", "new repository", "me", "main", False, False, "auto").visibility
        'public, gated (auto)'
        """
        shown = "private" if self.private else "public"
        return f"{shown}, gated ({self.gated})" if self.gated else shown

    def to_json(self) -> dict[str, Any]:
        """Ready for ``--json``."""
        return {**asdict(self), "visibility": self.visibility}


def find_destination(
    source: Origin, others: Iterable[Origin], options: PushOptions, name: str
) -> Destination:
    """Decide where a repaired model goes, and make sure that it may go there.

    >>> find_destination(source, [], PushOptions(), "model").id  # doctest: +SKIP
    'me/model-repaired'

    Args:
        source: what was or will be repaired; ``hub`` says whether it is a repository.
        others: reference and base, whose values the result may hold.
        options: what was asked for.
        name: the source's last name, of which the target's is made.

    Raises:
        UsageError: a target that makes no sense, or that holds something else.
        HubError: token, rights, visibility, or the Hub itself.
    """
    account = whoami()
    if options.pr or options.in_place:
        if not source.hub:
            what = "--pr" if options.pr else "--in-place"
            raise UsageError(
                f"{what} needs a source on the Hub, and {source.id} is a folder",
                hint="leave it out for a new repository, or name one with --to",
            )
        return _own_repository(source, options, account)
    return _new_repository(source, others, options, account, name)


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
        ) from None
    role = ((account.get("auth") or {}).get("accessToken") or {}).get("role")
    if role == "read":
        raise HubError(
            f"the token of {account['name']} may only read",
            hint="make one that may write, at https://huggingface.co/settings/tokens",
        )
    return account


def _own_repository(
    source: Origin, options: PushOptions, account: Mapping[str, Any]
) -> Destination:
    info = look(source.id)
    if info is None:
        raise HubError(
            f"there is no {source.id} on the Hub, or this token may not see it",
            hint="push to a repository of your own: leave --pr and --in-place out",
        )
    if options.in_place:
        check_write(source.id)
    kind: Kind = "pull request" if options.pr else "in place"
    branch = options.to_revision or "main"
    return Destination(
        source.id, kind, account["name"], branch, True, bool(info.private), info.gated or None
    )


def _new_repository(
    source: Origin,
    others: Iterable[Origin],
    options: PushOptions,
    account: Mapping[str, Any],
    name: str,
) -> Destination:
    id = options.to or f"{name}-repaired"
    id = id if "/" in id else f"{account['name']}/{id}"
    if source.hub and id == source.id:
        raise UsageError(
            f"{id} is the source itself", hint="take --in-place or --pr, or name another with --to"
        )
    private, gated = options.private, None
    for origin in (source, *others):
        if not origin.hub:
            continue
        info = look(origin.id)
        if info is None and not options.private:
            raise HubError(
                f"{origin.id} can't be looked at: nobody knows whether it is private",
                hint="--private pushes to a private repository",
            )
        if info is not None:
            private = private or bool(info.private)
            if origin is source and info.gated:
                gated = str(info.gated)
    target = look(id)
    if target is None:
        _check_namespace(id.partition("/")[0], account)
    else:
        check_write(id)
        if private and not target.private:
            why = "--private was asked for" if options.private else "the source is private"
            raise HubError(
                f"{id} is public, and {why}",
                hint="make it private in its settings, or name another with --to",
            )
        _check_taken(id, target, source)
        private, gated = bool(target.private), gated or (target.gated or None)
    branch = options.to_revision or "main"
    return Destination(
        id, "new repository", account["name"], branch, target is not None, private, gated
    )


def look(id: str) -> Any | None:
    """What the Hub tells of a repository; None where there is none for this token."""
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
        ) from None


def _check_namespace(namespace: str, account: Mapping[str, Any]) -> None:
    if namespace == account["name"]:
        return
    roles = {each["name"]: each.get("roleInOrg") for each in account.get("orgs") or ()}
    # An organisation that does not tell the role is asked when the repository is made.
    if namespace not in roles or roles[namespace] not in (None, *WRITING):
        raise HubError(
            f"{account['name']} may make no repository under {namespace}",
            hint="name a target of your own or of your organisation with --to",
        )


def _check_taken(id: str, info: Any, source: Origin) -> None:
    names = {sibling.rfilename for sibling in info.siblings or ()}
    if not names - {HUBS_OWN, "README.md"}:
        return
    if MANIFEST_NAME in names and _manifest_of(id, info.sha).source.id == source.id:
        return
    raise UsageError(
        f"{id} is there already and holds another model",
        hint="name another target with --to",
    )


def _manifest_of(id: str, commit: str) -> Manifest:
    from huggingface_hub import HfApi

    from modelrepair.publish.manifest import load_manifest

    return load_manifest(HfApi().hf_hub_download(id, MANIFEST_NAME, revision=commit))
