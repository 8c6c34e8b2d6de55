"""The page of known plug-ins, and the check of the file that it is made of."""

from __future__ import annotations

import tomllib
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

ROOT = Path(__file__).parents[2]
FILE = ROOT / "docs" / "plugins.toml"
HOOKS = {
    "scorer": "modelrepair_scorers",
    "repairer": "modelrepair_repairers",
    "judge": "modelrepair_judges",
    "example-set": "modelrepair_example_sets",
}
"""What registers the plug-ins of each kind."""
HEAD = """<!-- Written by docs/generate.py from plugins.toml: change that, then run `make docs`. -->

# Known plug-ins

Packages that add scorers, repairers, judges or example sets to modelrepair. Their authors maintain
them; being listed is no recommendation. A plug-in runs with your rights: read it before you install
it. The last column is the author's record of the conformance kit: the kit's version, the package's
version, and how many checks ran, passed and were skipped."""
TAIL = """## Add yours

1. Write it ([scorers](scorers.md), [repairers](repairers.md), [judges](judges.md), [example
   sets](example-sets.md)), and publish the package.
2. Run the conformance kit: `modelrepair plugins check my-scorer --json`. Its record has the figures
   of the last field.
3. Add a table to [`plugins.toml`](plugins.toml), and run `make docs`, which writes this page.
4. Open a pull request. `python -m pytest tests/test_plugins_page.py` names what is wrong in the
   file.

```toml
[[plugin]]
name = "my-scorer"                  # what users type
kind = "scorer"                     # or repairer, judge, example-set
package = "my-package"              # what users install
summary = "one line of plain text"
url = "https://example.org/my-package"
record = { kit = 1, version = "1.2.0", run = 25, passed = 25, skipped = 3 }
```

`run` counts the checks that were not skipped. `passed` may be lower than `run`: the others are
expected to fail, and the plug-in's own tests say why. A plug-in without a record is listed as *not
recorded*."""

Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]*$")]
Count = Annotated[int, Field(ge=0, strict=True)]
EXPECTED = {
    "name": "expected what users type: a-z, 0-9, '.', '_' and '-', a letter or digit first",
    "kind": f"expected one of {', '.join(HOOKS)}",
    "package": "expected the package's name as pip installs it, in small letters",
    "summary": "expected one line of plain text, at most 100 characters, without | < > [ ] or `",
    "url": "expected an address that begins with https://",
    "record": "expected { kit = …, version = \"…\", run = …, passed = …, skipped = … }",
    "record.kit": "expected the kit's version, a whole number from 1",
    "record.version": "expected the version of the package that was checked, as text",
    "record.run": "expected how many checks ran: a whole number",
    "record.passed": "expected how many checks passed: a whole number",
    "record.skipped": "expected how many checks were skipped: a whole number",
}  # fmt: skip
"""What each field may hold, as a contributor reads it."""


class Record(BaseModel):
    """What the conformance kit found."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kit: Annotated[int, Field(ge=1, strict=True)]
    version: Annotated[str, Field(pattern=r"^[0-9][0-9A-Za-z.+!_-]*$")]
    run: Annotated[int, Field(ge=1, strict=True)]
    passed: Count
    skipped: Count

    @model_validator(mode="after")
    def _counts(self) -> Record:
        if self.passed > self.run:
            raise ValueError(f"{self.passed} checks passed of {self.run} that ran")
        return self

    def __str__(self) -> str:
        return (
            f"kit {self.kit}, version {self.version}: {self.run} run, {self.passed} passed, "
            f"{self.skipped} skipped"
        )


class Known(BaseModel):
    """One plug-in of the file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Name
    kind: Literal["scorer", "repairer", "judge", "example-set"]
    package: Name
    summary: Annotated[str, Field(pattern=r"^[^|<>\[\]`\n]{1,100}$")]
    url: Annotated[str, Field(pattern=r"^https://[^\s|<>()]+$")] | None = None
    record: Record | None = None

    @property
    def folder(self) -> Path | None:
        """Its package's folder where that is in this repository."""
        folder = ROOT / "plugins" / self.package
        return folder if folder.is_dir() else None


def read(path: Path = FILE) -> tuple[Known, ...]:
    """The plug-ins of the file.

    Raises:
        ValueError: something is wrong with it; one line for each mistake.
    """
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"{path.name} is no TOML: {error}") from None
    tables = document.pop("plugin", [])
    if document or not isinstance(tables, list):
        raise ValueError(f"{path.name} holds tables [[plugin]], and nothing else")
    found, mistakes = [], []
    for number, table in enumerate(tables, 1):
        try:
            found.append(Known.model_validate(table))
        except ValidationError as error:
            where = f"plug-in {number} ({table.get('name', 'without a name')})"
            mistakes += [f"{where}: {_mistake(each)}" for each in error.errors()]
    mistakes += [*_twice(found), *_without_address(found)]
    if mistakes:
        raise ValueError("\n".join(f"{path.name}, {each}" for each in dict.fromkeys(mistakes)))
    return tuple(found)


def _mistake(error: Mapping[str, Any]) -> str:
    """One mistake as a contributor reads it."""
    field = ".".join(str(part) for part in error["loc"])
    match error["type"]:
        case "missing":
            return f"{field} is missing; {EXPECTED[field]}"
        case "extra_forbidden":
            return f"{field!r} is no field; there are {', '.join(Known.model_fields)}"
        case "value_error":
            return f"{field}: {error['ctx']['error']}"
    return f"{field} is {error['input']!r}; {EXPECTED[field]}"


def _twice(found: Iterable[Known]) -> list[str]:
    counts = Counter((each.kind, each.name) for each in found)
    return [f"the {kind} {name} is listed twice" for (kind, name), n in counts.items() if n > 1]


def _without_address(found: Iterable[Known]) -> list[str]:
    """A package elsewhere must say where; ours are in ``plugins/``."""
    return [
        f"{each.kind} {each.name}: url is missing; {EXPECTED['url']}"
        for each in found
        if each.url is None and each.folder is None
    ]


def page(path: Path = FILE) -> str:
    """The whole page."""
    rows = ["| plug-in | package | what it does | record of the kit |", "| --- | --- | --- | --- |"]
    parts = [HEAD]
    found = read(path)
    for kind in HOOKS:
        own = sorted((each for each in found if each.kind == kind), key=lambda each: each.name)
        if own:
            parts += [f"## {kind.replace('-', ' ').capitalize()}s"]
            parts += ["\n".join([*rows, *(_row(each) for each in own)])]
    return "\n\n".join([*parts, TAIL]) + "\n"


def _row(known: Known) -> str:
    package = known.package
    if known.folder is not None:
        package = f"[{package}](../plugins/{package}/README.md)"
    name = f"[`{known.name}`]({known.url})" if known.url else f"`{known.name}`"
    record = str(known.record) if known.record else "not recorded"
    return f"| {name} | {package} | {known.summary} | {record} |"
