/* Characters of each row by class: counted, and kept. */
#include "native.h"

PyObject *count_rows(PyObject *const *arguments, Py_ssize_t count, RowCounter count_row)
{
    const char *letters = "bqbQ";
    Array a[ARGUMENTS_MAX];
    if (borrow(letters, arguments, count, a))
        return NULL;
    if (check_offsets(&a[1], a[0].count) || check_count("table", &a[2], CODE_POINTS) ||
        check_count("counts", &a[3], a[1].count - 1)) {
        give_back(letters, a);
        return NULL;
    }
    const uint8_t *data = a[0].data;
    const int64_t *offsets = a[1].data;
    int64_t *counts = a[3].data;
    Py_BEGIN_ALLOW_THREADS
    for (Py_ssize_t row = 0; row + 1 < a[1].count; row++)
        counts[row] = count_row(data + offsets[row], data + offsets[row + 1], a[2].data);
    Py_END_ALLOW_THREADS
    give_back(letters, a);
    Py_RETURN_NONE;
}

static int64_t sum_of_row(const uint8_t *at, const uint8_t *end, const uint8_t *table)
{
    int64_t sum = 0;
    while (at < end) {
        if (*at < 0x80) {
            sum += table[*at++];
        } else {
            int size;
            sum += table[character_at(at, end, &size)];
            at += size;
        }
    }
    return sum;
}

/* count_characters(data, offsets, table, counts): the sum of `table`, one number a code point, over each row. */
KERNEL(count_characters)
{
    return count_rows(arguments, count, sum_of_row);
}

/* keep_characters(data, offsets, table, out, rows): the characters that have a 1 in `table`, one number a code point, and
 * where each row starts among them. Returns how many bytes are left. */
KERNEL(keep_characters)
{
    const char *letters = "bqbBQ";
    Array a[ARGUMENTS_MAX];
    if (borrow(letters, arguments, count, a))
        return NULL;
    if (check_offsets(&a[1], a[0].count) || check_count("table", &a[2], CODE_POINTS) ||
        check_count("out", &a[3], a[0].count) || check_count("rows", &a[4], a[1].count)) {
        give_back(letters, a);
        return NULL;
    }
    const uint8_t *data = a[0].data, *table = a[2].data;
    const int64_t *offsets = a[1].data;
    uint8_t *out = a[3].data;
    int64_t *rows = a[4].data, kept = 0;
    Py_BEGIN_ALLOW_THREADS
    rows[0] = 0;
    for (Py_ssize_t row = 0; row + 1 < a[1].count; row++) {
        const uint8_t *at = data + offsets[row], *end = data + offsets[row + 1];
        while (at < end) {
            int size = 1;
            if (table[character_at(at, end, &size)]) {
                for (int step = 0; step < size; step++)
                    out[kept + step] = at[step];
                kept += size;
            }
            at += size;
        }
        rows[row + 1] = kept;
    }
    Py_END_ALLOW_THREADS
    give_back(letters, a);
    return PyLong_FromSsize_t((Py_ssize_t)kept);
}
