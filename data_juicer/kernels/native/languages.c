/* The likeliest label of each text by a supervised fastText model with subwords and a hierarchical softmax.
 *
 * What fastText computes, operation by operation in single precision, so that scores are equal to the last bit
 * (Joulin et al. 2016, "Bag of Tricks for Efficient Text Classification", and the format of its version 12).
 * The compiler must not fuse multiplications with additions: setup.py says so.
 */
#include "native.h"
#include <math.h>
#include <stdlib.h>

#define FNV_START 2166136261u
#define FNV_FACTOR 16777619u
#define UNSUMMED_MAX 512 /* rows of the matrix that are added at a time, so that they are on their way before they are needed */
static const char LABEL[] = "__label__";
static const char END[] = "</s>";

typedef struct {
    int64_t dim, words, bucket, minn, maxn, labels;
    uint64_t bucket_inverse; /* 2^64 / bucket, rounded up */
    const float *vectors; /* one a word, then one a bucket of subwords */
    int64_t vectors_count;
    const uint32_t *buckets; /* which buckets there are: pairs of bucket + 1 and its vector, by hash; none: all */
    int64_t buckets_mask;
    const uint8_t *spelling; /* of all words, one after the other */
    const int64_t *word_starts;
    const uint32_t *word_slots; /* word + 1 by hash; 0: none */
    int64_t word_mask;
    const int32_t *left, *right; /* children of each node of the tree of labels; below 0: a label */
    const float *output;         /* one vector for each node that is no label */
} Model;

typedef struct {
    const Model *model;
    float *hidden;
    int64_t unsummed, added;
    int64_t rows[UNSUMMED_MAX];
    uint8_t *word;
    struct { int64_t node; float score; } *waiting;
} Work;

static inline uint32_t fnv(uint32_t hash, uint8_t byte)
{
    return (hash ^ (uint32_t)(int8_t)byte) * FNV_FACTOR;
}

static void add_unsummed(Work *work)
{
    int64_t dim = work->model->dim;
    float *hidden = work->hidden;
    for (int64_t i = 0; i < work->unsummed; i++) {
        const float *vector = work->model->vectors + work->rows[i] * dim;
        for (int64_t d = 0; d < dim; d++)
            hidden[d] += vector[d];
    }
    work->added += work->unsummed;
    work->unsummed = 0;
}

static inline void push(Work *work, int64_t row)
{
    if (row >= work->model->vectors_count)
        return;
#ifdef __GNUC__
    __builtin_prefetch(work->model->vectors + row * work->model->dim);
#endif
    work->rows[work->unsummed++] = row;
    if (work->unsummed == UNSUMMED_MAX)
        add_unsummed(work);
}

static inline void push_bucket(Work *work, uint32_t hash)
{
    const Model *model = work->model;
#ifdef __SIZEOF_INT128__ /* hash % bucket without a division (Lemire, Kaser and Kurz 2019) */
    uint64_t low = model->bucket_inverse * hash;
    uint32_t bucket = (uint32_t)(((unsigned __int128)low * (uint64_t)model->bucket) >> 64);
#else
    uint32_t bucket = hash % (uint32_t)model->bucket;
#endif
    if (model->buckets_mask < 0) {
        push(work, model->words + bucket);
        return;
    }
    int64_t slot = (bucket * 0x9E3779B1u >> 7) & model->buckets_mask;
    for (; model->buckets[2 * slot]; slot = (slot + 1) & model->buckets_mask) {
        if (model->buckets[2 * slot] == bucket + 1) {
            push(work, model->buckets[2 * slot + 1]);
            return;
        }
    }
}

static void push_subwords(Work *work, const uint8_t *token, int64_t size)
{
    const Model *model = work->model;
    uint8_t *word = work->word;
    word[0] = '<';
    memcpy(word + 1, token, (size_t)size);
    word[size + 1] = '>';
    size += 2;
    for (int64_t i = 0; i < size; i++) {
        if ((word[i] & 0xC0) == 0x80)
            continue;
        uint32_t hash = FNV_START;
        for (int64_t j = i, n = 1; j < size && n <= model->maxn; n++) {
            hash = fnv(hash, word[j++]);
            while (j < size && (word[j] & 0xC0) == 0x80)
                hash = fnv(hash, word[j++]);
            if (n >= model->minn && !(n == 1 && (i == 0 || j == size)))
                push_bucket(work, hash);
        }
    }
}

static int64_t find_word(const Model *model, const uint8_t *token, int64_t size)
{
    uint32_t hash = FNV_START;
    for (int64_t i = 0; i < size; i++)
        hash = fnv(hash, token[i]);
    for (int64_t slot = hash & model->word_mask; model->word_slots[slot]; slot = (slot + 1) & model->word_mask) {
        int64_t word = (int64_t)model->word_slots[slot] - 1;
        if (word >= model->words)
            continue;
        int64_t start = model->word_starts[word];
        if (model->word_starts[word + 1] - start == size && !memcmp(model->spelling + start, token, (size_t)size))
            return word;
    }
    return -1;
}

/* Returns 0 after the token that ends a line. */
static int add_token(Work *work, const uint8_t *token, int64_t size)
{
    int is_end = size == sizeof(END) - 1 && !memcmp(token, END, sizeof(END) - 1);
    if (size >= (int64_t)sizeof(LABEL) - 1 && !memcmp(token, LABEL, sizeof(LABEL) - 1))
        return 1;
    int64_t word = find_word(work->model, token, size);
    if (word >= 0)
        push(work, word);
    if (!is_end)
        push_subwords(work, token, size);
    return !is_end;
}

static void average(Work *work, const uint8_t *at, const uint8_t *end)
{
    memset(work->hidden, 0, sizeof(float) * (size_t)work->model->dim);
    work->unsummed = work->added = 0;
    int goes_on = 1;
    while (goes_on && at < end) {
        while (at < end && (*at == ' ' || (*at >= '\t' && *at <= '\r') || *at == 0))
            at++;
        const uint8_t *token = at;
        while (at < end && !(*at == ' ' || (*at >= '\t' && *at <= '\r') || *at == 0))
            at++;
        if (at > token)
            goes_on = add_token(work, token, at - token);
    }
    if (goes_on)
        add_token(work, (const uint8_t *)END, sizeof(END) - 1);
    add_unsummed(work);
    float share = (float)(1.0 / (double)work->added);
    for (int64_t d = 0; d < work->model->dim && work->added; d++)
        work->hidden[d] *= share;
}

static float logarithm(float number)
{
    return (float)log(number + 1e-5);
}

/* Depth first, left child first, without the nodes that are less likely than the best label so far; of labels that are
 * as likely as each other the last one counts. Returns the label, -1 where every one is as good as impossible. */
static int64_t best_label(Work *work, float *best)
{
    const Model *model = work->model;
    int64_t found = -1, depth = 0;
    float least = logarithm(0.0f);
    work->waiting[depth].node = 2 * model->labels - 2;
    work->waiting[depth++].score = 0.0f;
    while (depth > 0) {
        int64_t node = work->waiting[--depth].node;
        float score = work->waiting[depth].score;
        if (score < least || (found >= 0 && score < *best))
            continue;
        int64_t left = model->left[node], right = model->right[node];
        if (node < model->labels) {
            found = node;
            *best = score;
            continue;
        }
        if (left < 0 || right < 0 || left >= node || right >= node || depth + 2 > 2 * model->labels)
            continue; /* no tree */
        const float *weights = model->output + (node - model->labels) * model->dim;
        float sum = 0.0f;
        for (int64_t d = 0; d < model->dim; d++)
            sum += weights[d] * work->hidden[d];
        float chance = (float)(1.0 / (1.0f + expf(-sum)));
        work->waiting[depth].node = right;
        work->waiting[depth++].score = score + logarithm(chance);
        work->waiting[depth].node = left;
        work->waiting[depth++].score = score + logarithm((float)(1.0 - chance));
    }
    return found;
}

static int judge(const Model *model, const uint8_t *data, const int64_t *offsets, Py_ssize_t rows, int32_t *labels, float *scores)
{
    int64_t longest = sizeof(END);
    for (Py_ssize_t row = 0; row < rows; row++)
        longest = offsets[row + 1] - offsets[row] > longest ? offsets[row + 1] - offsets[row] : longest;
    Work work = {.model = model};
    work.hidden = malloc(sizeof(float) * (size_t)model->dim);
    work.word = malloc((size_t)longest + 2);
    work.waiting = malloc(sizeof(*work.waiting) * 2 * (size_t)model->labels);
    int failed = !work.hidden || !work.word || !work.waiting;
    for (Py_ssize_t row = 0; row < rows && !failed; row++) {
        float score = 0.0f;
        average(&work, data + offsets[row], data + offsets[row + 1]);
        labels[row] = work.added ? (int32_t)best_label(&work, &score) : -1;
        scores[row] = expf(score);
    }
    free(work.hidden);
    free(work.word);
    free(work.waiting);
    return failed;
}

enum { DATA, OFFSETS, DIM, BUCKET, MINN, MAXN, VECTORS, BUCKETS, SPELLING, STARTS, SLOTS, LEFT, RIGHT, OUTPUT, LABELS, SCORES };

static int is_power_of_two(Py_ssize_t number)
{
    return number > 0 && !(number & (number - 1));
}

/* Whether the arrays go together; sets ValueError. */
static int check_model(const Array *a)
{
    Py_ssize_t dim = a[DIM].count, labels = a[LEFT].count / 2 + 1;
    int is_right = dim >= 1 && dim <= 1 << 16 && a[BUCKET].count >= 1 && a[BUCKET].count <= UINT32_MAX - 1 &&
                   a[VECTORS].count % dim == 0 && labels <= 1 << 20 && a[LEFT].count == 2 * labels - 1 &&
                   a[RIGHT].count == a[LEFT].count && a[OUTPUT].count >= (labels - 1) * dim && a[STARTS].count >= 1 &&
                   is_power_of_two(a[SLOTS].count) && a[SLOTS].count > a[STARTS].count &&
                   (a[BUCKETS].count == 0 || is_power_of_two(a[BUCKETS].count / 2));
    int has_free = 0;
    const uint32_t *slots = a[SLOTS].data, *buckets = a[BUCKETS].data;
    for (Py_ssize_t i = 0; i < a[SLOTS].count && !has_free; i++)
        has_free = slots[i] == 0;
    is_right &= has_free;
    has_free = a[BUCKETS].count == 0;
    for (Py_ssize_t i = 0; i + 1 < a[BUCKETS].count && !has_free; i += 2)
        has_free = buckets[i] == 0;
    if (!is_right || !has_free) {
        PyErr_SetString(PyExc_ValueError, "the arrays of the model do not go together");
        return -1;
    }
    return check_offsets(&a[STARTS], a[SPELLING].count);
}

/* languages(data, offsets, dim, bucket, minn, maxn, vectors, buckets, spelling, word_starts, word_slots, left, right,
 * output, labels, scores): see Model. Writes the label of each row, -1 where there is none, and its probability. */
KERNEL(languages)
{
    const char *letters = "bqnnnniibqiiiiII";
    Array a[ARGUMENTS_MAX];
    if (borrow(letters, arguments, count, a))
        return NULL;
    if (check_offsets(&a[OFFSETS], a[DATA].count) || check_model(a) ||
        check_count("labels", &a[LABELS], a[OFFSETS].count - 1) || check_count("scores", &a[SCORES], a[OFFSETS].count - 1)) {
        give_back(letters, a);
        return NULL;
    }
    Model model = {
        .dim = a[DIM].count, .words = a[STARTS].count - 1, .bucket = a[BUCKET].count, .bucket_inverse = UINT64_MAX / (uint64_t)a[BUCKET].count + 1, .minn = a[MINN].count,
        .maxn = a[MAXN].count, .labels = a[LEFT].count / 2 + 1, .vectors = a[VECTORS].data,
        .vectors_count = a[VECTORS].count / a[DIM].count, .buckets = a[BUCKETS].data,
        .buckets_mask = a[BUCKETS].count / 2 - 1, .spelling = a[SPELLING].data, .word_starts = a[STARTS].data,
        .word_slots = a[SLOTS].data, .word_mask = a[SLOTS].count - 1, .left = a[LEFT].data, .right = a[RIGHT].data,
        .output = a[OUTPUT].data,
    };
    int failed;
    Py_BEGIN_ALLOW_THREADS
    failed = judge(&model, a[DATA].data, a[OFFSETS].data, a[OFFSETS].count - 1, a[LABELS].data, a[SCORES].data);
    Py_END_ALLOW_THREADS
    give_back(letters, a);
    if (failed)
        return PyErr_NoMemory();
    Py_RETURN_NONE;
}
