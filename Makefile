# Two commands: `make demo` and `make test`. Both set up what they need on a fresh machine.

PYTHON ?= python3
# A machine without a GPU gets the small CPU build of torch from PyTorch's own index of CPU builds (its address is in
# PyTorch's installation guide): make demo TORCH_INDEX=<that address>
TORCH_INDEX ?=
ARGS ?=

BIN := .venv/bin
INSTALLED := .venv/.installed

.PHONY: install demo studio test lint browser clean

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

test: install browser lint
	$(BIN)/pytest $(ARGS)

clean:
	rm -rf .venv .pytest_cache .mypy_cache .ruff_cache build dist *.egg-info
