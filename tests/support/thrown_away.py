"""This machine's system with a layer over it: commands change the layer, never the machine."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

SEES_THE_LAYER = """
mount -t overlay overlay -o "lowerdir=/,upperdir=$1/layer,workdir=$1/work" "$1/merged"
for each in dev proc; do mount --rbind "/$each" "$1/merged/$each"; done
exec chroot --userspec "$2" "$1/merged" /bin/sh -c 'cd "$0" && exec /bin/sh -c "$1"' "$3" "$4"
"""


@dataclass(frozen=True)
class Layer:
    """A system whose changes lie in a folder; each command mounts it for as long as it runs.

    Args:
        folder: where the changes lie.
    """

    folder: Path

    def path(self, inside: str) -> Path:
        """Where a path of the system lies, once it was changed there."""
        return self.folder / "layer" / inside.lstrip("/")

    def run(
        self, command: str, cwd: str, variables: Mapping[str, str], user: str = "0:0"
    ) -> subprocess.CompletedProcess[str]:
        """Run a line of a shell there, with these variables and no others."""
        mounted = ("unshare", "--mount", "/bin/sh", "-euc", SEES_THE_LAYER, "sh")
        return subprocess.run(
            [*mounted, str(self.folder), user, cwd, command],
            env=dict(variables),
            capture_output=True,
            text=True,
            check=False,
        )


def make_layer(folder: Path) -> Layer | None:
    """A layer in this folder; None where this system or this user can mount none."""
    for each in ("layer", "work", "merged"):
        (folder / each).mkdir(parents=True)
    layer = Layer(folder)
    if shutil.which("unshare") is None:
        return None
    tried = layer.run("true", "/", {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"})
    return layer if tried.returncode == 0 else None
