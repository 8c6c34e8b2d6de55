"""A test Hub, and the unmodified client with a token that may write."""

from tests.hub.conftest import api, hub

__all__ = ["api", "hub"]
