# make demo    the whole of certfleet on a throwaway fleet, on this machine; DEMO_CONTROLLERS=3 make demo: three controllers, one killed
# make test    every test; some of them: make test ONLY=NAME
# make libssh2  Debian 13's libssh2 in .build/libssh2, to run on (LD_LIBRARY_PATH)
# make bench   certfleet beside its peers: ratios, also in .build/bench.json
# make lint    style of Swift and shell
# make deb     a Debian package: .build/deb/certfleet_VERSION_ARCH.deb; make tarball: the same files for other systems
# make         a release build: .build/release/certfleet
# make install to $(PREFIX)/bin; make uninstall takes it away again

PREFIX ?= /usr/local
# Several controllers on PostgreSQL, where libpq's headers are (libpq-dev).
TRAITS = $(shell pkg-config --exists libpq 2>/dev/null && echo --traits PostgreSQL)
# Swift's runtime is part of the program: it starts faster, takes less memory and runs where no Swift is installed. By lld,
# because the linker that is taken otherwise warns of a function that Foundation has and nobody here calls.
# Its relocations are packed and functions with the same code are one (ld.lld(1)): a megabyte less of each, also in memory.
RELEASE = CERTFLEET_COMMIT=$(shell git describe --always --dirty 2>/dev/null) swift build -c release $(TRAITS) --static-swift-stdlib -Xswiftc -Xclang-linker -Xswiftc -fuse-ld=lld -Xlinker -z -Xlinker pack-relative-relocs -Xlinker --icf=safe -Xlinker --no-export-dynamic
# In the order in which AgentScript joins them.
AGENT_PARTS = $(shell sed -n 's|^ *PackageResources\.\([a-z]*\)_sh,$$|Agents/agent/\1.sh|p' Agents/AgentScript.swift)
SWIFT_SOURCES = Package.swift Sources Tests Agents

.PHONY: release install uninstall deb tarball demo test bench libssh2 lint format

release: packages-build
	$(RELEASE) --product certfleet

# Where each shell looks for what completes a program's words.
COMPLETIONS = bash:bash-completion/completions/certfleet zsh:zsh/site-functions/_certfleet fish:fish/vendor_completions.d/certfleet.fish
# Who has the state (sysusers.d(5)), and where it is (tmpfiles.d(5)).
SYSTEMD = certfleet.service:systemd/system/certfleet.service certfleet-failure.service:systemd/system/certfleet-failure.service certfleet.timer:systemd/system/certfleet.timer certfleet.sysusers:sysusers.d/certfleet.conf certfleet.tmpfiles:tmpfiles.d/certfleet.conf
# The same service for a controller that stays, in the place of the timer.
SERVE = -e 's|^Description=.*|Description=Renew certificates and roll them out whenever something is due|' -e 's|certfleet run|certfleet serve|' \
  -e 's|^Type=oneshot|Type=exec\nRestart=on-failure\nRestartSec=10|' -e '/^\# 2: hosts/,/^SuccessExitStatus/d' \
  -e 's|^OnFailure=.*|&\nConflicts=certfleet.timer certfleet.service|' -e 's|^\# Started by certfleet.timer\.|\# In the place of certfleet.timer.|'
PROGRAM = .build/release/certfleet
INTO = $(DESTDIR)$(PREFIX)

install: release
	install -D -s -m 755 $(PROGRAM) $(INTO)/bin/certfleet
	for shell in $(COMPLETIONS); do \
	  $(PROGRAM) completion $${shell%%:*} | install -D -m 644 /dev/stdin $(INTO)/share/$${shell#*:}; \
	done
	for page in $$($(PROGRAM) manual); do \
	  $(PROGRAM) manual $$page | install -D -m 644 /dev/stdin $(INTO)/share/man/man$${page##*.}/$$page; \
	done
	$(PROGRAM) schema | install -D -m 644 /dev/stdin $(INTO)/share/certfleet/inventory.schema.json
	install -D -m 644 inventory/example.json5 $(INTO)/share/certfleet/example.json5
	for file in $(SYSTEMD); do \
	  sed 's|/usr/local/|$(PREFIX)/|' Agents/systemd/$${file%%:*} | install -D -m 644 /dev/stdin $(INTO)/lib/$${file#*:}; \
	done
	{ sed -e 's|/usr/local/|$(PREFIX)/|' $(SERVE) Agents/systemd/certfleet.service; printf '\n[Install]\nWantedBy=multi-user.target\n'; } | \
	  install -D -m 644 /dev/stdin $(INTO)/lib/systemd/system/certfleet-serve.service

# The state stays: it has the private keys. So do its user and the inventory.
uninstall:
	rm -f $(INTO)/bin/certfleet $(foreach shell,$(COMPLETIONS),$(INTO)/share/$(lastword $(subst :, ,$(shell)))) \
	  $(foreach file,$(SYSTEMD),$(INTO)/lib/$(lastword $(subst :, ,$(file)))) $(INTO)/lib/systemd/system/certfleet-serve.service $(INTO)/share/man/man[15]/certfleet*.[15]
	rm -rf $(INTO)/share/certfleet

# For other systems: tar -C / -xzf FILE, then systemd-sysusers and systemd-tmpfiles --create.
tarball: release
	rm -rf .build/tarball
	$(MAKE) -o release install DESTDIR=.build/tarball
	tar --owner=0 --group=0 -C .build/tarball -czf .build/certfleet-$(shell uname -m).tar.gz .
	rm -rf .build/tarball

deb: packages-deb
	.packaging/build

demo: packages-demo
	swift build --quiet $(TRAITS)
	.build/debug/certfleet-demo

# Most tests wait for real servers; more of them at once only make each other miss their deadlines.
test: packages-test
# What failed is told once more at the end: it is lost among a thousand lines otherwise.
	@rm -f .build/tests-swift-testing.xml
	swift test $(TRAITS) $(if $(ONLY),--filter '$(ONLY)') --experimental-maximum-parallelization-width 16 --xunit-output .build/tests.xml || \
	  { grep -B 1 '<failure' .build/tests-swift-testing.xml; exit 1; }

libssh2:
	.ci/libssh2

bench: packages-bench release
	$(RELEASE) --product certfleet-bench-raw
	$(RELEASE) --product certfleet-bench-tls
	$(RELEASE) --product certfleet-bench
	.build/release/certfleet-bench

lint: packages-lint
	swift format lint --strict --recursive $(SWIFT_SOURCES)
	shellcheck -s sh Agents/*.sh Agents/hooks/*.sh .ci/packages .ci/links .ci/libssh2 .ci/pictures .ci/run .packaging/build .packaging/debian/postrm
	cat $(AGENT_PARTS) Agents/agent/discover.sh | shellcheck -s sh -
	@! grep -n '<<' $(AGENT_PARTS) || { echo 'a here-document would lose its indentation on the wire'; exit 1; }
	.ci/links
	@! wc -l Agents/agent/*.sh | grep -v total | awk '$$1 > 300' | grep . || { echo 'a part of the agent is longer than 300 lines'; exit 1; }

format:
	swift format format --in-place --recursive $(SWIFT_SOURCES)

packages-%:
	@.ci/packages $*
