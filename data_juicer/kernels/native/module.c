/* The module `data_juicer.kernels._native`: arguments of all kernels, and the table of them. */
#include "native.h"

static Py_ssize_t item_size(char letter)
{
    switch (letter) {
    case 'b': case 'B': return 1;
    case 'i': case 'I': return 4;
    default: return 8;
    }
}

static int borrow_one(char letter, PyObject *argument, Array *array)
{
    if (letter == 'n') {
        array->count = PyLong_AsSsize_t(argument);
        if (array->count < 0) {
            if (!PyErr_Occurred())
                PyErr_SetString(PyExc_ValueError, "an integer is below 0");
            return -1;
        }
        return 0;
    }
    int is_written = letter >= 'A' && letter <= 'Z';
    if (PyObject_GetBuffer(argument, &array->view, PyBUF_C_CONTIGUOUS | PyBUF_FORMAT | (is_written ? PyBUF_WRITABLE : 0)))
        return -1;
    array->is_borrowed = 1;
    array->data = array->view.buf;
    Py_ssize_t size = item_size(letter);
    if (array->view.itemsize != size || (uintptr_t)array->data % (uintptr_t)size) {
        PyErr_Format(PyExc_ValueError, "an array has items of %zd bytes, or not aligned: wanted are %zd", array->view.itemsize, size);
        return -1;
    }
    array->count = array->view.len / size;
    return 0;
}

int borrow(const char *letters, PyObject *const *arguments, Py_ssize_t count, Array *arrays)
{
    Py_ssize_t wanted = (Py_ssize_t)strlen(letters);
    if (count != wanted || wanted > ARGUMENTS_MAX) {
        PyErr_Format(PyExc_TypeError, "%zd arguments, not %zd", count, wanted);
        return -1;
    }
    memset(arrays, 0, sizeof(Array) * (size_t)wanted);
    for (Py_ssize_t i = 0; i < wanted; i++) {
        if (borrow_one(letters[i], arguments[i], &arrays[i])) {
            give_back(letters, arrays);
            return -1;
        }
    }
    return 0;
}

void give_back(const char *letters, Array *arrays)
{
    for (size_t i = 0; i < strlen(letters); i++) {
        if (arrays[i].is_borrowed)
            PyBuffer_Release(&arrays[i].view);
        arrays[i].is_borrowed = 0;
    }
}

int check_offsets(const Array *offsets, Py_ssize_t length)
{
    const int64_t *at = offsets->data;
    int is_right = offsets->count >= 1 && at[0] >= 0 && at[offsets->count - 1] <= length;
    for (Py_ssize_t i = 1; is_right && i < offsets->count; i++)
        is_right = at[i - 1] <= at[i];
    if (!is_right)
        PyErr_SetString(PyExc_ValueError, "offsets do not cut the array into rows");
    return is_right ? 0 : -1;
}

int check_count(const char *what, const Array *array, Py_ssize_t wanted)
{
    if (array->count == wanted)
        return 0;
    PyErr_Format(PyExc_ValueError, "%s: %zd items, not %zd", what, array->count, wanted);
    return -1;
}

#define ENTRY(name) {#name, (PyCFunction)(void (*)(void))name, METH_FASTCALL, NULL}

static PyMethodDef kernels[] = {
    ENTRY(count_characters), ENTRY(keep_characters), ENTRY(count_words), ENTRY(lower), ENTRY(word_keys),
    ENTRY(character_repeats), ENTRY(word_repeats), ENTRY(window_keys), ENTRY(simhashes), ENTRY(minhashes),
    ENTRY(languages), {NULL, NULL, 0, NULL},
};

static int set_facts(PyObject *module)
{
    /* What the sources were when this was built: code that was written for others does not use it. */
    return PyModule_AddStringConstant(module, "SOURCES", SOURCES_DIGEST);
}

static PyModuleDef_Slot slots[] = {{Py_mod_exec, set_facts}, {0, NULL}};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, "_native", "Kernels in C; data_juicer.kernels.native says how they are used.", 0, kernels, slots,
    NULL, NULL, NULL,
};

PyMODINIT_FUNC PyInit__native(void)
{
    return PyModuleDef_Init(&definition);
}
