"""Which set a user means: a registered name, a file or folder, or a data set on the Hub."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from modelrepair.errors import HubError, UsageError
from modelrepair.examples.example import ExampleSet, make_set
from modelrepair.examples.formats import ENDINGS, ending
from modelrepair.examples.hub import HubId, open_hub, parse_id
from modelrepair.examples.load import SetOrigin, SetReading, load_set, read_set
from modelrepair.examples.pinned import pin
from modelrepair.plugin.loading import Registered
from modelrepair.plugin.names import SetName
from modelrepair.plugin.registry import load_registry
from modelrepair.plugin.specs import ExampleSetSpec
from modelrepair.source.address import is_address, read_name

OWN_ANSWERS = "self:"
"""Before a set's name: its prompts, answered by the source itself."""
_NAME = re.compile(r"[\w][\w.-]*")


def find_set(
    text: str, name: SetName, reading: SetReading, *, answers: bool | None = None
) -> tuple[ExampleSet, list[str]]:
    """Read the set that a text names, and say what is worth knowing about it.

    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "mine.jsonl"
    >>> _ = path.write_text('{"prompt": "2 + 2?", "response": "4"}')
    >>> find_set(str(path), "utility", SetReading())[0].id
    'mine.jsonl'

    Args:
        text: a registered name; else a path where one exists or is meant; else an id on the
            Hub. A folder that is named like a registered set is written ``./name``.
        name: the role of the set.
        reading: columns, filters and limit that the user asks for.
        answers: as in `load_set`.

    Raises:
        ExampleSetError: the set can't be read as it is.
        UsageError: no plug-in registered this name, or it is registered for another role.
        HubError: the Hub, the rights on the set, or the network.
    """
    if text.startswith(OWN_ANSWERS):
        return _own_answers(text.removeprefix(OWN_ANSWERS), name, reading)
    found = meant(text, name)
    if isinstance(found, Path):
        return load_set(found, name, reading=reading, answers=answers), []
    if isinstance(found, HubId):
        return _hub(found, name, reading, answers)
    return _registered(found, name, reading, answers)


def meant(text: str, name: SetName) -> Registered[ExampleSetSpec] | HubId | Path:
    """What a text names: a registered set, a data set on the Hub, or a file or folder here.

    >>> meant("org/name:train", "utility")
    HubId(id='org/name', parts=('train',), revision=None, folder=None)

    Args:
        text: as for `find_set`, without ``self:``.
        name: the role of the set.

    Raises:
        UsageError: no plug-in registered this name, or it is registered for another role.
    """
    text = set_name(text)
    if is_name(text):
        registry = load_registry()
        known = any(item.spec.name == text for item in registry.found.example_sets)
        if known or not Path(text).exists():
            return registry.example_set(text, name)
    wanted = None if is_path(text) else parse_id(text)
    return Path(text) if wanted is None else wanted


def set_name(text: str) -> str:
    """The shortest form of what was pasted for a set; a path as it is.

    >>> set_name("https://huggingface.co/datasets/org/name/tree/v2"), set_name("data/a.jsonl")
    ('org/name@v2', 'data/a.jsonl')

    Raises:
        UsageError: it is empty, or the address of something else.
    """
    if not text.strip():  # of a path this would be the working folder
        raise UsageError(
            "the name of an example set is empty",
            hint="give a file, a folder or org/name, or leave the option out",
        )
    if text.startswith(OWN_ANSWERS):
        return OWN_ANSWERS + set_name(text.removeprefix(OWN_ANSWERS))
    if is_path(text) and not is_address(text):
        return text
    return str(read_name(text, "data set") or text)


def is_name(text: str) -> bool:
    """Whether a text can only be the name of a registered set: one word, and no file's.

    >>> is_name("beavertails"), is_name("harmful.jsonl"), is_name("./plain"), is_name("org/name")
    (True, False, False, False)
    """
    return _NAME.fullmatch(text) is not None and not _is_file_name(text)


def is_path(text: str) -> bool:
    """Whether a text means a file or a folder: it exists, or looks like one.

    >>> is_path("./mine"), is_path("data/harmful.jsonl"), is_path("org/name:train@main")
    (True, True, False)
    """
    return text[:1] in ".~/" or "\\" in text or _is_file_name(text) or Path(text).exists()


def on_the_hub(text: str) -> bool:
    """Whether the set that a text names lies on the Hub, and not here.

    >>> [on_the_hub(text) for text in ("beavertails", "plain", "self:org/name:train", "./mine")]
    [True, False, True, False]
    """
    text = text.removeprefix(OWN_ANSWERS)
    if is_name(text):
        specs = [each.spec for each in load_registry().found.example_sets]
        return any(spec.name == text and not isinstance(spec.source, Path) for spec in specs)
    return not is_path(text) and parse_id(text) is not None


def _is_file_name(text: str) -> bool:
    return ending(text) in ENDINGS or (
        _NAME.fullmatch(text) is not None and "." in text and Path(text).is_file()
    )


def _registered(
    found: Registered[ExampleSetSpec], name: SetName, reading: SetReading, answers: bool | None
) -> tuple[ExampleSet, list[str]]:
    spec = found.spec
    merged = SetReading(
        columns={**spec.columns, **reading.columns},
        filters=(*spec.filter, *reading.filters),
        limit=reading.limit,
    )
    if isinstance(spec.source, Path):
        some = load_set(spec.source, name, reading=merged, answers=answers, by_hand=False)
        return replace(some, id=spec.name, licence=spec.licence), []
    some, notes = _hub(hub_id(found), name, merged, answers)
    if spec.revision is None and some.commit is not None:
        notes.append(
            f"no commit is registered for {spec.name}: the newest was taken, {some.commit}"
        )
    return replace(some, licence=some.licence or spec.licence), notes


def hub_id(found: Registered[ExampleSetSpec]) -> HubId:
    """Where on the Hub a registered set lies, at its commit.

    >>> str(hub_id(load_registry().example_set("beavertails", "realign")))
    'PKU-Alignment/BeaverTails:30k_train'

    Raises:
        UsageError: a plug-in names no id.
    """
    spec = found.spec
    wanted = parse_id(str(spec.source))
    if wanted is None:
        raise UsageError(
            f"the example set {spec.name!r} of {found.distribution} names {spec.source!r}, which "
            "is no id on the Hub",
            hint="a plug-in gives org/name[:config][:split], or a Path",
        )
    return replace(wanted, revision=spec.revision, folder=spec.folder)


def check_access(found: Registered[ExampleSetSpec], name: SetName) -> None:
    """Ask whether a registered set on the Hub can be had; its card alone is fetched.

    Raises:
        HubError: the Hub, the rights on the set, or the network.
    """
    with _or_own(name):
        wanted = hub_id(found)
        pin(wanted.id, wanted.revision)


def _hub(
    wanted: HubId, name: SetName, reading: SetReading, answers: bool | None
) -> tuple[ExampleSet, list[str]]:
    with _or_own(name):
        opened = open_hub(wanted)
        origin = SetOrigin(opened.id, opened.rows, False, opened.commit, opened.licence)
        some = read_set(origin, name, reading, answers=answers)
    if opened.newest:
        return some, [f"{opened.id}: the newest commit in the cache was taken, {opened.commit}"]
    return some, []


@contextmanager
def _or_own(name: SetName) -> Iterator[None]:
    """Say, where a set on the Hub can't be had, that examples of one's own will do."""
    try:
        yield
    except HubError as error:
        raise type(error)(
            str(error),
            hint=f"{error.hint}; or give examples of your own: --{name} FILE",
            id=error.id,
        ) from error


def _own_answers(text: str, name: SetName, reading: SetReading) -> tuple[ExampleSet, list[str]]:
    """The prompts of a set, whose answers the source is to give."""
    if name not in ("utility", "realign"):
        raise UsageError(
            f"--{name} {OWN_ANSWERS}{text}: the source's own answers serve as a utility or a "
            "realign set",
            hint=f"give --{name} a set with answers",
        )
    some, notes = find_set(text, name, reading, answers=False)
    prompts = make_set(name, f"{OWN_ANSWERS}{some.id}", (
        replace(example, response=None, exact=False, thought=None) for example in some.examples
    ))  # fmt: skip
    return replace(
        prompts,
        duplicates=some.duplicates,
        commit=some.commit,
        licence=some.licence,
        faults=some.faults,
        own_answers=True,
    ), notes
