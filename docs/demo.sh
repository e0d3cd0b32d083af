#!/bin/sh
# The main job, shown whole: a run that fails at phase 8 of 10, the same command again, and what
# the store remembers. Everything stays below the folder named as the only argument.
set -u
folder=${1:?usage: demo.sh FOLDER}
rm -rf "$folder" && mkdir -p "$folder" && cd "$folder" || exit 1

say() { printf '\n# %s\n' "$*"; }
run() { printf '$ %s\n' "$*"; "$@"; }
must() { run "$@" || { echo "demo: failed with exit code $?: $*" >&2; exit 1; }; }

must aicas init

say "The pipeline fails at phase 8 of 10. Every stage before it is stored."
run ai-orchestrator generate "Build todo app" --workflow-type micro_phase --output todo \
    --fail-at phase-8-generated_code
code=$?
[ "$code" -eq 8 ] || { echo "demo: expected exit code 8, got $code" >&2; exit 1; }

say "The same command again: what is stored is served, only the rest is generated."
must ai-orchestrator generate "Build todo app" --workflow-type micro_phase --output todo

say "The finished project passes its own tests."
(cd todo && must python -m unittest --quiet) || exit 1

say "One stage is to be done again. It comes out the same, so its dependents come back for nothing."
must aicas invalidate phase-9-generated_code --reason "try another way"
must ai-orchestrator generate "Build todo app" --workflow-type micro_phase --output todo

say "One phase of the plan is corrected by hand: what reads another part of it stays valid."
aicas cat project_micro_phases > plan.json || exit 1
python -c 'import json
plan = json.load(open("plan.json"))
plan["phases"][6]["responsibilities"].append("explain itself")
json.dump(plan, open("plan.json", "w"))' || exit 1
must aicas amend project_micro_phases plan.json --reason "phase 7 was not clear"
must aicas status
must aicas why phase-7-generated_code
must ai-orchestrator generate "Build todo app" --workflow-type micro_phase --output todo

say "What would another idea cost? Nobody is asked, and nothing changes."
must ai-orchestrator generate "Build todo app with tags" --workflow-type micro_phase --plan

say "Another idea, in the same project: what follows from the request runs again, and says why."
must ai-orchestrator generate "Build todo app with tags" --workflow-type micro_phase \
    --output todo-with-tags

say "Back to the first idea: no stage is paid twice."
must ai-orchestrator generate "Build todo app" --workflow-type micro_phase --output todo

say "What the store remembers, and how a stage evolved."
must aicas log --oneline -n 5
must aicas ops -n 5
must aicas log system_architecture_plan --oneline
must aicas diff system_architecture_plan@{1} system_architecture_plan
must aicas costs
must aicas verify
