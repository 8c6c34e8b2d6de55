"""What a source's files show of its past: it was repaired already, or never aligned."""

from __future__ import annotations

from pathlib import Path

from modelrepair.artifact.manifest import MANIFEST_NAME
from modelrepair.artifact.reading import read_manifest
from modelrepair.checkpoint.untrusted import find_file, read_json
from modelrepair.errors import ModelRepairError
from modelrepair.examples.thinks import JINJA, PROCESSOR, SETTINGS
from modelrepair.source.hub_errors import hub_errors
from modelrepair.source.resolve import Source
from modelrepair.text.published import published

TEMPLATE = "chat_template"


def past_of(source: Source, base: Source | None, *, reference: bool) -> list[str]:
    """One line for each thing that a user may want to know before the work.

    Args:
        source: the model; its weights need not be here.
        base: what it adapts, whose chat template it has where it brings none.
        reference: whether an aligned model is known.
    """
    lines = [repaired_before(source)]
    if not reference and not any(
        has_template(model.folder) for model in (source, base) if model is not None
    ):
        lines.append(
            "the source has no chat template, and no aligned model is known: if it is a base "
            "model, which was never aligned, there may be nothing to bring back; else name the "
            "aligned model with --reference"
        )
    return [line for line in lines if line is not None]


def repaired_before(source: Source) -> str | None:
    """Who repaired the source before, as its own record says; None where it carries none.

    Whether that is true is for `verify` to say: such a record can be forged.

    >>> repaired_before(source)  # doctest: +SKIP
    'the source was repaired before: by modelrepair 0.1.0 with wanda, on 2026-11-28, from \
me/model, gate passed; check it with modelrepair verify'
    """
    folder = _record(source)
    if folder is None:
        return None
    unread = "the source carries the record of a repair, repair/manifest.json, which can't be read"
    try:
        found = read_manifest(folder).manifest
    except ModelRepairError:
        return unread
    if found is None:
        return unread
    made = f"{published(found.tool.name)} {published(found.tool.version)}"
    return (
        f"the source was repaired before: by {made} with {published(found.by.name)}, on "
        f"{published(found.run.time[:10])}, from {found.source.id}, gate {found.verdict}; check it "
        "with modelrepair verify"
    )


def has_template(folder: Path) -> bool:
    """Whether a tokenizer's files hold a chat template.

    >>> has_template(Path("nowhere"))
    False
    """
    if any(find_file(folder, name) for name in (JINJA, PROCESSOR)):
        return True
    settings = read_json(folder, SETTINGS)
    return isinstance(settings, dict) and bool(settings.get(TEMPLATE))


def _record(source: Source) -> Path | None:
    """The folder that holds the source's record; of the Hub that file alone is fetched."""
    if (source.folder / MANIFEST_NAME).is_file():
        return source.folder
    if source.id is None or MANIFEST_NAME not in source.left_behind:
        return None
    from huggingface_hub import HfApi

    try:
        with hub_errors(source.id, source.commit):
            path = HfApi().hf_hub_download(source.id, MANIFEST_NAME, revision=source.commit)
    except ModelRepairError:
        return source.folder  # it is listed, and can't be had: said as unread
    return Path(path).parents[1]
