# Every target is a command or two that you may as well type yourself.

# Cargo's own folder of programs, where `cargo install` puts geckodriver.
export PATH := $(PATH):$(or $(CARGO_HOME),$(HOME)/.cargo)/bin

.PHONY: help setup test fmt lint

help:
	@echo "make test     formatting, lints and all tests, in real browsers too; installs what is missing"
	@echo "make setup    only installs what is missing: Chromium, Firefox and their drivers"
	@echo "make fmt      formats the Rust code"
	@echo "make lint     checks formatting and lints"
	@echo "make conformance  lets Autobahn judge both ends of frames, where WSTEST names it or the PATH has it"
	@echo "make bench-ws     measures the WebSocket echo against tungstenite, npm ws and bare TCP"

# Nothing is skipped here: a test that needs a browser fails without one.
test: setup lint
	REQUIRE_BROWSERS=1 cargo test --workspace

lint:
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings

fmt:
	cargo fmt --all

setup:
	sh tests/setup.sh

# Also part of `make test` where wstest is found. Writes tests/conformance/summary.json.
.PHONY: conformance
conformance:
	RECORD=1 cargo test -p tests --test conformance -- --nocapture

# About eight minutes. Writes tests/peers/ws-bench/results.json.
.PHONY: bench-ws
bench-ws:
	cd tests/peers/ws-bench && npm install --no-audit --no-fund --silent && cargo run --release --quiet
