"""examples/audit-hf-job: one comment a model, written again only where it says something new."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.auditing import card, model
from tests.support.hub.client import environment
from tests.support.hub.faults import Fault
from tests.support.hub.leaks import texts_of
from tests.support.hub.state import Account

FOLDER = Path(__file__).parents[2] / "examples/audit-hf-job"
MODEL, BOT = "user/model", "hf_ofthebot"
PICKLED = {**model(), "old.pkl": b"not opened"}


def loaded(name):
    """A script of the folder, as a module."""
    spec = importlib.util.spec_from_file_location(name, FOLDER / f"{name}.py")
    made = importlib.util.module_from_spec(spec)
    sys.modules[name] = made
    spec.loader.exec_module(made)
    return made


@pytest.fixture
def upload():
    yield loaded("audit_upload")
    del sys.modules["audit_upload"]


@pytest.fixture
def set_up():
    yield loaded("set_up")
    del sys.modules["set_up"]


@pytest.fixture
def bot(hub, monkeypatch):
    """The Hub, a token that may discuss and nothing else, and none to read with."""
    scopes = (("global", ("discussion.write",)),)
    hub.accounts[BOT] = Account("bot", "fineGrained", scopes=scopes)
    monkeypatch.delenv("HF_TOKEN")
    monkeypatch.setenv("AUDIT_TOKEN", BOT)
    return hub


def payload(commit, id=MODEL, *, action="update", scope="repo.content", ref="refs/heads/main",
            **repo):  # fmt: skip
    """A webhook's payload as the Hub documents it."""
    refs = [{"ref": ref, "oldSha": None, "newSha": commit}]
    repo = {"type": "model", "name": id, "private": False, "headSha": commit, **repo}
    event = {"action": action, "scope": scope}
    return json.dumps({"event": event, "repo": repo, "updatedRefs": refs})


def push(hub, monkeypatch, upload, files=PICKLED, *, id=MODEL, arguments=()):
    """Commit, and run the job of that event; gives its exit code."""
    commit = hub.add(id, files)
    monkeypatch.setenv("WEBHOOK_PAYLOAD", payload(commit, id))
    monkeypatch.setenv("WEBHOOK_REPO_ID", id)
    return upload.main(arguments)


def changes(hub):
    """Requests that change something."""
    return [path for method, path in hub.requests if method not in ("GET", "HEAD")]


def test_a_push_with_a_finding_opens_one_discussion(bot, monkeypatch, upload, capsys):
    assert push(bot, monkeypatch, upload) == 0
    (talk,) = bot.repos[MODEL].discussions
    assert (talk.title, talk.author, talk.pull_request) == (upload.TITLE, "bot", False)
    assert talk.description.startswith(upload.MARK)
    assert "MR-FIL-001" in talk.description
    assert bot.repos[MODEL].head[:12] in talk.description
    assert "opened http" in capsys.readouterr().out


def test_the_same_event_again_changes_nothing(bot, monkeypatch, upload, capsys):
    push(bot, monkeypatch, upload)
    bot.requests.clear()
    assert upload.main([]) == 0
    assert changes(bot) == []
    assert "is up to date" in capsys.readouterr().out


def test_a_newer_commit_edits_the_comment(bot, monkeypatch, upload):
    push(bot, monkeypatch, upload)
    bot.repos[MODEL].discussions[0].status = "closed"
    bot.requests.clear()
    assert push(bot, monkeypatch, upload, model()) == 0
    (talk,) = bot.repos[MODEL].discussions
    (comment,) = talk.comments
    assert comment.edits == 1
    assert bot.repos[MODEL].head[:12] in comment.text
    assert "old.pkl" not in comment.text
    assert [path.rpartition("/")[2] for path in changes(bot)] == ["edit"]


def test_an_event_that_was_overtaken_writes_nothing(bot, monkeypatch, upload, capsys):
    old = bot.add(MODEL, model())
    push(bot, monkeypatch, upload)
    bot.requests.clear()
    monkeypatch.setenv("WEBHOOK_PAYLOAD", payload(old))
    assert upload.main([]) == 0
    assert changes(bot) == []
    assert "not the newest" in capsys.readouterr().out


def test_where_nothing_is_found_none_is_opened_unless_asked(bot, monkeypatch, upload, capsys):
    assert push(bot, monkeypatch, upload, model(), arguments=["--open-on", "error"]) == 0
    assert not bot.repos[MODEL].discussions
    assert "no discussion opened" in capsys.readouterr().out
    assert push(bot, monkeypatch, upload, model(), arguments=["--open-on", "always"]) == 0
    assert len(bot.repos[MODEL].discussions) == 1


def test_another_user_with_our_mark_is_not_ours(bot, monkeypatch, upload):
    bot.add(MODEL, PICKLED)
    bot.accounts["hf_other"] = Account("other")
    from huggingface_hub import HfApi

    other = HfApi(token="hf_other")
    num = other.create_discussion(MODEL, upload.TITLE, description=f"{upload.MARK}v1 x -->").num
    push(bot, monkeypatch, upload)
    theirs, ours = bot.repos[MODEL].discussions
    assert theirs.num == num
    assert theirs.comments[0].edits == 0
    assert ours.author == "bot"


def test_what_the_maintainers_hid_stays_hidden(bot, monkeypatch, upload, capsys):
    push(bot, monkeypatch, upload)
    bot.repos[MODEL].discussions[0].comments[0].hidden = True
    bot.requests.clear()
    assert push(bot, monkeypatch, upload, model()) == 0
    assert changes(bot) == []
    assert "is hidden" in capsys.readouterr().out


def test_two_jobs_at_once_leave_one_discussion_open(bot, monkeypatch, upload):
    def faster(hub):
        hub.faults.clear()
        monkeypatch.setenv("WEBHOOK_PAYLOAD", payload(hub.repos[MODEL].head))
        assert loaded("audit_upload").main([]) == 0

    # Between looking for ours, which is not there, and opening it.
    bot.faults.append(Fault("POST", "/discussions$", act=faster, times=1))
    push(bot, monkeypatch, upload)
    assert [talk.status for talk in bot.repos[MODEL].discussions] == ["open", "closed"]
    bot.requests.clear()
    assert upload.main([]) == 0
    assert changes(bot) == []


def test_a_model_that_can_t_be_read_is_said_so(bot, monkeypatch, upload):
    push(bot, monkeypatch, upload)
    broken = {"README.md": b"@admin ![x](https://evil.org/x.png)", "config.json": b"{"}
    assert push(bot, monkeypatch, upload, broken) == 0
    comment = bot.repos[MODEL].discussions[0].comments[0].text
    assert "Not decided" in comment or "Not looked at" in comment
    assert "safe" not in comment.replace("safetensors", "").lower()


def test_a_private_model_is_not_written_about(bot, monkeypatch, upload, capsys):
    commit = bot.add("me/secret", PICKLED, private=True)
    monkeypatch.setenv("WEBHOOK_PAYLOAD", payload(commit, "me/secret", private=True))
    assert upload.main([]) == 0
    assert "private" in capsys.readouterr().out
    # Where the event does not say so, the Hub does.
    monkeypatch.setenv("WEBHOOK_PAYLOAD", payload(commit, "me/secret"))
    assert upload.main([]) == 3
    assert not bot.repos["me/secret"].discussions


def test_the_process_reads_what_everybody_reads(bot, tmp_path):
    """As a job, with a token that sees the private base that the card names."""
    hidden = {**model(), "SECRET-NAME.bin": b"x"}
    base = bot.add("me/private-base", hidden, private=True)
    front = card(license="mit", base_model="me/private-base")
    commit = bot.add(MODEL, {**PICKLED, "README.md": front})
    variables = environment(bot, tmp_path, token=bot.token) | {
        "AUDIT_TOKEN": BOT,
        "WEBHOOK_PAYLOAD": payload(commit),
        "WEBHOOK_REPO_ID": MODEL,
    }
    ended = subprocess.run(
        [sys.executable, str(FOLDER / "audit_upload.py")],
        env=variables, cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    written = "\n".join(text for where, text in texts_of(bot) if "comment" in where)
    assert "MR-FIL-001" in written
    for secret in ("SECRET-NAME", base[:7], bot.token, BOT):
        assert secret not in written + ended.stdout + ended.stderr
    assert f"Bearer {bot.token}" not in [sent for _, sent in bot.tokens_seen]


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"type": "dataset"}, "it is a dataset"),
        ({"scope": "repo.config"}, "the event is of repo.config"),
        ({"scope": "discussion.comment"}, "the event is of discussion.comment"),
        ({"action": "delete", "scope": "repo"}, "the event is delete"),
        ({"ref": "refs/pr/3"}, "no commit came to main"),
    ],
)
def test_other_events_are_left(bot, monkeypatch, upload, capsys, change, why):
    monkeypatch.setenv("WEBHOOK_PAYLOAD", payload(bot.add(MODEL, PICKLED), **change))
    bot.requests.clear()
    assert upload.main([]) == 0
    assert f"nothing to audit: {why}" in capsys.readouterr().out
    assert bot.requests == []


def test_the_first_run_has_no_event(upload, monkeypatch, capsys):
    monkeypatch.delenv("WEBHOOK_PAYLOAD", raising=False)
    assert upload.main([]) == 0
    assert "no WEBHOOK_PAYLOAD" in capsys.readouterr().out


@pytest.mark.parametrize("sent", ["{", "[]", '{"event": {}}', '{"event": 1, "repo": null}'])
def test_a_payload_that_can_t_be_read_is_a_line(upload, monkeypatch, capsys, sent):
    monkeypatch.setenv("WEBHOOK_PAYLOAD", sent)
    assert upload.main([]) == 2
    assert "can't be read" in capsys.readouterr().err


def test_a_dry_run_prints_and_needs_no_token(bot, monkeypatch, upload, capsys):
    monkeypatch.delenv("AUDIT_TOKEN")
    bot.add(MODEL, PICKLED)
    assert upload.main(["--repo", MODEL]) == 2
    assert upload.main(["--repo", MODEL, "--dry-run"]) == 0
    assert upload.MARK in capsys.readouterr().out
    assert changes(bot) == []


def test_a_token_without_the_right_is_a_line(bot, monkeypatch, upload, capsys):
    bot.accounts[BOT] = Account("bot", "read")
    assert push(bot, monkeypatch, upload) == 3
    assert "not written" in capsys.readouterr().err


def test_set_up_creates_nothing_without_yes(hub, set_up, capsys):
    hub.requests.clear()
    assert set_up.main(["--model", MODEL]) == 0
    assert hub.requests == []
    assert "dry run" in capsys.readouterr().out


def test_set_up_twice_makes_one_webhook(hub, set_up, monkeypatch, capsys):
    monkeypatch.setenv("AUDIT_TOKEN", BOT)
    asked = ["--org", "team", "--model", MODEL, "--yes"]
    assert set_up.main(asked) == 0
    (job,), (webhook,) = hub.jobs, hub.webhooks
    assert webhook["domains"] == ["repo"]
    assert webhook["watched"] == [{"type": "model", "name": MODEL}, {"type": "org", "name": "team"}]
    assert webhook["secrets"] == {"AUDIT_TOKEN": BOT}
    assert BOT not in json.dumps(job)
    assert "secrets" not in job
    assert "volumes" not in job
    assert job["timeoutSeconds"] == 1800
    assert set_up.main(asked) == 0
    assert (len(hub.jobs), len(hub.webhooks)) == (1, 1)
    # Other choices replace it.
    assert set_up.main([*asked, "--open-on", "error"]) == 0
    assert [each["job"]["command"][-1] for each in hub.webhooks] == ["error"]
    assert BOT not in capsys.readouterr().out


def test_set_up_removes_only_its_own(hub, set_up, monkeypatch, capsys):
    from huggingface_hub import HfApi

    monkeypatch.setenv("AUDIT_TOKEN", BOT)
    set_up.main(["--model", MODEL, "--yes"])
    HfApi().create_webhook(url="https://example.org", watched=[{"type": "user", "name": "me"}])
    assert set_up.main(["--remove"]) == 0
    assert len(hub.webhooks) == 2
    assert set_up.main(["--remove", "--yes"]) == 0
    assert [each.get("url") for each in hub.webhooks] == ["https://example.org"]
    assert set_up.main(["--remove", "--yes"]) == 0
    assert "no webhook" in capsys.readouterr().out


def test_the_job_s_command_runs_the_file_with_the_package_that_was_named(set_up):
    """By the shell of the job, with a `uv` that shows what it gets."""
    command = set_up.command_of("modelrepair @ https://example.org/x.whl", "note")
    shown = 'uv() { printf "%s|" "$@"; cat; }; '
    ended = subprocess.run(
        [*command[:2], shown + command[2], *command[3:]],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert ended.stdout.startswith("run|-|--open-on|note|# /// script\n")
    script = (FOLDER / "audit_upload.py").read_text()
    assert ended.stdout.endswith(script.partition("\n# ///\n")[2])
    assert '"modelrepair @ https://example.org/x.whl", "torch"' in ended.stdout
