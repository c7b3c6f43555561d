# Backstop's verbs. `make help` lists them; docs/how-to/develop.md tells the rest.
SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

VENV := .venv
PY := $(VENV)/bin/python
LOCK := $(VENV)/bin/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url \
	--no-annotate --no-header --python-version 3.11

.PHONY: help setup lock lint format types imports unit test demo demo-down \
        cluster-up cluster-status cluster-down cluster-load install uninstall image crds docs bench

help: ## Show this list
	@grep -hE '^[a-z-]+:.*?## ' $(MAKEFILE_LIST) | awk -F':.*?## ' '{printf "  %-16s %s\n", $$1, $$2}'

setup: $(VENV)/.ready ## Virtual environment .venv from the lock file; console script .venv/bin/backstop

$(VENV)/.ready: requirements.lock pyproject.toml tests/setup-venv.sh
	@bash tests/setup-venv.sh $(VENV)

lock: $(VENV)/.ready ## Lock the dependencies anew (after a change in pyproject.toml)
	$(LOCK) --group dev pyproject.toml -o requirements.lock
	$(LOCK) -c requirements.lock pyproject.toml -o requirements-runtime.lock

lint: setup ## Format check, lint, types, import layers
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/ruff check .
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports

format: setup ## Format and fix what can be fixed
	$(VENV)/bin/ruff format .
	$(VENV)/bin/ruff check --fix .

unit: setup ## The fast tests: no cluster, no Prometheus
	$(VENV)/bin/pytest -m "not cluster and not e2e and not prometheus and not cluster_lifecycle" -q

test: setup ## Everything that CI runs: lint, unit, adapters, chart, cluster, end to end
	@bash tests/run-all.sh

demo: setup ## The story on a real cluster: an SLO burns and recovers, live in this terminal
	$(PY) -m tests.demo up

demo-down: setup ## Remove what the demo made
	$(PY) -m tests.demo down

cluster-up: setup ## A real Kubernetes cluster for tests, demo and development (CLUSTER=local|kind|current)
	$(PY) -m tests.cluster up

cluster-status: setup ## What runs, and where its files are
	$(PY) -m tests.cluster status

cluster-down: setup ## Stop the cluster and leave nothing behind
	$(PY) -m tests.cluster down

cluster-load: setup ## Load an OCI archive into the cluster's nodes: make cluster-load TAR=file
	$(PY) -m tests.cluster load "$(TAR)"

install: setup ## Image, Prometheus and chart into the cluster that is up
	$(PY) -m tests.install up

uninstall: setup ## Remove Backstop and Prometheus from the cluster
	$(PY) -m tests.install down

image: setup ## Build the container image as build/backstop.tar (docker or buildah)
	$(PY) -m tests.image build

crds: setup ## Regenerate crds/, the chart's copies and manifests/install from the models and the chart
	$(PY) -m tests.generate

docs: setup ## Regenerate docs/reference from the models and the vocabulary
	$(PY) -m tests.generate

bench: setup ## Measure: make bench [ONLY=name]; writes bench.json
	$(PY) -m tests.benchmarks $(if $(ONLY),--only $(ONLY),)
