"""What is asked of a push, and what cannot be asked together."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from modelrepair.errors import UsageError
from modelrepair.source.address import Name, id_for, one_revision, read_name
from modelrepair.text.pasted import as_argument, pasted

OPTION = "--to-revision"


@dataclass(frozen=True)
class PushOptions:
    """Where a repaired model goes, and what that may replace or override.

    >>> PushOptions(pr=True).flags()
    ['--pr']

    Args:
        to: the target, ``name`` or ``user/name``; default ``<me>/<model>-repaired``.
        to_revision: a branch of the target, made where it is missing.
        pr: open a pull request on the source, or continue the one that is open.
        in_place: write to the source's own repository.
        keep_other_weights: leave the source's other weight formats and pickles where they are.
        delete: globs of files at the target that are not needed: they are deleted, or replaced
            where the push writes one of their name.
        private: make the new repository private.
        force: push a repair that failed, is undecided or unmeasured.
    """

    to: str | None = None
    to_revision: str | None = None
    pr: bool = False
    in_place: bool = False
    keep_other_weights: bool = False
    private: bool = False
    force: bool = False
    delete: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse what excludes each other.

        Raises:
            UsageError: two options that can't both be meant, or a target that is no id.
        """
        for one, other, why in (
            ("pr", "in_place", "a pull request leaves the source's branches alone"),
            ("pr", "to", "a pull request goes to the source"),
            ("pr", "to_revision", "a pull request has a branch of its own"),
            ("pr", "private", "a pull request is as visible as its repository"),
            ("in_place", "to", "in place is the source's own repository"),
            ("in_place", "private", "a repository that exists keeps its visibility"),
        ):
            if getattr(self, one) and getattr(self, other):
                raise UsageError(
                    f"{_flag(one)} and {_flag(other)} exclude each other",
                    hint=f"{why}: leave one of them out",
                )
        if self.keep_other_weights and not (self.pr or self.in_place):
            raise UsageError(
                "--keep-other-weights without --pr or --in-place",
                hint="a new repository holds the repaired model alone: leave it out",
            )
        if self.to is not None:
            name = check_id(self.to)
            object.__setattr__(self, "to", name.id)  # in whatever form it was pasted
            object.__setattr__(self, "to_revision", one_revision(name, self.to_revision, OPTION))
        if self.to_revision is not None and not _is_branch(self.to_revision):
            raise UsageError(
                f"--to-revision {self.to_revision!r} is no branch",
                hint="give a branch's name; a pull request is opened by --pr",
            )

    def flags(self) -> list[str]:
        """The options as they would be typed."""
        words = []
        for each in fields(self):
            value = getattr(self, each.name)
            if value is True:
                words.append(_flag(each.name))
            elif isinstance(value, tuple):
                words += [word for item in value for word in (_flag(each.name), item)]
            elif value:
                words += [_flag(each.name), str(value)]
        return words

    def command(self, folder: Path) -> str:
        """The command that pushes this folder as it was asked for.

        >>> PushOptions(to="me/mine").command(Path("out"))
        'modelrepair push out --to me/mine'
        """
        return pasted(["modelrepair", "push", from_here(folder), *self.flags()])


def push_options(wanted: bool, given: Mapping[str, Any]) -> PushOptions | None:
    """What was asked of a push; None where nothing is to be pushed.

    >>> push_options(True, {"to": "me/mine"}).to
    'me/mine'

    Args:
        wanted: whether to push at all.
        given: the options by name.

    Raises:
        UsageError: an option of a push, and no push.
    """
    chosen = {each.name: given[each.name] for each in fields(PushOptions) if given.get(each.name)}
    if "delete" in chosen:
        chosen["delete"] = globs_of(chosen["delete"])
    if not wanted and chosen:
        name = next(iter(chosen)).replace("_", "-")
        raise UsageError(f"--{name} without --push", hint="add --push, or leave it out")
    return PushOptions(**chosen) if wanted else None


def globs_of(given: str | Iterable[str]) -> tuple[str, ...]:
    """Globs as they were given: several, or one.

    >>> globs_of("*.gguf"), globs_of(["*.gguf", "a/*"])
    (('*.gguf',), ('*.gguf', 'a/*'))
    """
    return (given,) if isinstance(given, str) else tuple(given)


def from_here(folder: Path) -> str:
    """A folder as it is typed in the working folder, without the way to that where it can be.

    >>> from_here(Path.cwd() / "out")
    'out'
    """
    here = Path.cwd()
    return as_argument(str(folder.relative_to(here) if folder.is_relative_to(here) else folder))


def check_id(text: str) -> Name:
    """The repository on the Hub that a text names.

    >>> check_id("https://huggingface.co/me/model").id
    'me/model'

    Raises:
        UsageError: it can't.
    """
    name = read_name(text)
    if name is None:
        raise UsageError(
            f"{text!r} is no id on the Hub",
            hint=f"an id looks like user/name, or like name alone; {id_for(text)} is one",
            id="not-a-hub-id",
        )
    return name


def _is_branch(name: str) -> bool:
    """Whether git, and so the Hub, takes this name for a branch."""
    parts = name.split("/")
    if parts[0] in ("refs", "") or any(part.startswith(".") or not part for part in parts):
        return False
    odd = re.search(r"[\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{|\.lock(/|$)|\.$", name)
    return odd is None and name != "@" and not name.startswith("-")


def _flag(name: str) -> str:
    return f"--{name.replace('_', '-')}"
