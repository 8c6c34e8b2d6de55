"""The model card: made from the manifest, with the source's own card below it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from modelrepair.artifact.digests import digest as digest_of_manifest
from modelrepair.artifact.figures import cell, template
from modelrepair.artifact.kinds import kind_rows
from modelrepair.artifact.manifest import Manifest
from modelrepair.artifact.model_index import evaluation, measured_utility
from modelrepair.artifact.name_ranges import by_reason
from modelrepair.artifact.plots import FRONTIER_NAME, PLOT_NAME
from modelrepair.artifact.records import Origin, SiteRecord
from modelrepair.artifact.status import rules_of, status
from modelrepair.evaluation.measures import TITLES, keyword_rate
from modelrepair.source.address import is_id
from modelrepair.source.front_matter import read_front_matter, without_front_matter
from modelrepair.text.pasted import pasted_anywhere
from modelrepair.text.published import Private, published

BEGIN = "<!-- modelrepair:begin v1 -->"
END = "<!-- modelrepair:end -->"

THIS_REPOSITORY = "THIS_REPOSITORY"
MOST_NAMED = 20
"""Tensors left alone that a card names one by one; the manifest names all."""
_KEPT_METADATA = (
    "license",
    "license_name",
    "license_link",
    "language",
    "pipeline_tag",
    "library_name",
    "datasets",
)
OURS = re.compile(r"<!-- modelrepair:begin v\d+ -->.*?<!-- modelrepair:end -->", re.DOTALL)
MARK = re.compile(r"<!--\s*modelrepair:(?:begin|end)[^>]*-->", re.IGNORECASE)
BEGINS = re.compile(r"<!-- modelrepair:begin v\d+ -->")


@dataclass(frozen=True)
class CardPlace:
    """Where a card lies, as far as it shows: its repository, and what else is in that.

    Args:
        target: the Hub id that the model is published as, for the commands; where it is not
            known yet, they show ``THIS_REPOSITORY``.
        beside: whether weights as they were before lie beside the repaired ones.
        quoted: whether the source's own card is quoted below ours.
    """

    target: str | None = None
    beside: bool = False
    quoted: bool = False


def render_card(
    manifest: Manifest,
    old_card: str | None,
    *,
    target: str | None = None,
    beside: bool = False,
    digest: str | None = None,
    private: Private | None = None,
) -> str:
    """Write the card of a repaired model.

    >>> render_card(manifest, "# My model").splitlines()[0]  # doctest: +SKIP
    '---'

    Args:
        manifest: the only source of every figure in the card.
        old_card: the source's README as it was, quoted below ours; a card that this function
            made gives way to the new one instead of being quoted.
        target: as for `CardPlace`.
        beside: as for `CardPlace`.
        digest: the manifest's, where it was read from a file.
        private: what the old card must not reveal of this machine.
    """
    old_body = own_text(old_card or "", private)
    place = CardPlace(target, beside, quoted=bool(old_body))
    quoted = f"\n{old_body}\n" if old_body else ""
    front = front_matter(manifest, place)
    return f"---\n{front}\n---\n\n{our_block(manifest, place, digest)}\n{quoted}"


def our_block(manifest: Manifest, place: CardPlace, digest: str | None = None) -> str:
    """What stands between our marks, and they: by the template that the manifest names.

    >>> our_block(manifest, CardPlace()).splitlines()[0]  # doctest: +SKIP
    '<!-- modelrepair:begin v1 -->'
    """
    body = TEMPLATES[manifest.card].body(manifest, place, digest or digest_of_manifest(manifest))
    return f"<!-- modelrepair:begin v{manifest.card} -->\n{body}\n{END}"


def front_matter(manifest: Manifest, place: CardPlace) -> str:
    """The keys that we write above the card, as YAML.

    >>> front_matter(manifest, CardPlace()).splitlines()[0]  # doctest: +SKIP
    'base_model: user/model'
    """
    return TEMPLATES[manifest.card].front(manifest, place)


def _body(manifest: Manifest, place: CardPlace, digest: str) -> str:
    return template("v1.md.jinja").render(
        m=manifest,
        digest=digest,
        place=place,
        commands=commands(manifest, place.target or THIS_REPOSITORY),
        on_no_hub={name: each.id for name, each in _origins(manifest).items() if not each.hub},
        status=status(manifest),
        edit=_edit(manifest),
        source=_source(manifest),
        reference=_mention(manifest.reference),
        options="".join(f" --{name} {name}" for name in _others(manifest)),
        rows=_measure_rows(manifest),
        settings=_settings(manifest),
        roles=[role for role in ("before", "after", "reference") if role in manifest.measures],
        rules=rules_of(manifest),
        kinds_rows=kind_rows(manifest, rules_of(manifest)),
        layers=_totals(manifest.sites, lambda site: site.block),
        kinds=_totals(manifest.sites, lambda site: site.kind),
        left_alone=_left_alone(manifest.skipped),
        masked=sum(site.masked for site in manifest.sites),
        entries=sum(site.entries for site in manifest.sites),
        keyword=manifest.judge is not None and manifest.judge.name == "keyword",
        plotted=PLOT_NAME in manifest.files,
        frontier=FRONTIER_NAME in manifest.files,
        utility=measured_utility(manifest),
        word="masked" if manifest.edit == "mask" else "changed",
        word_norm="Norm removed" if manifest.edit == "mask" else "Norm changed",
        mention=_mention,
    )


def own_text(card: str, private: Private | None = None) -> str:
    r"""A card without its front matter, without what modelrepair wrote, without secrets and paths.

    >>> own_text(f"---\nlicense: mit\n---\n{BEGIN}\nours\n{END}\n# Theirs")
    '# Theirs'
    """
    text = card.replace("\r\n", "\n").lstrip("\ufeff")
    text = OURS.sub("", without_front_matter(text))
    while MARK.search(text):
        # What is left when one is taken out may be another.
        text = MARK.sub("", text)
    return published(text, private, theirs=True).strip()


def commands(manifest: Manifest, target: str) -> list[str]:
    """The commands that check the repair, with ids and commits, for the shell of any system.

    >>> commands(manifest, "user/model-repaired")[-1]  # doctest: +SKIP
    'modelrepair verify repaired --source source'
    """
    lines = [
        ["pip", "install", "modelrepair"],
        ["hf", "download", target, "--local-dir", "repaired"],
    ]
    verify = ["modelrepair", "verify", "repaired"]
    for folder, origin in _origins(manifest).items():
        verify += [f"--{folder}", folder]
        if origin.hub:
            revision = ["--revision", origin.commit] if origin.commit else []
            lines.append(["hf", "download", origin.id, *revision, "--local-dir", folder])
    return [pasted_anywhere(words) for words in (*lines, verify)]


def _origins(manifest: Manifest) -> dict[str, Origin]:
    """What verification needs, by the folder that the commands name."""
    return {"source": manifest.source, **_others(manifest)}


def _others(manifest: Manifest) -> dict[str, Origin]:
    """What verification needs beside the source: a merged adapter's base, a delta's reference."""
    others = {}
    if manifest.adapter is not None and manifest.base is not None:
        others["base"] = manifest.base
    if manifest.subject == "delta" and manifest.reference is not None:
        others["reference"] = manifest.reference
    return others


def _source(manifest: Manifest) -> str | None:
    source, base = _mention(manifest.source), _mention(manifest.base)
    if base is None:
        return source
    how = "merged into" if manifest.adapter is not None else "for"
    return f"the adapter {source}, {how} {base},"


def _mention(origin: Origin | None) -> str | None:
    if origin is None:
        return None
    name = (
        f"[{cell(origin.id)}](https://huggingface.co/{origin.id})"
        if origin.hub
        else (f"the local model '{cell(origin.id)}'")
    )
    return f"{name} at commit `{cell(origin.commit)}`" if origin.commit else name


def _edit(manifest: Manifest) -> str:
    if manifest.edit == "dense":
        return "entries got new values"
    if manifest.subject == "delta":
        if manifest.scale == 0:
            return "entries set back to the reference's own values"
        left = f"{manifest.scale:g} of the difference is left"
        return f"entries moved towards the reference's values, {left}"
    what = "the adapter's factors" if manifest.subject == "factor" else "the weights"
    done = "set to zero" if manifest.scale == 0 else f"multiplied by {manifest.scale:g}"
    return f"entries of {what} {done}"


def _settings(manifest: Manifest) -> dict[str, str]:
    shown = {}
    for name, value in manifest.settings.items():
        if isinstance(value, dict):
            shown[name] = ", ".join(f"{each} {value[each]}" for each in value)
        elif isinstance(value, list):
            shown[name] = ", ".join(map(str, value))
        elif value is not None:
            shown[name] = str(value)
    return {name: text for name, text in shown.items() if text}


def _measure_rows(manifest: Manifest) -> list[dict[str, Any]]:
    judge = None if manifest.judge is None else manifest.judge.name
    rows = []
    for name, title in TITLES.items():
        cells = {role: getattr(taken, name) for role, taken in manifest.measures.items()}
        if any(measure is not None for measure in cells.values()):
            label = title.long + keyword_rate(name, judge)
            rows.append({"name": name, "label": label, "cells": cells})
    return rows


def _totals(sites: Sequence[SiteRecord], key: Any) -> list[dict[str, Any]]:
    groups: dict[Any, list[SiteRecord]] = {}
    for site in sites:
        groups.setdefault(key(site), []).append(site)
    return [
        {
            "name": "–" if name is None else name,
            "entries": sum(site.entries for site in group),
            "masked": sum(site.masked for site in group),
            "share": sum(s.masked for s in group) / max(1, sum(s.entries for s in group)),
            "norm": max((s.norm_removed for s in group if s.norm_removed is not None), default=0.0),
        }
        for name, group in groups.items()
    ]


def _left_alone(skipped: Mapping[str, str]) -> list[tuple[str, str]]:
    """Tensors and why they were left alone; where there are many, how many for each reason."""
    if len(skipped) <= MOST_NAMED:
        return list(skipped.items())
    return [
        (names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1} more", reason)
        for reason, names in by_reason(skipped).items()
    ]


def kept_metadata(old_card: str, private: Private | None = None) -> dict[str, Any]:
    r"""What of a source's front matter holds for the repaired model too.

    >>> kept_metadata("---\nlicense: mit\ntags: [mine]\n---\n# Mine")
    {'license': 'mit'}
    """
    old = read_front_matter(old_card)
    kept = {name: old[name] for name in _KEPT_METADATA if old.get(name) is not None}
    kept |= {name: value for name, value in old.items() if name.startswith("extra_gated_")}
    if "datasets" in kept:
        kept["datasets"] = [name for name in _strings(kept["datasets"]) if is_id(name)]
    return {name: _plain(value, private) for name, value in kept.items()}


def _front_matter(manifest: Manifest, place: CardPlace) -> str:
    from huggingface_hub import ModelCardData

    kept: dict[str, Any] = dict(manifest.metadata)
    if manifest.adapter is not None:
        kept.pop("library_name", None)  # the adapter's; this is a whole model
    library = "peft" if manifest.subject == "factor" else "transformers"
    kept.setdefault("library_name", library)
    # An adapter is found below the model that it works on, whatever it was made from.
    parent = manifest.base or manifest.source
    relation = "adapter" if manifest.subject == "factor" else "finetune"
    if parent.hub:
        kept |= {"base_model": parent.id, "base_model_relation": relation}
    kind = "repairer" if manifest.repairer else "scorer"
    kept["tags"] = ["modelrepair", f"{kind}:{manifest.by.name}"]
    if measured := evaluation(manifest):
        name = (place.target or f"{manifest.source.id}-repaired").rpartition("/")[2]
        kept |= {"model_name": name, "eval_results": measured}
    return str(ModelCardData(ignore_metadata_errors=True, **kept)).strip()


def _strings(value: Any) -> Iterable[str]:
    return [
        item for item in (value if isinstance(value, list) else [value]) if isinstance(item, str)
    ]


def _plain(value: Any, private: Private | None) -> Any:
    if isinstance(value, str):
        return published(value, private, theirs=True)
    if isinstance(value, list):
        return [_plain(item, private) for item in value]
    if isinstance(value, dict):
        return {name: _plain(item, private) for name, item in value.items()}
    return value


@dataclass(frozen=True)
class CardTemplate:
    """One version of the card: what stands between our marks, and our front matter."""

    body: Callable[[Manifest, CardPlace, str], str]
    front: Callable[[Manifest, CardPlace], str]


TEMPLATES: Mapping[int, CardTemplate] = {1: CardTemplate(_body, _front_matter)}
"""Every version that ever stood in a published repair: it is verified by its own."""
