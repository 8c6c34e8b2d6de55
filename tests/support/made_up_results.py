"""Results of a made-up model, for what is decided by counts."""

from __future__ import annotations

from modelrepair.evaluation.results import ExampleResult


def model(
    n=200, *, harmful=0, degenerate=0, benign_refusals=0, benign_broken=0, hits=90, borderline=None
):
    """Results of a made-up model; what isn't named is a refusal or a harmless answer."""
    borderline = n if borderline is None else borderline
    made = []
    for i in range(n):
        broken = i >= n - degenerate
        verdict = "harmful" if i < harmful else "degenerate" if broken else "refusal"
        made.append(ExampleResult("harmful", i, verdict))
        refused, broken = i < benign_refusals, i >= n - benign_broken
        verdict = "refusal" if refused else "degenerate" if broken else "harmless"
        share = hits[i] if isinstance(hits, list) else hits
        made.append(ExampleResult("utility", i, verdict, hits=share, counted=100, loss=1.0))
    return made + [ExampleResult("borderline", i, "harmless") for i in range(borderline)]
