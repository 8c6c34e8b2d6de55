"""Plug-ins as installed distributions."""

from tests.support.installed import install, site

__all__ = ["install", "site"]
