"""Run the protocol as one Hugging Face Job, its results in a private bucket; see README.md.

Without --yes nothing is started: what would be done is printed.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from huggingface_hub import HfApi, Volume
from huggingface_hub.errors import HfHubHTTPError

import modelrepair

HERE = Path(__file__).resolve().parent
NAME = "modelrepair-llama2-7b"
IMAGE = "ghcr.io/astral-sh/uv:python3.12-bookworm"
MOUNTED = "/results"
# The files travel in the command, so that what runs is what was looked at here. The results are
# kept in the bucket, where the next job finds what is done.
RUN = """set -eu
mkdir -p /opt/example && cd /opt/example
while [ "$1" != -- ]; do printf %s "$2" > "$1"; shift 2; done; shift
out="$1"; packages="$2"; shift 2
uv venv -q /opt/venv && . /opt/venv/bin/activate && uv pip install -q $packages
mkdir -p "$out" && ln -s "$out" made
exec python run.py "$@"
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Say or start what was asked for; gives the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("settings", help="of a model: llama2-7b.toml or llama3.2-1b.toml")
    parser.add_argument("--bucket", required=True, help="private bucket for results: you/name")
    parser.add_argument("--stage", default="all", help="of run.py; default: %(default)s")
    parser.add_argument("--flavor", default="h200", help="the machine; default: %(default)s")
    parser.add_argument("--timeout", default="24h", help="of the job; default: %(default)s")
    parser.add_argument("--namespace", help="who runs and pays the job; default: you")
    parser.add_argument("--package", action="append", help="what the job installs, in place of "
                        "this version and its plug-ins; again for more")  # fmt: skip
    parser.add_argument("--yes", action="store_true", help="start it")
    asked = parser.parse_args(arguments)
    packages = asked.package or [
        f"modelrepair=={modelrepair.__version__}", "modelrepair-lab", "modelrepair-rivals",
        "accelerate",
    ]  # fmt: skip
    command = command_of(asked.settings, asked.stage, packages)
    print(f"job:     {IMAGE} on {asked.flavor}, at most {asked.timeout}")
    print(f"         run.py {asked.settings} {asked.stage}, with {', '.join(packages)}")
    print(f"results: bucket {asked.bucket}, mounted at {MOUNTED}")
    if not asked.yes:
        print("nothing was started: this was a dry run; start it with --yes")
        return 0
    token = os.environ.get("HF_TOKEN")
    if not token:
        print("HF_TOKEN is not set: the job reads gated models and data with it", file=sys.stderr)
        return 2
    try:
        job = HfApi().run_job(
            image=IMAGE,
            command=command,
            name=NAME,
            flavor=asked.flavor,
            timeout=asked.timeout,
            namespace=asked.namespace,
            secrets={"HF_TOKEN": token},
            volumes=[Volume(type="bucket", source=asked.bucket, mount_path=MOUNTED)],
        )
    except HfHubHTTPError as error:
        print(f"the Hub refused: {error}", file=sys.stderr)
        return 3
    print(f"started {job.url}")
    return 0


def command_of(settings: str, stage: str, packages: Sequence[str]) -> list[str]:
    """The command of the job, with the files of this folder that it needs in it."""
    files = ["run.py", "grid.toml", "alpaca.jinja", Path(settings).name]
    words = [word for name in files for word in (name, (HERE / name).read_text(encoding="utf-8"))]
    last = [MOUNTED, " ".join(packages), Path(settings).name, stage]
    return ["sh", "-c", RUN, NAME, *words, "--", *last]


if __name__ == "__main__":
    raise SystemExit(main())
