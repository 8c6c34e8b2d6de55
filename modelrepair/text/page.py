"""Pages for a browser: one file each, without a network, and with every text as text.

`render` fills a template that extends ``layout.html.jinja`` and uses the macros of
``parts.html.jinja``, both in ``text/pages``. A policy in the page allows its own style and script
by their digests and nothing else, so markup that slipped through would still run and load nothing.
"""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from modelrepair.text.printable import printable

if TYPE_CHECKING:
    from jinja2 import Environment

HOME = "modelrepair.text"


def render(template: str, package: str = HOME, **values: Any) -> str:
    """A page as text.

    >>> "&lt;b&gt;" in render("layout.html.jinja", title="<b>")
    True

    Args:
        template: its name in ``pages`` of the package.
        package: the one that has it.
        values: what it shows; markup in a text is shown as it is typed.
    """
    style, script = _asset("page.css"), _asset("page.js")
    return (
        _environment(package)
        .get_template(template)
        .render(style=style, script=script, policy=policy(style, script), **values)
    )


def policy(style: str, script: str) -> str:
    """The content security policy of a page: its own style and script, by their digests.

    >>> policy("", "").split("; ")[0]
    "default-src 'none'"
    """
    return "; ".join(
        [
            "default-src 'none'",
            f"style-src '{_digest(style)}'",
            f"script-src '{_digest(script)}'",
            "img-src data:",
            "base-uri 'none'",
            "form-action 'none'",
        ]
    )


def shown(value: Any) -> Any:
    r"""What the template prints of a value: control and bidirectional characters are escaped.

    >>> shown("a\u202eb")
    'a\\u202eb'
    """
    # Markup comes from our own macros, and its texts have been through here.
    if isinstance(value, str) and not hasattr(value, "__html__"):
        return printable(value, lines=True)
    return value


@cache
def _environment(package: str) -> Environment:
    from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=ChoiceLoader([PackageLoader(package, "pages"), PackageLoader(HOME, "pages")]),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=shown,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["capitalise"] = lambda text: text[:1].upper() + text[1:]
    return environment


@cache
def _asset(name: str) -> str:
    return files(HOME).joinpath("pages", name).read_text(encoding="utf-8")


def _digest(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
