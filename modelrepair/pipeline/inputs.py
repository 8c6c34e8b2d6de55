"""What a repair is made on, as digests by name: an interrupted one resumes with the same."""

from __future__ import annotations

import hashlib
import importlib.metadata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from modelrepair.checkpoint.digests import identity
from modelrepair.checkpoint.kept_files import CARD_NAME, classify
from modelrepair.errors import DamagedCheckpointError
from modelrepair.examples.find import OWN_ANSWERS
from modelrepair.examples.hub import parse_id
from modelrepair.preflight.model import Model
from modelrepair.preflight.plugin_code import code_digest
from modelrepair.preflight.plugins import SelectedPlugins
from modelrepair.preflight.sets import Sets
from modelrepair.progress import Progress
from modelrepair.settings.settings import Settings
from modelrepair.settings.short_names import pinned
from modelrepair.source.address import named_on_hub
from modelrepair.source.resolve import Source
from modelrepair.text.published import published

LIBRARIES = ("torch", "transformers", "tokenizers", "peft")
"""Whose versions a result depends on."""


def inputs_of(
    sets: Sets,
    chosen: SelectedPlugins,
    models: Mapping[str, Model | None],
    progress: Progress,
    include: Sequence[str] = (),
) -> dict[str, str]:
    """The digest of everything that a repair reads.

    Args:
        sets: the example sets.
        chosen: the judge counts by its code and by what it reads. What a scorer or repairer
            computed lies by its code, so that one that was mended starts afresh alone.
        models: by role: what "the …" is called.
        progress: where the bytes read are shown.
        include: globs of the source's files that are taken along, too.
    """
    found = {f"the {name} set": some.digest for name, some in sets.given.items()}
    judge = chosen.registered_judge
    found[f"the code of the judge {judge.spec.name}"] = code_digest(judge)
    found |= {f"{name} of the judge": value for name, value in chosen.judge_inputs.items()}
    found |= {name: importlib.metadata.version(name) for name in LIBRARIES}
    files = {
        _name(name, role): (model.source.folder, name)
        for role, model in models.items()
        if model is not None
        for name in read_files(model, include if role in ("source", "base") else ())
    }
    total = sum((folder / name).stat().st_size for folder, name in files.values())
    with progress.step("looking at the files", total, "bytes") as advance:
        for shown, (folder, name) in files.items():
            found[shown] = identity(folder, name)
            advance((folder / name).stat().st_size)
    return found


def at_commits(settings: Settings, commit: str | None, sets: Sets) -> Settings:
    """The settings with commits in place of what may move on the Hub: branches, newest rows.

    >>> at_commits(Settings("user/model"), "c0ffee", Sets({}, None)).revision
    'c0ffee'

    Args:
        settings: as the user gave them.
        commit: what the source's revision stands for now; None of a folder.
        sets: the example sets, each with its commit.
    """
    found: dict[str, Any] = {
        str(key): pinned(text, some.commit)
        for key, some in sets.given.items()
        if (text := getattr(settings, key)) is not None
    }
    return replace(settings, revision=commit, **found)


def as_found(
    settings: Settings, source: Source, base: Source | None, reference: Source | None, sets: Sets
) -> Settings:
    """The settings with the ids that the Hub has: of what was renamed, or spelt in other capitals.

    >>> as_found(Settings("User/Model"), source, None, None, sets).source  # doctest: +SKIP
    'user/model'
    """
    found: dict[str, Any] = {"source": source.id or settings.source}
    for key, model in (("base", base), ("reference", reference)):
        name = named_on_hub(getattr(settings, key) or "")
        if model is not None and model.id is not None and name is not None:
            named = settings.reference != "auto" or key == "base"
            found |= {key: str(replace(name, id=model.id))} if named else {}
    for key, some in sets.given.items():
        text = getattr(settings, key) or ""
        own = OWN_ANSWERS * text.startswith(OWN_ANSWERS)
        wanted = None if some.commit is None else parse_id(text.removeprefix(own))
        if wanted is not None:
            id = some.id.removeprefix(own).partition(":")[0]
            at = f"@{wanted.revision}" if wanted.revision else ""
            found[str(key)] = f"{own}{replace(wanted, id=id)}{at}"
    return replace(settings, **found)


def made_on(inputs: Mapping[str, str], chosen: SelectedPlugins) -> dict[str, str]:
    """What a finished repair was made on, as its manifest keeps it.

    A library's version no longer matters once the result is whole; the code that made it does.

    Args:
        inputs: what `inputs_of` found when the repair began.
        chosen: the plug-ins of the run.
    """
    plugins = [each for each, _ in chosen.scorers] if chosen.repairer is None else [chosen.repairer]
    codes = {f"the code of {each.spec.name}": code_digest(each) for each in plugins}
    found = {**inputs, **codes}
    return {name: _recorded(text) for name, text in found.items() if name not in LIBRARIES}


def _recorded(text: str) -> str:
    """A text that reveals this machine by its digest, which is as good to compare with."""
    return text if published(text) == text else hashlib.sha256(text.encode()).hexdigest()


def read_files(model: Model, include: Sequence[str] = ()) -> Iterator[str]:
    """The files of a model that a repair reads or takes along."""
    files = classify(
        model.source.folder,
        weights=model.checkpoint.files,
        index=model.checkpoint.index,
        include=include,
    )
    yield from files.weights
    yield from files.kept
    if CARD_NAME in files.left_behind:
        yield CARD_NAME


def check_unchanged(inputs: Mapping[str, str], role: str, files: Mapping[str, str]) -> None:
    """Refuse a result of which one part was made on other files than another.

    >>> check_unchanged({"config.json of the source": "1f"}, "source", {"config.json": "1f"})

    Args:
        inputs: what `inputs_of` found when the repair began.
        role: of the model.
        files: the digests of its files, read afterwards.

    Raises:
        DamagedCheckpointError: a file was changed meanwhile.
    """
    for name, digest in files.items():
        if inputs.get(_name(name, role), digest) != digest:
            raise DamagedCheckpointError(
                f"{_name(name, role)} was changed while it was repaired",
                hint="run the same command again, and let nothing else write to that folder",
            )


def _name(file: str, role: str) -> str:
    return f"{file} of the {role}"
