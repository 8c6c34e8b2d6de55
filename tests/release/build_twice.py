"""Wheel and sdist, built twice in unlike circumstances: the bytes must be the same.

    python -m tests.release.build_twice

builds the files that git tracks in two folders of other names, with other times of files, time
zones and hash seeds, and one SOURCE_DATE_EPOCH: that of the last commit. The wheel is made a third
time, from the sdist. Leaves the files in ``dist/``, and prints their digests.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[2]
UNLIKE = (
    {"TZ": "UTC", "PYTHONHASHSEED": "1"},
    {"TZ": "Asia/Tokyo", "PYTHONHASHSEED": "2"},
)


def git(*arguments: str) -> str:
    """What git answers in the repository."""
    run = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, check=True)
    return run.stdout.decode()


def copy_tracked(into: Path, time: int) -> None:
    """Copy the files that git tracks, all with this time."""
    for name in filter(None, git("ls-files", "-z").split("\0")):
        target = into / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, target)
        os.utime(target, (time, time))


def build(tree: Path, out: Path, kinds: tuple[str, ...], circumstances: dict[str, str]) -> None:
    """Build these kinds of distribution of a folder."""
    targets = [word for kind in kinds for word in ("--target", kind)]
    command = [sys.executable, "-m", "hatchling", "build", "--directory", str(out), *targets]
    subprocess.run(command, cwd=tree, env={**os.environ, **circumstances}, check=True, stdout=2)


def digests(folder: Path) -> dict[str, str]:
    """Each file's SHA-256."""
    return {
        each.name: hashlib.sha256(each.read_bytes()).hexdigest()
        for each in sorted(folder.iterdir())
    }


def differing(first: dict[str, str], other: dict[str, str]) -> list[str]:
    """Names of the files that are not in both with the same bytes.

    >>> differing({"a": "1", "b": "2"}, {"a": "1", "b": "3"})
    ['b']
    """
    names = sorted({*first, *other})
    return [name for name in names if first.get(name) != other.get(name)]


def main(out: Path = ROOT / "dist") -> int:
    """The exit code: 0 where all the bytes are the same."""
    epoch = git("log", "-1", "--format=%ct").strip()
    with tempfile.TemporaryDirectory() as made:
        built = []
        for number, circumstances in enumerate(UNLIKE):
            tree = Path(made) / ("deep/er" * number) / f"tree{number}"
            copy_tracked(tree, time=1_600_000_000 + number * 1_000_001)
            built.append(Path(made) / f"built{number}")
            settings = {**circumstances, "SOURCE_DATE_EPOCH": epoch}
            build(tree, built[-1], ("sdist", "wheel"), settings)
        (sdist,) = built[0].glob("*.tar.gz")
        with tarfile.open(sdist) as archive:
            archive.extractall(Path(made) / "unpacked", filter="data")
        (tree,) = (Path(made) / "unpacked").iterdir()
        build(tree, Path(made) / "again", ("wheel",), {"SOURCE_DATE_EPOCH": epoch})
        first, second = (digests(each) for each in built)
        wheels = {name: each for name, each in first.items() if name.endswith(".whl")}
        wrong = differing(first, second) + differing(wheels, digests(Path(made) / "again"))
        if wrong:
            print(f"not the same bytes: {', '.join(wrong)}")
            return 1
        shutil.rmtree(out, ignore_errors=True)
        shutil.copytree(built[0], out)
    for name, digest in first.items():
        print(f"{digest}  {name}")
    print(f"the same bytes twice, and from the sdist (SOURCE_DATE_EPOCH={epoch})")
    return 0


if __name__ == "__main__":
    sys.exit(main())
