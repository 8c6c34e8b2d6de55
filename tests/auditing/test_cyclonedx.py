"""CycloneDX: valid against the schema in the library, whatever an upload holds; the same again."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from hypothesis import given, settings
from hypothesis import strategies as st

from modelrepair.auditing.checks import RULES
from modelrepair.auditing.cyclonedx import model_card, to_cyclonedx
from modelrepair.auditing.inventory import Inventory, ListedFile, StatedMeasure
from modelrepair.auditing.results import Audit, Base
from modelrepair.auditing.rule import STAGES
from tests.support.audits import AUDITS, COMMIT

VALIDATOR = JsonStrictValidator(SchemaVersion.V1_7)
MEASURE = StatedMeasure("harmful_score", 0.25, 40, 0.125, None, "keyword", "repair/manifest.json")
INVENTORY = Inventory(
    "LlamaForCausalLM",
    "llama",
    ("apache-2.0", "my own <licence>"),
    (ListedFile("a.safetensors", 3, "0" * 64), ListedFile("config.json", 2, None, "f" * 40)),
    (MEASURE,),
)
AUDIT = Audit(
    "user/model",
    COMMIT,
    Base("user/base", "b" * 40, "its card"),
    ran=STAGES[:3],
    findings=(
        RULES["MR-FIL-001"].found("pickles: a.bin"),
        RULES["MR-LIN-002"].found("fine-tuned"),
        RULES["MR-FIL-002"].inconclusive("the network is down"),
    ),
    inventory=INVENTORY,
)


def bill(*audits: Audit) -> dict:
    document = to_cyclonedx(audits)
    text = json.dumps(document, allow_nan=False)
    error = VALIDATOR.validate_str(text)
    assert error is None, error
    return json.loads(text)


def test_the_schema_is_a_check():
    document = to_cyclonedx([AUDIT])
    document["metadata"]["component"]["modelCard"]["safe"] = True
    assert VALIDATOR.validate_str(json.dumps(document)) is not None


@settings(max_examples=15, deadline=None)
@given(st.lists(AUDITS, max_size=3))
def test_every_bill_is_valid(audits):
    document = bill(*audits)
    named = document.get("components", []) or [document["metadata"].get("component")]
    assert len([each for each in named if each]) == len(audits)


def test_the_component_is_the_model():
    component = bill(AUDIT)["metadata"]["component"]
    assert component["type"] == "machine-learning-model"
    assert component["purl"] == f"pkg:huggingface/user/model@{COMMIT}"
    (base,) = component["pedigree"]["ancestors"]
    assert base["purl"] == f"pkg:huggingface/user/base@{'b' * 40}"
    assert "named by its card; MR-LIN-002" in component["pedigree"]["notes"]
    assert {each["name"]: each.get("hashes", []) for each in component["components"]} == {
        "a.safetensors": [{"alg": "SHA-256", "content": "0" * 64}],
        "config.json": [],
    }
    assert component["licenses"] == [
        {"license": {"id": "Apache-2.0"}}, {"license": {"name": "my own <licence>"}},
    ]  # fmt: skip


def test_outcomes_and_stages_that_were_not_run_are_properties():
    component = bill(AUDIT)["metadata"]["component"]
    said = {each["name"].removeprefix("modelrepair:audit:"): each["value"]
            for each in component["properties"]}  # fmt: skip
    assert said["rule:MR-FIL-001"].startswith("found, error: pickle: pickles: a.bin")
    assert said["rule:MR-FIL-002"].startswith("inconclusive: code: the network is down")
    assert said["stage:difference"] == said["stage:behaviour"] == "not run"
    assert "stage:metadata" not in said


def test_measures_have_their_intervals():
    card = bill(AUDIT)["metadata"]["component"]["modelCard"]
    assert card["quantitativeAnalysis"]["performanceMetrics"] == [
        {
            "type": "harmful_score",
            "value": "0.25",
            "slice": "40 examples, judge keyword, stated by repair/manifest.json",
            "confidenceInterval": {"lowerBound": "0.125"},
        }
    ]
    assert model_card(None) == model_card(Inventory()) == {}


def test_the_same_audit_has_the_same_serial_number_at_another_time():
    first, second = (
        to_cyclonedx([AUDIT], datetime(year, 1, 1, tzinfo=UTC)) for year in (2026, 2027)
    )
    assert first["metadata"].pop("timestamp") != second["metadata"].pop("timestamp")
    assert first == second
    assert to_cyclonedx([Audit("user/other", COMMIT)])["serialNumber"] != first["serialNumber"]


@pytest.mark.parametrize("count", [0, 2])
def test_many_models_are_components(count):
    document = bill(*[AUDIT] * count)
    assert len(document.get("components", [])) == count
    assert "component" not in document["metadata"]
