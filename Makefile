# The two commands to begin with: make demo, make test.
SHELL := bash
CARGO ?= cargo

.PHONY: demo test check bench crash setup help

help: ## What there is
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/'

demo: ## A Postgres, Thalweg, and a lake: the main job end to end
	@scripts/demo

setup: ## Installs what the tests need
	@scripts/setup test

test: setup ## All tests, against real servers
	$(CARGO) test --workspace --no-fail-fast

check: ## Formatting and lints
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets -- -D warnings

crash: setup ## kill -9 at each step and at 100 random points; the lake must equal the source (KILLS=n)
	THALWEG_KILLS=$(or $(KILLS),100) $(CARGO) test --features failpoints --test e2e -- \
	  crash failpoint --nocapture --test-threads=1

bench: ## Speed and memory, as ratios against Postgres itself
	@scripts/setup demo
	$(CARGO) bench --bench pipeline
