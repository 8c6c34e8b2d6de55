"""From what the user names to the list of models: ids, an account, a tag, a file of lines."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from modelrepair.errors import UsageError
from modelrepair.source.hub_errors import hub_errors

COMMENT = "#"


@dataclass(frozen=True)
class Shard:
    """One part of a list that several machines share.

    >>> Shard.parse("2/8")
    Shard(number=2, of=8)

    Args:
        number: which part, from 1.
        of: how many parts there are.
    """

    number: int
    of: int

    @classmethod
    def parse(cls, text: str) -> Shard:
        """Read ``i/n``.

        Raises:
            UsageError: it is not of this form.
        """
        first, slash, second = text.partition("/")
        numbers = first.isdecimal() and second.isdecimal() and slash
        if not numbers or not 1 <= int(first) <= int(second):
            raise UsageError(
                f"--shard {text!r} is no part of a list",
                hint="give i/n with 1 ≤ i ≤ n, such as 1/8",
            )
        return cls(int(first), int(second))

    def holds(self, name: str) -> bool:
        """Whether a model is in this part: by its name alone, wherever it is in the list.

        >>> sum(Shard(number, 3).holds("user/model") for number in (1, 2, 3))
        1
        """
        digest = hashlib.sha256(name.encode()).digest()
        return int.from_bytes(digest[:8], "big") % self.of == self.number - 1


def lines_of(text: str) -> list[str]:
    r"""The models that a file names, one a line; empty lines and comments count nothing.

    >>> lines_of("user/a\n\n# more\nuser/b  # the second\n")
    ['user/a', 'user/b']
    """
    lines = (line.split(f" {COMMENT}")[0].strip() for line in text.splitlines())
    return [line for line in lines if line and not line.startswith(COMMENT)]


def expand(
    named: Iterable[str],
    *,
    authors: Sequence[str] = (),
    tags: Sequence[str] = (),
    shard: Shard | None = None,
) -> list[str]:
    """The models to look at, each once, in the order in which they were named.

    >>> expand(["user/a", "user/b", "user/a"])
    ['user/a', 'user/b']

    Args:
        named: ids or folders.
        authors: users or organisations, of each all models that the token can see.
        tags: of each, the models on the Hub that have it; with authors, those of theirs.
        shard: the part of the list to take.

    Raises:
        UsageError: there is none.
        HubError: the Hub or the network.
    """
    names = list(dict.fromkeys(named))
    if authors or tags:
        found = list(dict.fromkeys(_on_hub(authors, tags)))
        if not found:
            of = " and ".join([*authors, *(f"the tag {tag}" for tag in tags)])
            raise UsageError(
                f"the Hub lists no model of {of}",
                hint="check the spelling; private models need a token that may read them",
                id="nothing-to-audit",
            )
        names = list(dict.fromkeys([*names, *found]))
    if not names:
        raise UsageError(
            "there is nothing to look at",
            hint="name a folder or an id, or use --org, --author, --tag or --from",
            id="nothing-to-audit",
        )
    return [name for name in names if shard is None or shard.holds(name)]


def _on_hub(authors: Sequence[str], tags: Sequence[str]) -> Iterator[str]:
    from huggingface_hub import HfApi

    for author in authors or (None,):
        with hub_errors(author or "the list of models"):
            listed = HfApi().list_models(
                author=author, filter=list(tags) or None, sort="created_at"
            )
            yield from (each.id for each in listed)
