/* How often n-grams repeat within a row. The keys of n-grams are those of data_juicer/kernels/words/ngrams.py, so that
 * both count the same, even where two n-grams share a key. */
#include "native.h"
#include <stdlib.h>

#define GROUP_SYMBOLS (1 << 14) /* as in ngrams.py: symbols of a group of rows are as wide as its widest needs */
#define HASHED_MAX (1 << 16)    /* more n-grams are sorted: a table of them would leave the cache */
#define SPREAD 0x9E3779B97F4A7C15u

typedef struct {
    uint64_t key;
    uint32_t times, row; /* the slot is of this row, else it is free */
} Slot;

typedef struct {
    uint64_t *symbols, *keys, *sorted;
    uint8_t *narrow;
    uint32_t *times; /* of n-grams that occur more than once */
    Slot *slots;
    int64_t room; /* symbols that there is memory for */
    uint32_t row;
} Scratch;

typedef struct {
    int64_t total, distinct, several;
} Found;

static void drop(Scratch *scratch)
{
    void *all[] = {scratch->symbols, scratch->keys, scratch->sorted, scratch->narrow, scratch->times, scratch->slots};
    for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++)
        free(all[i]);
}

/* Memory for so many symbols. Returns 0, or -1 where there is none. */
static int make_room(Scratch *scratch, int64_t symbols)
{
    if (symbols <= scratch->room)
        return 0;
    if (symbols > PY_SSIZE_T_MAX / 32)
        return -1;
    symbols = symbols > 2 * scratch->room ? symbols : 2 * scratch->room;
    size_t items = (size_t)symbols;
    uint64_t *grown = realloc(scratch->symbols, items * 8);
    if (grown == NULL)
        return -1;
    scratch->symbols = grown;
    free(scratch->keys);
    free(scratch->sorted);
    free(scratch->narrow);
    free(scratch->times);
    scratch->keys = malloc(items * 8);
    scratch->sorted = items > HASHED_MAX ? malloc(items * 8) : malloc(HASHED_MAX * 8);
    scratch->narrow = calloc(items * 8 + 8, 1);
    scratch->times = malloc(items * 4);
    if (scratch->slots == NULL)
        scratch->slots = calloc(2 * HASHED_MAX, sizeof(Slot));
    scratch->room = symbols;
    return scratch->keys && scratch->sorted && scratch->narrow && scratch->times && scratch->slots ? 0 : -1;
}

/* The symbols in as few bytes as the greatest of them needs; returns how many. */
static int narrowed(Scratch *scratch, int64_t symbols)
{
    uint64_t greatest = 0;
    for (int64_t i = 0; i < symbols; i++)
        greatest = greatest > scratch->symbols[i] ? greatest : scratch->symbols[i];
    int width = greatest < 1u << 8 ? 1 : greatest < 1u << 16 ? 2 : greatest < (uint64_t)1 << 32 ? 4 : 8;
    uint8_t *out = scratch->narrow;
    for (int64_t i = 0; i < symbols; i++, out += width)
        memcpy(out, &scratch->symbols[i], (size_t)width);
    memset(out, 0, 8);
    return width;
}

static void make_keys(Scratch *scratch, int64_t first, int64_t windows, int width, int64_t n, const uint64_t *odd)
{
    const uint8_t *narrow = scratch->narrow + first * width;
    int per_word = 8 / width;
    if (n <= per_word) {
        uint64_t mask = width * n == 8 ? ~(uint64_t)0 : ((uint64_t)1 << (8 * width * n)) - 1;
        for (int64_t i = 0; i < windows; i++) {
            uint64_t word;
            memcpy(&word, narrow + i * width, 8);
            scratch->keys[i] = word & mask;
        }
        return;
    }
    memset(scratch->keys, 0, (size_t)windows * 8);
    int64_t number = 0;
    for (int64_t place = 0; place < n; place += per_word, number++) {
        const uint8_t *at = narrow + (place > n - per_word ? n - per_word : place) * width;
        for (int64_t i = 0; i < windows; i++) {
            uint64_t word;
            memcpy(&word, at + i * width, 8);
            scratch->keys[i] += word * odd[number];
        }
    }
}

/* Count by a table; returns 0 where it takes so long that the keys must have been made for it. */
static int count_hashed(Scratch *scratch, int64_t total, Found *found)
{
    int bits = 4;
    while (((int64_t)1 << bits) < 2 * total)
        bits++;
    uint64_t mask = ((uint64_t)1 << bits) - 1;
    int64_t steps_left = 32 * total + 1024, distinct = 0, several = 0;
    if (++scratch->row == 0) { /* after 2^32 rows */
        memset(scratch->slots, 0, 2 * HASHED_MAX * sizeof(Slot));
        scratch->row = 1;
    }
    for (int64_t i = 0; i < total; i++) {
        uint64_t key = scratch->keys[i], place = (key * SPREAD) >> (64 - bits);
        Slot *slot = &scratch->slots[place];
        while (slot->row == scratch->row && slot->key != key) {
            if (--steps_left < 0)
                return 0;
            place = (place + 1) & mask;
            slot = &scratch->slots[place];
        }
        if (slot->row != scratch->row) {
            *slot = (Slot){key, 1, scratch->row};
            distinct++;
        } else if (++slot->times == 2) {
            scratch->sorted[several++] = place;
        }
    }
    for (int64_t i = 0; i < several; i++)
        scratch->times[i] = scratch->slots[scratch->sorted[i]].times;
    *found = (Found){total, distinct, several};
    return 1;
}

/* Sort the keys, byte by byte from the lowest, and count runs: linear in the keys, whatever they are. */
static void count_sorted(Scratch *scratch, int64_t total, Found *found)
{
    uint64_t *from = scratch->keys, *to = scratch->sorted;
    for (int shift = 0; shift < 64; shift += 8) {
        int64_t starts[257] = {0};
        for (int64_t i = 0; i < total; i++)
            starts[(from[i] >> shift & 0xFF) + 1]++;
        int is_same = 0;
        for (int byte = 0; byte < 256; byte++)
            is_same |= starts[byte + 1] == total;
        if (is_same)
            continue;
        for (int byte = 0; byte < 256; byte++)
            starts[byte + 1] += starts[byte];
        for (int64_t i = 0; i < total; i++)
            to[starts[from[i] >> shift & 0xFF]++] = from[i];
        uint64_t *other = from;
        from = to;
        to = other;
    }
    int64_t distinct = 0, several = 0;
    for (int64_t i = 0, next; i < total; i = next) {
        for (next = i + 1; next < total && from[next] == from[i];)
            next++;
        distinct++;
        if (next - i > 1)
            scratch->times[several++] = next - i > UINT32_MAX ? UINT32_MAX : (uint32_t)(next - i);
    }
    *found = (Found){total, distinct, several};
}

static int64_t whole_root(int64_t number)
{
    int64_t root = 0;
    for (int64_t bit = (int64_t)1 << 31; bit; bit >>= 1)
        if ((root + bit) <= number / (root + bit))
            root += bit;
    return root;
}

static int descending(const void *one, const void *other)
{
    uint32_t left = *(const uint32_t *)one, right = *(const uint32_t *)other;
    return (left < right) - (left > right);
}

/* answer: n-grams, occurrences of repeated ones, occurrences of the most frequent ones (root of the different ones). */
static void answer_row(Scratch *scratch, int64_t total, int64_t *answer)
{
    Found found = {0, 0, 0};
    if (total > HASHED_MAX || !count_hashed(scratch, total, &found))
        count_sorted(scratch, total, &found);
    int64_t most = whole_root(found.distinct), repeated = 0, frequent = 0;
    for (int64_t i = 0; i < found.several; i++)
        repeated += scratch->times[i];
    if (found.several <= most) {
        frequent = repeated;
    } else {
        qsort(scratch->times, (size_t)found.several, sizeof(uint32_t), descending);
        for (int64_t i = 0; i < most; i++)
            frequent += scratch->times[i];
    }
    answer[0] = total;
    answer[1] = repeated;
    answer[2] = frequent;
}

/* The rows of a group, whose symbols are in the scratch; row i has those from starts[i] to starts[i + 1]. */
static void answer_group(Scratch *scratch, const int64_t *starts, Py_ssize_t rows, int64_t n, const uint64_t *odd,
                         int64_t *answers)
{
    int width = narrowed(scratch, starts[rows]);
    for (Py_ssize_t row = 0; row < rows; row++) {
        int64_t windows = starts[row + 1] - starts[row] - n + 1;
        if (windows < 1) {
            memset(answers + 3 * row, 0, 3 * sizeof(int64_t));
            continue;
        }
        make_keys(scratch, starts[row], windows, width, n, odd);
        answer_row(scratch, windows, answers + 3 * row);
    }
}

/* Put the symbols of one row after those that are in the scratch: characters, or numbers that stand for words. */
static int64_t take_characters(Scratch *scratch, int64_t symbols, const void *data, int64_t start, int64_t stop)
{
    const uint8_t *at = (const uint8_t *)data + start, *end = (const uint8_t *)data + stop;
    while (at < end) {
        int size;
        scratch->symbols[symbols++] = character_at(at, end, &size);
        at += size;
    }
    return symbols;
}

static int64_t take_words(Scratch *scratch, int64_t symbols, const void *data, int64_t start, int64_t stop)
{
    memcpy(scratch->symbols + symbols, (const uint64_t *)data + start, (size_t)(stop - start) * 8);
    return symbols + (stop - start);
}

typedef int64_t (*Take)(Scratch *, int64_t, const void *, int64_t, int64_t);

/* All rows, group by group. Returns 0, or -1 where there is no memory. */
static int answer_all(Take take, const void *data, const int64_t *offsets, Py_ssize_t rows, int64_t n, const uint64_t *odd,
                      int64_t *answers)
{
    Scratch scratch = {0};
    int64_t *starts = malloc(((size_t)rows + 1) * sizeof(int64_t));
    Py_ssize_t first = 0;
    int failed = starts == NULL;
    while (first < rows && !failed) {
        int64_t symbols = 0;
        Py_ssize_t row = first;
        starts[0] = 0;
        for (; row < rows && symbols < GROUP_SYMBOLS && !failed; row++) {
            failed = make_room(&scratch, symbols + offsets[row + 1] - offsets[row] + 1);
            if (!failed)
                symbols = take(&scratch, symbols, data, offsets[row], offsets[row + 1]);
            starts[row - first + 1] = symbols;
        }
        if (!failed)
            answer_group(&scratch, starts, row - first, n, odd, answers + 3 * first);
        first = row;
    }
    drop(&scratch);
    free(starts);
    return failed;
}

static PyObject *repeats(const char *letters, Take take, PyObject *const *arguments, Py_ssize_t count)
{
    Array a[ARGUMENTS_MAX];
    if (borrow(letters, arguments, count, a))
        return NULL;
    Py_ssize_t rows = a[1].count - 1;
    if (check_offsets(&a[1], a[0].count) || check_count("answers", &a[4], 3 * rows) ||
        (a[2].count < 1 && check_count("n", &a[2], 1)) || check_count("odd", &a[3], a[2].count)) {
        give_back(letters, a);
        return NULL;
    }
    int failed;
    Py_BEGIN_ALLOW_THREADS
    failed = answer_all(take, a[0].data, a[1].data, rows, a[2].count, a[3].data, a[4].data);
    Py_END_ALLOW_THREADS
    give_back(letters, a);
    if (failed)
        return PyErr_NoMemory();
    Py_RETURN_NONE;
}

/* character_repeats(data, offsets, n, odd, answers): of UTF-8; `odd` are the n constants of ngrams.py, `answers` three
 * numbers a row, see answer_row. */
KERNEL(character_repeats)
{
    return repeats("bqnqQ", take_characters, arguments, count);
}

/* word_repeats(keys, offsets, n, odd, answers): the same of words that are numbers. */
KERNEL(word_repeats)
{
    return repeats("qqnqQ", take_words, arguments, count);
}
