"""The headers of a source's weights: from its folder, or from the Hub without the weights."""

from __future__ import annotations

from typing import Any

from modelrepair.checkpoint.folder import ADAPTER, ADAPTER_CONFIG, INDEX
from modelrepair.checkpoint.reader import Checkpoint, SafetensorsFile, TensorEntry
from modelrepair.errors import DamagedCheckpointError, UnsupportedModelError
from modelrepair.source.resolve import Source, hub_errors


def headers(source: Source) -> Checkpoint:
    """The tensors of a source, by name; of one without weights on disk, none can be read.

    >>> headers(resolve("user/name", weights=False)).entries  # doctest: +SKIP
    {'model.embed_tokens.weight': TensorEntry(…), …}

    Raises:
        UnsupportedModelError: the weights are not in a file or index of the usual name.
        DamagedCheckpointError: a header can't be read.
        HubError: the Hub, the rights on it, or the network.
    """
    if source.complete or source.id is None:
        return Checkpoint.open(source.folder)
    from huggingface_hub import HfApi
    from huggingface_hub.errors import NotASafetensorsRepoError, SafetensorsParsingError

    api, revision = HfApi(), source.commit
    try:
        with hub_errors(source.id, revision):
            if (source.folder / ADAPTER_CONFIG).exists():
                one = api.parse_safetensors_file_metadata(source.id, ADAPTER, revision=revision)
                return Checkpoint(source.folder, None, {ADAPTER: _file(ADAPTER, one)})
            try:
                found = api.get_safetensors_metadata(source.id, revision=revision)
            except NotASafetensorsRepoError:
                name = _only_file(source)
                one = api.parse_safetensors_file_metadata(source.id, name, revision=revision)
                return Checkpoint(source.folder, None, {name: _file(name, one)})
    except (SafetensorsParsingError, KeyError, TypeError, ValueError, AttributeError):
        raise DamagedCheckpointError(
            f"a safetensors header of {source.id} can't be read",
            hint="ask its author to upload it again",
        ) from None
    files = {name: _file(name, found.files_metadata[name]) for name in sorted(found.files_metadata)}
    return Checkpoint(source.folder, INDEX if found.sharded else None, files)


def _only_file(source: Source) -> str:
    """The one weight file of a repository where none has the usual name."""
    from huggingface_hub import HfApi

    names = HfApi().list_repo_files(str(source.id), revision=source.commit)
    found = [name for name in names if "/" not in name and name.endswith(".safetensors")]
    if len(found) != 1:
        raise UnsupportedModelError(
            f"{source.id} has neither model.safetensors nor {INDEX}",
            hint="give a model whose weights have their usual names",
        )
    return found[0]


def _file(name: str, metadata: Any) -> SafetensorsFile:
    # Where the header ends is not told: offsets count from there. Nothing is read by them.
    entries = (
        TensorEntry(
            key,
            name,
            info.dtype,
            tuple(info.shape),
            info.data_offsets[0],
            info.data_offsets[1] - info.data_offsets[0],
        )
        for key, info in metadata.tensors.items()
    )
    return SafetensorsFile(
        tuple(sorted(entries, key=lambda entry: entry.offset)), metadata.metadata or {}
    )
