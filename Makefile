# newswire: build, test, install. `make help` lists the targets.

MODE    ?= release
CC      ?= cc
# Fuzzing is clang's alone.
ifeq ($(MODE)-$(origin CC),fuzz-default)
CC      := clang
endif
CFLAGS  ?= -O2 -g
VERSION := 0.1.0
# The name of the shared library's interface; another when a program must be built anew for it.
ABI     := 0

# ---- where `make install` puts it, below DESTDIR

PREFIX  ?= /usr/local
LIBDIR  ?= $(PREFIX)/lib
UNITDIR ?= $(PREFIX)/lib/systemd/system
ZSHDIR  ?= $(PREFIX)/share/zsh/site-functions
DOCDIR  ?= $(PREFIX)/share/doc/newswire

# ---- modes: release, debug, asan, tsan, coverage, fuzz; a folder of objects each

B := build/$(MODE)
MODE_CFLAGS_release  :=
MODE_CFLAGS_debug    := -O0 -g3
MODE_CFLAGS_asan     := -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
MODE_CFLAGS_tsan     := -O1 -g -fsanitize=thread
MODE_CFLAGS_coverage := -O0 -g --coverage
MODE_CFLAGS_fuzz     := -O1 -g -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all \
	-fno-omit-frame-pointer
MODE_CFLAGS := $(MODE_CFLAGS_$(MODE))

# ---- libraries

# What the library for others needs; the programs need the rest as well.
LIB_PACKAGES  := libzmq libprotobuf-c inih jansson libxml-2.0 libsodium nettle
PACKAGES      := $(LIB_PACKAGES) libsystemd
TOOL_PACKAGES := sqlite3 libcurl libmicrohttpd
PKG_CFLAGS    = $(shell pkg-config --cflags $(PACKAGES))
TOOL_CFLAGS   = $(shell pkg-config --cflags $(TOOL_PACKAGES))
LIB_LIBS      = $(shell pkg-config --libs $(LIB_PACKAGES)) -lunistring
LIBS          = $(shell pkg-config --libs $(PACKAGES)) -lunistring
TOOL_LIBS     = $(shell pkg-config --libs $(TOOL_PACKAGES))

FLAGS = -std=gnu17 -D_GNU_SOURCE -DNEWSWIRE_VERSION='"$(VERSION)"' -I. -I$(B)/gen \
	-fPIC -pthread -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
	-Wformat=2 -Wpointer-arith -Wvla $(CPPFLAGS) $(CFLAGS) $(MODE_CFLAGS) $(WERROR)
COMPILE = $(CC) $(FLAGS) $(PKG_CFLAGS) $(TOOL_CFLAGS)
LINK    = $(CC) -Wl,--as-needed $(LDFLAGS) $(MODE_CFLAGS) -pthread

# ---- sources

PROTO_SRC  := $(sort $(wildcard proto/*.c proto/*/*.c))
DAEMON_SRC := $(sort $(filter-out daemon/main.c,$(wildcard daemon/*.c daemon/*/*.c)))
LIB_SRC    := $(sort $(wildcard clients/lib/*.c))
TOOL_SRC   := $(sort $(filter-out clients/lib/% clients/examples/%,$(wildcard clients/*/*.c)))
TOOLS      := $(patsubst clients/%.c,%,$(wildcard clients/newswire*.c))
TEST_SRC   := $(sort $(wildcard $(foreach d,proto daemon clients,tests/$(d)/*.c tests/$(d)/*/*.c)))
FUZZ_SRC   := $(sort $(wildcard tests/fuzz/*.c))
BENCH_SRC  := $(sort $(wildcard tests/bench/*.c))
SCRIPTS    := .ci/run tests/run tests/fuzz/run packaging/install-dependencies packaging/make-deb \
	packaging/demo/demo tests/bench/run tests/boot/run \
	$(wildcard tests/*/*.sh packaging/debian/*.config packaging/debian/*.p[or]*)
MANUALS    := $(wildcard proto/*.[1-8] daemon/*.[1-8] clients/*.[1-8])
C_FILES    := $(wildcard proto/*.[ch] proto/*/*.[ch] daemon/*.[ch] daemon/*/*.[ch] \
	clients/*.[ch] clients/*/*.[ch] tests/*/*.[ch] tests/*/*/*.[ch])

# What the daemon says to people, a file for each language.
LANGUAGES  := $(notdir $(basename $(wildcard daemon/po/*.po)))
mo          = $(B)/locale/$(1)/LC_MESSAGES/newswired.mo
MO_FILES   := $(foreach l,$(LANGUAGES),$(call mo,$(l)))

obj         = $(patsubst %.c,$(B)/%.o,$(1))
PROTO_LIB  := $(B)/libproto.a
DAEMON_LIB := $(B)/libdaemon.a
CLIENT_LIB := $(B)/libnewswire.a
# For others: they show nothing but newswire.h's names.
LIB_NAMES  := clients/lib/newswire.map
PUBLIC_LIB := $(B)/public/libnewswire.a
SHARED_LIB := $(B)/public/libnewswire.so.$(ABI)
PROGRAMS   := $(B)/newswired $(addprefix $(B)/,$(TOOLS))
BASH_COMPLETION := $(patsubst $(B)/%,$(B)/completion/bash/%,$(PROGRAMS))
ZSH_COMPLETION  := $(patsubst $(B)/%,$(B)/completion/zsh/_%,$(PROGRAMS))
UNIT_TESTS := $(patsubst %.c,$(B)/%,$(filter %_test.c,$(TEST_SRC)))
TEST_HELP  := $(call obj,$(filter-out %_test.c,$(TEST_SRC)))
FUZZERS    := $(patsubst %.c,$(B)/%,$(filter %_fuzz.c,$(FUZZ_SRC)))
FUZZ_HELP  := $(call obj,$(filter-out %_fuzz.c %/corpus_main.c,$(FUZZ_SRC)))
BENCHES    := $(patsubst %.c,$(B)/%,$(filter %_bench.c,$(BENCH_SRC)))
SYSTEM_TESTS := $(sort $(filter-out %lib.sh,$(wildcard tests/system/*.sh)) \
	$(filter-out %/lib.py,$(wildcard tests/interop/*.py)))

# ---- what people call

.PHONY: all pot translations tests check check-units check-system demo bench fuzz fuzzers lint format format-check \
	coverage install uninstall deb dist clean help build-dependencies test-dependencies fuzz-dependencies \
	lint-dependencies package-dependencies boot-dependencies FORCE
.SECONDARY:
.DELETE_ON_ERROR:

all: $(PROGRAMS) $(MO_FILES) $(BASH_COMPLETION) $(ZSH_COMPLETION) $(PUBLIC_LIB) $(SHARED_LIB) ## build the programs and the client libraries

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  \1\t\2/p' Makefile | expand -t 18

demo: build-dependencies ## set up, and show the main job; PAGE=file shows it on that page
	@$(MAKE) --no-print-directory -s all
	@packaging/demo/demo $(B) $(PAGE)

check: build-dependencies test-dependencies ## set up, and run every test; TESTS=... runs some
	@$(MAKE) --no-print-directory -s tests
	@tests/run $(B) $(or $(TESTS),$(UNIT_TESTS) $(FUZZERS) $(SYSTEM_TESTS))

check-units: $(UNIT_TESTS) ## build and run the unit tests; nothing is set up
	@tests/run $(B) $(UNIT_TESTS)

check-system: build-dependencies package-dependencies boot-dependencies ## boot a small system, and test the packages there
	@tests/boot/run build/boot

tests: all $(UNIT_TESTS) $(FUZZERS) $(BENCHES) ## build the tests and benchmarks, run nothing

bench: build-dependencies ## measure, with the machine's raw limits beside each figure
	@$(MAKE) --no-print-directory -s tests
	@tests/bench/run $(B)

fuzz: build-dependencies fuzz-dependencies ## feed hostile input to every parser; SECONDS=600 FUZZ=page: so long, that one
	@$(MAKE) --no-print-directory -s fuzzers MODE=fuzz
	@tests/fuzz/run build/fuzz $(or $(SECONDS),60) $(or $(FUZZ),$(patsubst %_fuzz,%,$(notdir $(FUZZERS))))

fuzzers: $(FUZZERS)

lint: lint-dependencies format-check ## static analysis of code, scripts, man pages, and the RPM spec
	cppcheck --quiet --error-exitcode=1 --std=c11 --enable=warning,portability,performance \
		--inline-suppr --suppress=missingIncludeSystem -j2 -I. \
		$(filter %.c,$(filter-out tests/%,$(C_FILES)))
	shellcheck $(SCRIPTS)
	rpmlint --strict -c packaging/rpmlint.toml packaging/newswire.spec
	$(if $(MANUALS),mandoc -Tlint -Wwarning $(MANUALS))

format-check:
	clang-format --dry-run -Werror $(C_FILES)

format: ## lay the code out anew
	clang-format -i $(C_FILES)

# The functions that take a sentence, and which argument it is.
SENTENCES := fault_set:3 fault_set_error:4 fault_at:3 fault_here:4 news_refuse:4 decline:3 refuse:2 \
	control_refuse:3 turn_down:3 failed:3 parsed_warn:3 warn:2 \
	translated:1
PLAIN_SENTENCES := N_:1 fault_say:3 bad:2 segment_damaged:3 cannot:3
POT ?= daemon/po/newswired.pot
pot:
	@xgettext --language=C --from-code=UTF-8 --no-location --sort-output --omit-header -k \
		$(SENTENCES:%=-k%) $(PLAIN_SENTENCES:%=-k%) $(SENTENCES:%=--flag=%:c-format) -o $(POT) \
		$(PROTO_SRC) $(DAEMON_SRC) daemon/main.c

translations: pot ## gather what the daemon says to people, for daemon/po/
	@for language in $(LANGUAGES); do \
		msgmerge --quiet --update --backup=none --no-fuzzy-matching daemon/po/$$language.po $(POT); done

coverage: ## run the tests and print which share of the lines they reach
	$(MAKE) check MODE=coverage
	@gcov -n -r $$(find build/coverage -name '*.gcda' ! -path '*/tests/*') 2>/dev/null | \
		awk '/^File/ { f = $$2 } /^Lines/ { print $$2, f }' | sort -u | grep -v pb-c

# One line for each file, MODE:TO:FROM; uninstall takes away what install put there.
# In x.in, which becomes x, the places are filled in.
place  = $(foreach f,$(3),$(1):$(2)/$(patsubst %.in,%,$(notdir $(f))):$(f))
PLACES = $(call place,755,$(PREFIX)/sbin,$(B)/newswired) \
	$(call place,755,$(PREFIX)/bin,$(addprefix $(B)/,$(TOOLS))) \
	$(foreach m,$(MANUALS),$(call place,644,$(PREFIX)/share/man/man$(patsubst .%,%,$(suffix $(m))),$(m))) \
	$(call place,644,$(PREFIX)/include,clients/lib/newswire.h) \
	$(call place,644,$(LIBDIR),$(PUBLIC_LIB) $(SHARED_LIB)) \
	$(call place,644,$(LIBDIR)/pkgconfig,packaging/newswire.pc.in) \
	$(call place,644,$(UNITDIR),$(wildcard packaging/systemd/*.in)) \
	$(call place,644,$(PREFIX)/lib/sysusers.d,packaging/sysusers/newswire.conf) \
	$(call place,644,$(PREFIX)/lib/systemd/catalog,$(wildcard packaging/journal/*.catalog)) \
	$(foreach l,$(LANGUAGES),$(call place,644,$(PREFIX)/share/locale/$(l)/LC_MESSAGES,$(call mo,$(l)))) \
	$(call place,644,$(PREFIX)/share/newswire,proto/newswire.proto) \
	$(call place,644,$(PREFIX)/share/bash-completion/completions,$(BASH_COMPLETION)) \
	$(call place,644,$(ZSHDIR),$(ZSH_COMPLETION)) \
	$(call place,644,$(PREFIX)/share/newswire/grafana,packaging/grafana/newswire.json) \
	$(call place,644,$(PREFIX)/share/newswire/prometheus,packaging/prometheus/newswire.rules.yml) \
	$(call place,644,$(DOCDIR),README.md packaging/CHANGELOG proto/PROTOCOL.md daemon/SECURITY.md) \
	$(call place,644,$(DOCDIR)/examples,daemon/newswired.conf clients/newswire-forward.conf \
		clients/newswire-alert.conf \
		$(wildcard packaging/demo/*.txt))
FILL_IN = sed 's|@PREFIX@|$(PREFIX)|; s|@LIBDIR@|$(LIBDIR)|; s|@VERSION@|$(VERSION)|; s|@PACKAGES@|$(LIB_PACKAGES)|'
for_each_place = printf '%s\n' $(PLACES) | while IFS=: read -r mode to from; do $(1) || exit 1; done

install: all ## install under DESTDIR and PREFIX
	@$(call for_each_place,install -D -m "$$mode" "$$from" "$(DESTDIR)$$to" && \
		case "$$from" in (*.in) $(FILL_IN) "$$from" >"$(DESTDIR)$$to" ;; esac)
	@ln -sf $(notdir $(SHARED_LIB)) $(DESTDIR)$(LIBDIR)/libnewswire.so

uninstall: ## take away what install put there
	@$(call for_each_place,rm -f "$(DESTDIR)$$to")
	@rm -f $(DESTDIR)$(LIBDIR)/libnewswire.so
	@rmdir $(addprefix $(DESTDIR),$(DOCDIR)/examples $(DOCDIR) $(addprefix $(PREFIX)/share/newswire,/grafana /prometheus /)) 2>/dev/null || true

deb: build-dependencies package-dependencies ## Debian packages, in build/deb
	@packaging/make-deb build/deb

dist: ## a tar file of the committed source
	@mkdir -p build
	git archive --prefix=newswire-$(VERSION)/ -o build/newswire-$(VERSION).tar.gz HEAD

clean: ## remove what was built
	rm -rf build

build-dependencies:
	@packaging/install-dependencies build
test-dependencies:
	@packaging/install-dependencies test
fuzz-dependencies:
	@packaging/install-dependencies fuzz
lint-dependencies:
	@packaging/install-dependencies lint
boot-dependencies:
	@packaging/install-dependencies boot
package-dependencies:
	@packaging/install-dependencies package

# ---- how it is built

# Changes when the flags do, and everything with it.
$(B)/flags: FORCE
	@mkdir -p $(B)
	@echo '$(subst ','\'',$(COMPILE) $(LINK))' | cmp -s - $@ || echo '$(subst ','\'',$(COMPILE) $(LINK))' >$@

PB := $(B)/gen/proto/newswire.pb-c
$(PB).c $(PB).h &: proto/newswire.proto
	@mkdir -p $(B)/gen
	protoc-c --c_out=$(B)/gen proto/newswire.proto

$(PB).o: $(PB).c $(B)/flags
	$(COMPILE) -c -o $@ $<

$(B)/%.o: %.c $(B)/flags | $(PB).h
	@mkdir -p $(@D)
	$(COMPILE) -MMD -MP -c -o $@ $<

$(PROTO_LIB): $(call obj,$(PROTO_SRC)) $(PB).o
$(DAEMON_LIB): $(call obj,$(DAEMON_SRC))
$(CLIENT_LIB): $(call obj,$(LIB_SRC) $(TOOL_SRC))
$(B)/%.a:
	@rm -f $@
	ar rcs $@ $^

# What only the services need stays out of it.
PUBLIC_SRC := $(LIB_SRC) $(filter-out proto/journal/% proto/metrics.c proto/options.c proto/completion.c,$(PROTO_SRC))
$(PUBLIC_LIB): $(call obj,$(PUBLIC_SRC)) $(PB).o $(LIB_NAMES)
	@mkdir -p $(@D)
	$(LD) -r -o $(@D)/newswire.o $(filter %.o,$^)
	sed -n 's/^ *\(newswire_[a-z_]*\);$$/\1/p' $(LIB_NAMES) >$(@D)/names
	objcopy --keep-global-symbols=$(@D)/names $(@D)/newswire.o
	@rm -f $@
	ar rcs $@ $(@D)/newswire.o

# The sanitizers' names are the program's to bring.
$(SHARED_LIB): $(call obj,$(PUBLIC_SRC)) $(PB).o $(LIB_NAMES)
	@mkdir -p $(@D)
	$(LINK) -shared -Wl,-soname,$(@F) -Wl,--version-script=$(LIB_NAMES) \
		$(if $(findstring sanitize,$(MODE_CFLAGS)),,-Wl,-z,defs) -o $@ $(filter %.o,$^) $(LIB_LIBS)

$(MO_FILES): $(B)/locale/%/LC_MESSAGES/newswired.mo: daemon/po/%.po
	@mkdir -p $(@D)
	msgfmt --check-format --check-domain -o $@ $<

$(BASH_COMPLETION): $(B)/completion/bash/%: $(B)/%
	@mkdir -p $(@D)
	@$< --completion bash >$@
$(ZSH_COMPLETION): $(B)/completion/zsh/_%: $(B)/%
	@mkdir -p $(@D)
	@$< --completion zsh >$@

$(B)/newswired: $(B)/daemon/main.o $(DAEMON_LIB) $(PROTO_LIB) | $(MO_FILES)
	$(LINK) -o $@ $^ $(LIBS) $(TOOL_LIBS)

$(addprefix $(B)/,$(TOOLS)): $(B)/%: $(B)/clients/%.o $(if $(LIB_SRC),$(CLIENT_LIB)) $(PROTO_LIB)
	$(LINK) -o $@ $^ $(LIBS) $(TOOL_LIBS)

$(B)/tests/bench/%_bench: $(B)/tests/bench/%_bench.o $(B)/tests/bench/bench.o $(CLIENT_LIB) $(PROTO_LIB)
	$(LINK) -o $@ $^ $(LIBS) $(TOOL_LIBS)

$(B)/tests/%_test: $(B)/tests/%_test.o $(TEST_HELP) $(DAEMON_LIB) $(if $(LIB_SRC),$(CLIENT_LIB)) $(PROTO_LIB) | $(MO_FILES)
	$(LINK) -o $@ $^ $(LIBS) $(TOOL_LIBS) -lcmocka

# Without libFuzzer, they take what stands in their corpus.
FUZZ_MAIN := $(if $(filter fuzz,$(MODE)),,$(B)/tests/fuzz/corpus_main.o)
$(B)/tests/fuzz/%_fuzz: $(B)/tests/fuzz/%_fuzz.o $(FUZZ_HELP) $(FUZZ_MAIN) $(DAEMON_LIB) $(CLIENT_LIB) $(PROTO_LIB)
	$(LINK) $(if $(FUZZ_MAIN),,-fsanitize=fuzzer) -o $@ $^ $(LIBS) $(TOOL_LIBS)

-include $(patsubst %.c,$(B)/%.d,$(PROTO_SRC) $(DAEMON_SRC) daemon/main.c $(LIB_SRC) $(TOOL_SRC) \
	$(addprefix clients/,$(addsuffix .c,$(TOOLS))) $(TEST_SRC) $(FUZZ_SRC) $(BENCH_SRC))
