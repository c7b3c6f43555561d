#!/usr/bin/env bash
# Everything that CI runs, cheap first. A cluster that is up already is used and left up; else one is made and removed.
set -euo pipefail
cd "$(dirname "$0")/.."
venv=.venv/bin
started=$SECONDS
say() { printf '\n== %s (%d:%02d)\n' "$*" $(((SECONDS - started) / 60)) $(((SECONDS - started) % 60)); }

# On a CI machine no other checkout's cluster is anybody's: what a killed run left behind is removed.
if [ "${CI:-}" = true ]; then "$venv/python" -m tests.cluster down --any; fi

say "lint, types, layers"
make --no-print-directory lint

say "unit tests"
make --no-print-directory unit

if "$venv/python" -m tests.cluster status >/dev/null 2>&1; then
  say "the cluster is up already: its life cycle is not tested, and it stays"
else
  say "programs of the test cluster, and its life cycle"
  "$venv/pytest" -q -m cluster_lifecycle
  trap '"$venv/python" -m tests.cluster down' EXIT
fi
"$venv/python" -m tests.cluster up

say "adapters, chart, operator and end to end, on a real Prometheus and a real cluster"
"$venv/pytest" -q -m "(cluster or e2e or prometheus) and not cluster_lifecycle" --durations=15
say "all green"
