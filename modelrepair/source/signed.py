"""The signed addresses of large files on the Hub: asked for once, not for each part of a file."""

from __future__ import annotations

from dataclasses import dataclass, field
from threading import Lock
from typing import Any
from urllib.parse import urlsplit

REFUSED = (400, 401, 403, 404, 410)
"""What stores answer where a signed address has expired."""


@dataclass
class Signed:
    """Where the Hub keeps the bytes of files, by their addresses on the Hub, until refused.

    >>> Signed()
    Signed()
    """

    # Who has such an address may read the file: it is not shown.
    _known: dict[str, str] = field(default_factory=dict, repr=False)
    _locks: dict[str, Lock] = field(default_factory=dict, repr=False)

    def get(self, url: str, asked: str) -> Any:
        """Ask for a part of a file where its bytes are; the answer, whatever its status is.

        >>> Signed().get("https://…/resolve/c0ffee/a.safetensors", "bytes=0-7")  # doctest: +SKIP
        <Response [206 Partial Content]>

        Args:
            url: of the file on the Hub, at a commit.
            asked: the range.

        Raises:
            HfHubHTTPError: the Hub does not give the address.
        """
        address = self._address(url)
        answer = _get(url, address, asked)
        if answer.status_code in REFUSED and address != url:
            answer = _get(url, self._address(url, refused=address), asked)
        return answer

    def _address(self, url: str, refused: str | None = None) -> str:
        """The address that is known, or a new one: once for all threads that wait for it."""
        from huggingface_hub import get_hf_file_metadata

        with self._locks.setdefault(url, Lock()):
            if self._known.get(url) in (None, refused):
                # No range here: some addresses are signed for one range only.
                self._known[url] = get_hf_file_metadata(url, retry_on_errors=True).location
            return self._known[url]


def _get(url: str, address: str, asked: str) -> Any:
    from huggingface_hub import utils as found

    client: Any = found  # it names what it exports where mypy does not look
    # The token is for the Hub alone; a signed address needs none.
    ours = urlsplit(address)[:2] == urlsplit(url)[:2]
    headers = client.build_hf_headers(token=None if ours else False)
    return client.http_backoff("GET", address, headers={**headers, "range": asked},
                               follow_redirects=True)  # fmt: skip
