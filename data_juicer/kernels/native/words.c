/* Words between spaces, tabs and line feeds: how many, in lower case, and as keys.
 *
 * The arithmetic of keys is that of data_juicer/kernels/words/word_keys.py; both give the same numbers.
 */
#include "native.h"

#define SPREAD 0x9E3779B97F4A7C15u
#define MIX 0xD6E8FEB86659FD93u
#define CHUNKED_BYTES_MAX 256
enum { PLAIN = 0, SPECIAL = 1 };

static inline int is_separator(uint8_t byte)
{
    return byte == ' ' || byte == '\n' || byte == '\t';
}

static int64_t words_in(const uint8_t *at, const uint8_t *end, const uint8_t *special)
{
    int64_t words = 0;
    while (at < end) {
        int size = 1;
        if (is_separator(*at) || special[character_at(at, end, &size)]) {
            at += size;
            continue;
        }
        words++; /* a character that is not special: the rest of the word adds nothing */
        while (at < end && !is_separator(*at))
            at++;
    }
    return words;
}

/* count_words(data, offsets, special, counts): words of each row with a character that is not special. */
KERNEL(count_words)
{
    return count_rows(arguments, count, words_in);
}

/* Write a character of `size` bytes, 2 to 4. Returns 0 where it has another number of bytes. */
static int put_character(uint8_t *at, uint32_t point, int size)
{
    if (point < 0x80 || (point < 0x800 ? 2 : point < 0x10000 ? 3 : 4) != size)
        return 0;
    for (int step = size - 1; step > 0; step--, point >>= 6)
        at[step] = 0x80 | (point & 0x3F);
    at[0] = (uint8_t)((0xF00 >> size) | point);
    return 1;
}

/* Returns whether a character was left whose lower case is not for this table to say. */
static int lower_row(const uint8_t *at, const uint8_t *end, uint8_t *out, const int32_t *lowered, uint32_t points)
{
    int is_open = 0;
    while (at < end) {
        if (*at < 0x80) {
            uint8_t byte = *at++;
            *out++ = (uint8_t)(byte + ((uint8_t)(byte - 'A') < 26) * 32);
            continue;
        }
        int size;
        uint32_t point = character_at(at, end, &size);
        int32_t other = point < points ? lowered[point] : 0;
        if (other <= 0 || !put_character(out, (uint32_t)other, size)) {
            is_open |= other != 0;
            memcpy(out, at, (size_t)size);
        }
        at += size;
        out += size;
    }
    return is_open;
}

/* lower(data, offsets, lowered, out, open_rows): letters in lower case where `lowered` has their code point (0: a letter
 * stays; -1: Python knows), and which rows are left to Python. */
KERNEL(lower)
{
    const char *letters = "bqiBB";
    Array a[ARGUMENTS_MAX];
    if (borrow(letters, arguments, count, a))
        return NULL;
    if (check_offsets(&a[1], a[0].count) || check_count("out", &a[3], a[0].count) ||
        check_count("open_rows", &a[4], a[1].count - 1)) {
        give_back(letters, a);
        return NULL;
    }
    const uint8_t *data = a[0].data;
    const int64_t *offsets = a[1].data;
    uint8_t *out = a[3].data, *open_rows = a[4].data;
    uint32_t points = a[2].count < CODE_POINTS ? (uint32_t)a[2].count : CODE_POINTS;
    Py_BEGIN_ALLOW_THREADS
    for (Py_ssize_t row = 0; row + 1 < a[1].count; row++)
        open_rows[row] = (uint8_t)lower_row(data + offsets[row], data + offsets[row + 1], out + offsets[row], a[2].data, points);
    Py_END_ALLOW_THREADS
    give_back(letters, a);
    Py_RETURN_NONE;
}

static inline uint64_t mixed(uint64_t key, uint64_t chunk)
{
    chunk ^= key;
    chunk *= MIX;
    chunk ^= chunk >> 32;
    return chunk * SPREAD;
}

static uint64_t key_of(const uint8_t *at, const uint8_t *stop, const uint8_t *end)
{
    int64_t size = stop - at;
    uint64_t key = (uint64_t)size * SPREAD;
    do {
        uint64_t chunk = eight_bytes(at, end);
        if (size < 8)
            chunk &= ((uint64_t)1 << (8 * size)) - 1;
        key = mixed(key, chunk);
        at += 8;
        size -= 8;
    } while (size > 0);
    return key;
}

/* Without special characters at both ends; `*start` is `*stop` where nothing is left. */
static void strip(const uint8_t **start, const uint8_t **stop, const uint8_t *special)
{
    const uint8_t *first = *start, *last = *stop;
    int size;
    while (first < last && special[character_at(first, last, &size)])
        first += size;
    while (first < last) {
        const uint8_t *at = last - 1;
        for (int step = 0; step < 3 && at > first && (*at & 0xC0) == 0x80; step++)
            at--;
        uint32_t point = character_at(at, last, &size);
        if (at + size != last) /* bytes that are no character */
            break;
        if (!special[point])
            break;
        last = at;
    }
    *start = first;
    *stop = last;
}

typedef struct {
    uint64_t *keys;
    int64_t *longs; /* three numbers each: word, first byte, byte after the last */
    Py_ssize_t words, words_max, long_words, longs_max;
} WordList;

static void add_words(WordList *list, const uint8_t *data, const uint8_t *at, const uint8_t *end, const uint8_t *data_end,
                      const uint8_t *special)
{
    while (at < end) {
        while (at < end && is_separator(*at))
            at++;
        const uint8_t *start = at;
        while (at < end && !is_separator(*at))
            at++;
        const uint8_t *stop = at;
        if (special != NULL)
            strip(&start, &stop, special);
        if (start == stop || list->words == list->words_max)
            continue;
        if (stop - start <= CHUNKED_BYTES_MAX) {
            list->keys[list->words] = key_of(start, stop, data_end);
        } else {
            list->keys[list->words] = 0;
            if (list->long_words < list->longs_max) {
                int64_t *entry = list->longs + 3 * list->long_words++;
                entry[0] = list->words;
                entry[1] = start - data;
                entry[2] = stop - data;
            }
        }
        list->words++;
    }
}

/* word_keys(data, offsets, special, keys, rows, longs): a key for each word, and where each row starts among them.
 * `special` may be empty: words are then left as they are. Returns how many words there are, and how many of them are
 * longer than CHUNKED_BYTES_MAX, whose keys are 0 and whose places go to `longs`. */
KERNEL(word_keys)
{
    const char *letters = "bqbQQQ";
    Array a[ARGUMENTS_MAX];
    if (borrow(letters, arguments, count, a))
        return NULL;
    if (check_offsets(&a[1], a[0].count) || (a[2].count && check_count("special", &a[2], CODE_POINTS)) ||
        check_count("rows", &a[4], a[1].count) || check_count("keys", &a[3], (a[0].count + a[1].count) / 2 + 1) ||
        check_count("longs", &a[5], 3 * (a[0].count / CHUNKED_BYTES_MAX + 1))) {
        give_back(letters, a);
        return NULL;
    }
    const uint8_t *data = a[0].data, *special = a[2].count ? a[2].data : NULL;
    const int64_t *offsets = a[1].data;
    int64_t *rows = a[4].data;
    WordList list = {.keys = a[3].data, .words_max = a[3].count, .longs = a[5].data, .longs_max = a[5].count / 3};
    Py_BEGIN_ALLOW_THREADS
    rows[0] = 0;
    for (Py_ssize_t row = 0; row + 1 < a[1].count; row++) {
        add_words(&list, data, data + offsets[row], data + offsets[row + 1], data + a[0].count, special);
        rows[row + 1] = list.words;
    }
    Py_END_ALLOW_THREADS
    give_back(letters, a);
    return Py_BuildValue("nn", list.words, list.long_words);
}
