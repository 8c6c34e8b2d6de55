"""What a token may do: refused where whoami says so, and let through where it does not."""

from __future__ import annotations

import pytest

from modelrepair import push
from modelrepair.cli.main import run
from modelrepair.errors import HubError
from modelrepair.source.scopes import (
    DISCUSS,
    TOKENS,
    WRITE,
    check_may_create,
    check_may_propose,
    check_may_write,
    check_token,
    may,
)
from tests.support.hub.fixtures import hub
from tests.support.hub.repaired import on_the_hub
from tests.support.hub.state import Account

__all__ = ["hub"]  # the one with a token

ORGS = (("team", "write"), ("club", "read"))
READ = ("repo.content.read",)


def fine(*scopes: tuple[str, tuple[str, ...]], **more) -> Account:
    return Account("me", "fineGrained", ORGS, scopes, **more)


OWN = fine(("user me", (*READ, WRITE)))
TEAM = fine(("org team", (WRITE,)))
ONE = fine(("model me/model-repaired", (WRITE,)))
TALKS = fine(("user me", READ), ("global", (DISCUSS,)))


@pytest.mark.parametrize(
    ("account", "right", "on", "holds"),
    [
        (OWN, WRITE, "me/any", True),
        (OWN, WRITE, "ME", True),
        (OWN, WRITE, "team/any", False),
        (OWN, DISCUSS, "me/any", False),
        (TEAM, WRITE, "team/any", True),
        (TEAM, WRITE, "me/any", False),
        (ONE, WRITE, "me/model-repaired", True),
        (ONE, WRITE, "me/other", False),
        (ONE, WRITE, "me", False),
        (TALKS, DISCUSS, "user/model", True),
        (fine(), WRITE, "me/any", False),
        (fine(("dataset me/any", (WRITE,)), ("space me/any", (WRITE,))), WRITE, "me/any", False),
        (fine(("user me", ("inference.serverless.write", "repo.access.read"))), WRITE, "me", False),
        # What is not known to us is let through.
        (fine(("resource-group secret", (WRITE,))), WRITE, "team/any", None),
        (fine(("galaxy far", (WRITE,))), WRITE, "me/any", None),
        (fine(("user me", ("repo.content.write",))), WRITE, "me/any", None),
        (Account("me", "write"), WRITE, "me/any", None),
        (Account("me", "admin"), WRITE, "me/any", None),
    ],
)
def test_rights_on_a_repository(account, right, on, holds):
    assert may(account.whoami(), right, on) is holds


@pytest.mark.parametrize(
    "scopes",
    [
        None, [], "all", {"scoped": "all"}, {"scoped": None}, {"scoped": [7]}, {"global": {}},
        {"scoped": [{"entity": "me"}]}, {"scoped": [{"entity": {}, "permissions": ["repo.write"]}]},
        {"scoped": [{"entity": {"type": "user", "name": "me"}, "permissions": "repo.write"}]},
        {"scoped": [{"entity": {"type": "user", "name": "me"}}]},
    ],
)  # fmt: skip
def test_no_form_that_is_unknown_to_us_is_refused(scopes):
    account = fine(more=(("fineGrained", scopes),)).whoami()
    check_token(account)
    for check in (check_may_write, check_may_create, check_may_propose):
        check(account, "me/model-repaired")


@pytest.mark.parametrize("auth", [None, [], {"type": "oauth"}, {"accessToken": "secret"}])
def test_an_account_without_a_token_is_let_through(auth):
    account = {"name": "me", "auth": auth, "orgs": None}
    check_token(account)
    check_may_create(account, "me/model")


def test_an_account_without_a_name_is_refused():
    with pytest.raises(HubError, match="does not say whose token"):
        check_token({"error": "no"})


@pytest.mark.parametrize(
    ("account", "options", "said", "hint"),
    [
        (TALKS, {}, "the token of me may make no repository under me", "repo.write"),
        (OWN, {"to": "team/m"}, "may make no repository under team", "on team, at"),
        (TEAM, {}, "may make no repository under me", "on me, at"),
        (TALKS, {"to": "me/there"}, "the token of me may not write to me/there", "repo.write"),
        (ONE, {"to": "me/there"}, "may not write to me/there", "on me/there"),
        (OWN, {"in_place": True}, "may not write to user/model", "repo.write"),
        (OWN, {"pr": True}, "may open no pull request on user/model", "discussion.write"),
        (OWN, {"to": "club/m"}, "me may make no repository under club", "--to"),
        (fine(("org team", (WRITE,)), unmet=(("team", ("sso",)),)), {"to": "team/m"},
         "team asks for single sign-on before me may write there", "https://huggingface.co/team"),
        (Account("me", "read"), {"pr": True}, "may only read", TOKENS),
        (Account("me", expired=True), {}, "the token for the Hub has expired", TOKENS),
    ],
)  # fmt: skip
def test_a_right_that_is_missing_is_named_before_anything_is_sent(
    hub, tmp_path, monkeypatch, account, options, said, hint
):
    made = on_the_hub(hub, tmp_path)
    hub.add("me/there", {".gitattributes": b""})
    hub.accounts["hf_scoped"] = account
    monkeypatch.setenv("HF_TOKEN", "hf_scoped")
    with pytest.raises(HubError, match=said) as caught:
        push(made.out, **options)
    assert caught.value.exit_code == 3
    assert hint in caught.value.hint
    assert {method for method, _ in hub.requests} <= {"GET"}


@pytest.mark.parametrize(
    ("account", "options", "target"),
    [
        (OWN, {}, "me/model-repaired"),
        (TEAM, {"to": "team/m"}, "team/m"),
        (ONE, {"to": "me/model-repaired"}, "me/model-repaired"),
        (TALKS, {"pr": True}, "user/model"),
        (fine(("model user/model", (DISCUSS,))), {"pr": True}, "user/model"),
    ],
)
def test_the_right_alone_is_enough(hub, tmp_path, monkeypatch, account, options, target):
    made = on_the_hub(hub, tmp_path)
    if account is ONE:
        hub.add(target, {".gitattributes": b""})
    hub.accounts["hf_scoped"] = account
    monkeypatch.setenv("HF_TOKEN", "hf_scoped")
    assert push(made.out, **options).target == target


def test_a_token_that_reads_no_gated_repository_is_told_apart(hub, tmp_path, monkeypatch, capsys):
    on_the_hub(hub, tmp_path)
    hub.repos["user/model"].gated = "auto"
    for account, said in ((OWN, "this token reads no gated"), (Account("me"), "this account has")):
        hub.accounts["hf_scoped"] = account
        monkeypatch.setenv("HF_TOKEN", "hf_scoped")
        assert run(["plan", "user/model"]) == 3
        assert said in capsys.readouterr().err


def test_a_private_source_that_the_token_reads_not_is_told(hub, tmp_path, monkeypatch, capsys):
    hub.add("me/hidden", {"config.json": b"{}"}, private=True)
    for scopes, said in ((TALKS, "run: hf auth login"), (TEAM, "right repo.content.read")):
        hub.accounts["hf_scoped"] = scopes
        monkeypatch.setenv("HF_TOKEN", "hf_scoped")
        assert run(["plan", "me/hiddem"]) == 3
        assert said in capsys.readouterr().err
