"""A new plug-in as a package: every file from a template, written whole or not at all."""

from __future__ import annotations

import importlib.util
import json
import keyword
import os
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parseaddr
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, get_args

from modelrepair.errors import FORBIDDEN, FULL, ResourceError, UsageError
from modelrepair.moving import remove_empty, rename, temporary_folder
from modelrepair.plugin.loading import Found, Registered, normalised
from modelrepair.plugin.names import PluginKind
from modelrepair.text.typed_paths import output_folder, windows_refuses

if TYPE_CHECKING:
    from jinja2 import Environment

KINDS: tuple[PluginKind, ...] = get_args(PluginKind)

PREFIX = "modelrepair-"
"""What the name of a distribution may begin with, and the name that users type does not."""
LONGEST = 32
"""Letters of a name: every line of the templates keeps within 100 columns."""

_NAME = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
_SUMMARIES: Mapping[PluginKind, str] = {
    "scorer": "A scorer",
    "repairer": "A repairer",
    "judge": "A judge",
    "example-set": "An example set",
}
_SUFFIX = ".jinja"


@dataclass(frozen=True)
class Names:
    """What a new plug-in is called where.

    Args:
        distribution: the package, as pip installs it.
        module: the package, as Python imports it.
        offered: the name that users type after ``--scorer`` and its like.
    """

    distribution: str
    module: str
    offered: str


@dataclass(frozen=True)
class Author:
    """Who is named in the package's metadata; either may be empty."""

    name: str
    email: str


def names_of(name: str, found: Found) -> Names:
    """The names of a new plug-in, none of which is taken.

    >>> names_of("modelrepair-my-rule", Found((), (), (), ()))
    Names(distribution='modelrepair-my-rule', module='modelrepair_my_rule', offered='my-rule')

    Args:
        name: of the distribution.
        found: the plug-ins that are installed.

    Raises:
        UsageError: it is no name of a package, or taken.
    """
    if not _NAME.fullmatch(name) or len(name) > LONGEST:
        near = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:LONGEST].strip("-")
        raise UsageError(
            f"{name!r} is no name for a plug-in: names are a-z, 0-9 and single '-' between them, "
            f"at most {LONGEST} characters",
            hint=f"did you mean {near!r}?" if near else "choose a name such as 'my-scorer'",
            id="plugin-name",
        )
    names = Names(name, name.replace("-", "_"), name.removeprefix(PREFIX))
    if not names.module.isidentifier() or keyword.iskeyword(names.module):
        raise UsageError(
            f"{name!r} is no name for a plug-in: Python can't import a module {names.module!r}",
            hint=f"did you mean '{PREFIX}{name}'?",
            id="plugin-name",
        )
    if why := windows_refuses(names.module):
        raise UsageError(
            f"{name!r} is no name for a plug-in: Windows can't hold a folder of it, as {why}",
            hint=f"did you mean '{PREFIX}{name}'?",
            id="plugin-name",
        )
    owner = _owner(names, found)
    if owner:
        raise UsageError(
            f"the name {name!r} is taken: {owner}",
            hint="choose another name; `modelrepair plugins list` shows what is installed",
            id="plugin-name-taken",
        )
    return names


def author_of(text: str) -> Author:
    """The author as ``"NAME <EMAIL>"``, or one of the two.

    >>> author_of("Ada Lovelace <ada@example.org>")
    Author(name='Ada Lovelace', email='ada@example.org')
    >>> author_of("Ada Lovelace")
    Author(name='Ada Lovelace', email='')

    Raises:
        UsageError: it has characters that are not shown, or a comma: one author is named.
    """
    name, email = parseaddr(text) if "@" in text else (text, "")
    name = " ".join(name.split())
    if not text.isprintable() or not (name or email) or "," in name:
        raise UsageError(
            f"{text!r} is no author",
            hint='write one author: --author "Ada Lovelace <ada@example.org>"',
            id="plugin-author",
        )
    return Author(name, email)


def render_package(kind: PluginKind, names: Names, author: Author | None = None) -> dict[str, str]:
    """Every file of the package, by its path in the folder.

    >>> sorted(render_package("judge", Names("mine", "mine", "mine")))[-3:]
    ['pyproject.toml', 'tests/test_conformance.py', 'tests/test_docstrings.py']

    Args:
        kind: of plug-in.
        names: what it is called.
        author: who is named in its metadata.
    """
    words = "".join(word.title() for word in kind.split("-"))
    stem = "".join(word.capitalize() for word in names.offered.split("-"))
    if stem[0].isdigit():
        stem = f"Number{stem}"
    values = {
        "kind": kind,
        "distribution": names.distribution,
        "module": names.module,
        "offered": names.offered,
        "class_name": stem if stem.endswith(words) else f"{stem}{words}",
        "conformance": f"{words}Conformance",
        "summary": _SUMMARIES[kind],
        "author": author,
    }
    environment = _environment()
    rendered = {}
    for folder in ("package", kind):
        for template in _templates(_home().joinpath(folder)):
            path = environment.from_string(template.removesuffix(_SUFFIX)).render(values)
            text = environment.get_template(f"{folder}/{template}").render(values)
            rendered[path] = text
    return dict(sorted(rendered.items()))


def write_package(package: Mapping[str, str], folder: Path) -> None:
    r"""Write a package beside its folder, then rename it: it is there whole or not at all.

    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp()) / "mine"
    >>> write_package({"tests/test_one.py": "assert True\n"}, folder)
    >>> (folder / "tests" / "test_one.py").read_text()
    'assert True\n'

    Args:
        package: text by path, with slashes.
        folder: where it goes; an empty one may be there.

    Raises:
        UsageError: the folder holds something, or is none.
        ResourceError: it can't be written.
    """
    folder = output_folder(folder)
    _check_free(folder)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with temporary_folder(prefix=f".{folder.name}-", inside=folder.parent) as beside:
            made = beside / folder.name
            for path, text in package.items():
                file = made.joinpath(*PurePosixPath(path).parts)
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(text, encoding="utf-8", newline="\n")
            if folder.is_dir():
                remove_empty(folder)  # an empty one; what came into it meanwhile makes this fail
            rename(made, folder)
    except OSError as error:
        _check_free(folder)
        if error.errno in FULL:
            said, id = "the disk is full", "disk-full"
        elif error.errno in FORBIDDEN:
            said, id = "it may not be written", "not-writable"
        else:
            said, id = error.strerror or "input or output error", "not-writable"
        raise ResourceError(
            f"{folder.name!r} can't be written: {said}", hint="choose another --out", id=id
        ) from error


def _check_free(folder: Path) -> None:
    try:
        taken = os.path.lexists(folder) and (not folder.is_dir() or any(folder.iterdir()))
    except OSError:
        taken = True  # what can't be looked into is not ours to replace
    if taken:
        raise UsageError(
            f"{folder.name!r} is there already, and nothing is overwritten",
            hint="choose another --out, or move it away",
            id="plugin-folder-exists",
        )


def _owner(names: Names, found: Found) -> str:
    """Who has one of the names already, in words; empty where they are free."""
    offers: list[Registered[Any]] = [
        *found.scorers,
        *found.repairers,
        *found.judges,
        *found.example_sets,
    ]
    for item in offers:
        if item.spec.name in (names.offered, names.distribution):
            return f"{item.distribution} {item.version} offers {item.spec.name!r}"
    for plugin in found.plugins:
        if normalised(plugin.distribution) == names.distribution:
            return f"{plugin.distribution} {plugin.version} is installed"
        if plugin.entry_point == names.offered:
            return f"{plugin.distribution} {plugin.version} has this entry point"
    if names.module in sys.stdlib_module_names:
        return f"Python has a module {names.module!r}"
    spec = importlib.util.find_spec(names.module)
    # A folder without code, such as one that is named like it and lies here, hides nothing.
    if spec is not None and spec.origin is not None:
        return f"a module {names.module!r} is installed"
    return ""


def _home() -> Traversable:
    return files("modelrepair.plugin").joinpath("templates")


def _templates(folder: Traversable, before: str = "") -> list[str]:
    """The templates below a folder; those that begin with an underscore are parts of others."""
    found: list[str] = []
    for each in folder.iterdir():
        if each.is_dir():
            found += _templates(each, f"{before}{each.name}/")
        elif each.name.endswith(_SUFFIX) and not _part(each.name):
            found.append(before + each.name)
    return found


def _part(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__")


def _environment() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("modelrepair.plugin", "templates"),
        autoescape=False,  # what is written is code, not a page
        undefined=StrictUndefined,
        keep_trailing_newline=True,
        trim_blocks=True,
    )
    environment.filters["quoted"] = _quoted
    return environment


def _quoted(text: str) -> str:
    """A text between quotation marks, as Python and TOML read it."""
    return json.dumps(text, ensure_ascii=False)
