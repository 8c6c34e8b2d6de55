"""Scorers from a Python file of the user's own disk: ``path/file.py:Class``."""

from __future__ import annotations

import hashlib
import importlib.util
import inspect
import re
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from modelrepair.errors import PluginError, UsageError
from modelrepair.plugin.checking import problem_of
from modelrepair.plugin.loading import Registered
from modelrepair.plugin.names import Options, SetName, SetUse, SubjectKind
from modelrepair.plugin.specs import ScorerSpec
from modelrepair.text.typed_paths import from_home

_NAME = re.compile(r"\w[\w.-]*")
"""As a class may be called: the name is in the card's tags and in the title of a commit."""
DESCRIBED = ("scope", "gradients", "iterative", "signed", "refill", "options", "api", "url", "unit")


def is_file_scorer(name: str) -> bool:
    """Whether a scorer's name is ``path/file.py:Class``.

    >>> is_file_scorer("mine.py:MyScorer"), is_file_scorer("wanda")
    (True, False)
    """
    return re.fullmatch(r".+\.py:\w+", name, flags=re.DOTALL) is not None


def scorer_from_file(name: str) -> Registered[ScorerSpec]:
    """Import the file and describe its class.

    The class has a ``spec`` (`ScorerSpec`), or attributes of the same names: ``name``,
    ``summary``, ``sets`` (a mapping or a function), ``scope``, ``gradients`` …, each with the
    default that `ScorerSpec` has.

    Raises:
        UsageError: no such file, or no such class in it.
        PluginError: the file fails when it is imported, or describes itself wrongly.
    """
    path_text, _, class_name = name.rpartition(":")
    path = from_home(path_text)
    if not path.is_file():
        raise UsageError(
            f"no file {path_text} for the scorer {class_name}",
            hint="give path/to/file.py:Class, from the folder that you are in",
            id="unknown-name",
        )
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    module = _import(path, digest)
    scorer_class = vars(module).get(class_name)
    if not inspect.isclass(scorer_class):
        own = [
            key
            for key, value in vars(module).items()
            if inspect.isclass(value) and value.__module__ == module.__name__
        ]
        raise UsageError(
            f"{path.name} has no class {class_name}",
            hint=f"its classes: {', '.join(own) or 'none'}",
            id="unknown-name",
        )
    spec = _describe(scorer_class, path)
    if not isinstance(spec.name, str) or not _NAME.fullmatch(spec.name):
        raise PluginError(
            f"{class_name} in {path.name} is named {spec.name!r}",
            hint="leave its name out, or give it one of letters, digits, '.', '_' and '-'",
        )
    if problem := problem_of(spec):
        raise PluginError(
            f"{class_name} in {path.name} can't be used: {problem}",
            hint="correct the file, or use the modelrepair that it was written for",
            id="plugin-not-loaded",
        )
    return Registered(spec, distribution=path.name, version=f"sha256:{digest}", digest=digest)


def _import(path: Path, digest: str) -> Any:
    module_name = f"modelrepair_file_{path.stem}_{digest[:12]}"
    if module_name in sys.modules:
        return sys.modules[module_name]
    specification = importlib.util.spec_from_file_location(module_name, path)
    if specification is None or specification.loader is None:
        raise UsageError(f"{path.name} is no Python file", hint="give path/to/file.py:Class")
    module = importlib.util.module_from_spec(specification)
    # Dataclasses look their module up by name while they are being made.
    sys.modules[module_name] = module
    try:
        specification.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        del sys.modules[module_name]
        raise PluginError(
            f"{path.name} could not be imported: {type(error).__name__}: {error}",
            hint="repair the file; `--debug` shows the traceback",
            id="plugin-not-loaded",
        ) from error
    return module


def _describe(scorer_class: Any, path: Path) -> ScorerSpec:
    declared = getattr(scorer_class, "spec", None)
    if isinstance(declared, ScorerSpec):
        return replace(declared, load=scorer_class)
    sets = getattr(scorer_class, "sets", None)
    if sets is None or not (callable(sets) or isinstance(sets, Mapping)):
        raise PluginError(
            f"{scorer_class.__name__} in {path.name} does not say which sets it needs",
            hint='give it `sets = {"realign": "pairs"}` or `spec = ScorerSpec(…)`',
        )
    return ScorerSpec(
        name=str(getattr(scorer_class, "name", scorer_class.__name__)),
        summary=str(getattr(scorer_class, "summary", _first_line(scorer_class))),
        load=scorer_class,
        sets=sets if callable(sets) else _constant(sets),
        **{key: getattr(scorer_class, key) for key in DESCRIBED if hasattr(scorer_class, key)},
    )


def _constant(sets: Mapping[SetName, SetUse]) -> Any:
    def needed(options: Options, subject_kind: SubjectKind) -> Mapping[SetName, SetUse]:
        return sets

    return needed


def _first_line(described: Any) -> str:
    return (inspect.getdoc(described) or "").partition("\n")[0]
