"""The options of the built-in scorers, as data: imported by the registry, so without torch."""

from __future__ import annotations

from modelrepair.scorers.options import ContrastOptions, GradientOptions, WandaOptions


def test_the_built_in_defaults():
    assert WandaOptions() == WandaOptions(norm="rms", tokens="all")
    assert GradientOptions() == GradientOptions(reduce="mean")
    assert ContrastOptions() == ContrastOptions(mu=2.0, lambda_=1.0, benign=None, eta=0.0)
    losses = [ContrastOptions().benign_for(kind) for kind in ("weight", "delta", "factor")]
    assert losses == ["log-odds", "log-likelihood", "log-likelihood"]
    assert ContrastOptions(benign="log-odds").benign_for("delta") == "log-odds"
