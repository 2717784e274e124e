# Recert. 'make' alone lists what there is.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

GO      ?= go
PG      := cmd/recert/testdata/pg.sh
SOURCES := $(wildcard cmd web views static model campaigns migrations)
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)

# The whole-application and browser tests run by themselves, after the others: a busy machine makes a browser slow.
WHOLE := ./cmd/recert
PARTS  = $$($(GO) list ./... | grep -v -e '/cmd/recert$$' -e '/campaigns/remediate$$')

.PHONY: help
help: ## List these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: build
build: ## Build bin/recert and bin/recert-verify, static, without C
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags '-s -w -X main.version=$(VERSION)' -o bin/ ./cmd/...

.PHONY: demo
demo: ## Run a whole small company on http://127.0.0.1:8080
	$(GO) run ./cmd/recert demo

.PHONY: dev
dev: ## Run the demo on kept data, again after every change, on http://127.0.0.1:7331
	@mkdir -p bin/dev
	$(GO) tool templ generate --watch --proxy=http://127.0.0.1:8080 --open-browser=false \
		--cmd='$(GO) run ./cmd/recert demo --listen 127.0.0.1:8080 --data bin/dev'

.PHONY: generate
generate: ## Format the templates and generate Go from them
	$(GO) tool templ fmt $(wildcard views)
	$(GO) tool templ generate

.PHONY: test
test: deps check-generated check-format lint ## Everything the build server checks; installs what that needs
	@echo '== test'
	@$(PG) run $(MAKE) test-go

# Tests over whole corpora, of every way to break a database, and of processes that are killed: the race
# detector would make them most of the time of all, and the same code runs under it in smaller tests.
CORPORA = ^(TestKubernetes|TestHPLabs|TestKilled|TestDoctor)$$

# What several workers do at once. RECERT_CRASH_REMOVALS=1500 is the whole of TestKilled.
SIDE = ^(TestTwoWorkers|TestLateWorker|TestRun|TestBreakerShared|TestConcurrencyShared|TestTicketWorkers)$$

# SQLite translated to Go works on memory of its own, which the race detector does not watch: to instrument it
# only costs. What calls it is watched.
RACE = -race '-gcflags=modernc.org/sqlite/lib=-race=false'

# Tests wait for databases to be made and for disks more than they compute.
AT_ONCE = -parallel 5

# With a PostgreSQL server at hand. The last lines are those of 'go test'.
.PHONY: test-go
test-go:
	@$(GO) test $(RACE) -timeout 40m $(AT_ONCE) -skip '$(CORPORA)' $(PARTS)
	@echo '== test removals: all of them, and what runs side by side under the race detector'
	@$(GO) test -timeout 20m $(AT_ONCE) -skip '$(CORPORA)' ./campaigns/remediate
	@$(GO) test $(RACE) -timeout 20m -run '$(SIDE)' ./campaigns/remediate
	@echo '== test every byte of a package, and whole corpora, without the race detector'
	@$(GO) test -timeout 20m ./campaigns/evidence/verify
	@RECERT_CRASH_REMOVALS=$${RECERT_CRASH_REMOVALS:-400} $(GO) test -timeout 20m -run '$(CORPORA)' ./campaigns ./campaigns/evidence ./campaigns/ingest ./campaigns/remediate
	@echo '== test the whole, in a browser'
	@$(GO) test $(RACE) -timeout 40m $(WHOLE)

.PHONY: deps
deps: ## Install what the tests need: PostgreSQL, Chromium, OpenLDAP, Node.js, npm packages
	@echo '== deps'
	@cmd/recert/testdata/deps.sh

.PHONY: lint
lint: ## Lint, with what 'go vet' finds among it
	@echo '== lint (the first run compiles the linter, which takes minutes)'
	@$(GO) tool golangci-lint run

.PHONY: bench
bench: deps ## Measure speed and size against the targets
	@$(PG) run $(GO) test -run '^$$' -bench . -benchmem -timeout 60m ./...

.PHONY: pg
pg: ## Start PostgreSQL for 'go test' by hand; pg-stop ends it
	@$(PG) start >/dev/null
	@echo "PostgreSQL runs, and 'go test' finds it."

.PHONY: pg-stop
pg-stop:
	@$(PG) stop

.PHONY: clean
clean: ## Remove what was built or installed in here
	rm -rf bin cover.out cmd/recert/testdata/npm/node_modules

# The generated files as they are, to be compared with what generating makes of them.
GENERATED = find $(wildcard views) -name '*_templ.go' -print0 | sort -z | xargs -0 --no-run-if-empty sha256sum

.PHONY: check-generated
check-generated:
	@echo '== check generated files'
	@before=$$($(GENERATED)); \
	$(GO) tool templ generate -log-level warn; \
	after=$$($(GENERATED)); \
	stale=$$(diff <(echo "$$before") <(echo "$$after") | awk '/^[<>]/ { print $$3 }' | sort -u); \
	if [ -n "$$stale" ]; then echo "Generated files were out of date (run 'make generate' and commit):" >&2; echo "$$stale" >&2; exit 1; fi
	@$(GO) tool templ fmt -log-level warn -fail $(wildcard views) || { echo "Templates are not formatted: run 'make generate' and commit." >&2; exit 1; }

.PHONY: check-format
check-format:
	@echo '== check format and modules'
	@unformatted=$$(gofmt -l $(SOURCES)); \
	if [ -n "$$unformatted" ]; then echo "Not formatted (run 'gofmt -w' on them):" >&2; echo "$$unformatted" >&2; exit 1; fi
	@$(GO) mod tidy -diff 2> >(grep -v '^go: downloading' >&2) || { echo "go.mod is not tidy: run 'go mod tidy'." >&2; exit 1; }
