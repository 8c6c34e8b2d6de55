"""Jobs and webhooks of the test Hub: they are written down, and nothing runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.support.hub.answers import Answer, Failure
from tests.support.hub.reading import DATE

if TYPE_CHECKING:
    from tests.support.hub.server import Request


def run_job(request: Request, namespace: str) -> Answer:
    account = _known(request)
    if namespace not in (account.name, *dict(account.orgs)):
        raise Failure(403, f"You don't have the rights to run jobs under {namespace!r}")
    asked = request.json()
    job = {"id": f"{len(request.hub.jobs) + 1:024x}", "namespace": namespace, **asked}
    request.hub.jobs.append(job)
    shown = {name: value for name, value in job.items() if name not in ("secrets", "namespace")}
    owner = {"id": "0" * 24, "name": namespace, "type": "user"}
    return Answer.of({**shown, "createdAt": DATE, "owner": owner, "status": {"stage": "RUNNING"}})


def create_webhook(request: Request) -> Answer:
    _known(request)
    asked = request.json()
    source = next((job for job in request.hub.jobs if job["id"] == asked.get("jobSourceId")), None)
    if source is None and "url" not in asked:
        raise Failure(404, "Job not found")
    number = len(request.hub.webhooks) + 1
    # The Hub copies the source's command and environment, but neither its secrets nor its volumes.
    copied = ("dockerImage", "command", "arguments", "environment", "flavor", "labels")
    job = source and {name: source[name] for name in copied if name in source}
    both = {"domains": ["repo", "discussion"]}
    webhook = {"id": f"{number:024x}", "job": job, "disabled": False, **both, **asked}
    request.hub.webhooks.append(webhook)
    return Answer.of({"webhook": _shown(webhook)})


def list_webhooks(request: Request) -> Answer:
    _known(request)
    return Answer.of([_shown(webhook) for webhook in request.hub.webhooks])


def delete_webhook(request: Request, webhook: str) -> Answer:
    _known(request)
    kept = [each for each in request.hub.webhooks if each["id"] != webhook]
    if len(kept) == len(request.hub.webhooks):
        raise Failure(404, "Webhook not found")
    request.hub.webhooks[:] = kept
    return Answer.of({})


def _known(request: Request):
    if request.account is None:
        raise Failure(401, "Invalid username or password.")
    return request.account


def _shown(webhook: dict) -> dict:
    return {name: value for name, value in webhook.items() if name != "secrets"}


ROUTES = [
    ("POST", "/api/jobs/(?P<namespace>[^/]+)", run_job),
    ("GET", "/api/settings/webhooks", list_webhooks),
    ("POST", "/api/settings/webhooks", create_webhook),
    ("DELETE", "/api/settings/webhooks/(?P<webhook>[0-9a-f]+)", delete_webhook),
]
