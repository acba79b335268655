# Plumbline. `make help` lists what there is; `make run` and `make test` need nothing done before.
PYTHON ?= python3
BIN := .venv/bin
ARGS ?=
CLIPS ?= samples
SHELL := /bin/sh
# MediaPipe imports matplotlib, which would otherwise write into the home folder.
export MPLCONFIGDIR := $(CURDIR)/.cache/matplotlib

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help setup run test check format pytest bench bench-scale bench-memory speed-chart bench-load bench-upload bench-accuracy pose-model contract client fuzz method-doc lock clean setup-run setup-test need-python

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 24

need-python:
	@command -v $(PYTHON) >/dev/null 2>&1 || { \
	  echo "Python 3.11 or newer is needed. On Debian and Ubuntu type: apt-get install python3 python3-venv" >&2; exit 1; }

setup-run: need-python
	@$(PYTHON) scripts/set_up.py run

setup-test: need-python
	@$(PYTHON) scripts/set_up.py test

setup: setup-test ## all the set-up alone: .venv from the lock, system libraries, Chromium

run: setup-run ## set up, start everything on this machine, analyse the sample clips, serve until Ctrl-C
	@$(BIN)/plumbline demo $(ARGS)

test: setup-test check pytest ## set up, then the checks and every test; ARGS="-k name" narrows the tests

check: setup-test ## format, lint, types and import rules
	@$(BIN)/ruff format --check --quiet . || { echo "make format puts it right" >&2; exit 1; }
	@$(BIN)/ruff check --quiet .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-cache >.cache/import-rules.log || { cat .cache/import-rules.log; exit 1; }

pytest: setup-test
	@$(BIN)/pytest -n 2 --dist loadfile $(ARGS)

format: setup-test ## put formatting and import order right
	@$(BIN)/ruff check --quiet --fix-only . ; $(BIN)/ruff format --quiet .

bench: setup-test ## speed and memory of the pipeline against a plain MediaPipe loop
	@$(BIN)/python -m bench.speed $(ARGS)

bench-scale: setup-test ## clips a minute with one and two worker processes on the real stack, and what the service adds
	@$(BIN)/python -m bench.scale $(ARGS)

speed-chart: setup-test ## draw the newest stored speed results for docs/speed.md
	@$(BIN)/python scripts/speed_chart.py $(ARGS)

bench-memory: setup-test ## size of a worker over 200 clips, one after the other
	@nice $(BIN)/python -m bench.speed_memory $(ARGS)

bench-load: setup-test ## answers of the api and the pages when the database is full; ARGS=--quick for a small one
	@nice $(BIN)/python -m bench.load $(ARGS)

bench-upload: setup-test ## 200 MB uploaded through ten kill -9 of the api; MB=40 for another size
	@PLUMBLINE_TEST_UPLOAD_MB=$(or $(MB),200) $(BIN)/pytest -n 0 tests/faults/test_upload_kills.py

bench-accuracy: setup-test ## error of every measurement against clips with known truth; CLIPS="folder folder" names others
	@$(BIN)/python -m bench.accuracy --clips $(CLIPS) $(ARGS)

pose-model: setup-test ## build the pose model bundle again from the published networks: the same bytes
	@$(BIN)/python -m pip download --quiet mediapipe==0.10.21 --no-deps --only-binary :all: \
	  --python-version 3.11 --platform manylinux_2_28_x86_64 --dest .cache/pose-model
	@$(BIN)/python app/pose/models/build_bundle.py .cache/pose-model/mediapipe-0.10.21-*.whl app/pose/models/pose_landmarker_full.task

contract: setup-test ## say what in docs/openapi.json would break those who built on the released one
	@$(BIN)/python -m app.api.compatibility $(lastword $(sort $(wildcard docs/released/*.gz))) docs/openapi.json

client: setup-test ## generate the typed Python client from docs/openapi.json and build its wheel in clients/python/dist
	@$(BIN)/python scripts/client.py

fuzz: setup-test ## ask every REST operation 200 random requests and compare the answers with docs/openapi.json
	@PLUMBLINE_FUZZ_EXAMPLES=$${PLUMBLINE_FUZZ_EXAMPLES:-200} nice $(BIN)/pytest -n 2 -q tests/api/test_contract.py $(ARGS)

method-doc: setup-test ## write the tables of docs/method.md from the code
	@$(BIN)/python scripts/method_doc.py

lock: setup-test ## compile the lock files from pyproject.toml; ARGS=--upgrade takes newer versions
	@$(BIN)/python scripts/lock.py $(ARGS)

clean: ## remove .venv and every cache; your data in .plumbline stays
	rm -rf .venv .cache .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis .coverage htmlcov
