"""How far a search goes: the ratios that it tries, its steps, and how often it may ask."""

from __future__ import annotations

from modelrepair.registry.specs import SubjectKind

MOST_GENERATIONS = 8
MOST_ROUNDS = 40

LADDERS: dict[SubjectKind, tuple[float, ...]] = {
    "weight": (1e-5, 3e-5, 1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 0.1),
    "delta": (0.01, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.7, 0.9),
    "factor": (0.005, 0.01, 0.02, 0.05, 0.1, 0.15, 0.2, 0.25),
}
STEPS: dict[SubjectKind, float] = {"weight": 0.00012, "delta": 0.005, "factor": 0.001}
"""First step of an iterative scorer, as a share of all entries; measured on small models."""
SMALLEST: dict[SubjectKind, float] = {"weight": 1 / 64, "delta": 1 / 32, "factor": 0.3}
"""Where halving a step that costs ends, as a part of the first step."""
LARGEST: dict[SubjectKind, float] = {"weight": 4, "delta": 12, "factor": 1}
"""Where doubling a step that hardly moves anything ends, in first steps: factors need fine ones."""
NEAR: dict[SubjectKind, float] = {"weight": 2, "delta": 3, "factor": 1}
"""Where it ends once answers are asked for, in first steps: the target may be near."""
ON_THE_WAY: dict[SubjectKind, float] = {"weight": 4, "delta": 4, "factor": 1}
"""How many times the utility budget a step may cost while the search is under way."""
PROBE_EVERY = 8
"""After so many rounds without an answer one is asked for, whatever the margin says."""
BEYOND = 4
"""So many rounds more, at most, once the target is met: a repair should not stand on the edge."""
