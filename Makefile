# Waxwing: what one does with it. `make` or `make help` lists the targets.

SECONDS ?= 60
BENCH ?=

.DEFAULT_GOAL := help
.PHONY: help run build dist plugins test check bench fuzz crash corpus spf swaps idle slow chaos many relayed backlog clients synced

help: ## this list
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | while IFS="$$(printf '\t')" read -r target text; do printf '  make %-9s %s\n' "$$target" "$$text"; done

run: ## set up, build and run a server with a demo domain on the loopback; Ctrl-C ends it
	@tools/run.sh

build: ## the server in release mode: target/release/waxwing
	@tools/setup.sh build web
	@tools/web.sh
	cargo build --release -p waxwing

dist: ## the server as one packages it: target/dist/waxwing, a tenth faster, and long to build
	@tools/setup.sh build web
	@tools/web.sh
	cargo build --profile dist -p waxwing

plugins: ## the shipped plugins as components in target/plugins; a running server takes them at once
	@tools/setup.sh build guest
	cargo run -q -p waxwing-plugin-build --

test: ## set up and run every test; prints totals
	@tools/test.sh

check: ## format, lints, licences, architecture, syntax of scripts
	@tools/check.sh

bench: ## a table of figures beside Postfix, Dovecot and Cyrus; BENCH=--short for a first look
	@tools/setup.sh build web guest languages bench
	@tools/web.sh
	cargo build --release -p waxwing -p waxwing-policy --bin waxwing --example call-costs
	cargo run -q -p waxwing-plugin-build --
	cargo run -q -p waxwing-plugin-build -- accepting stamping --out target/bench-plugins
	tools/languages.sh
	python3 -m bench $(BENCH)

fuzz: ## run every fuzz target for SECONDS=60 each
	@tools/fuzz.sh $(SECONDS)

crash: ## kill -9 under load, 50 times, and look for every message that got its 250
	@WAXWING_KILLS=50 tools/test.sh crash::

relayed: ## 100,000 messages between two servers that die, now one and now the other: none is lost
	@WAXWING_RELAYED=100000 WAXWING_KILLS=50 tools/test.sh both_die:: -- --nocapture

backlog: ## a million messages that wait in the queue, on both databases: what is due is found as fast as among none
	@tools/setup.sh build test
	WAXWING_QUEUE_ROWS=1000000 tools/with-postgres.sh cargo test --release --locked -p waxwing-store --test store queue_many -- --nocapture --test-threads 1

clients: ## ten clients of IMAP, and five beside five of JMAP, that do what they like for ten minutes each, and are told the truth at every step
	@WAXWING_CLIENTS_SECONDS=300 tools/test.sh _random:: -- --nocapture

synced: ## mbsync and Thunderbird twice over 10,000 messages: the second time nothing changes
	@WAXWING_SYNCED=10000 tools/test.sh changes_nothing_the_second_time

corpus: ## every message of CORPUS=DIR in by SMTP, out by IMAP and POP3, byte for byte
	@WAXWING_CORPUS_ALL=1 WAXWING_CORPUS="$(CORPUS)" tools/test.sh corpus::

spf: ## the published suite of RFC 7208 through SMTP; SUITE names its file, rfc7208-tests.yml
	@WAXWING_SPF_SUITE="$(SUITE)" tools/test.sh spf::

swaps: ## 200 swaps of the policy under load from 20 sessions
	@WAXWING_SWAPS=200 tools/test.sh reload::

chaos: ## ten minutes of a plugin made of chance, which must break nothing but itself
	@WAXWING_CHAOS=600 cargo test -p waxwing-policy --locked --test policy chaos::

slow: ## 10,000 peers that are in the middle of something, and what the others feel of them
	@ulimit -n 24000 2>/dev/null || ulimit -n 20000; WAXWING_SLOW=10000 tools/test.sh slow:: -- --nocapture

idle: ## 5,000 sessions that say nothing, in clear, under TLS and in IDLE, and what each of them costs
	@ulimit -n 20000 && WAXWING_IDLE=5000 tools/test.sh memory:: -- --nocapture

many: ## 1,000 swaps of a plugin under load, whose memory stays flat, and 500 plugins at once
	@WAXWING_POLICY_SWAPS=1000 WAXWING_POLICY_PLUGINS=500 cargo test --workspace --locked --test policy -- many:: swaps:: --nocapture --test-threads 1
	@WAXWING_POLICY_PLUGINS=500 tools/test.sh --test suite -- many:: --nocapture
