/* Shingles of each row as keys, and what is made of them: SimHash and MinHash.
 *
 * The arithmetic is that of data_juicer/ops/dataset/shingles.py, simhash.py and minhash.py; both give the same numbers.
 */
#include "native.h"

#define SPREAD 0x9E3779B97F4A7C15u
#define MIX 0xBF58476D1CE4E5B9u
#define PLANES 40 /* more than the bits of the number of shingles of any row */

/* GCC makes a version for processors with AVX2 beside the one for all, and chooses when the module is loaded. */
#if defined(__x86_64__) && defined(__gnu_linux__) && defined(__GNUC__) && !defined(__clang__) && !defined(__SANITIZE_ADDRESS__)
#define FOR_WIDE_VECTORS __attribute__((target_clones("avx2", "default")))
#else
#define FOR_WIDE_VECTORS
#endif

static inline uint64_t mixed(uint64_t key)
{
    key = (key ^ key >> 31) * SPREAD;
    key = (key ^ key >> 29) * MIX;
    return key ^ key >> 32;
}

/* window_keys(tokens, offsets, window, keys, counts): a key for each window of tokens within a row, row after row, and how
 * many each row has. The tokens are mixed where they are. Returns how many keys there are. */
KERNEL(window_keys)
{
    const char *letters = "QqnQQ";
    Array a[ARGUMENTS_MAX];
    if (borrow(letters, arguments, count, a))
        return NULL;
    if (check_offsets(&a[1], a[0].count) || check_count("counts", &a[4], a[1].count - 1) ||
        (a[2].count < 1 && check_count("window", &a[2], 1)) || check_count("keys", &a[3], a[0].count)) {
        give_back(letters, a);
        return NULL;
    }
    uint64_t *tokens = a[0].data;
    const int64_t *offsets = a[1].data;
    uint64_t *keys = a[3].data;
    int64_t *counts = a[4].data, window = a[2].count;
    Py_ssize_t made = 0;
    Py_BEGIN_ALLOW_THREADS
    for (Py_ssize_t i = 0; i < a[0].count; i++)
        tokens[i] = mixed(tokens[i]);
    for (Py_ssize_t row = 0; row + 1 < a[1].count; row++) {
        int64_t windows = offsets[row + 1] - offsets[row] - window + 1;
        counts[row] = windows > 0 ? windows : 0;
        for (int64_t i = 0; i < windows; i++) {
            const uint64_t *at = tokens + offsets[row] + i;
            uint64_t key = 0;
            for (int64_t step = 0; step < window; step++) {
                key = (key + at[step]) * MIX;
                key ^= key >> 32;
            }
            keys[made++] = mixed(key);
        }
    }
    Py_END_ALLOW_THREADS
    give_back(letters, a);
    return PyLong_FromSsize_t(made);
}

/* Bit j is the one that more than half of the keys have at j. Bit j of plane k is bit k of how many have it. */
static uint64_t simhash(const uint64_t *keys, int64_t count)
{
    uint64_t planes[PLANES] = {0}, above = 0, equal = ~(uint64_t)0;
    for (int64_t i = 0; i < count; i++) {
        uint64_t carry = keys[i];
        for (int plane = 0; carry && plane < PLANES; plane++) {
            uint64_t both = planes[plane] & carry;
            planes[plane] ^= carry;
            carry = both;
        }
    }
    uint64_t half = (uint64_t)count / 2;
    for (int plane = PLANES - 1; plane >= 0; plane--) {
        uint64_t bound = half >> plane & 1 ? ~(uint64_t)0 : 0;
        above |= equal & planes[plane] & ~bound;
        equal &= ~(planes[plane] ^ bound);
    }
    return above;
}

/* simhashes(keys, offsets, hashes) */
KERNEL(simhashes)
{
    const char *letters = "qqQ";
    Array a[ARGUMENTS_MAX];
    if (borrow(letters, arguments, count, a))
        return NULL;
    if (check_offsets(&a[1], a[0].count) || check_count("hashes", &a[2], a[1].count - 1)) {
        give_back(letters, a);
        return NULL;
    }
    const uint64_t *keys = a[0].data;
    const int64_t *offsets = a[1].data;
    uint64_t *hashes = a[2].data;
    Py_BEGIN_ALLOW_THREADS
    for (Py_ssize_t row = 0; row + 1 < a[1].count; row++)
        hashes[row] = simhash(keys + offsets[row], offsets[row + 1] - offsets[row]);
    Py_END_ALLOW_THREADS
    give_back(letters, a);
    Py_RETURN_NONE;
}

FOR_WIDE_VECTORS static void least_entries(const uint64_t *keys, int64_t shingles, const uint32_t *factors,
                                           const uint32_t *shifts, int64_t permutations, uint32_t *least)
{
    for (int64_t j = 0; j < permutations; j++)
        least[j] = UINT32_MAX;
    for (int64_t i = 0; i < shingles; i++) {
        uint32_t shingle = (uint32_t)(keys[i] >> 32);
        for (int64_t j = 0; j < permutations; j++) {
            uint32_t entry = shingle * factors[j] + shifts[j];
            least[j] = entry < least[j] ? entry : least[j];
        }
    }
}

/* minhashes(keys, offsets, factors, shifts, signatures): for each row and permutation the least
 * factor * (upper half of a key) + shift, modulo 2^32. */
KERNEL(minhashes)
{
    const char *letters = "qqiiI";
    Array a[ARGUMENTS_MAX];
    if (borrow(letters, arguments, count, a))
        return NULL;
    Py_ssize_t rows = a[1].count - 1, permutations = a[2].count;
    if (check_offsets(&a[1], a[0].count) || check_count("shifts", &a[3], permutations) ||
        (permutations && rows > PY_SSIZE_T_MAX / permutations && check_count("permutations", &a[2], 0)) ||
        check_count("signatures", &a[4], rows * permutations)) {
        give_back(letters, a);
        return NULL;
    }
    const uint64_t *keys = a[0].data;
    const int64_t *offsets = a[1].data;
    uint32_t *signatures = a[4].data;
    Py_BEGIN_ALLOW_THREADS
    for (Py_ssize_t row = 0; row < rows; row++)
        least_entries(keys + offsets[row], offsets[row + 1] - offsets[row], a[2].data, a[3].data, permutations,
                      signatures + row * permutations);
    Py_END_ALLOW_THREADS
    give_back(letters, a);
    Py_RETURN_NONE;
}
