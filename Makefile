# What a person or CI runs. The logic lives in scripts/ and in the program; `make help` lists the targets.

GO      ?= go
BIN     := $(CURDIR)/bin

# As the programs are built: with cgo on, the tests would have every package compiled a second time, and linked by ld.
export CGO_ENABLED = 0

.DEFAULT_GOAL := help
.PHONY: help setup build demo test mutate lint bench generate check-generated clean

help: ## Show this list.
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: ## Install what is missing on this machine (Debian, Ubuntu).
	@scripts/setup.sh

build: ## Build eventrig and its helpers into bin/.
	@scripts/build.sh $(BIN)

demo: setup build ## Boot a rig, run the smoke scenarios, print the verdict.
	@$(BIN)/eventrig test --timeline --artifacts artifacts

test: setup build ## Unit, integration and end-to-end tests.
	@scripts/test.sh

mutate: build ## Change the manifests one thing at a time: does a scenario notice (long).
	@$(BIN)/eventrig mutate --tier embedded $(MUTATE)

lint: ## go vet, staticcheck, gofmt, shellcheck.
	@scripts/lint.sh

bench: build ## Boot, latency and memory as JSON.
	@$(BIN)/eventrig bench boot

generate: ## Write generated files anew.
	@$(GO) generate ./...

check-generated: generate ## Fail when a generated file is not current.
	@git diff --exit-code --stat -- docs

clean: ## Remove what a build leaves in this folder.
	@rm -rf $(BIN) artifacts
