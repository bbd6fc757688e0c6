# What a person types. `make run` and `make test` set everything up by themselves the first time (.ci/setup).
# ARGS reaches the command: make run ARGS='ask "What is this?" --image photo.jpg', make test ARGS='tests/media -x'.

PYTHON_VENV = .venv/bin/python
ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help setup run test window-test lint format bench clean distclean

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1	\2/p' Makefile | expand -t 22

setup: ## set up for tests and checks, and do nothing else
	@sh .ci/setup test

run: ## open the window
	@sh .ci/setup run
	@$(PYTHON_VENV) main.py $(ARGS)

test: ## the whole suite, without a display
	@sh .ci/setup test
	QT_QPA_PLATFORM=offscreen $(PYTHON_VENV) -m pytest $(ARGS)

window-test: ## the tests of real windows, under Xvfb
	@sh .ci/setup ci
	QT_QPA_PLATFORM=xcb xvfb-run -a -s '-screen 0 1600x1000x24' $(PYTHON_VENV) -m pytest -m window $(ARGS)

lint: ## ruff, mypy and the floors between the packages
	@sh .ci/setup test
	.venv/bin/ruff check
	.venv/bin/ruff format --check
	.venv/bin/mypy
	.venv/bin/lint-imports

format: ## let ruff write the code the house way
	@sh .ci/setup test
	.venv/bin/ruff check --fix
	.venv/bin/ruff format

bench: ## what can be measured, and how to start it
	@for file in benchmarks/bench_*.py; do \
		[ -e "$$file" ] || { echo 'no benchmarks yet'; continue; }; \
		printf '%s %s\n	%s\n' $(PYTHON_VENV) "$$file" "$$(sed -n '1s/^"""//p' "$$file")"; \
	done

clean: ## remove what tools left in the tree, but keep the environment
	rm -rf .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis build dist *.egg-info
	find . -path ./.venv -prune -o -name __pycache__ -type d -prune -exec rm -rf {} +

distclean: clean ## clean, and the environment too
	rm -rf .venv
