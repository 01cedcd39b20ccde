# Everything needs only Python ≥ 3.11, make and a network for packages.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet

.DEFAULT_GOAL := help
.PHONY: help setup demo run test test-mail check audit bench-peers lock clean

help: ## show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

$(VENV)/.ready: requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Parcours needs Python 3.11 or newer: make PYTHON=python3.12 …"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) \
		|| { echo "This Python cannot make environments. On Debian: apt-get install python3-venv"; exit 1; }
	$(PIP) --require-hashes -r requirements.txt
	$(PIP) --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.ready-tests: $(VENV)/.ready requirements-dev.txt
	$(PIP) --require-hashes -r requirements-dev.txt
	@touch $@

setup: $(VENV)/.ready ## install what Parcours needs into .venv

demo: setup ## try it: sign up, read the mails, move the clock
	@$(BIN)/parcours demo

run: setup ## serve as in production, with the settings of .env
	@test -f .env || { cp deploy/env.example .env; echo "Made .env from deploy/env.example: look through it."; }
	@set -a; . ./.env; set +a; exec $(BIN)/parcours serve

test: $(VENV)/.ready-tests ## run all tests, on SQLite and PostgreSQL, with a real browser
	@sh tests/chromium.sh
	$(BIN)/python -m pytest --numprocesses auto --maxprocesses 4 --dist worksteal $(ARGS)

test-mail: $(VENV)/.ready-tests ## send through real mail servers, score each mail (Debian, as root)
	@if sh tests/chain/packages.sh; then $(BIN)/python -m pytest tests/chain $(ARGS); fi

check: $(VENV)/.ready-tests ## look at the code: ruff, mypy, import-linter
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

audit: $(VENV)/.ready-tests ## known holes: in our code (bandit), in what we use (pip-audit, asks the network)
	@# B608 and B704 are ruff's S608 and S704, answered with a reason at each place.
	$(BIN)/bandit --quiet --recursive engine --severity-level medium --skip B608,B704
	@sh tests/audit.sh $(BIN)/pip-audit

bench-peers: ## install what `parcours bench deliver` compares itself with, into .peers
	@command -v npm >/dev/null || { echo "npm is missing. On Debian: apt-get install nodejs npm"; exit 1; }
	$(PYTHON) -m venv .peers/python
	.peers/python/bin/python -m pip --disable-pip-version-check install --quiet django-post_office==3.12.0
	npm install --prefix .peers --no-audit --no-fund --no-save nodemailer@10.6.0 handlebars@4.7.10

lock: $(VENV)/.ready ## renew the lock files (needs uv)
	uv pip compile pyproject.toml --group build --universal --python-version 3.11 --generate-hashes \
		--no-emit-index-url --no-annotate --no-header --quiet -o requirements.txt
	uv pip compile pyproject.toml --group build --group dev --universal --python-version 3.11 \
		--generate-hashes --no-emit-index-url --no-annotate --no-header --quiet -c requirements.txt \
		-o requirements-dev.txt

clean: ## remove what was installed and cached
	rm -rf $(VENV) .peers .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
