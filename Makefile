# The two commands to begin with: make demo, make test.
SHELL := bash
CARGO ?= cargo

.PHONY: demo test interop check bench crash setup help

help: ## What there is
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/'

demo: ## A Postgres, Thalweg, and a lake: the main job end to end
	@scripts/demo

setup: ## Installs what the tests need
	@scripts/setup test

test: setup ## All tests, against real servers
	$(CARGO) test --workspace --no-fail-fast

interop: ## Kafka's own tools and clients (Java, Python, kcat), against a real Kafka too
	@CARGO=$(CARGO) scripts/interop

check: ## Formatting and lints
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets -- -D warnings

crash: setup ## kill -9 at each step and at 100 random points; the lake must equal the source (KILLS=n)
	THALWEG_KILLS=$(or $(KILLS),100) $(CARGO) test --features failpoints --test e2e -- \
	  crash failpoint --nocapture --test-threads=1

bench: ## Speed and memory, as ratios against Postgres itself and the bare disk
	@scripts/setup demo
	$(CARGO) bench --bench append
	$(CARGO) bench --bench pipeline

.PHONY: benchkafka benchopen
benchkafka: ## Beside a real Kafka (Java 17), both driven by one librdkafka client
	@scripts/setup kafka
	$(CARGO) bench --bench kafka

benchopen: ## How fast a log of 10 GB in 1,000 partitions opens; takes 10 GB of disk
	$(CARGO) bench -p thalweg-log --bench open

.PHONY: registrybench
registrybench: ## The schema registry with 10,000 subjects: start, memory, look-ups, registration
	$(CARGO) bench -p thalweg-schema-registry --bench registry

crash: logcrash registrycrash

.PHONY: logcrash registrycrash simulate powercut fuzz
logcrash: setup ## The log alone: kill -9 at exact calls and at random, failing syncs, a full disk
	THALWEG_CRASH_KILLS=$(or $(KILLS),100) THALWEG_CRASH_CALLS=$(or $(CALLS),40) \
	  $(CARGO) test -p thalweg-log --test crash -- --nocapture --test-threads=1

registrycrash: ## The schema registry: kill -9 during concurrent registrations, 200 times (KILLS=n)
	THALWEG_TEST_REGISTRY_KILLS=$(or $(KILLS),200) \
	  $(CARGO) test -p thalweg-schema-registry --test crash -- --nocapture --test-threads=1

powercut: setup ## The log on an ext4 that loses its power, 500 times (CUTS=n); needs root and loop devices
	THALWEG_POWERCUTS=$(or $(CUTS),500) \
	  $(CARGO) test -p thalweg-log --test crash power -- --nocapture --test-threads=1

simulate: ## The log on a simulated disk (SEEDS=n FIRST_SEED=k); a seed that failed fails again
	THALWEG_SIM_SEEDS=$(or $(SEEDS),20000) THALWEG_SIM_FIRST_SEED=$(or $(FIRST_SEED),1) \
	  $(CARGO) test --profile checked -p thalweg-log --lib simulation -- --nocapture --test-threads=1

fuzz: ## Damaged bytes for all that reads bytes (RUNS=n for each target, FIRST=k)
	THALWEG_FUZZ_RUNS=$(or $(RUNS),1300000) THALWEG_FUZZ_FIRST=$(or $(FIRST),0) \
	THALWEG_FUZZ_GROWTH_MAX_KIB=262144 \
	  $(CARGO) test --profile checked -p thalweg-log --lib fuzz -- --nocapture --test-threads=1
	THALWEG_FUZZ_RUNS=$(or $(RUNS),2100000) THALWEG_FUZZ_FIRST=$(or $(FIRST),0) \
	THALWEG_FUZZ_GROWTH_MAX_KIB=262144 \
	  $(CARGO) test --profile checked -p thalweg-schema-registry --test fuzz -- --nocapture --test-threads=1
