"""What is said of a quantisation, against the weights."""

from __future__ import annotations

from modelrepair.auditing.metadata.quantisation import CHECKS
from tests.support.auditing import CONFIG, SHAPES, ask, document, model, tensors, write

LEFT, UNSAID = CHECKS
GPTQ = document({**CONFIG, "quantization_config": {"quant_method": "gptq"}})
PACKED = tensors({"model.layers.0.q.qweight": (4, 4)}, "int32")
SCALED = tensors({**SHAPES, "model.layers.0.mlp.up_proj.weight_scale": (1,)})


def asked(tmp_path, **files):
    folder = write(tmp_path / str(len(list(tmp_path.iterdir()))), model(**files))
    return tuple(ask(check, folder).outcome for check in CHECKS)


def test_plain_and_quantised_models_that_say_so_are_clear(tmp_path):
    assert asked(tmp_path) == ("clear", "clear")
    both = {"config.json": GPTQ, "model.safetensors": PACKED}
    assert asked(tmp_path, **both) == ("clear", "clear")
    computed = document({**CONFIG, "quantization_config": {"quant_method": "bitnet"}})
    assert asked(tmp_path, **{"config.json": computed}) == ("clear", "clear")


def test_a_key_or_file_left_in_plain_weights_is_found(tmp_path):
    assert asked(tmp_path, **{"config.json": GPTQ}) == ("found", "clear")
    assert asked(tmp_path, **{"quantize_config.json": b"{}"}) == ("found", "clear")


def test_quantised_weights_of_which_nothing_speaks_are_found(tmp_path):
    assert asked(tmp_path, **{"model.safetensors": PACKED}) == ("clear", "found")
    assert asked(tmp_path, **{"model.safetensors": SCALED}) == ("clear", "found")


def test_headers_that_can_not_be_read_are_inconclusive(tmp_path):
    damaged = {"config.json": GPTQ, "model.safetensors": b"nothing"}
    assert asked(tmp_path, **damaged) == ("inconclusive", "inconclusive")


def test_headers_on_the_hub_are_read_by_range(hub):
    hub.add("me/m", model(**{"config.json": GPTQ}))
    assert ask(LEFT, "me/m").outcome == "found"
    assert ask(LEFT, "me/m", budget=300).outcome == "inconclusive"
