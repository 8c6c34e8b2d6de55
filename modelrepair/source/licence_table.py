"""The licences that models are under, as far as they concern a changed copy: each row has its URL.

Rules are plain sentences, and the licence's own text decides. Ids are the Hub's
(https://huggingface.co/docs/hub/repositories-licenses); what people write in their place, such as
``Apache 2.0``, or a name beside ``license: other``, is looked up by the same patterns.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

LIST = "https://huggingface.co/docs/hub/repositories-licenses"

COPY = "a copy of the licence has to go with the model"
_USE = "its use restrictions have to be passed on to whoever gets the model"
_NOT_COMMERCIAL = "it is not for commercial use"
_RESEARCH = "it is for research only, not for commercial use"
_MARKED = "changed files have to be marked as changed: card and manifest do so"
_CREDIT = "source and changes have to be named: the card does so"
SAME = "a changed copy has to keep the licence: the card does so"


@dataclass(frozen=True)
class Licence:
    """One licence, as far as it concerns a changed copy.

    Args:
        id: as the card writes it; None where it names none.
        name: in words.
        url: where it can be read; a file's name where it lies beside the model.
        rules: what is left to whoever publishes, one sentence each.
        kept: what a repair's card does already, one sentence each.
        publishable: whether a changed copy may be shown to the public.
        commercial: False where commercial use is excluded.
        prefix: what the name of a changed copy has to begin with.
        phrase: what has to be displayed.
        notice: what a text file ``Notice`` beside the weights has to say.
        of: the base model whose card names it; None for the source's own.
    """

    id: str | None
    name: str
    url: str
    rules: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()
    publishable: bool = True
    commercial: bool = True
    prefix: str | None = None
    phrase: str | None = None
    notice: str | None = None
    of: str | None = None

    @property
    def shown(self) -> str:
        """Its id and, where that says too little, its name.

        >>> find_licence("gemma").shown
        'gemma (Gemma Terms of Use)'
        """
        own = self.id or "no licence"
        said = own if self.name.lower() in (own.lower(), own) else f"{own} ({self.name})"
        return said if self.of is None else f"{said} of its base {self.of}"

    @property
    def asks(self) -> tuple[str, ...]:
        """Everything that it asks for and that is not done already, one sentence each.

        >>> find_licence("cc-by-nc-4.0").asks
        ('it is not for commercial use',)
        """
        more = []
        if not self.publishable:
            more.append("changed copies may not be shared")
        if self.prefix:
            more.append(f"the name of a changed copy has to begin with {self.prefix!r}")
        if self.notice:
            more.append(f"a file Notice beside the weights has to say {self.notice!r}")
        return (*self.rules, *more)


def find_licence(text: str) -> Licence | None:
    """The row for what a card calls its licence, named as the card names it; None for no row.

    >>> find_licence("CC BY-NC-ND 4.0").publishable, find_licence("my-own") is None
    (False, True)

    Args:
        text: an id of the Hub's, a name, or an address.
    """
    key = licence_key(text)
    for pattern, row in _TABLE:
        if pattern.fullmatch(key):
            return row
    if found := _creative_commons(text):
        return found
    if _QUIET.fullmatch(key):
        return Licence(text, text, LIST, kept=(_MARKED,) if key.startswith("apache") else ())
    return Licence(text, text, LIST, kept=(SAME,)) if _COPYLEFT.fullmatch(key) else None


def licence_key(text: str) -> str:
    """A name as the table has it: small letters, words joined by a hyphen, no "license".

    >>> licence_key("Llama 3.1 Community License Agreement")
    'llama-3.1-community'
    """
    key = re.sub(r"[^a-z0-9.+]+", "-", text.lower()).strip("-")
    return re.sub(r"-(licen[sc]e|agreement|terms-of-use)(?=-|$)", "", key) or key


def _creative_commons(text: str) -> Licence | None:
    found = _CC.search(text.lower().replace("_", "-"))
    if found is None:
        return None
    parts = ["by", *(p for p in ("nc", "nd", "sa") if re.search(rf"\b{p}\b", found["parts"]))]
    if re.search(r"no-?deriv", found["parts"]):
        parts.append("nd")
    if re.search(r"non-?comm", found["parts"]):
        parts.insert(1, "nc")
    kind = "-".join(dict.fromkeys(parts))
    version = found["version"] or "4.0"
    free = "nc" not in parts
    return Licence(
        f"cc-{kind}-{version}",
        f"cc-{kind}-{version}",
        f"https://creativecommons.org/licenses/{kind}/{version}/",
        () if free else (_NOT_COMMERCIAL,),
        (_CREDIT, *((SAME,) if "sa" in parts else ())),
        publishable="nd" not in parts,
        commercial=free,
    )


def _llama(version: str) -> Licence:
    meta = "Meta " if version == "3" else ""
    of = f"{meta}Llama {version}"
    return Licence(
        f"llama{version}",
        f"{of} Community License",
        f"https://www.llama.com/llama{version.replace('.', '_')}/license/",
        (COPY,),
        prefix="Llama 3" if version == "3" else "Llama",
        phrase=f"Built with {meta}Llama{' 3' if meta else ''}",
        notice=f"{of} is licensed under the {of} Community License, Copyright © Meta Platforms, "
        "Inc. All Rights Reserved.",
    )


def _rail(id: str, name: str, url: str) -> Licence:
    return Licence(id, name, url, (_USE, COPY), (_MARKED,))


def _research(id: str, name: str, url: str = LIST) -> Licence:
    return Licence(id, name, url, (_RESEARCH,), commercial=False)


def _qwen(id: str, name: str, said: str, url: str, *, research: bool) -> Licence:
    rules = (_RESEARCH, COPY) if research else (COPY, _MANY)
    notice = f"{said}, Copyright (c) Alibaba Cloud. All Rights Reserved."
    return Licence(
        id,
        name,
        url,
        rules,
        (_MARKED,),
        commercial=not research,
        phrase=None if id.startswith("tongyi") else "Built with Qwen",
        notice=notice,
    )


_MANY = "a service with more than 100 million users a month needs another licence"
_MODELS = "https://huggingface.co/"
_LLAMA2 = Licence(
    "llama2",
    "Llama 2 Community License",
    "https://ai.meta.com/llama/license/",
    (COPY,),
    notice="Llama 2 is licensed under the LLAMA 2 Community License, Copyright (c) Meta "
    "Platforms, Inc. All Rights Reserved.",
)
_GEMMA = Licence(
    "gemma",
    "Gemma Terms of Use",
    "https://ai.google.dev/gemma/terms",
    (_USE, "a copy of the terms has to go with the model"),
    (_MARKED,),
    notice="Gemma is provided under and subject to the Gemma Terms of Use found at "
    "ai.google.dev/gemma/terms",
)
_FALCON = Licence(
    "falcon-llm-license",
    "Falcon LLM License",
    "https://falconllm.tii.ae/falcon-terms-and-conditions.html",
    (_USE, COPY),
    phrase="Built using Falcon LLM technology from the Technology Innovation Institute",
)
_YI = Licence(
    "yi-license",
    "Yi Series Models Community License",
    "https://github.com/01-ai/Yi/blob/main/MODEL_LICENSE_AGREEMENT.txt",
    ("commercial use needs a permit of its own", COPY),
)
_NVIDIA = Licence(
    "nvidia-open-model-license",
    "NVIDIA Open Model License",
    "https://www.nvidia.com/en-us/agreements/enterprise-software/nvidia-open-model-license/",
    (COPY,),
    notice="Licensed by NVIDIA Corporation under the NVIDIA Open Model License",
)
_CC_FAMILY = Licence(
    "cc",
    "Creative Commons",
    "https://creativecommons.org/share-your-work/cclicenses/",
    ("the card names a family of licences, and some of them forbid changes: read which it is",),
)

_ROWS: tuple[tuple[str, Licence], ...] = (
    (r"(meta-)?llama-?2(-community)?", _LLAMA2),
    *(
        (rf"(meta-)?llama-?{re.escape(v)}(-community)?", _llama(v))
        for v in ("3", "3.1", "3.2", "3.3", "4")
    ),
    (r"gemma(-?[123]n?)?", _GEMMA),
    (r"cc|creative-commons", _CC_FAMILY),
    (r"openrail", _rail("openrail", "OpenRAIL", f"{_MODELS}blog/open_rail")),
    (
        r"openrail\+\+(-m)?",
        _rail(
            "openrail++",
            "Open RAIL++-M",
            f"{_MODELS}stabilityai/stable-diffusion-xl-base-1.0/blob/main/LICENSE.md",
        ),
    ),
    (
        r"creativeml-openrail-m",
        _rail(
            "creativeml-openrail-m",
            "CreativeML OpenRAIL-M",
            f"{_MODELS}spaces/CompVis/stable-diffusion-license",
        ),
    ),
    (
        r"bigscience-openrail-m",
        _rail(
            "bigscience-openrail-m",
            "BigScience OpenRAIL-M",
            "https://bigscience.huggingface.co/blog/bigscience-openrail-m",
        ),
    ),
    (
        r"bigscience-bloom-rail(-1\.0)?",
        _rail(
            "bigscience-bloom-rail-1.0",
            "BigScience BLOOM RAIL 1.0",
            f"{_MODELS}spaces/bigscience/license",
        ),
    ),
    (
        r"bigcode-openrail-m",
        _rail(
            "bigcode-openrail-m",
            "BigCode OpenRAIL-M",
            f"{_MODELS}spaces/bigcode/bigcode-model-license-agreement",
        ),
    ),
    (
        r"deepseek(-model)?(-v?1(\.0)?)?",
        _rail(
            "deepseek",
            "DeepSeek License",
            "https://github.com/deepseek-ai/DeepSeek-V3/blob/main/LICENSE-MODEL",
        ),
    ),
    (
        r"qwen(-2024)?",
        _qwen(
            "qwen",
            "Qwen License",
            "Qwen is licensed under the Qwen LICENSE AGREEMENT",
            f"{_MODELS}Qwen/Qwen2.5-72B-Instruct/blob/main/LICENSE",
            research=False,
        ),
    ),
    (
        r"qwen-research",
        _qwen(
            "qwen-research",
            "Qwen Research License",
            "Qwen is licensed under the Qwen RESEARCH LICENSE AGREEMENT",
            f"{_MODELS}Qwen/Qwen2.5-3B-Instruct/blob/main/LICENSE",
            research=True,
        ),
    ),
    (
        r"tongyi-qianwen",
        _qwen(
            "tongyi-qianwen",
            "Tongyi Qianwen License",
            "Tongyi Qianwen is licensed under the Tongyi Qianwen LICENSE AGREEMENT",
            "https://github.com/QwenLM/Qwen/blob/main/Tongyi%20Qianwen%20LICENSE%20AGREEMENT",
            research=False,
        ),
    ),
    (r"(tii-)?falcon(-llm)?(-?[123](\.0)?)?(-tii)?", _FALCON),
    (r"yi(-series-models)?(-community)?", _YI),
    (r"nvidia-open-model", _NVIDIA),
    (
        r"mrl(-0\.1)?|mistral(-ai)?-research(-mrl)?",
        _research("mrl", "Mistral AI Research License", "https://mistral.ai/licenses/MRL-0.1.md"),
    ),
    (r"apple-amlr", _research("apple-amlr", "Apple Machine Learning Research Model License")),
    (r"intel-research", _research("intel-research", "Intel Research Use License Agreement")),
    (r"h-research", _research("h-research", "H Research License")),
    (r"deepfloyd-if", _research("deepfloyd-if-license", "DeepFloyd IF Research License")),
    (
        r"fair-noncommercial-research",
        _research("fair-noncommercial-research-license", "FAIR Noncommercial Research License"),
    ),
)
_TABLE = tuple((re.compile(pattern), row) for pattern, row in _ROWS)
_CC = re.compile(
    r"(?:\bcc[- _]?|creativecommons\.org/licenses/|creative[- ]commons[- ])(?P<parts>by\b[a-z _-]*"
    r"|attribution[a-z _-]*)[-_/ v]*(?P<version>[1-4]\.[0-9])?"
)
_COPYLEFT = re.compile(
    r"(a|l)?gpl(-.*)?|gfdl|mpl-2\.0|eupl-.*|osl-3\.0|epl-.*|cdla-sharing-1\.0|odbl"
)
_QUIET = re.compile(
    r"apache(-?2\.0|-version-2\.0)?|mit|afl-3\.0|artistic-2\.0|bsl-1\.0|bsd(-[23]-clause(-clear)?)?"
    r"|c-uda|cc0(-1\.0)?|cdla-permissive-[12]\.0|wtfpl|ecl-2\.0|etalab-2\.0|isc|lppl-1\.3c|ms-pl|odc-by"
    r"|openmdw(-1\.[01])?|postgresql|ofl-1\.1|ncsa|unlicense|zlib|pddl"
)
