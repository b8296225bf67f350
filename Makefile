# Why this file exists: every task has one name here. `make help` lists them; `make run` and `make test` need nothing before.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.ONESHELL:
MAKEFLAGS += --no-print-directory
.DEFAULT_GOAL := help

CONFIG  ?= config/gateway.yaml
# The narrow form of `make test`: a suite, a test or a regular expression over both.
ONE     ?=
# Simulated worlds: how many, and the first seed. SEED= runs that one alone, HOUR=1 an hour of traffic.
N       ?= 1000
FROM    ?= 1
SEED    ?=
WITHOUT ?=
HOUR    ?=
# Puts the seeds that were found into the table of planted mistakes.
WRITE   ?=
# Seconds for each fuzz target.
SECONDS_EACH ?= 60
# Seconds of load in each scenario of the fault suite; 3 is about 5 minutes in all.
FAULTS_SECONDS ?= 3
# What `make sanitize` runs the suite under.
SANITIZERS ?= address thread
RELEASE := .build/release/gateway

# With the Swift libraries inside, the binary runs on a machine without Swift, starts in 6 ms instead of 10 and takes 3 MB
# less memory; the price is 15 instructions a request and a file of 32 MB.
# Optimised once more as a whole when it is linked: 770 instructions a request less, because functions of other rooms are put
# in place without being marked for it.
RELEASE_FLAGS := -c release --product gateway --static-swift-stdlib --experimental-lto-mode full
# Own build folders, because a build with other flags in the same one would compile everything again each time.
CHECK_FLAGS := --scratch-path .build-check --explicit-target-dependency-import-check error

say = @printf '\033[1m==> %s\033[0m\n'

.PHONY: help run build test check tidy scenarios page sanitize faults sim mutations fuzz bench vendor prepare docs clean

help: ## list the targets (the default)
	@echo 'gateway: an HTTP gateway. Targets:'
	sed -n 's/^\([a-z]*\):[^#]*## /\1\t/p' $(MAKEFILE_LIST) | while IFS=$$'\t' read -r name what; do
	  printf '  make %-10s %s\n' "$$name" "$$what"
	done

run: build ## build, then start three demo backends and the gateway before them (CONFIG=file)
	@exec $(RELEASE) demo --config $(CONFIG)

build: prepare ## build .build/release/gateway, the optimised and self-contained binary
	$(say) 'building $(RELEASE) (the first time takes some minutes)'
	swift build $(RELEASE_FLAGS)
	@# What gateway simulate starts lies beside it.
	swift build $(subst --product gateway,--product gateway-simulate,$(RELEASE_FLAGS))

test: prepare ## build and run the whole test suite (ONE=name for a part of it)
	$(say) 'building and running the tests (the first time takes some minutes)'
	swift test $(if $(ONE),--filter '$(ONE)')

check: prepare ## quick verdict before a commit: debug build, warnings and undeclared imports as errors, house rules
	$(say) 'compiling with warnings and undeclared imports as errors'
	export GATEWAY_WARNINGS=error
	swift build --build-tests $(CHECK_FLAGS)
	swift test --skip-build $(CHECK_FLAGS) --filter TidyTests

tidy: prepare ## the house rules alone: imports, lengths, banned names
	@swift test --filter TidyTests

scenarios: build ## the scenario tests against the release binary (ONE=name for a part of them)
	$(say) 'scenarios against $(RELEASE)'
	GATEWAY_BINARY=$(CURDIR)/$(RELEASE) swift test --filter 'ScenarioTests$(if $(ONE),.*$(ONE))'

page: build ## the page of the admin listener in a real browser (Debian's chromium)
	$(say) 'the page in a browser'
	@Tests/Browser/check --gateway $(RELEASE)

sanitize: prepare ## the test suite under the address and the thread sanitizer (SANITIZERS=address, ONE=name)
	@# Under the thread sanitizer the moment between the last accept and the close is long enough for a client to be
	@# reset in it; the kernel has no way to refuse first. The test holds in the plain and the address run.
	skip=
	for sanitizer in $(SANITIZERS); do
	  [ $$sanitizer != thread ] || skip="--skip clients.that.come.in.the.moment.of.stopping"
	  printf '\033[1m==> %s\033[0m\n' "the suite under the $$sanitizer sanitizer"
	  ASAN_OPTIONS=detect_leaks=0 TSAN_OPTIONS=suppressions=$(CURDIR)/Tests/thread-sanitizer.suppressions \
	    swift test --sanitize=$$sanitizer --scratch-path .build-$$sanitizer $$skip $(if $(ONE),--filter '$(ONE)')
	done

faults: build ## the release binary while backends, clients and the system do their worst (FAULTS_SECONDS=, ONE=)
	@vendor/prepare slowhttptest gcc libc6-dev
	Tests/Faults/run --seconds $(FAULTS_SECONDS) --one '$(ONE)' $(FAULTS)

sim: prepare ## worlds from seeds, simulated (N=worlds, FROM=seed); one and its smallest script (SEED=seed); HOUR=1
	@swift build -c release --product simulation --scratch-path .build-sim
	.build-sim/release/simulation $(if $(HOUR),--hour,$(if $(SEED),--seed $(SEED) --without '$(WITHOUT)',--from $(FROM) --count $(N)))

mutations: prepare ## what the simulation must find: known mistakes, planted one by one (ONE=regex, WRITE=1)
	@Tests/Mutations/run --one '$(ONE)' $(if $(WRITE),--write)

fuzz: prepare ## each fuzz target for SECONDS_EACH seconds (60), from the committed seeds; see Tests/Fuzz/README.md
	@Tests/Fuzz/run $(SECONDS_EACH)

bench: build ## measure against nginx and HAProxy, print one table, write JSON (BENCH=--quick)
	@vendor/prepare nginx-light haproxy valgrind strace gcc libc6-dev binutils
	bench/run --json .build/bench.json $(BENCH)
	echo 'every value: .build/bench.json'

vendor: ## fetch the pinned llhttp source and verify it (LLHTTP_ARCHIVE=file works offline)
	@vendor/fetch

prepare: ## install what is missing for a build (Debian packages) and fetch llhttp
	@vendor/prepare

docs: prepare ## write docs/*.md and config/gateway.schema.json anew from the tables in the code
	@swift run gateway docs

clean: ## remove everything that was built
	rm -rf .build .build-*
