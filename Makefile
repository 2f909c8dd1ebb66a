# newswire: build, test, install. `make help` lists the targets.

MODE    ?= release
CC      ?= cc
PREFIX  ?= /usr/local
CFLAGS  ?= -O2 -g
VERSION := 0.1.0

# ---- modes: one folder of objects each

B := build/$(MODE)
MODE_CFLAGS_release :=
MODE_CFLAGS_debug   := -O0 -g3
MODE_CFLAGS_asan    := -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
MODE_CFLAGS_tsan    := -O1 -g -fsanitize=thread
MODE_CFLAGS_coverage:= -O0 -g --coverage
MODE_CFLAGS := $(MODE_CFLAGS_$(MODE))

# ---- libraries

PACKAGES := libzmq libprotobuf-c libsystemd inih jansson libsodium
PKG_CFLAGS := $(shell pkg-config --cflags $(PACKAGES) 2>/dev/null)
PKG_LIBS   := $(shell pkg-config --libs $(PACKAGES) 2>/dev/null)

ALL_CFLAGS := -std=gnu17 -D_GNU_SOURCE -DNEWSWIRE_VERSION='"$(VERSION)"' -DPREFIX='"$(PREFIX)"' \
	-I. -I$(B)/gen $(PKG_CFLAGS) -fPIC -pthread -Wall -Wextra -Wshadow -Wstrict-prototypes \
	-Wmissing-prototypes -Wformat=2 -Wpointer-arith -Wvla $(CFLAGS) $(MODE_CFLAGS) $(WERROR)
ALL_LDFLAGS := $(LDFLAGS) $(MODE_CFLAGS) -pthread
LIBS := $(PKG_LIBS) -lunistring

# ---- sources

PROTO_SRC  := $(sort $(wildcard proto/*.c proto/*/*.c))
DAEMON_SRC := $(sort $(filter-out daemon/main.c,$(wildcard daemon/*.c daemon/*/*.c)))
LIB_SRC    := $(sort $(wildcard clients/lib/*.c))
TOOLS      := $(patsubst clients/%.c,%,$(wildcard clients/newswire*.c))
TEST_SRC   := $(sort $(wildcard tests/proto/*.c tests/proto/*/*.c tests/daemon/*.c tests/daemon/*/*.c tests/clients/*.c tests/clients/*/*.c))
BENCH_SRC  := $(sort $(wildcard tests/bench/*.c))

GEN := $(B)/gen/proto/newswire.pb-c.c
obj = $(patsubst %.c,$(B)/%.o,$(1))

PROTO_LIB  := $(B)/libproto.a
DAEMON_LIB := $(B)/libdaemon.a
CLIENT_LIB := $(B)/libnewswire.a
PROGRAMS   := $(if $(wildcard daemon/main.c),$(B)/newswired) $(addprefix $(B)/,$(TOOLS))
TESTS      := $(patsubst %.c,$(B)/%,$(filter %_test.c,$(TEST_SRC)))
TEST_HELP  := $(call obj,$(filter-out %_test.c,$(TEST_SRC)))

.PHONY: all tests clean
.SECONDARY:

all: $(PROGRAMS) ## build the programs
tests: all $(TESTS)
clean: ## remove what was built
	rm -rf build

$(B)/gen/proto/newswire.pb-c.c $(B)/gen/proto/newswire.pb-c.h &: proto/newswire.proto
	@mkdir -p $(B)/gen
	protoc-c --c_out=$(B)/gen proto/newswire.proto

$(B)/gen/%.o: $(B)/gen/%.c
	$(CC) $(ALL_CFLAGS) -c -o $@ $<

$(B)/%.o: %.c | $(B)/gen/proto/newswire.pb-c.h
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

$(PROTO_LIB): $(call obj,$(PROTO_SRC)) $(B)/gen/proto/newswire.pb-c.o
$(DAEMON_LIB): $(call obj,$(DAEMON_SRC))
$(CLIENT_LIB): $(call obj,$(LIB_SRC))
$(B)/%.a:
	@rm -f $@
	ar rcs $@ $^

$(B)/newswired: $(B)/daemon/main.o $(DAEMON_LIB) $(PROTO_LIB)
	$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LIBS)

$(addprefix $(B)/,$(TOOLS)): $(B)/%: $(B)/clients/%.o $(CLIENT_LIB) $(PROTO_LIB)
	$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LIBS)

$(B)/tests/%_test: $(B)/tests/%_test.o $(TEST_HELP) $(DAEMON_LIB) $(CLIENT_LIB) $(PROTO_LIB)
	@mkdir -p $(@D)
	$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LIBS) -lcmocka

-include $(shell find build/$(MODE) -name '*.d' 2>/dev/null)
