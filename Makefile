# SPDX-License-Identifier: Apache-2.0
# `make demo` and `make test` do all the set-up on a fresh Debian 12 with the Swift toolchain.

SWIFT ?= swift
BUILD = $(SWIFT) build -c release
PACKAGES = libavformat-dev libavcodec-dev libswscale-dev libswresample-dev libavutil-dev libcairo2-dev \
	fonts-dejavu-core libsqlite3-dev libssl-dev libv4l-dev libpulse-dev libmosquitto-dev ffmpeg pkg-config python3 python3-venv \
	pulseaudio pulseaudio-utils pipewire pipewire-pulse wireplumber gcc make mosquitto mosquitto-clients openssl systemd python3-jinja2 python3-jsonschema mmdebstrap xz-utils libtorch-dev libopenblas0-openmp libgloo-dev \
	libespeak-ng-dev espeak-ng-data
PYTHON = .venv/bin/python3
DATA = $(if $(FWOC_SHARED_DATA),$(FWOC_SHARED_DATA),$(wildcard ../shared/data))
MODELS = $(if $(FWOC_REFERENCE_MODELS),$(FWOC_REFERENCE_MODELS),$(wildcard ../shared/teachers))

# Where `make install` puts things; DESTDIR stages them for a package.
PREFIX ?= /usr/local
DESTDIR ?=
UNITDIR ?= $(if $(filter /usr,$(PREFIX)),/usr/lib/systemd,/etc/systemd)
SYSUSERSDIR ?= $(if $(filter /usr,$(PREFIX)),/usr/lib/sysusers.d,/etc/sysusers.d)
TMPFILESDIR ?= $(if $(filter /usr,$(PREFIX)),/usr/lib/tmpfiles.d,/etc/tmpfiles.d)
SYSTEMD_VERSION ?= $(shell systemctl --version 2>/dev/null | awk 'NR == 1 {print $$2}')
# Built with `swift build -c release --static-swift-stdlib` it needs no Swift on the machine it runs on.
PROGRAM ?= .build/release/fwoc-agent
SHARE = $(DESTDIR)$(PREFIX)/share/fwoc
UNITS = system/fwoc-agent.service system/fwoc-agent@.service user/fwoc-agent.service

.PHONY: setup build demo test bench bench-training study clean install uninstall

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

# Two people who do not exist talk, the picture is lost for a while and then the sound: renders them, enrols them from two other clips, replays, and says how
# right the events were. With CLIP=talk.mp4: recognises the first speaker of that clip.
SCENES = models/synthesis/scenes
AGENT = .build/release/fwoc-agent
demo: build
	@mkdir -p out && rm -f out/demo.sqlite*
ifdef CLIP
	$(AGENT) enroll "First speaker" --clip $(CLIP) --face speaking --gallery out/demo.sqlite --bundle edge
	$(AGENT) replay $(CLIP) --gallery out/demo.sqlite --bundle edge --annotate out/demo.mp4
	@echo "look at out/demo.mp4"
else
	$(BUILD) --product fwoc-synth
	for clip in anna ben two-people; do .build/release/fwoc-synth $(SCENES)/$$clip.yaml -o out/$$clip.mp4 || exit 1; done
	$(AGENT) enroll Anna --clip out/anna.mp4 --gallery out/demo.sqlite --bundle edge
	$(AGENT) enroll Ben --clip out/ben.mp4 --gallery out/demo.sqlite --bundle edge
	$(AGENT) replay out/two-people.mp4 --gallery out/demo.sqlite --bundle edge --observations --sync --events out/two-people.events.jsonl --annotate out/demo.mp4
	@cat out/two-people.events.jsonl | grep -v observation | cut -c1-230
	$(AGENT) score out/two-people.events.jsonl out/two-people.truth.json --svg out/demo.svg
	@echo "look at out/demo.mp4, and at out/demo.svg: truth against events"
endif

# Everything is built optimised once: the tests run networks. What listens to real devices, servers and brokers runs by itself afterwards.
DEVICES = CaptureTests\.|PublishingTests\.|\.Live
test: setup
	$(SWIFT) build -c release --build-tests
	SWIFT=$(SWIFT) Tests/run '$(DEVICES)'

.venv: Benchmarks/requirements.txt
	python3 -m venv .venv && .venv/bin/pip install -q -r Benchmarks/requirements.txt
	@touch .venv

bench: build .venv
	@if [ -z "$(MODELS)" ] || [ -z "$(DATA)" ]; then echo "bench: set FWOC_REFERENCE_MODELS and FWOC_SHARED_DATA" >&2; exit 1; fi
	FWOC_REFERENCE_MODELS=$(MODELS) FWOC_SHARED_DATA=$(DATA) Benchmarks/run $(PYTHON)

# Training speed beside PyTorch's own, in a Python environment with it (about 1 GB).
.venv-training: Benchmarks/requirements-training.txt
	python3 -m venv .venv-training && .venv-training/bin/pip install -q -r Benchmarks/requirements-training.txt
	@touch .venv-training

bench-training: setup .venv-training
	$(BUILD) --product training-bench
	.venv-training/bin/python3 Benchmarks/training.py --bench .build/release/training-bench

# The fusion study: fusers and losses on public data; ends with models/study/*/report.html.
study: setup
	$(BUILD) --product fwoc-train
	@if [ -z "$(MODELS)" ] || [ -z "$(DATA)" ]; then echo "study: set FWOC_REFERENCE_MODELS and FWOC_SHARED_DATA" >&2; exit 1; fi
	models/study/run $(abspath $(DATA)) $(abspath $(MODELS))

# Root's part alone: it builds nothing. Paths in the units follow PREFIX.
install:
	@test -x $(PROGRAM) || { echo "install: there is no $(PROGRAM); run make build first, or name the program with PROGRAM=" >&2; exit 1; }
	install -D -m 755 $(PROGRAM) $(DESTDIR)$(PREFIX)/bin/fwoc-agent
	install -d $(SHARE)/firmware-profiles $(SHARE)/schemas $(SHARE)/models/reference $(SHARE)/models/edge
	install -m 644 firmware-profiles/*.yaml firmware-profiles/profile.schema.json $(SHARE)/firmware-profiles
	install -m 644 Sources/Publishing/Schemas/*.json $(SHARE)/schemas
	install -m 644 models/reference/bundle.yaml $(SHARE)/models/reference
	install -m 644 models/edge/bundle.yaml models/edge/README.md models/edge/*.onnx $(SHARE)/models/edge
	install -m 644 systemd/agent.example.yaml $(SHARE)/agent.example.yaml
	install -d $(DESTDIR)$(UNITDIR)/system $(DESTDIR)$(UNITDIR)/user
	@set -e; for unit in $(UNITS); do \
		sed -e 's|/usr/bin/fwoc-agent|$(PREFIX)/bin/fwoc-agent|; s|/usr/share/fwoc|$(PREFIX)/share/fwoc|g' systemd/$${unit#system/} \
			> $(DESTDIR)$(UNITDIR)/$$unit; chmod 644 $(DESTDIR)$(UNITDIR)/$$unit; \
		if [ "$(SYSTEMD_VERSION)" -ge 253 ] 2>/dev/null; then \
			install -D -m 644 systemd/notify-reload.conf $(DESTDIR)$(UNITDIR)/$$unit.d/notify-reload.conf; fi; \
	done
	install -D -m 644 systemd/sysusers.d/fwoc.conf $(DESTDIR)$(SYSUSERSDIR)/fwoc.conf
	install -D -m 644 systemd/tmpfiles.d/fwoc.conf $(DESTDIR)$(TMPFILESDIR)/fwoc.conf
	@if [ -z "$(DESTDIR)" ] && [ -d /run/systemd/system ]; then \
		systemd-sysusers $(SYSUSERSDIR)/fwoc.conf && systemd-tmpfiles --create $(TMPFILESDIR)/fwoc.conf && systemctl daemon-reload; \
	else echo "install: then, on the machine itself: systemd-sysusers && systemd-tmpfiles --create && systemctl daemon-reload"; fi

# Leaves /etc/fwoc and /var/lib/fwoc, which are not ours.
uninstall:
	rm -f $(DESTDIR)$(PREFIX)/bin/fwoc-agent $(DESTDIR)$(SYSUSERSDIR)/fwoc.conf $(DESTDIR)$(TMPFILESDIR)/fwoc.conf
	rm -rf $(SHARE)
	@for unit in $(UNITS); do rm -f $(DESTDIR)$(UNITDIR)/$$unit $(DESTDIR)$(UNITDIR)/$$unit.d/notify-reload.conf; \
		rmdir $(DESTDIR)$(UNITDIR)/$$unit.d 2>/dev/null; done; true
	@if [ -z "$(DESTDIR)" ] && [ -d /run/systemd/system ]; then systemctl daemon-reload; fi

clean:
	rm -rf .build out
