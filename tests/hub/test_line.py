"""The one line, walked as a process: with each account, kind of model, fault and ending."""

from __future__ import annotations

import re

import pytest

from modelrepair.cli.main import run
from tests.support.hub.endings import PAGE, SCENES, WHOLE, page, played, shown
from tests.support.hub.line import CARD, LINE, SET, TARGET, fill, user_of, weights_sent
from tests.support.hub.repaired import files_of
from tests.support.hub.state import Account
from tests.support.model_kinds import MADE

HEADERS_ALONE = 200_000
"""Bytes: the range in which a header is asked for, of source and reference."""
FIXED = ("--scorer=wanda", "--ratio=0.01", "--no-evaluate", "--force", "--examples=8")


@pytest.fixture
def user(hub, tmp_path):
    """A user of a Hub with the broken model, the aligned one and the set."""
    fill(hub)
    return user_of(hub, tmp_path / "here")


def refused(user, ended, code: int, *said: str) -> None:
    """Two paragraphs, the code, nothing written or changed, no set and no weights fetched."""
    assert ended.code == code, ended.text
    for each in said:
        assert each in ended.said, ended.text
    assert len(re.findall(r"^(?:Error|Hint \[[a-z-]+\]): ", ended.text, flags=re.MULTILINE)) == 2
    assert all(len(line) <= 80 or "modelrepair " in line for line in ended.text.splitlines())
    assert not list(user.folder.glob("*repaired*"))
    assert TARGET not in user.hub.repos
    assert weights_sent(user.hub) <= HEADERS_ALONE
    assert not [path for _, path in user.hub.requests if SET in path and "/resolve/" in path]


ACCOUNTS = {
    "none": (None, (), "there is no token to push with"),
    "unknown": ("hf_wrongwrong", (), "the Hub refuses the token"),
    "expired": (Account("me", expired=True), (), "token"),
    "read": (Account("me", "read"), (), "the token of me may only read"),
    "fine-grained-without-write": (
        Account("me", "fineGrained", scopes=(("user me", ("repo.content.read",)),)), (),
        "the token of me may make no repository under me Hint [no-right]: give it the right"),
    "fine-grained-for-another": (
        Account("me", "fineGrained", scopes=(("model me/other", ("repo.write",)),)), (),
        "the token of me may make no repository under me Hint [no-right]: give it the right"),
    "foreign-organisation": (
        Account("me"), ("--to=strangers/model",), "me may make no repository under strangers"),
    "reader-of-an-organisation": (
        Account("me", orgs=(("club", "read"),)), ("--to=club/model",),
        "me may make no repository under club"),
    "unmet-conditions": (
        Account("me", orgs=(("team", "write"),), unmet=(("team", ("mfa",)),)),
        ("--to=team/model",), "team"),
}  # fmt: skip
"""Who types the line, with what, and what is said."""


@pytest.mark.quick("none", "foreign-organisation")
@pytest.mark.parametrize("who", ACCOUNTS)
def test_an_account_that_may_not_push_is_refused_before_the_work(hub, user, who):
    account, words, said = ACCOUNTS[who]
    token = account if isinstance(account, str) else "hf_otherother"
    if isinstance(account, Account):
        hub.accounts[token] = account
    ended = user.types(*LINE, *words, HF_TOKEN=token if account else "")
    refused(user, ended, 3, said)


def test_a_model_whose_conditions_were_not_accepted(hub, user):
    hub.repos["user/model"].gated = "manual"
    refused(user, user.types(*LINE), 3, "user/model is gated", "https://huggingface.co/user/model")


def test_a_misspelt_model_is_answered_with_the_nearest(hub, user):
    ended = user.types("fix", "user/modle", "--push")
    refused(user, ended, 3, "there is no model user/modle on the Hub", "user/model")


def test_a_hub_that_fails(hub, user):
    hub.status = 503
    refused(user, user.types(*LINE), 3, "503")


def test_a_hub_that_asks_to_wait(hub, user):
    hub.fail("GET", "/api/models/user", 429, headers={"Retry-After": "3600"})
    refused(user, user.types(*LINE), 3, "the Hub asks to wait 3600 s: too many requests")


def test_a_moment_s_wait_is_waited_for_and_named(hub, user):
    hub.fail("GET", "/api/models/user", 429, headers={"Retry-After": "20"}, times=1)
    ended = user.types("plan", "user/model", "--push")
    assert ended.code == 0, ended.text
    assert "20 s" in ended.said and "Runs yes" in ended.said


def begins(user) -> str:
    """The line up to its first download, of the set, which fails: what it says before that."""
    user.hub.fail("GET|HEAD", f"/datasets/{SET}/resolve/.*xz", 503)
    ended = user.types(*LINE)
    assert ended.code == 3, ended.text
    first, _, rest = ended.text.partition(f"\nfetching {SET}")
    assert f"Error: the Hub can't be reached for {SET}" in rest, ended.text
    labels = ("Runs ", "Source ", "Reference ", "Examples ", "Goes to ", "Memory ", "Time ")
    in_order(first, *(f"\n{label}" for label in labels))
    return " ".join(first.split())


def test_a_model_with_a_reference_begins(hub, user):
    said = begins(user)
    assert "Runs yes: 100 % of the matrices in 4 blocks can be repaired" in said
    assert "apache-2.0 Reference org/aligned at" in said
    assert f"{SET}:30k_train at 8401fe609d28, cc-by-nc-4.0 (not for commercial use)" in said
    assert f"Goes to model-repaired, then {TARGET} (new, public), as me" in said
    assert re.search(r"at most \d+ rounds, \d+ candidates, [\d,]+ answers", said)


def test_no_reference_is_named_and_no_reason_to_stop(hub, user):
    card = CARD.replace(b"base_model: org/aligned\n", b"")
    hub.add("user/model", {**hub.repos["user/model"].files(), "README.md": card})
    said = begins(user)
    assert "none: the card names no base model; --reference names the aligned one" in said
    assert not [path for _, path in hub.requests if "org/aligned" in path]


def test_a_gated_reference_is_named_with_its_link_and_no_reason_to_stop(hub, user):
    hub.repos["org/aligned"].gated = "auto"
    said = begins(user)
    assert "Reference none: org/aligned is gated" in said
    assert "https://huggingface.co/org/aligned" in said


@pytest.mark.slow
def test_broken_rows_of_the_set_are_counted_and_left_out(hub, tmp_path):
    broken = (b'{"prompt": "half a row\n', b"no json\n", b'{"prompt": 7, "is_safe": false}\n')
    fill(hub, rows=broken)
    user = user_of(hub, tmp_path / "here")
    ended = user.types(*WHOLE, *FIXED)
    assert ended.code == 0, ended.text
    assert re.search(rf"left out of {SET}:30k_train: 3 of its rows", ended.said), ended.text


@pytest.mark.slow
@pytest.mark.parametrize("fault", ["offline", "503"])
def test_a_full_cache_is_enough_to_repair_and_not_to_push(hub, user, fault):
    commit = hub.repos["user/model"].head
    quick = [word for word in (*WHOLE, *FIXED) if word not in ("--push", "--force")]
    quick[1] = f"user/model@{commit}"
    reference = hub.repos["org/aligned"].head
    first = user.types(*quick, f"--reference=org/aligned@{reference}")
    assert first.code == 0, first.text
    more = {"HF_HUB_OFFLINE": "1"} if fault == "offline" else {}
    hub.status = 503 if fault == "503" else None
    sent = hub.sent.total()
    again = user.types(*quick, f"--reference=org/aligned@{reference}", "--out=again", **more)
    assert again.code == 0, again.text
    assert hub.sent.total() == sent or fault == "503"
    mask = "repair/mask.safetensors"
    one, two = (files_of(user.folder / name)[mask] for name in ("model-repaired", "again"))
    assert one == two
    pushed = user.types(*quick, f"--reference=org/aligned@{reference}", "--push", "--force", **more)
    assert pushed.code == 3, pushed.text
    assert not [id for id in hub.repos if id.startswith("me/")]


@pytest.mark.parametrize("made", MADE, ids=lambda made: f"{made.kind} {made.what}".strip())
def test_each_kind_is_refused_before_its_weights_and_the_set(hub, capsys, made):
    fill(hub)
    hub.add("user/model", dict(made.files))
    assert run(list(LINE)) == 6
    *_, error, hint = capsys.readouterr().err.splitlines()
    assert error.startswith("Error: ") and made.said in error
    assert re.match(rf"Hint \[[a-z0-9-]+\]: {re.escape(made.hint)}", hint)
    assert weights_sent(hub) <= HEADERS_ALONE
    asked = [path for _, path in hub.requests if SET in path or "org/aligned" in path]
    assert asked == []


def played_as_on_the_page(name: str, hub, folder) -> None:
    scene = SCENES[name]
    ended = played(scene, hub, folder / "here")
    assert [each.code for each in ended] == list(scene.codes), ended[-1].text
    text = blurred(PAGE.read_text(encoding="utf-8"))
    for each in shown(ended, hub):
        assert blurred(each) in text, f"run `python -m tests.support.hub.endings`: {each}"


@pytest.mark.quick("name")
@pytest.mark.parametrize("name", [name for name, scene in SCENES.items() if not scene.slow])
def test_an_ending_is_as_the_page_shows_it(hub, tmp_path, name):
    played_as_on_the_page(name, hub, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name, scene in SCENES.items() if scene.slow])
def test_a_repair_is_as_the_page_shows_it(hub, tmp_path, name):
    played_as_on_the_page(name, hub, tmp_path)


def test_the_page_holds_every_scene_and_fits_its_width():
    text = PAGE.read_text(encoding="utf-8")
    blocks = re.findall(r"^## (.+?)\n(.*?)(?=^## |\Z)", text, flags=re.MULTILINE | re.DOTALL)
    assert [title for title, _ in blocks] == [scene.title for scene in SCENES.values()]
    sections = {name: [] for name in SCENES}
    assert page(sections).split("\n## ")[0] in text, "run `python -m tests.support.hub.endings`"
    for (_, block), scene in zip(blocks, SCENES.values(), strict=True):
        assert scene.text in block
        assert block.count("```console") == len(scene.codes)
        codes = re.findall(r"^Exit code (\d+)\.$", block, flags=re.MULTILINE)
        assert codes == [str(code) for code in scene.codes]
        for line in "".join(re.findall(r"```console\n(.*?)```", block, re.DOTALL)).splitlines():
            assert len(line) <= 80 or "modelrepair " in line, line
            assert "127.0.0.1" not in line


def blurred(text: str) -> str:
    """A text without the figures of its tables: processors differ in their last digits."""
    return re.sub(r"^│.*$", lambda row: re.sub(r"\d+", "0", row[0]), text, flags=re.MULTILINE)


def in_order(text: str, *parts: str) -> None:
    places = [text.find(part) for part in parts]
    assert -1 not in places and places == sorted(places), (parts, places, text)
