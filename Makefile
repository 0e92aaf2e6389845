# écoute: the two commands are `make run` and `make test`. Both install what they need on a Debian machine.

CARGO   ?= cargo
PROFILE ?= release
BIN     := target/$(PROFILE)/ecoute

.PHONY: run test soak demo bench count fuzz lint fmt build prompts peers help

help:
	@echo 'make run    serve on loopback: dial 3977 with any softphone'
	@echo 'make demo   a whole call, proved: caller, listener, sound both ways'
	@echo 'make test   everything a change must pass'
	@echo 'make soak   the long run: 10,000 seeds of the simulator, then ten rounds of bad lines, restarts and sieges: an hour or two'
	@echo '            (seeds=0..100000 and rounds=50 make it longer)'
	@echo 'make bench  measure'
	@echo 'make count  instructions per message, counted'
	@echo 'make fuzz   each fuzzer for a minute, or seconds=600'
	@echo 'make lint   clippy, rustfmt, cargo-deny when installed'
	@echo 'make fmt    format'
	@echo 'make prompts  say the words of prompts/prompts.toml anew'

# A C compiler is needed for SQLite.
.PHONY: needs
needs:
	@command -v $(CARGO) >/dev/null || { echo 'écoute needs a Rust toolchain: https://rustup.rs'; exit 1; }
	@command -v cc >/dev/null || tests/peers/install build-essential

build: needs
	$(CARGO) build --profile $(PROFILE) --bin ecoute

run: build
	$(BIN) run

demo: build
	$(BIN) demo

# Real softphones, a proxy, load tools and intruders' tools for the end-to-end tests.
peers:
	tests/peers/install baresip-core sip-tester linphone-cli kamailio kamailio-tls-modules sipvicious \
	    sox python3 openssl iptables iproute2 util-linux

lint: needs
	$(CARGO) fmt --check
	$(CARGO) clippy --profile proof --all-targets -- -D warnings
	@if $(CARGO) deny --version >/dev/null 2>&1; then $(CARGO) deny check; else echo 'cargo-deny is not installed: licences not checked'; fi

fmt:
	$(CARGO) fmt

test: needs peers lint
	$(CARGO) test --profile proof --lib --bins
	$(CARGO) build --profile proof --bin ecoute
	ECOUTE_BIN=$(CURDIR)/target/proof/ecoute $(CARGO) test --profile proof --test it -- --skip load:: --skip siege::
	ECOUTE_BIN=$(CURDIR)/target/proof/ecoute $(CARGO) test --profile proof --test it -- load::
	ECOUTE_BIN=$(CURDIR)/target/proof/ecoute $(CARGO) test --profile proof --test it -- siege::
	ECOUTE_SIM_SEEDS=0..2000 $(CARGO) test --profile proof --test sim
	target/proof/ecoute demo

# What a change need not wait for: many more seeds, and again and again what depends on chance and on time.
soak: needs peers
	ECOUTE_SIM_SEEDS=$(or $(seeds),0..10000) $(CARGO) test --profile proof --test sim
	$(CARGO) build --profile proof --bin ecoute
	for round in $$(seq $(or $(rounds),10)); do \
	    echo "round $$round"; \
	    ECOUTE_BIN=$(CURDIR)/target/proof/ecoute $(CARGO) test --profile proof --test it -- \
	        --test-threads 1 --nocapture peers::lossy:: peers::restart:: siege:: || exit 1; \
	done

bench: needs
	$(CARGO) bench

# Instructions do not depend on what else the machine does.
count: needs
	tests/peers/install valgrind
	benches/count

# A C++ compiler is needed for libFuzzer. Findings go to target/fuzz/corpus/found.
fuzz: needs
	@command -v c++ >/dev/null || tests/peers/install g++
	@command -v python3 >/dev/null || tests/peers/install python3
	tests/fuzz/run $(or $(seconds),60)

prompts:
	python3 prompts/render.py
