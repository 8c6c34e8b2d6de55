"""Pictures that a browser opens: nothing in them but what matplotlib draws."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from xml.parsers import expat

from modelrepair.artifact.findings import Finding
from modelrepair.artifact.manifest import Manifest
from modelrepair.artifact.plots import FRONTIER_NAME, PLOT_NAME
from modelrepair.checkpoint.untrusted import read_file
from modelrepair.errors import DamagedCheckpointError

PICTURE_LIMIT = 16 * 2**20
"""Bytes of a picture; one of 100 layers has a tenth of a million."""
MOST_ELEMENTS = 200_000

_ELEMENTS = frozenset(
    {
        "svg", "metadata", "rdf:RDF", "cc:Work", "dc:type", "dc:format", "defs", "style", "g",
        "path", "clipPath", "rect", "use", "image", "text", "tspan",
    }
)  # fmt: skip
_ATTRIBUTES = frozenset(
    {
        "id", "clip-path", "d", "style", "height", "width", "x", "y", "transform", "type",
        "version", "viewBox", "xmlns", "xmlns:xlink", "xmlns:rdf", "xmlns:cc", "xmlns:dc",
    }
)  # fmt: skip
_STILL = "http://purl.org/dc/dcmitype/StillImage"
_HERE = re.compile(r"#[\w.-]+\Z")
_PIXELS = re.compile(r"data:image/png;base64,[A-Za-z0-9+/=\s]*\Z")
# What a style could fetch or run; a reference inside the picture is url(#name).
_FETCHES = re.compile(r"url\s*\((?!#[\w.-]+\))|@|expression|javascript|\\|/\*", re.IGNORECASE)


def check_pictures(out: Path, manifest: Manifest) -> Iterator[Finding]:
    """Find pictures that hold a script, a link, or anything else but a drawing.

    >>> list(check_pictures(out, manifest))  # doctest: +SKIP
    []
    """
    for name in (PLOT_NAME, FRONTIER_NAME):
        if name not in manifest.files:
            continue
        try:
            data = read_file(out, name, PICTURE_LIMIT)
        except DamagedCheckpointError as error:
            yield Finding("picture", name, None, str(error))
            continue
        problem = None if data is None else more_than_a_drawing(data)
        if problem is not None:
            yield Finding("picture", name, None, problem)


def more_than_a_drawing(svg: bytes) -> str | None:
    """What in an SVG is none of what matplotlib draws; None where nothing is.

    >>> more_than_a_drawing(b"<svg><g id='a'/></svg>") is None
    True
    >>> more_than_a_drawing(b"<svg><script>alert(1)</script></svg>")
    "holds an element 'script'"
    """
    parser = expat.ParserCreate("utf-8")
    inside: list[str] = []
    styles: list[str] = []
    elements = 0

    def opened(name: str, attributes: Mapping[str, str]) -> None:
        nonlocal elements
        elements += 1
        if name not in _ELEMENTS or elements > MOST_ELEMENTS:
            raise ValueError(f"holds an element {name[:40]!r}")
        for key, value in attributes.items():
            if not _drawn(name, key, value):
                raise ValueError(f"holds {key[:40]!r} = {value[:40]!r} in {name!r}")
        inside.append(name)

    def closed(name: str) -> None:
        inside.pop()

    def text(data: str) -> None:
        if inside[-1] == "style":
            styles.append(data)

    def refused(*_: object) -> None:
        raise ValueError("holds an entity or an instruction")

    def declared(version: str, encoding: str | None, standalone: int) -> None:
        # A browser would follow it, and read other characters than were looked at here.
        if encoding is not None and encoding.lower() != "utf-8":
            raise ValueError(f"is said to be {encoding[:40]!r}, not UTF-8")

    def doctype(name: str, system: str | None, public: str | None, internal: bool) -> None:
        if internal:
            refused()

    parser.StartElementHandler, parser.EndElementHandler = opened, closed
    parser.CharacterDataHandler = text
    parser.XmlDeclHandler, parser.StartDoctypeDeclHandler = declared, doctype
    parser.EntityDeclHandler = parser.ProcessingInstructionHandler = refused
    try:
        parser.Parse(svg, True)
    except expat.ExpatError as error:
        return f"is no picture: {error}"
    except ValueError as error:
        return str(error)
    return "holds a style that fetches something" if _FETCHES.search("".join(styles)) else None


def _drawn(element: str, key: str, value: str) -> bool:
    if key == "xlink:href":
        allowed = {"use": _HERE, "image": _PIXELS}.get(element)
        return allowed is not None and allowed.match(value) is not None
    if key == "rdf:resource":
        return value == _STILL
    return key in _ATTRIBUTES and not _FETCHES.search(value)
