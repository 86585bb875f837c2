# Every target is a command or two that you may as well type yourself; without make, the README has them.

# Cargo's own folder of programs, where `cargo install` puts geckodriver.
export PATH := $(PATH):$(or $(CARGO_HOME),$(HOME)/.cargo)/bin

.PHONY: pictures help book record setup ruffle socketio clients test new index fmt lint conformance bench bench-ws bench-scaleout

help:
	@echo "make test          formatting, lints and all tests, in real browsers too; installs what is missing"
	@echo "make test DEMO=sse one demo's tests, of all kinds, in under a minute"
	@echo "make new NAME=radio makes a demo that runs, with a chapter and tests, and says what to fill in"
	@echo "make index         writes what is written from the demos' own words: the README's table"
	@echo "make book          writes the book as a static site to book/book; cargo run -p book serves it, with live demos"
	@echo "make record        drives every demo (or DEMO=sse) through its exchange and writes the book's recordings anew"
	@echo "make conformance   Autobahn|Testsuite against frames, deflate and eventloop, 8 minutes; WSTEST names its program, wstest"
	@echo "make bench         measures first build, delay, bytes and memory, against peers in the same run"
	@echo "make bench-scaleout  measures one room on 1, 2 and 4 servers with Redis, against one server's memory"
	@echo "make bench-ws      measures the WebSocket echo, threads and event loop, against three libraries and bare TCP"
	@echo "make pictures      takes the pictures of the README from a running demo"
	@echo "make setup         only installs what is missing: Chromium, Firefox and their drivers"
	@echo "make ruffle        fetches the Flash emulator for the demo flash (npm, 10 MB)"
	@echo "make socketio      fetches the official client for the demo socketio (npm, 4 MB)"
	@echo "make clients       fetches what only the tests need: axe-core and ws (npm), websockets and socketio (pip)"
	@echo "make fmt           formats the Rust code"
	@echo "make lint          checks formatting and lints"

# Nothing is skipped here: a test that needs a browser fails without one.
test: setup ruffle socketio clients
	REQUIRE_BROWSERS=1 cargo run --quiet -p tests -- test $(DEMO)

new:
	@cargo run --quiet -p tests -- new $(or $(NAME),$(error say its name: make new NAME=radio)) $(PORT)

index:
	cargo run --quiet -p tests -- index

lint:
	cargo run --quiet -p tests -- lint

fmt:
	cargo run --quiet -p tests -- fmt

pictures:
	cargo run --quiet -p tests -- pictures

book:
	cargo run -p book -- build

# Without RECORD the same test compares: when the wire has changed, it says which chapter is stale.
record:
	RECORD=1 cargo test -p tests --test recordings -- $(DEMO)

setup:
	sh tests/setup.sh

# Fetched, never committed: the lock file pins what is fetched to the last byte.
RUFFLE = demos/flash/node_modules/@ruffle-rs/ruffle/ruffle.js
ruffle: $(RUFFLE)
$(RUFFLE): demos/flash/package-lock.json
	@command -v npm >/dev/null || { echo "make ruffle needs npm, which comes with Node.js"; exit 1; }
	cd demos/flash && npm ci --ignore-scripts --no-audit --no-fund
	touch $@

SOCKETIO = demos/socketio/node_modules/socket.io-client/package.json
socketio: $(SOCKETIO)
$(SOCKETIO): demos/socketio/package-lock.json
	@command -v npm >/dev/null || { echo "make socketio needs npm, which comes with Node.js"; exit 1; }
	cd demos/socketio && npm ci --ignore-scripts --no-audit --no-fund
	touch $@

# The judge of accessibility and three foreign WebSocket clients, for the tests only; pinned and fetched the same way.
NPM = tests/node_modules/ws/package.json
PIP = tests/python_modules/websockets/version.py
clients: $(NPM) $(PIP)
$(NPM): tests/package-lock.json
	@command -v npm >/dev/null || { echo "make clients needs npm, which comes with Node.js"; exit 1; }
	cd tests && npm ci --ignore-scripts --no-audit --no-fund
	touch $@
$(PIP): tests/clients/requirements.txt
	python3 -m pip install --quiet --disable-pip-version-check --upgrade --target tests/python_modules -r $<
	touch $@

# Also part of `make test` where wstest is found. Writes tests/conformance/summary.json.
conformance:
	RECORD=1 cargo test -p tests --test conformance -- --nocapture

# About seven minutes. Writes tests/bench/results.md and results.json.
bench:
	cargo run --release --quiet --manifest-path tests/peers/bench/Cargo.toml

# About eight minutes. Writes tests/peers/ws-bench/results.json.
bench-ws:
	cd tests/peers/ws-bench && npm install --no-audit --no-fund --silent && cargo run --release --quiet

# About four minutes. Writes tests/bench/scaleout.json.
bench-scaleout:
	cargo build --release --quiet -p scaleout && cargo run --release --quiet -p scaleout --example measure
