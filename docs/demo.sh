#!/bin/sh
# The main job, shown whole: a run that fails at phase 8 of 10, the same command again, and what
# the store remembers. Everything stays below the folder named as the only argument.
set -u
folder=${1:?usage: demo.sh FOLDER}
rm -rf "$folder" && mkdir -p "$folder" && cd "$folder" || exit 1

say() { printf '\n# %s\n' "$*"; }
run() { printf '$ %s\n' "$*"; "$@"; }
must() { run "$@" || { echo "demo: failed with exit code $?: $*" >&2; exit 1; }; }

must aicas init .aicas

say "The pipeline fails at phase 8 of 10. Every stage before it is stored."
run ai-orchestrator generate "Build todo app" --workflow-type micro_phase --output todo \
    --fail-at phase-8-generated_code
code=$?
[ "$code" -eq 8 ] || { echo "demo: expected exit code 8, got $code" >&2; exit 1; }

say "The same command again: what is stored is served, only the rest is generated."
must ai-orchestrator generate "Build todo app" --workflow-type micro_phase --output todo

say "The finished project passes its own tests."
(cd todo && must python -m unittest --quiet) || exit 1

say "Another idea: stages whose prompt or input changed run again, the others are served."
must ai-orchestrator generate "Build todo app with tags" --workflow-type micro_phase \
    --output todo-with-tags

say "What the store remembers of a stage, and how it evolved."
must aicas log --oneline -n 8
must aicas log project_micro_phases
must aicas diff system_architecture_plan
must aicas verify
