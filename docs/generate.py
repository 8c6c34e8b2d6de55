"""Write the reference of the command line and of the Python API from the code itself.

The pages of errors are written from the tables that the tests run, the page of known plug-ins from
``docs/plugins.toml``, CITATION.cff and the way to report a weakness from pyproject.toml, the
commands in README.md from the examples, and its picture from ``docs/results/demo.json``.

``python docs/generate.py`` writes the pages, ``--check`` only says whether they are current.
"""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

import modelrepair
import modelrepair.plugin
import modelrepair.testing
from modelrepair.auditing.addresses import anchor
from modelrepair.auditing.checks import CHECKS
from modelrepair.auditing.rule import STAGES
from modelrepair.cli.main import cli
from modelrepair.cli.options import Command
from modelrepair.testing.checks import KIT
from modelrepair.testing.common import COMMON
from modelrepair.testing.kinds import KINDS
from modelrepair_lab.command import command as lab

ROOT = Path(__file__).resolve().parents[1]
HEAD = "<!-- Written by docs/generate.py: change the code, then run `make docs`. -->"


FINDS = """\
## What the kit finds

Each of these plug-ins is a good one with one fault. The tests make it, and look that the check
named here finds it and says this. A plug-in that the loader refuses is *not loaded*: `plugins
check` ends with exit code 5 and this message."""
CONFORMANCE = """\
# The conformance kit

`modelrepair.testing` tests a plug-in of any kind. In pytest, one class is enough; the kit is a
plug-in of pytest and comes with modelrepair:

```python
from modelrepair.testing import ScorerConformance


class TestMine(ScorerConformance):
    name = "my-scorer"
```

`RepairerConformance`, `JudgeConformance` and `ExampleSetConformance` are used in the same way.
Each check is one test. A class may set two more attributes:

- `options`: values of the plug-in's options to test it with, `{"norm": "mean"}`.
- `expected_failures`: checks that are known to fail, each with the reason. One that passes all the
  same is a failure: take it out.

A class that replaces a check, or takes it out, is an error.

The same checks run without pytest:

    modelrepair plugins check my-scorer

The result is a record: the kit's version, the plug-in with its package and version, and for each
check *passed*, *failed*, *skipped*, *expected-failure* or *unexpected-pass*, with the reason.
`modelrepair plugins check my-scorer --json` prints it, and `pytest --modelrepair-record FILE`
writes it (or `modelrepair_record = FILE` in the settings of pytest). Keep it, and give it to the
next run:

    modelrepair plugins check my-scorer --record record.json

A check that ran then, and now is missing or skipped, has *disappeared*, and the command fails.
What was expected to fail in the record is expected to fail again.

| exit code | when |
| --- | --- |
| 0 | no check failed |
| 1 | a check failed, passed although it is expected to fail, or disappeared |
| 2 | nothing of this name is installed |
| 5 | the plug-in can't be loaded |

Below, … stands for what varies. A check that needs what an earlier one could not make is
skipped: mend the first failure first."""


def main() -> int:
    """Write the pages, or check them."""
    stale = []
    for name, text in pages().items():
        page = ROOT / name
        if "--check" in sys.argv[1:]:
            if not page.is_file() or page.read_text(encoding="utf-8") != text:
                stale.append(name)
        else:
            page.parent.mkdir(parents=True, exist_ok=True)
            page.write_text(text, encoding="utf-8")
    if stale:
        sys.stderr.write(f"not current: {', '.join(stale)}; run `make docs`\n")
    return 1 if stale else 0


def pages() -> dict[str, str]:
    """Each file's text by its path from the root."""
    # The tables are in the tests, which are no installed package.
    sys.path.insert(0, str(ROOT))
    from docs.demo_figures import kept, picture
    from docs.project_files import project_files
    from docs.readme import readme
    from tests.support import errors_page, plugins_page
    from tests.support.broken_plugins import tables
    from tests.support.hub import errors_page as hub_errors_page

    return {
        "docs/reference/cli.md": command_line(),
        "docs/reference/lab.md": laboratory(),
        "docs/reference/api.md": python_api(),
        "docs/reference/audit-rules.md": audit_rules(),
        "docs/conformance.md": conformance(tables.page()),
        "docs/errors.md": errors_page.page(),
        "docs/hub-errors.md": hub_errors_page.page(),
        "docs/plugins.md": plugins_page.page(),
        **project_files(),
        "README.md": readme(),
        "docs/results/demo.svg": picture(kept()),
    }


def command_line() -> str:
    """Every command with its options."""
    parts = [
        HEAD,
        "# The command line",
        "Results go to stdout, progress and messages to stderr. Every command takes `--json`: "
        "one JSON document on stdout and nothing else. [Exit codes](../exit-codes.md) say how it "
        "ended. There is no option for a token: set `HF_TOKEN`, or log in with `hf auth login`.",
    ]
    context = click.Context(cli, info_name="modelrepair")
    for path, command in walk(cli, context, "modelrepair"):
        parts += describe_command(path, command)
    return "\n\n".join(parts) + "\n"


def laboratory() -> str:
    """The commands that ``plugins/modelrepair-lab`` adds."""
    parts = [
        HEAD,
        "# Attack lab: commands",
        "What the package `plugins/modelrepair-lab` adds to the command line.",
    ]
    context = click.Context(lab, info_name="modelrepair lab")
    for path, command in walk(lab, context, "modelrepair lab"):
        parts += describe_command(path, command)
    return "\n\n".join(parts) + "\n"


def audit_rules() -> str:
    """Every rule of an audit, by stage; the ids are anchors."""
    parts = [
        HEAD,
        "# Rules of an audit",
        "What [`modelrepair audit`](cli.md#modelrepair-audit) asks of a model. Each rule gets one "
        "answer: *found*, *clear*, or *inconclusive* where it could not be looked at. A stage that "
        "was not asked for is *not run*. Ids are lasting; the severity is that of the gravest "
        "case.",
    ]
    head = ["| rule | stage | severity | what it means where it is found | what to do |",
            "| --- | --- | --- | --- | --- |"]  # fmt: skip
    rows = [
        [
            f'<a id="{anchor(rule.id)}"></a>`{rule.id}` {rule.name}',
            rule.stage,
            rule.severity,
            rule.means,
            rule.do,
        ]
        for stage in STAGES
        for rule, _ in CHECKS[stage]
    ]
    lines = ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows]
    return "\n\n".join([*parts, "\n".join([*head, *lines])]) + "\n"


def conformance(found: str) -> str:
    """How the kit is run, every check by its kind, and what the kit finds."""
    parts = [HEAD, CONFORMANCE, f"The kit's version is {KIT}."]
    tables = {"Every kind": COMMON} | {
        f"{kind.name.replace('-', ' ').capitalize()}s": kind.checks[len(COMMON) :]
        for kind in KINDS.values()
    }
    for title, checks in tables.items():
        rows = [[f"`{check.id}`", check.demands, check.says] for check in checks]
        head = ["| check | what it demands | message |", "| --- | --- | --- |"]
        lines = ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows]
        if rows:
            parts += [f"## {title}", "\n".join([*head, *lines])]
    return "\n\n".join([*parts, FINDS, found]) + "\n"


def walk(group: click.Group, context: click.Context, path: str) -> Iterator[tuple[str, Command]]:
    """All commands that do something, depth first."""
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if isinstance(command, click.Group):
            yield from walk(command, context, f"{path} {name}")
        elif isinstance(command, Command):
            yield f"{path} {name}", command


def describe_command(path: str, command: Command) -> list[str]:
    """One command: usage, help, options."""
    # With the command's own settings: click keeps the help option that it makes here.
    context = click.Context(command, info_name=path, **command.context_settings)
    usage = " ".join(command.collect_usage_pieces(context))
    parts = [f"## {path}", f"    {path} {usage}", inspect.cleandoc(command.help or "")]
    for title, options in command.sections(context).items():
        rows = [describe_option(found, context) for found in options if "--help" not in found.opts]
        table = ["| option | what it does | default |", "| --- | --- | --- |", *rows]
        parts += [f"**{title}**", "\n".join(table)]
    return parts


def describe_option(option: click.Option, context: click.Context) -> str:
    """One row of a command's table."""
    name = ", ".join(option.opts)
    value = "" if option.is_flag else f" {option.make_metavar(context)}"
    shown = option.show_default is not False and not option.is_flag
    given = option.get_default(context) if shown else None
    default = "" if given is None or given == () or "UNSET" in repr(given) else f"`{given}`"
    help_text = " ".join((option.help or "").split())
    repeated = "required. " if option.required else ""
    return (
        "| "
        + " | ".join(
            cell.replace("|", "\\|") for cell in (f"`{name}{value}`", repeated + help_text, default)
        )
        + " |"
    )


def python_api() -> str:
    """Every public name with its signature and docstring."""
    parts = [
        HEAD,
        "# The Python API",
        "What is public: `import modelrepair` for users, `from modelrepair.plugin import …` for "
        "authors of plug-ins, and `modelrepair.testing` for their tests. All other modules are "
        "internal and may change in any release.",
        "# For users: modelrepair",
    ]
    for name in sorted(modelrepair.__all__):
        parts += describe_object(name, getattr(modelrepair, name))
    parts += [
        "# For authors of plug-ins: modelrepair.plugin",
        "[Scorers](../scorers.md), [repairers](../repairers.md), [judges](../judges.md) and "
        "[example sets](../example-sets.md) show how these are used.",
    ]
    for name in sorted(modelrepair.plugin.__all__):
        parts += describe_object(name, getattr(modelrepair.plugin, name))
    parts += [
        "# For tests of plug-ins: modelrepair.testing",
        "[Conformance](../conformance.md) lists the checks, and shows how they are run.",
    ]
    for name in sorted(modelrepair.testing.__all__):
        parts += describe_object(name, getattr(modelrepair.testing, name))
    return "\n\n".join(parts) + "\n"


def describe_object(name: str, found: Any) -> list[str]:
    """One name: its signature, what it is for, and the fields where it holds data."""
    parts = [f"## {name}"]
    if name == "hookimpl":  # pluggy's own object, with pluggy's documentation
        return [*parts, "Marks a function as a hook: `@hookimpl`."]
    if inspect.isclass(found) and issubclass(found, modelrepair.ModelRepairError):
        parts.append(f"An exception, exit code {found.exit_code}.")
    elif getattr(found, "_is_protocol", False):
        parts.append("A protocol: any class with these members serves.")
        parts += [f"```python\n{name}.{field}: {kind}\n```" for field, kind in attributes(found)]
    elif found is not Any and (inspect.isclass(found) or inspect.isfunction(found)):
        parts.append(f"```python\n{signature(name, found)}\n```")
    elif not inspect.ismodule(found):
        return [*parts, f"`{str(found).removeprefix('typing.')}`"]
    # A dataclass without a docstring of its own gets its signature as one: said already.
    documentation = inspect.getdoc(found) or ""
    parts.append(as_markdown(documentation))
    if inspect.isclass(found) and not issubclass(found, Exception):
        fields = getattr(found, "__dataclass_fields__", {})
        for member, value in vars(found).items():
            if not member.startswith(("_", "test_")) and member not in fields:
                parts += describe_member(f"{name}.{member}", value)
    return [part for part in parts if part]


def attributes(protocol: type) -> list[tuple[str, str]]:
    """A protocol's plain attributes, with their types as written."""
    return list(vars(protocol).get("__annotations__", {}).items())


def describe_member(name: str, found: Any) -> list[str]:
    """A method with its signature, a property with its type; fields are in the docstring."""
    if isinstance(found, property) and found.fget:
        kind = str(inspect.signature(found.fget).return_annotation)
        shown = f"{name}: {kind}".replace("'", '"')  # as `ruff format` writes it
    elif inspect.isfunction(found):
        shown = signature(name, found)
    else:
        return []
    return [f"```python\n{shown}\n```", as_markdown(inspect.getdoc(found) or "")]


def signature(name: str, function: Any) -> str:
    """The call as it would be written, one parameter a line where it is long."""
    found = inspect.signature(function)
    parameters = []
    keyword_only = False
    for parameter in found.parameters.values():
        if parameter.kind is inspect.Parameter.KEYWORD_ONLY and not keyword_only:
            keyword_only = True
            parameters.append("*")
        parameters.append(written(parameter))
    returned = found.return_annotation
    end = ")" if returned in (inspect.Signature.empty, None, "None") else f") -> {returned}"
    line = f"{name}({', '.join(parameters)}{end}"
    if len(line) <= 90:
        return line
    return "\n".join([f"{name}(", *(f"    {each}," for each in parameters), end])


def written(parameter: inspect.Parameter) -> str:
    """One parameter as it stands in the source."""
    text = parameter.name
    if parameter.annotation is not inspect.Parameter.empty:
        kind = parameter.annotation
        shown = kind if isinstance(kind, str) else inspect.formatannotation(kind)
        text += f": {shown.removeprefix('typing.')}"  # which Python 3.13 leaves out
    if parameter.default is not inspect.Parameter.empty:
        default = re.sub(r" at 0x[0-9a-f]+", "", repr(parameter.default))
        text += f" = {default}" if ":" in text else f"={default}"
    return text


def as_markdown(documentation: str) -> str:
    """A docstring as a page shows it: examples as code, `Args:` and `Raises:` as lists."""
    lines: list[str] = []
    for block in re.split(r"\n\s*\n", documentation.strip()):
        first = block.split("\n", 1)[0].strip()
        if first.startswith(">>>"):
            lines.append("```python\n" + inspect.cleandoc(block) + "\n```")
        elif first in ("Args:", "Raises:", "Returns:"):
            lines.append(f"**{first[:-1]}**\n\n" + "\n".join(entries(block)))
        else:
            lines.append(block)
    return "\n\n".join(lines)


def entries(block: str) -> list[str]:
    """The entries of an `Args:` or `Raises:` block, each on one line."""
    found: list[str] = []
    body = inspect.cleandoc("\n".join(block.split("\n")[1:]))
    for line in body.split("\n"):
        if line.startswith(" ") and found:
            found[-1] += " " + line.strip()
        else:
            name, colon, text = line.partition(":")
            found.append(f"- `{name}`:{text}" if colon else f"- {line}")
    return found


if __name__ == "__main__":
    sys.exit(main())
