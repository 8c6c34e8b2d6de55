"""Plug-ins as installed distributions."""

from tests.support.installed import install, scorer_code_fixture, site

__all__ = ["install", "scorer_code_fixture", "site"]
