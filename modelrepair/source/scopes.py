"""What a token may do on the Hub, as its account says: refused only where that is certain."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from modelrepair.errors import HubError

TOKENS = "https://huggingface.co/settings/tokens"
ANOTHER = f"make another at {TOKENS}, then run: hf auth login, or set HF_TOKEN to it"
READ, WRITE, DISCUSS = "repo.content.read", "repo.write", "discussion.write"
"""Rights of a fine-grained token: to read repositories that are not public, to write to them and
make them, to open pull requests."""
_MEANS = {
    READ: "read access to contents of repositories",
    WRITE: "write access to contents and settings of repositories",
    DISCUSS: "interact with discussions and open pull requests",
}
_WRITING = ("write", "admin", "contributor")
_NOT_MODELS = ("dataset", "space", "collection", "bucket", "kernel", "oauth-app")
"""Things on which a right says nothing of models."""
_UNMET = {
    "sso": "single sign-on",
    "mfa": "two-factor authentication",
    "token-policy": "another kind of token",
    "ip": "another network",
}
"""What an organisation may ask for that an account has not done."""


def has_expired(error: Exception) -> bool:
    """Whether the Hub refuses a token because its time is over.

    >>> has_expired(ValueError("no answer"))
    False
    """
    headers = getattr(getattr(error, "response", None), "headers", {})
    return "expired" in str(headers.get("X-Error-Message", "")).lower()


def reads_no_gated() -> bool:
    """Whether the token at hand reads no gated repository, whatever its account accepted.

    >>> reads_no_gated()  # doctest: +SKIP
    False
    """
    scopes = _token(_account()).get("fineGrained")
    return isinstance(scopes, Mapping) and scopes.get("canReadGatedRepos") is False


def reads_nothing_of(id: str) -> bool:
    """Whether the token at hand gives no right to read a repository that is not public.

    >>> reads_nothing_of("me/private")  # doctest: +SKIP
    False
    """
    return may(_account(), READ, id) is False


def _account() -> Mapping[str, Any]:
    """The account behind the token; nothing where the Hub does not say."""
    from huggingface_hub import HfApi

    try:
        account: Mapping[str, Any] = HfApi().whoami()
    except Exception:  # only a better hint is asked for, while another error is reported
        return {}
    return account


def check_token(account: Mapping[str, Any]) -> None:
    """Refuse a token that may only read.

    >>> check_token({"name": "me", "auth": {"accessToken": {"role": "write"}}})

    Args:
        account: what whoami returns.

    Raises:
        HubError: it may only read, or the Hub does not say whose it is.
    """
    if not isinstance(account.get("name"), str):
        raise HubError(
            "the Hub does not say whose token this is",
            hint="run: hf auth login",
            id="token-refused",
        )
    if _token(account).get("role") == "read":
        raise HubError(
            f"the token of {account['name']} may only read",
            hint=f"make one that may write, at {TOKENS}",
            id="no-right",
        )


def check_may_write(account: Mapping[str, Any], id: str) -> None:
    """Refuse a token that gives no right to write to a repository that is there.

    >>> check_may_write({"name": "me"}, "me/model")

    Raises:
        HubError: it is certain that it gives none.
    """
    _check_organisation(account, id)
    if may(account, WRITE, id) is False:
        raise HubError(
            f"the token of {account['name']} may not write to {id}",
            hint=add_right(WRITE, id),
            id="no-right",
        )


def check_may_create(account: Mapping[str, Any], id: str) -> None:
    """Refuse an account or a token that may make no repository of this name.

    >>> check_may_create({"name": "me"}, "me/model")

    Raises:
        HubError: it is certain that it may not.
    """
    namespace = id.partition("/")[0]
    _check_organisation(account, id)
    if namespace != account["name"]:
        found = _organisation(account, namespace)
        role = None if found is None else found.get("roleInOrg")
        groups = [] if found is None else found.get("resourceGroups") or []
        # An organisation whose role is not known is asked when the repository is made.
        if found is None or (role not in (None, *_WRITING) and not groups):
            raise HubError(
                f"{account['name']} may make no repository under {namespace}",
                hint="name a target of your own or of your organisation with --to",
                id="no-right",
            )
    if may(account, WRITE, namespace) is False:
        raise HubError(
            f"the token of {account['name']} may make no repository under {namespace}",
            hint=add_right(WRITE, namespace),
            id="no-right",
        )


def check_may_propose(account: Mapping[str, Any], id: str) -> None:
    """Refuse a token that gives no right to open a pull request.

    >>> check_may_propose({"name": "me"}, "user/model")

    Raises:
        HubError: it is certain that it gives none.
    """
    if may(account, DISCUSS, id) is False and may(account, WRITE, id) is False:
        raise HubError(
            f"the token of {account['name']} may open no pull request on {id}",
            hint=add_right(DISCUSS, id),
            id="no-right",
        )


def may(account: Mapping[str, Any], right: str, on: str) -> bool | None:
    """Whether a token gives a right on a repository or in a namespace; None where it is not known.

    >>> scope = {"entity": {"type": "user", "name": "me"}, "permissions": ["repo.write"]}
    >>> token = {"role": "fineGrained", "fineGrained": {"scoped": [scope]}}
    >>> account = {"name": "me", "auth": {"accessToken": token}}
    >>> may(account, WRITE, "me/model"), may(account, WRITE, "club/model"), may({}, WRITE, "me")
    (True, False, None)

    Args:
        account: what whoami returns.
        right: as the Hub calls it.
        on: a repository's id, or a user or organisation alone.
    """
    token = _token(account)
    scopes = token.get("fineGrained")
    if token.get("role") != "fineGrained" or not isinstance(scopes, Mapping):
        return None
    scoped, everywhere = scopes.get("scoped", []), scopes.get("global", [])
    if not isinstance(scoped, Sequence) or not isinstance(everywhere, Sequence):
        return None
    says = [_gives(everywhere, right), *_said_by(scoped, right, on)]
    return True if True in says else None if None in says else False


def _said_by(scoped: Sequence[Any], right: str, on: str) -> Iterator[bool | None]:
    """What each scope says of a right; None where it may hold there in a way unknown to us."""
    namespace = on.partition("/")[0].lower()
    for each in scoped:
        entity = each.get("entity") if isinstance(each, Mapping) else None
        if not isinstance(entity, Mapping):
            yield None
            continue
        kind, name = entity.get("type"), entity.get("name")
        gives = _gives(each.get("permissions"), right)
        if kind in _NOT_MODELS:
            yield False
        elif kind in ("user", "org") and isinstance(name, str):
            yield gives if name.lower() == namespace else False
        elif kind == "model" and isinstance(name, str):
            yield gives if name.lower() == on.lower() else False
        else:
            yield None if gives is not False else False


def _gives(permissions: Any, right: str) -> bool | None:
    if not isinstance(permissions, list) or not all(isinstance(p, str) for p in permissions):
        return None
    if right in permissions:
        return True
    # One that is new to us may hold the right: it is not refused by a guess.
    family = right.partition(".")[0]
    near = (p for p in permissions if p.partition(".")[0] == family and p.endswith("write"))
    return None if any(near) else False


def _token(account: Mapping[str, Any]) -> Mapping[str, Any]:
    found = account.get("auth")
    found = found.get("accessToken") if isinstance(found, Mapping) else None
    return found if isinstance(found, Mapping) else {}


def _organisation(account: Mapping[str, Any], name: str) -> Mapping[str, Any] | None:
    listed = account.get("orgs")
    for each in listed if isinstance(listed, Sequence) else ():
        if isinstance(each, Mapping) and str(each.get("name", "")).lower() == name.lower():
            return each
    return None


def _check_organisation(account: Mapping[str, Any], id: str) -> None:
    """Refuse where an organisation asks for something that the account has not done."""
    namespace = id.partition("/")[0]
    unmet = (_organisation(account, namespace) or {}).get("securityRestrictions")
    for each in unmet if isinstance(unmet, Sequence) else ():
        if each in _UNMET:
            raise HubError(
                f"{namespace} asks for {_UNMET[each]} before {account['name']} may write there",
                hint=f"complete it at https://huggingface.co/{namespace}, or name another target "
                "with --to",
                id="organisation-condition",
            )


def add_right(right: str, on: str) -> str:
    """What to do where a right is missing.

    >>> add_right("repo.content.read", "me/m").split(", at ")[1]
    'https://huggingface.co/settings/tokens'
    """
    return f"give it the right {right} ({_MEANS[right]}) on {on}, at {TOKENS}"
