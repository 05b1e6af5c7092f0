/* What the kernels share: arrays that Python lends, columns of UTF-8, and how both are checked.
 *
 * Every function of the module takes arrays that are lent by Python, checks their item sizes and lengths, and then
 * works without the GIL. Texts are UTF-8, but no loop relies on it: a broken character is one byte wide. An index
 * that comes from an array is compared with the length of what it points into before it is used.
 */
#ifndef DATA_JUICER_NATIVE_H
#define DATA_JUICER_NATIVE_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdint.h>
#include <string.h>

#if !defined(__BYTE_ORDER__) || __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "keys of words are made of little-endian numbers; elsewhere numpy computes them"
#endif

#define CODE_POINTS 0x110000
#define BROKEN 0xFFFD /* taken for a byte that begins no character */
#define ARGUMENTS_MAX 20

typedef struct {
    Py_buffer view;
    void *data;
    Py_ssize_t count; /* items; for an integer argument its value */
    int is_borrowed;
} Array;

/* Borrow the arguments of a call. One letter each: 'b' bytes, 'i' items of 4 bytes, 'q' items of 8 bytes, in capitals
 * if they are written to, and 'n' an integer of at least 0. Returns 0, or -1 with an exception set and nothing borrowed. */
int borrow(const char *letters, PyObject *const *arguments, Py_ssize_t count, Array *arrays);
void give_back(const char *letters, Array *arrays);

/* Whether `offsets` cut `length` items into rows: from 0 up, never falling, never above the length. Sets ValueError. */
int check_offsets(const Array *offsets, Py_ssize_t length);
/* Whether an array has as many items as are wanted. Sets ValueError. */
int check_count(const char *what, const Array *array, Py_ssize_t wanted);

/* The character at `at`, which is below `end`; its bytes go to `size`. Never reads beyond `end`. */
static inline uint32_t character_at(const uint8_t *at, const uint8_t *end, int *size)
{
    uint32_t lead = at[0], point;
    Py_ssize_t left = end - at;
    if (lead < 0x80) {
        *size = 1;
        return lead;
    }
    if (lead >= 0xC0 && lead < 0xE0 && left >= 2) {
        *size = 2;
        return (lead & 0x1F) << 6 | (at[1] & 0x3F);
    }
    if (lead >= 0xE0 && lead < 0xF0 && left >= 3) {
        *size = 3;
        return (lead & 0x0F) << 12 | (uint32_t)(at[1] & 0x3F) << 6 | (at[2] & 0x3F);
    }
    if (lead >= 0xF0 && lead < 0xF8 && left >= 4) {
        *size = 4;
        point = (lead & 0x07) << 18 | (uint32_t)(at[1] & 0x3F) << 12 | (uint32_t)(at[2] & 0x3F) << 6 | (at[3] & 0x3F);
        return point < CODE_POINTS ? point : BROKEN;
    }
    *size = 1;
    return BROKEN;
}

/* Eight bytes as a number, those from `end` on being 0. */
static inline uint64_t eight_bytes(const uint8_t *at, const uint8_t *end)
{
    uint64_t number = 0;
    memcpy(&number, at, end - at < 8 ? (size_t)(end - at) : 8);
    return number;
}

/* What is counted in one row, with a table of one number a code point. */
typedef int64_t (*RowCounter)(const uint8_t *at, const uint8_t *end, const uint8_t *table);
/* A kernel of the arguments (data, offsets, table, counts): one count a row. */
PyObject *count_rows(PyObject *const *arguments, Py_ssize_t count, RowCounter count_row);

#define KERNEL(name) PyObject *name(PyObject *module, PyObject *const *arguments, Py_ssize_t count)

KERNEL(count_characters);
KERNEL(keep_characters);
KERNEL(count_words);
KERNEL(lower);
KERNEL(word_keys);
KERNEL(character_repeats);
KERNEL(word_repeats);
KERNEL(window_keys);
KERNEL(simhashes);
KERNEL(minhashes);
KERNEL(languages);

#endif
