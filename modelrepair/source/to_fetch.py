"""How many bytes of a model the Hub would still have to send: what the cache does not hold."""

from __future__ import annotations

from typing import Any

from modelrepair.source.hub_errors import hub_errors
from modelrepair.source.resolve import Source, wanted_files


def bytes_to_fetch(source: Source) -> int:
    """What of a model's files the cache does not hold yet.

    >>> bytes_to_fetch(resolve("user/model"))  # doctest: +SKIP
    0

    Raises:
        HubError: the Hub, the rights on it, or the network.
    """
    from huggingface_hub import constants

    if source.id is None or constants.HF_HUB_OFFLINE:
        return 0
    return missing_bytes(repository_info(source.id, source.commit))


def repository_info(id: str, commit: str | None) -> Any:
    """What the Hub says of a repository: its files with their sizes, who sees it, what scans found.

    >>> repository_info("user/model", None).private  # doctest: +SKIP
    False

    Raises:
        HubError: the Hub, the rights on it, or the network.
    """
    from huggingface_hub import HfApi

    with hub_errors(id, commit):
        return HfApi().model_info(id, revision=commit, files_metadata=True, securityStatus=True)


def missing_bytes(info: Any) -> int:
    """The same as `bytes_to_fetch` of a repository of which the Hub was asked."""
    from huggingface_hub import try_to_load_from_cache

    sizes = {sibling.rfilename: sibling.size or 0 for sibling in info.siblings or ()}
    return sum(
        sizes[name]
        for name in wanted_files(sizes)
        if not isinstance(try_to_load_from_cache(info.id, name, revision=info.sha), str)
    )
