#!/bin/sh
# Plan, then repair. For a model of your own, name it and its sets in `set --`.
# What is added to this command is added to the options: sh repair.sh --scorer wanda
set -eu
python -c "import modelrepair, shutil; shutil.copytree(modelrepair.demo_paths.world, 'demo', dirs_exist_ok=True)"
set -- demo/attacked --reference demo/reference --realign demo/sets/test-realign.jsonl \
    --utility demo/sets/test-utility.jsonl --borderline demo/sets/test-borderline.jsonl \
    --judge demo-world "$@"
modelrepair plan "$@"
modelrepair fix "$@"
