"""What our code imports from transformers, read from the code."""

from __future__ import annotations

import ast
import importlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

PACKAGE = Path(__file__).parents[2] / "modelrepair"


@dataclass(frozen=True)
class Import:
    """One name that a line of ours imports."""

    module: str
    name: str
    place: str

    def problem(self) -> str | None:
        """What is wrong with it in the transformers that is installed; None where nothing is."""
        try:
            module = importlib.import_module(self.module)
        except ImportError as error:
            return f"{self.module}, imported at {self.place}, can't be imported: {error}"
        if hasattr(module, self.name):
            return None
        try:
            importlib.import_module(f"{self.module}.{self.name}")
        except ImportError:
            return f"{self.module} has no {self.name}, imported at {self.place}"
        return None


def imports_of(text: str, file: str) -> Iterator[Import]:
    """The names that a module imports from transformers, anywhere in it."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "transformers":
            for each in node.names:
                yield Import(str(node.module), each.name, f"{file}:{node.lineno}")


def imports() -> list[Import]:
    """All of them, each once, with its first place."""
    found: dict[tuple[str, str], Import] = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        file = path.relative_to(PACKAGE.parent).as_posix()
        for each in imports_of(path.read_text(encoding="utf-8"), file):
            found.setdefault((each.module, each.name), each)
    return [found[key] for key in sorted(found)]
