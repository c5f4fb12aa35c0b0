# Two commands do everything on a fresh machine: `make demo` and `make test`.
PYTHON ?= python3
BIN := .venv/bin
DEMO := runs/demo
SCENES := 4000
# more options for both trainings of the demo
FIT_OPTIONS :=
NEWEST = $$(ls -td $(DEMO)/$(1)/version_*/checkpoints/last.ckpt | head -n 1)

.PHONY: help install demo test test-numerics test-all lint format clean-demo

help:
	@echo "make install   set up .venv"
	@echo "make demo      render data, train a classifier and a conditional GAN on it, score them: minutes on a CPU"
	@echo "make test      lint, format check, type check, tests"
	@echo "make test-numerics  the tests of networks, losses and models as older processors compute, with and without kernels"
	@echo "make test-all  the same with the slow tests and those on real data (LIT_GANS_DATA=DIR)"
	@echo "make format    put the code into shape"

install: .venv/installed

.venv/installed: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "lit_gans needs Python 3.11 or newer; give one: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	$(BIN)/uv pip install --quiet --python $(BIN)/python --editable '.[dev]'
	@touch $@

demo: install $(DEMO)/cdcgan.trained
	$(BIN)/lit-gans test --config demo/cdcgan_iclevr --run_name test --trainer.default_root_dir $(DEMO) \
		--data.root $(DEMO)/scenes --ckpt_path $(call NEWEST,cdcgan) --score.evaluator $(DEMO)/evaluator.pth
	$(BIN)/lit-gans sample $(call NEWEST,cdcgan) --condition "red cube" --condition "blue sphere, yellow cylinder" \
		--condition "green cube, purple sphere, cyan cylinder" --seed 0 --out $(DEMO)/sample.png
	@echo "Look at $(DEMO)/sample.png, and at the grids beside scores.json. Next: README.md, 'Real data'."

$(DEMO)/scenes/train.json: | .venv/installed
	$(BIN)/lit-gans data render-iclevr $(DEMO)/scenes --scenes $(SCENES) --size 32 --zoom 1.8

$(DEMO)/evaluator.pth: $(DEMO)/scenes/train.json
	$(BIN)/lit-gans fit --config demo/evaluator_iclevr --run_name evaluator --trainer.default_root_dir $(DEMO) \
		--data.root $(DEMO)/scenes $(FIT_OPTIONS)
	$(BIN)/lit-gans export evaluator $(call NEWEST,evaluator) $@ --overwrite

$(DEMO)/cdcgan.trained: $(DEMO)/evaluator.pth
	$(BIN)/lit-gans fit --config demo/cdcgan_iclevr --run_name cdcgan --trainer.default_root_dir $(DEMO) \
		--data.root $(DEMO)/scenes --score.evaluator $(DEMO)/evaluator.pth $(FIT_OPTIONS)
	@touch $@

clean-demo:
	rm -rf $(DEMO)

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

test: lint
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest $(FAST)

# processes that share the tests, each on one thread; a file's trained models stay in one of them
WORKERS := 2
FAST := -m "not slow and not real_data" -n $(WORKERS) --dist loadfile

# Each run: a processor that this one pretends to be, and whether the kernels are on.
NUMERICS := tests/kernels tests/networks tests/losses tests/metrics tests/models
SSE := ATEN_CPU_CAPABILITY=default ONEDNN_MAX_CPU_ISA=SSE41
AVX2 := ATEN_CPU_CAPABILITY=avx2 ONEDNN_MAX_CPU_ISA=AVX2
AVX512 := ONEDNN_MAX_CPU_ISA=AVX512_CORE

test-numerics: install
	$(foreach processor,SSE AVX2 AVX512,$(foreach kernels,on off,\
		$($(processor)) LIT_GANS_KERNELS=$(kernels) $(BIN)/python -m pytest $(FAST) $(NUMERICS) &&)) true

test-all: lint
	$(BIN)/python -m pytest

format: install
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
