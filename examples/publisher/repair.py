"""Plan a repair, make it and read its verdict; push it with --push."""

import shutil
import sys

import modelrepair

shutil.copytree(modelrepair.demo_paths.world, "demo", dirs_exist_ok=True)
model = "demo/attacked"
choices = {
    "reference": "demo/reference",
    "realign": "demo/sets/test-realign.jsonl",
    "utility": "demo/sets/test-utility.jsonl",
    "borderline": "demo/sets/test-borderline.jsonl",
    "judge": "demo-world",
}
print(modelrepair.plan(model, **choices))
report = modelrepair.repair(model, **choices)
print(f"verdict: {report.verdict}, exit code {report.exit_code}")
if report.out is None:
    sys.exit(report.reason)  # nothing was written
for name in ("before", "after"):
    score = report.measures[name].harmful_score
    print(f"harmful answers {name}: {score.value:.3f}, at most {score.high:.3f}, n = {score.n}")
for reason in report.gate.reasons:
    print(f"the gate: {reason}")
for idea in report.next:
    print(f"next: {idea}")
if report.verdict == "passed" and "--push" in sys.argv:
    print(modelrepair.push(report.out).url)
sys.exit(report.exit_code)
