# make demo    the whole of certfleet on a throwaway fleet, on this machine
# make test    every test; one of them: swift test --filter NAME
# make libssh2  Debian 13's libssh2 in .build/libssh2, to run on (LD_LIBRARY_PATH)
# make bench   certfleet beside its peers: ratios, also in .build/bench.json
# make lint    style of Swift and shell
# make         a release build: .build/release/certfleet
# make install to $(PREFIX)/bin; make uninstall takes it away again

PREFIX ?= /usr/local
# Swift's runtime is part of the program: it starts faster, takes less memory and runs where no Swift is installed. By lld,
# because the linker that is taken otherwise warns of a function that Foundation has and nobody here calls.
# Its relocations are packed and functions with the same code are one (ld.lld(1)): a megabyte less of each, also in memory.
RELEASE = CERTFLEET_COMMIT=$(shell git describe --always --dirty 2>/dev/null) swift build -c release --static-swift-stdlib -Xswiftc -Xclang-linker -Xswiftc -fuse-ld=lld -Xlinker -z -Xlinker pack-relative-relocs -Xlinker --icf=safe
# In the order in which AgentScript joins them.
AGENT_PARTS = $(shell sed -n 's|^ *PackageResources\.\([a-z]*\)_sh,$$|Agents/agent/\1.sh|p' Agents/AgentScript.swift)
SWIFT_SOURCES = Package.swift Sources Tests Agents

.PHONY: release install uninstall demo test bench libssh2 lint format

release: packages-build
	$(RELEASE) --product certfleet

# Where each shell looks for what completes a program's words.
COMPLETIONS = bash:bash-completion/completions/certfleet zsh:zsh/site-functions/_certfleet fish:fish/vendor_completions.d/certfleet.fish

install: release
	install -D -s -m 755 .build/release/certfleet $(DESTDIR)$(PREFIX)/bin/certfleet
	for shell in $(COMPLETIONS); do \
	  .build/release/certfleet completion $${shell%%:*} | install -D -m 644 /dev/stdin $(DESTDIR)$(PREFIX)/share/$${shell#*:}; \
	done
	for page in $$(.build/release/certfleet manual); do \
	  .build/release/certfleet manual $$page | install -D -m 644 /dev/stdin $(DESTDIR)$(PREFIX)/share/man/man$${page##*.}/$$page; \
	done
	.build/release/certfleet schema | install -D -m 644 /dev/stdin $(DESTDIR)$(PREFIX)/share/certfleet/inventory.schema.json

# The state stays: it has the private keys.
uninstall:
	rm -f $(DESTDIR)$(PREFIX)/bin/certfleet $(foreach shell,$(COMPLETIONS),$(DESTDIR)$(PREFIX)/share/$(lastword $(subst :, ,$(shell)))) $(DESTDIR)$(PREFIX)/share/man/man[15]/certfleet*.[15]
	rm -rf $(DESTDIR)$(PREFIX)/share/certfleet

demo: packages-demo
	swift build --quiet
	.build/debug/certfleet-demo

# Most tests wait for real servers; more of them at once only make each other miss their deadlines.
test: packages-test
	swift test --experimental-maximum-parallelization-width 16

libssh2:
	.ci/libssh2

bench: packages-bench release
	$(RELEASE) --product certfleet-bench-raw
	$(RELEASE) --product certfleet-bench-tls
	$(RELEASE) --product certfleet-bench
	.build/release/certfleet-bench

lint: packages-lint
	swift format lint --strict --recursive $(SWIFT_SOURCES)
	shellcheck -s sh Agents/*.sh Agents/hooks/*.sh .ci/packages .ci/links .ci/libssh2 .ci/pictures .ci/run
	cat $(AGENT_PARTS) Agents/agent/discover.sh | shellcheck -s sh -
	@! grep -n '<<' $(AGENT_PARTS) || { echo 'a here-document would lose its indentation on the wire'; exit 1; }
	.ci/links
	@! wc -l Agents/agent/*.sh | grep -v total | awk '$$1 > 300' | grep . || { echo 'a part of the agent is longer than 300 lines'; exit 1; }

format:
	swift format format --in-place --recursive $(SWIFT_SOURCES)

packages-%:
	@.ci/packages $*
