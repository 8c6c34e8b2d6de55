"""Make, or remove, the Hugging Face Job and the webhook that run audit_upload.py at each push.

Without --yes nothing is created or removed: what would be done is printed.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from huggingface_hub import HfApi, WebhookInfo
from huggingface_hub.errors import HfHubHTTPError

import modelrepair

NAME = "modelrepair-audit-upload"
"""In the command of our jobs; by it a webhook of ours is found again."""
TOKEN = "AUDIT_TOKEN"
IMAGE = "ghcr.io/astral-sh/uv:python3.12-bookworm"
SCRIPT = Path(__file__).with_name("audit_upload.py")
# The file travels in the command: a run that a webhook starts has no volume, and so no uploaded
# script; and what runs is what was looked at here.
RUN = 'script="$1"; shift; printf %s "$script" | uv run - "$@"'


def main(arguments: Sequence[str] | None = None) -> int:
    """Say or do what was asked for; gives the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    for kind, whose in (("model", "this model"), ("org", "all of an organisation"),
                        ("user", "all of a user")):  # fmt: skip
        parser.add_argument(f"--{kind}", action="append", default=[], metavar="NAME",
                            help=f"watch {whose}; again for more")  # fmt: skip
    parser.add_argument("--open-on", choices=["note", "warning", "error", "always"],
                        default="warning", help="see audit_upload.py")  # fmt: skip
    parser.add_argument("--package", default=f"modelrepair=={modelrepair.__version__}",
                        help="what the job installs; default: %(default)s")  # fmt: skip
    parser.add_argument("--namespace", help="who runs and pays the jobs; default: you")
    parser.add_argument("--flavor", default="cpu-basic", help="the machine; default: %(default)s")
    parser.add_argument("--timeout", default="30m", help="of a job; default: %(default)s")
    parser.add_argument("--remove", action="store_true", help="remove the webhooks of ours that "
                        "watch these names; with no name, all of ours")  # fmt: skip
    parser.add_argument("--yes", action="store_true", help="do it")
    asked = parser.parse_args(arguments)
    watched = [{"type": kind, "name": name} for kind in ("model", "org", "user")
               for name in getattr(asked, kind)]  # fmt: skip
    if not watched and not asked.remove:
        parser.error("name what to watch: --model, --org or --user")
    try:
        return (
            remove(HfApi(), watched, asked.yes) if asked.remove else make(HfApi(), watched, asked)
        )
    except HfHubHTTPError as error:
        print(f"the Hub refused: {error}", file=sys.stderr)
        return 3


def make(api: HfApi, watched: list[dict[str, str]], asked: argparse.Namespace) -> int:
    """Create the job and the webhook, unless they are there."""
    command = command_of(asked.package, asked.open_on)
    print(f"job:     {IMAGE} on {asked.flavor}, at most {asked.timeout} a run")
    print(f"         uv run {SCRIPT.name} --open-on {asked.open_on}, with {asked.package}")
    print(f"webhook: pushes to {', '.join(' '.join(each.values()) for each in watched)}")
    if not asked.yes:
        print("nothing was created: this was a dry run; create it with --yes")
        return 0
    token = os.environ.get(TOKEN)
    if not token:
        print(f"{TOKEN} is not set: the token that may comment", file=sys.stderr)
        return 2
    before = [each for each in ours(api) if names(each) == named(watched)]
    if same := [each for each in before if each.job.command == command and not each.disabled]:
        print(f"webhook {same[0].id} does this already; nothing was created")
        return 0
    job = api.run_job(image=IMAGE, command=command, name=NAME, flavor=asked.flavor,
                      timeout=asked.timeout, namespace=asked.namespace)  # fmt: skip
    # The secrets of a job are not copied to the runs that a webhook starts. Events of discussions
    # are left out: else each comment of ours would start a run.
    made = api.create_webhook(job_id=job.id, watched=watched, domains=["repo"],
                              secrets={TOKEN: token})  # fmt: skip
    print(f"created job {job.url} and webhook {made.id}")
    for each in before:
        api.delete_webhook(each.id)
        print(f"removed webhook {each.id}, which this one replaces")
    return 0


def remove(api: HfApi, watched: list[dict[str, str]], yes: bool) -> int:
    """Remove our webhooks; comments that are there stay."""
    found = [each for each in ours(api) if not watched or names(each) == named(watched)]
    for each in found:
        what = ", ".join(f"{item.type} {item.name}" for item in each.watched)
        if yes:
            api.delete_webhook(each.id)
        print(f"{'removed' if yes else 'would remove'} webhook {each.id} of {what}")
    if not found:
        print("there is no webhook of this kind")
    elif not yes:
        print("nothing was removed: this was a dry run; remove it with --yes")
    return 0


def command_of(package: str, open_on: str) -> list[str]:
    """The command of the job, with the whole of audit_upload.py in it."""
    wanted = 'dependencies = ["modelrepair",'
    script = SCRIPT.read_text(encoding="utf-8")
    if wanted not in script:
        raise SystemExit(f"{SCRIPT.name} does not name its dependencies as expected")
    script = script.replace(wanted, f"dependencies = [{json.dumps(package)},")
    return ["sh", "-c", RUN, NAME, script, "--open-on", open_on]


def ours(api: HfApi) -> list[WebhookInfo]:
    """The webhooks that this file created."""
    return [each for each in api.list_webhooks()
            if each.job is not None and NAME in (each.job.command or [])]  # fmt: skip


def names(webhook: WebhookInfo) -> set[tuple[Any, str]]:
    """What a webhook watches."""
    return {(item.type, item.name) for item in webhook.watched}


def named(watched: list[dict[str, str]]) -> set[tuple[Any, str]]:
    """The same of what was asked for."""
    return {(each["type"], each["name"]) for each in watched}


if __name__ == "__main__":
    raise SystemExit(main())
