/* Every message that a peer can send. The first byte says which. */
#include "tests/fuzz/fuzz.h"

#include <errno.h>

static const ProtobufCMessageDescriptor *const messages[] = {
    &newswire__v1__submit_request__descriptor,  &newswire__v1__replay_request__descriptor,
    &newswire__v1__control_request__descriptor, &newswire__v1__submit_reply__descriptor,
    &newswire__v1__replay_reply__descriptor,    &newswire__v1__feed_message__descriptor,
    &newswire__v1__control_reply__descriptor,
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct fuzz_bytes in = {data, size};
    const ProtobufCMessageDescriptor *d =
        messages[fuzz_byte(&in) % (sizeof messages / sizeof *messages)];
    struct arena *a = fuzz_arena();
    struct slice bytes = {in.data, in.len}, packed, again;
    struct fault f = {0};
    ProtobufCMessage *m, *back;
    int r = codec_unpack(d, a, bytes, &m, &f);
    if (r < 0) {
        MUST(r == -EINVAL);
        fuzz_check_fault(&f);
        return 0;
    }
    /* What was taken can be passed on, and is taken there as the same. */
    MUST(protobuf_c_message_check(m));
    MUST(codec_pack(a, m, &packed) == 0);
    MUST(codec_unpack(d, a, packed, &back, &f) == 0);
    MUST(codec_pack(a, back, &again) == 0 && slice_equal(packed, again));
    return 0;
}
