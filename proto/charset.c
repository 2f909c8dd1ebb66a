#include "proto/charset.h"

#include <errno.h>
#include <iconv.h>
#include <unistr.h>

enum {
    SAMPLE_BYTES = 64 << 10,
    /* Of a thousand characters, so many must be ones that newspapers print,
     * for an encoding to be believed that the bytes do not name. */
    PLAUSIBLE_PER_MILLE = 900,
    /* Of a thousand bytes, so many may be control characters. */
    CONTROL_PER_MILLE = 10,
};

static void close_iconv(iconv_t *cd) {
    if (*cd != (iconv_t)-1)
        iconv_close(*cd);
}

static size_t line_of(struct slice in, size_t at) {
    size_t line = 1;
    for (size_t i = 0; i < at && i < in.len; i++)
        line += in.data[i] == '\n';
    return line;
}

/* Converts all of `in`. The room is enough for any of the encodings here: two
 * bytes never become more than three. 0, -EINVAL with *ret_at, -ENOMEM. */
static int convert(struct arena *a, const char *from, struct slice in, struct slice *ret,
                   size_t *ret_at) {
    __attribute__((cleanup(close_iconv))) iconv_t cd = iconv_open("UTF-8", from);
    if (cd == (iconv_t)-1)
        return -EINVAL;
    size_t room = in.len / 2 * 3 + 4, left = room, in_left = in.len;
    char *out = arena_alloc(a, room), *to = out, *source = (char *)in.data;
    if (out == NULL)
        return -ENOMEM;
    size_t n = iconv(cd, &source, &in_left, &to, &left);
    *ret = (struct slice){(uint8_t *)out, room - left};
    *ret_at = in.len - in_left;
    return n == (size_t)-1 ? -EINVAL : 0;
}

/* Whether newspapers print it: ASCII, the usual ideographs, their punctuation,
 * Latin letters with accents, marks and shapes. */
static bool plausible(ucs4_t c) {
    return c == '\n' || c == '\r' || c == '\t' || c == '\f' || (c >= ' ' && c < 0x7f) ||
           (c >= 0xa0 && c < 0x250) || (c >= 0x2010 && c < 0x2040) || (c >= 0x2150 && c < 0x2800) ||
           (c >= 0x3000 && c < 0x3020) || (c >= 0x4e00 && c < 0xa000) ||
           (c >= 0xff00 && c < 0xfff0) || c == 0xfeff;
}

static unsigned plausible_per_mille(struct slice utf8) {
    size_t good = 0, all = 0;
    for (size_t i = 0; i < utf8.len; all++) {
        ucs4_t c;
        int n = u8_mbtouc(&c, utf8.data + i, utf8.len - i);
        good += plausible(c);
        i += (size_t)n;
    }
    return all == 0 ? 0 : (unsigned)(good * 1000 / all);
}

/* How an encoding fits the first part of the bytes; 0: not at all. */
static int sample_score(struct arena *a, const char *from, struct slice in, unsigned *ret_score) {
    struct slice head = {in.data, in.len < SAMPLE_BYTES ? in.len : SAMPLE_BYTES}, out;
    size_t at;
    int r = convert(a, from, head, &out, &at);
    *ret_score = 0;
    if (r == -ENOMEM)
        return r;
    /* The sample may end within a character, the text itself may not. */
    if (r == 0 || (head.len < in.len && at + 4 > head.len))
        *ret_score = plausible_per_mille(out);
    return 0;
}

/* Whether bytes that aren't valid UTF-8 were meant to be: then the fault is
 * one damaged place, and taking them as GBK would make all of it gibberish. */
static bool nearly_utf8(struct slice in) {
    size_t good = 0, bad = 0;
    for (size_t i = 0; i < in.len;) {
        ucs4_t c;
        int n = in.data[i] < 0x80 ? 1 : u8_mbtoucr(&c, in.data + i, in.len - i);
        good += n >= 3;
        bad += n < 0;
        i += n < 0 ? 1 : (size_t)n;
    }
    return good > bad;
}

static int guess(struct arena *a, struct slice in, const char **ret_name) {
    static const char *const names[] = {"UTF-16LE", "UTF-16BE", "GB18030"};
    unsigned best = PLAUSIBLE_PER_MILLE - 1;
    *ret_name = NULL;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        unsigned score;
        int r = sample_score(a, names[i], in, &score);
        if (r < 0)
            return r;
        if (score > best) {
            best = score;
            *ret_name = names[i];
        }
    }
    return 0;
}

static int convert_named(struct arena *a, const char *name, struct slice in, struct slice *ret,
                         struct fault *f) {
    size_t at;
    int r = convert(a, name, in, ret, &at);
    if (r == -EINVAL)
        fault_set(f, "", "byte %zu (line %zu) is not valid %s", at + 1, line_of(in, at), name);
    return r;
}

static int check_utf8(struct slice in, struct fault *f) {
    const uint8_t *bad = u8_check(in.data, in.len);
    if (bad == NULL)
        return 0;
    size_t at = (size_t)(bad - in.data);
    return fault_set(f, "", "byte %zu (line %zu) is not valid UTF-8", at + 1, line_of(in, at));
}

/* Copies with LF at every line's end. Refuses what no text has. */
static int normalise(struct arena *a, struct slice in, struct slice *ret, struct fault *f) {
    uint8_t *out = arena_alloc(a, in.len + 1), *to = out;
    size_t control = 0, first = 0;
    if (out == NULL)
        return -ENOMEM;
    for (size_t i = 0; i < in.len; i++) {
        uint8_t c = in.data[i];
        if (c == '\r') {
            i += i + 1 < in.len && in.data[i + 1] == '\n';
            c = '\n';
        } else if (c == 0) {
            return fault_set(f, "", "is binary: a NUL at byte %zu (line %zu)", i + 1,
                             line_of(in, i));
        } else if (c < ' ' && c != '\n' && c != '\t' && c != '\f' && c != '\v') {
            first = control++ == 0 ? i : first;
        }
        *to++ = c;
    }
    if (control * 1000 > in.len * CONTROL_PER_MILLE)
        return fault_set(f, "", "is binary: control characters from byte %zu (line %zu) on",
                         first + 1, line_of(in, first));
    *ret = (struct slice){out, (size_t)(to - out)};
    return 0;
}

static bool starts(struct slice in, const char *mark, size_t len) {
    return in.len >= len && memcmp(in.data, mark, len) == 0;
}

static struct slice without(struct slice in, size_t n) {
    return (struct slice){in.data + n, in.len - n};
}

static int to_utf8(struct arena *a, struct slice in, struct slice *ret, struct fault *f) {
    if (starts(in, "\xef\xbb\xbf", 3))
        return check_utf8(*ret = without(in, 3), f);
    if (starts(in, "\xff\xfe", 2))
        return convert_named(a, "UTF-16LE", without(in, 2), ret, f);
    if (starts(in, "\xfe\xff", 2))
        return convert_named(a, "UTF-16BE", without(in, 2), ret, f);
    *ret = in;
    bool valid = u8_check(in.data, in.len) == NULL;
    if (valid && memchr(in.data, 0, in.len) == NULL)
        return 0;
    if (!valid && nearly_utf8(in))
        return check_utf8(in, f);
    const char *name;
    int r = guess(a, in, &name);
    if (r < 0)
        return r;
    if (name != NULL)
        return convert_named(a, name, in, ret, f);
    if (valid)
        return 0; /* the NUL in it is what normalise names */
    return fault_set(f, "", "is no text in UTF-8, UTF-16 or GB18030: byte %zu (line %zu)",
                     (size_t)(u8_check(in.data, in.len) - in.data) + 1,
                     line_of(in, (size_t)(u8_check(in.data, in.len) - in.data)));
}

int charset_to_utf8(struct arena *a, struct slice in, struct slice *ret_utf8,
                    struct fault *ret_fault) {
    struct slice text;
    int r = to_utf8(a, in, &text, ret_fault);
    return r < 0 ? r : normalise(a, text, ret_utf8, ret_fault);
}
