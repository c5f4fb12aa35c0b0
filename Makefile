# Two commands do everything on a fresh machine: `make demo` and `make test`.
PYTHON ?= python3
BIN := .venv/bin
DEMO := runs/demo
SCENES := 4000
# how long the demo trains, and what scores it
DEMO_MINUTES ?= 6
EVALUATOR ?= weights/evaluator_rendered.pth
# more options for the trainings of the demo
FIT_OPTIONS :=
ASKED := --condition "red cube" --condition "blue sphere, yellow cylinder" \
	--condition "green cube, purple sphere, cyan cylinder"
# the newest version's by its number: a touched or copied file changes nothing
NEWEST = $$(ls -d $(DEMO)/$(1)/version_*/checkpoints/last.ckpt 2>/dev/null \
	| sed 's/.*version_\([0-9]*\)/\1 &/' | sort -n | tail -n 1 | cut -d ' ' -f 2-)

.PHONY: help install demo demo-evaluator clean-demo test test-numerics test-browser test-all docs lint format

help:
	@echo "make install   set up .venv"
	@echo "make demo      first pictures, then a training of 6 minutes on rendered scenes, and its scores; DEMO_MINUTES=20"
	@echo "make clean-demo  remove what the demo made, so that it begins anew"
	@echo "make demo-evaluator  train the demo's scoring classifier again"
	@echo "make test      the fast tests"
	@echo "make lint      lint, format check, type check"
	@echo "make test-numerics  the tests of networks, losses and models as older processors compute, with and without kernels"
	@echo "make test-browser  the playground in a Chromium that is there already"
	@echo "make test-all  the fast tests, the slow ones and those on real data (LIT_GANS_DATA=DIR)"
	@echo "make docs      the documentation site, in docs/_build"
	@echo "make format    put the code into shape"

install: .venv/installed

.venv/installed: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "lit_gans needs Python 3.11 or newer; give one: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	$(BIN)/uv pip install --quiet --python $(BIN)/python --editable '.[dev]'
	@touch $@

demo: install
	@echo "The demo draws with a generator from weights/, renders $(SCENES) scenes (a minute), trains a generator on them for"
	@echo "$(DEMO_MINUTES) minutes, and scores what it draws (a minute). All of it is in $(DEMO)/. Ctrl-C stops it; 'make demo' then goes on."
	@if [ -e $(DEMO)/trained ]; then echo "Trained already, so only scored anew; 'make clean-demo' begins from nothing."; fi
	@$(MAKE) --no-print-directory $(DEMO)/trained
	$(BIN)/lit-gans test --config demo/conditional_gan_iclevr --run_name test --trainer.default_root_dir $(DEMO) \
		--data.root $(DEMO)/scenes --ckpt_path $(call NEWEST,gan) --score.evaluator $(EVALUATOR)
	$(BIN)/lit-gans sample $(call NEWEST,gan) $(ASKED) --seed 0 --labels --out $(DEMO)/sample.png
	@echo "Pictures: $(DEMO)/first.png (the shipped generator), $(DEMO)/sample.png (the one trained here), their course in"
	@echo "$(DEMO)/gan/version_*/samples/, the scored ones in $(DEMO)/test/version_*/. Next: README.md, 'Your own pictures'."

$(DEMO)/first.png: | .venv/installed
	$(BIN)/lit-gans sample conditional_gan_iclevr $(ASKED) --seed 0 --labels --out $@

$(DEMO)/scenes/train.json: | $(DEMO)/first.png
	$(BIN)/lit-gans data render-iclevr $(DEMO)/scenes --scenes $(SCENES) --size 32 --zoom 1.8

$(DEMO)/trained: | $(DEMO)/scenes/train.json
	@stopped="$(call NEWEST,gan)"; [ -z "$$stopped" ] || echo "Going on from $$stopped."; \
	$(BIN)/lit-gans fit --config demo/conditional_gan_iclevr --run_name gan --trainer.default_root_dir $(DEMO) \
		--data.root $(DEMO)/scenes --score.evaluator $(EVALUATOR) \
		--trainer.max_time "$$(printf '00:%02d:%02d:00' $$(($(DEMO_MINUTES) / 60)) $$(($(DEMO_MINUTES) % 60)))" \
		$${stopped:+--ckpt_path "$$stopped"} $(FIT_OPTIONS)
	@touch $@

demo-evaluator: install
	@[ -e $(DEMO)/evaluator_scenes/train.json ] || $(BIN)/lit-gans data render-iclevr $(DEMO)/evaluator_scenes \
		--scenes 8000 --seed 1 --size 32 --zoom 1.8
	$(BIN)/lit-gans fit --config demo/evaluator_iclevr --run_name evaluator --trainer.default_root_dir $(DEMO) \
		--data.root $(DEMO)/evaluator_scenes $(FIT_OPTIONS)
	$(BIN)/lit-gans export evaluator $(call NEWEST,evaluator) $(DEMO)/evaluator.pth --half --overwrite
	@echo "Score with it: make demo EVALUATOR=$(DEMO)/evaluator.pth"

clean-demo:
	rm -rf $(DEMO)

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

test: install
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest $(FAST)

# processes that share the tests, each on one thread; a file's trained models stay in one of them
WORKERS := 2
FAST := -m "not slow and not real_data and not browser" -n $(WORKERS) --dist loadfile

# Each run: a processor that this one pretends to be, and whether the kernels are on.
NUMERICS := tests/kernels tests/networks tests/losses tests/metrics tests/models
SSE := ATEN_CPU_CAPABILITY=default ONEDNN_MAX_CPU_ISA=SSE41
AVX2 := ATEN_CPU_CAPABILITY=avx2 ONEDNN_MAX_CPU_ISA=AVX2
AVX512 := ONEDNN_MAX_CPU_ISA=AVX512_CORE

test-numerics: install
	$(foreach processor,SSE AVX2 AVX512,$(foreach kernels,on off,\
		$($(processor)) LIT_GANS_KERNELS=$(kernels) $(BIN)/python -m pytest $(FAST) $(NUMERICS) &&)) true

test-browser: install
	$(BIN)/uv pip install --quiet --python $(BIN)/python playwright
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -m browser tests/playground

test-all: install
	$(BIN)/python -m pytest

docs: install
	$(BIN)/uv pip install --quiet --python $(BIN)/python --editable '.[docs]'
	$(BIN)/python -m sphinx -W --keep-going -q docs docs/_build

format: install
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
