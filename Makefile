# SPDX-License-Identifier: Apache-2.0
# `make demo` and `make test` do all the set-up on a fresh Debian 12 with the Swift toolchain.

SWIFT ?= swift
BUILD = $(SWIFT) build -c release
PACKAGES = libavformat-dev libavcodec-dev libswscale-dev libswresample-dev libavutil-dev libcairo2-dev \
	fonts-dejavu-core libsqlite3-dev libssl-dev libv4l-dev libpulse-dev libmosquitto-dev ffmpeg pkg-config python3 python3-venv \
	pulseaudio pulseaudio-utils mosquitto mosquitto-clients openssl systemd python3-jinja2 python3-jsonschema
PYTHON = .venv/bin/python3
DATA = $(if $(FWOC_SHARED_DATA),$(FWOC_SHARED_DATA),$(wildcard ../shared/data))
MODELS = $(if $(FWOC_REFERENCE_MODELS),$(FWOC_REFERENCE_MODELS),$(wildcard ../shared/teachers))
CLIP ?= $(firstword $(wildcard $(DATA)/clips-wild/visualvoice-interview.mp4))

.PHONY: setup build demo test bench clean

# Installs what is missing and says so where it cannot.
setup:
	@missing=""; for package in $(PACKAGES); do \
		dpkg-query -W -f='$${Status}' $$package 2>/dev/null | grep -q "install ok installed" || missing="$$missing $$package"; done; \
	if [ -z "$$missing" ]; then exit 0; fi; \
	echo "installing:$$missing"; \
	if [ "$$(id -u)" = 0 ]; then run=""; elif command -v sudo >/dev/null; then run=sudo; else \
		echo "setup: not root and no sudo; install these Debian packages yourself:$$missing" >&2; exit 1; fi; \
	{ $$run apt-get update -q && $$run env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends $$missing; } || { \
		echo "setup: apt-get could not install:$$missing" >&2; exit 1; }
	@command -v $(SWIFT) >/dev/null || { echo "setup: no swift found; install the Swift 6.3 toolchain from swift.org" >&2; exit 1; }

build: setup
	$(BUILD) --product fwoc-agent

# Recognises the people of a clip and draws the answer on it.
demo: build
	@if [ -z "$(MODELS)" ]; then echo "demo: the reference models are needed, until this project has its own; set FWOC_REFERENCE_MODELS to their folder" >&2; exit 1; fi
	@if [ -z "$(CLIP)" ]; then echo "demo: name a clip: make demo CLIP=talk.mp4" >&2; exit 1; fi
	@mkdir -p out && rm -f out/demo.sqlite*
	.build/release/fwoc-agent enroll "First speaker" --clip $(CLIP) --face speaking --gallery out/demo.sqlite --reference-models $(MODELS)
	.build/release/fwoc-agent replay $(CLIP) --gallery out/demo.sqlite --reference-models $(MODELS) --annotate out/demo.mp4
	@echo "look at out/demo.mp4"

# Everything is built optimised once: the tests run networks.
test: setup
	$(SWIFT) test -c release

.venv: Benchmarks/requirements.txt
	python3 -m venv .venv && .venv/bin/pip install -q -r Benchmarks/requirements.txt
	@touch .venv

bench: build .venv
	@if [ -z "$(MODELS)" ] || [ -z "$(DATA)" ]; then echo "bench: set FWOC_REFERENCE_MODELS and FWOC_SHARED_DATA" >&2; exit 1; fi
	FWOC_REFERENCE_MODELS=$(MODELS) FWOC_SHARED_DATA=$(DATA) Benchmarks/run $(PYTHON)

clean:
	rm -rf .build out
