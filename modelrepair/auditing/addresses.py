"""Where things can be read: what a rule means, a model on the Hub or here, one of its files."""

from __future__ import annotations

from urllib.parse import quote

from modelrepair.auditing.rule import Rule
from modelrepair.text.typed_paths import from_home
from modelrepair.version import page

RULES_PAGE = "docs/reference/audit-rules.md"
"""The generated page with every rule, from the root of the project."""


def anchor(id: str) -> str:
    """A rule's place on that page.

    >>> anchor("MR-FIL-001")
    'mr-fil-001'
    """
    return id.lower()


def path_of(rule: Rule) -> str:
    """Where a rule is explained, from the root of the project.

    >>> path_of(Rule("MR-FIL-001", "metadata", "error", "pickle", "a pickle", "remove it"))
    'docs/reference/audit-rules.md#mr-fil-001'
    """
    return f"{RULES_PAGE}#{anchor(rule.id)}"


def address_of(rule: Rule) -> str | None:
    """The same as a whole address; None where the package was built without one."""
    return page(path_of(rule))


def hub() -> str:
    """The Hub that is in use.

    >>> hub()
    'https://huggingface.co/'
    """
    from huggingface_hub import constants

    return constants.ENDPOINT.rstrip("/") + "/"


def on_hub(name: str, commit: str, file: str = "") -> str:
    """The page of a repository at a commit, or of one of its files, from the Hub's root.

    >>> on_hub("user/model", "c0ffee", "a b.bin"), on_hub("user/model", "c0ffee")
    ('user/model/blob/c0ffee/a%20b.bin', 'user/model/tree/c0ffee')

    Args:
        name: an id.
        commit: of the repository.
        file: its path in the model; empty for the model. What is in it is text there.
    """
    parts = [name, "blob" if file else "tree", commit, *([file] if file else [])]
    return "/".join(map(quote, parts))


def in_folder(folder: str, file: str = "") -> str:
    """A folder, or one of its files: relative where it was given so.

    >>> in_folder("./models/mine", "config.json"), in_folder("/models/a b")
    ('models/mine/config.json', 'file:///models/a%20b')
    """
    path = from_home(folder)
    # A colon is quoted in a relative path: in its first part it would read as a scheme.
    start = path.as_uri() if path.is_absolute() else quote(path.as_posix())
    return f"{start}/{quote(file)}" if file else start
