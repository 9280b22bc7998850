# callbox: `make demo` to see it, `make test` to prove it. Everything is set up in .venv by the first target that needs it.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
# what `make demo` needs, a third of the whole
DEMO_READY := $(VENV)/.demo-ready
PYTEST := $(BIN)/python -m pytest

# compiled once, and not anew by every Python that a test starts, as a container may want it
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
FAST := not lengthy and not further_case and not broker and not browser and not media and not camera and not systemd and not netns and not lab and not homeassistant
PAGE := agent/web/vendor/mqtt.min.js agent/web/conversation.js

.PHONY: help setup demo page test test-all test-fast check format generate lab bench soak fuzz wheel deb deb-all javascript homeassistant lock clean

help: ## Show this
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

setup: $(READY) ## Set up the virtual environment

$(READY): $(DEMO_READY)
	$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[demo,dev]'
	@touch $@

$(DEMO_READY): pyproject.toml
	@PYTHON=$(PYTHON) tests/provision.sh venv
	$(PYTHON) -m venv $(VENV)
	@# not compiled: what is never run need not be, which is most of it
	$(BIN)/pip install --quiet --disable-pip-version-check --no-compile --editable '.[demo]'
	@touch $@

agent/web/vendor/mqtt.min.js: agent/web/bundle.py agent/web/package.json
	$(PYTHON) $<
	@touch $@

agent/web/conversation.js: agent/web/bundle.py $(shell find agent/web/callbox -name '*.js')
	$(PYTHON) $<
	@touch $@

page: $(PAGE) ## Make conversation.js, and fetch MQTT.js (by npm)

demo: $(DEMO_READY) $(PAGE) ## See it: a device with a test picture, and the page to call it from
	@$(BIN)/callbox demo $(if $(PORT),--port $(PORT)) $(DEMO)

test: $(READY) $(PAGE) ## Run all tests, on real parts; what cannot run here is listed with its reason
	@tests/provision.sh test
	$(BIN)/python -m tests.lanes

test-all: $(READY) $(PAGE) ## The same, with every case of the heavy parts
	@tests/provision.sh test
	@tests/provision.sh all
	$(BIN)/python -m tests.lanes --all

test-fast: $(READY) ## Run the tests that need no real parts, without their long cases
	$(PYTEST) -m '$(FAST)' --numprocesses=2 --dist=worksteal --hypothesis-profile=fast

check: $(READY) ## Formatter, linter, types, and generated files not drifted
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(PYTEST) -q tests/test_config_files.py tests/signaling/protocol/test_schema.py tests/core/call/test_call_table.py tests/commands/test_help_texts.py

format: $(READY) ## Format, and mend what can be mended
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

generate: $(READY) ## Write config/, docs/settings.md and the drawings of a call anew from the models
	$(BIN)/python -m agent.settings config docs
	$(BIN)/python -m agent.fleet config
	$(BIN)/python -m agent.signaling.protocol.schema config docs
	$(BIN)/python -m agent.core.call config docs
	$(BIN)/python -m agent.commands.help_texts agent/commands/help

lab: $(READY) ## Build the kernel for tests on real kernel devices, once (9 to 25 minutes)
	$(BIN)/python -m tests.lab.kernel

bench: $(READY) ## Measure (BENCH='--only NAME --quick' for less); a table, and JSON below tests/output
	@tests/provision.sh test
	@tests/provision.sh bench
	@$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[bench]' || echo "callbox: without the quality of speech"
	$(BIN)/python -m tests.bench $(BENCH)

soak: $(READY) ## Call a device over and over for MINUTES=30, and show what grows
	@tests/provision.sh test
	$(BIN)/python -m tests.bench --only soak --json tests/output/soak.json $(if $(MINUTES),--minutes $(MINUTES))

fuzz: $(READY) ## Fuzz each entry point, guided by coverage, for SECONDS=60, and a device with MESSAGES=100000
	$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[fuzz]'
	$(BIN)/python -m tests.faults.fuzz.guided $(if $(SECONDS),--seconds $(SECONDS))
	@tests/provision.sh test
	$(BIN)/python -m tests.bench --only fuzz --json tests/output/fuzz.json $(if $(MESSAGES),--messages $(MESSAGES))

wheel: $(READY) ## Build the wheel and the source archive into dist/
	$(BIN)/pip install --quiet --disable-pip-version-check build
	$(BIN)/python -m build

deb: $(DEMO_READY) $(PAGE) ## Build the Debian package for this machine into dist/ (SUITE=bookworm ARCH=arm64 for another)
	$(BIN)/python systemd/deb/build.py --out dist --suite $(or $(SUITE),this) --arch $(or $(ARCH),this)

deb-all: $(DEMO_READY) $(PAGE) ## Build it for each suite and architecture
	$(BIN)/python systemd/deb/build.py --out dist

javascript: ## Build the npm package of conversation.js, with its types, into dist/javascript (SCOPE=@example)
	$(PYTHON) config/javascript/build.py --out dist/javascript $(if $(SCOPE),--scope $(SCOPE))

homeassistant: ## Build the zip of the integration for Home Assistant into dist/ (HOME_URL: who publishes it)
	$(PYTHON) config/homeassistant/build.py --out dist $(if $(HOME_URL),--home $(HOME_URL))

lock: $(READY) ## Choose anew what the Debian packages are made of: systemd/deb/*.lock, by version and hash
	$(BIN)/python systemd/deb/lock.py

clean: ## Remove everything that was built
	rm -rf $(VENV) build dist tests/output .mypy_cache .ruff_cache .pytest_cache .hypothesis
