"""The Hub's check of a model card's front matter, as far as it is documented."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import yaml

LICENSES = """
apache-2.0 mit openrail bigscience-openrail-m creativeml-openrail-m bigscience-bloom-rail-1.0
bigcode-openrail-m afl-3.0 artistic-2.0 bsl-1.0 bsd bsd-2-clause bsd-3-clause bsd-3-clause-clear
c-uda cc cc0-1.0 cc-by-2.0 cc-by-2.5 cc-by-3.0 cc-by-4.0 cc-by-sa-3.0 cc-by-sa-4.0 cc-by-nc-2.0
cc-by-nc-3.0 cc-by-nc-4.0 cc-by-nd-4.0 cc-by-nc-nd-3.0 cc-by-nc-nd-4.0 cc-by-nc-sa-2.0
cc-by-nc-sa-3.0 cc-by-nc-sa-4.0 cdla-sharing-1.0 cdla-permissive-1.0 cdla-permissive-2.0 wtfpl
ecl-2.0 epl-1.0 epl-2.0 etalab-2.0 eupl-1.1 eupl-1.2 agpl-3.0 gfdl gpl gpl-2.0 gpl-3.0 lgpl
lgpl-2.1 lgpl-3.0 isc h-research intel-research lppl-1.3c ms-pl apple-ascl apple-amlr mpl-2.0
odc-by odbl openmdw-1.0 openrail++ osl-3.0 postgresql ofl-1.1 ncsa unlicense zlib pddl lgpl-lr
deepfloyd-if-license fair-noncommercial-research-license llama2 llama3 llama3.1 llama3.2
llama3.3 llama4 grok2-community gemma unknown other
""".split()  # noqa: SIM905
RELATIONS = {"adapter", "merge", "quantized", "finetune"}
ID = re.compile(r"^[\w.-]+(/[\w.-]+)?$")
FRONT = re.compile(r"\A---\s*\n(.*?)\n---\s*(?:\n|\Z)", re.DOTALL)


def errors(content: str) -> list[str]:
    """What the Hub would refuse a README for."""
    found = FRONT.match(content.replace("\r\n", "\n"))
    if found is None:
        return []
    try:
        data = yaml.safe_load(found[1])
    except yaml.YAMLError as error:
        return [f"invalid YAML: {str(error).splitlines()[0]}"]
    if data is None:
        return []
    return list(_errors(data)) if isinstance(data, dict) else ["the metadata is no mapping"]


def _errors(data: dict[str, Any]) -> Iterator[str]:
    license = data.get("license")
    for each in _listed(license):
        if each not in LICENSES:
            yield f'"license" must be one of [{", ".join(sorted(LICENSES)[:3])}, …]'
    if license == "other" and not data.get("license_name"):
        yield '"license_name" is required where license is other'
    name = data.get("license_name")
    if name is not None and not re.fullmatch(r"[a-z0-9.-]+", str(name)):
        yield '"license_name" must be lowercase letters, digits, dots and dashes'
    link = data.get("license_link")
    if link is not None and not re.fullmatch(r"LICENSE(\.md)?|https?://\S+", str(link)):
        yield '"license_link" must be LICENSE, LICENSE.md or a URL'
    for name in ("base_model", "datasets"):
        for each in _listed(data.get(name)):
            if not isinstance(each, str) or not ID.match(each):
                yield f'"{name}" with value {each!r} is not valid. Use a model id'
    if data.get("base_model_relation", "finetune") not in RELATIONS:
        yield '"base_model_relation" must be one of adapter, merge, quantized, finetune'
    for name in ("language", "tags", "metrics"):
        if any(not isinstance(each, str) for each in _listed(data.get(name))):
            yield f'"{name}" must be text'
    for each in _listed(data.get("language")):
        if isinstance(each, str) and not re.fullmatch(
            r"[a-z]{2,3}(-[A-Za-z]+)?|multilingual", each
        ):
            yield '"language" must only contain ISO 639 codes'
    if "model-index" in data:
        yield from _results(data["model-index"])


def _results(index: Any) -> Iterator[str]:
    if not isinstance(index, list):
        yield '"model-index" must be an array'
        return
    for number, model in enumerate(index):
        where = f'"model-index[{number}]'
        if not isinstance(model, dict) or not isinstance(model.get("name"), str):
            yield f'{where}.name" is required'
            continue
        for result in model.get("results") or []:
            if not (result.get("task") or {}).get("type"):
                yield f'{where}.results.task.type" is required'
            dataset = result.get("dataset") or {}
            if not dataset.get("name") or not dataset.get("type"):
                yield f'{where}.results.dataset.name" and ".type" are required'
            elif not ID.match(dataset["type"]):
                yield f'{where}.results.dataset.type" must be a dataset id'
            for metric in result.get("metrics") or [{}]:
                if not metric.get("type") or metric.get("value") is None:
                    yield f'{where}.results.metrics.type" and ".value" are required'


def _listed(value: Any) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]
