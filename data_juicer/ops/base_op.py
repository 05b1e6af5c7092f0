"""DataJuicer's class interface, so that operators written for it run unchanged.

    from data_juicer.ops.base_op import OPERATORS, Mapper

    @OPERATORS.register_module("shout_mapper")
    class ShoutMapper(Mapper):
        def process_single(self, sample):
            sample[self.text_key] = sample[self.text_key].upper()
            return sample

Such an operator sees rows as dicts, one after the other, which is slow beside a column at a time
(docs/custom_operators.md). `ops/catalog/adapter.py` runs it.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Sequence
from typing import Any, ClassVar, Final

from data_juicer.ops.bases.ranges import RangeParameters, in_range
from data_juicer.ops.catalog.parameters import FIELD_KEYS
from data_juicer.utils.constant import Fields
from data_juicer.utils.registry import Registry

Sample = dict[str, Any]
"""A row: field -> value. In batches: field -> list of values."""


OPERATORS: Final = Registry("Operators")
UNFORKABLE: Final = Registry("Unforkable")
NON_STATS_FILTERS: Final = Registry("Non-stats Filters")
"""Filters that compute no stats: their `process_single` decides from the row."""
TAGGING_OPS: Final = Registry("Tagging Operators")
"""Operators that write tags: rows have a dict for them under `Fields.meta`."""
ATTRIBUTION_FILTERS: Final = Registry("Attribution Filters")
DEFAULT_BATCH_SIZE: Final = 1000


class OP:
    """What all kinds of operators share: names of fields as attributes, and parameters about resources."""

    _name: ClassVar[str] = ""
    _accelerator: ClassVar[str] = "cpu"
    _batched_op: bool = False
    """Of the class, or set on the instance."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        del args
        for key, default in FIELD_KEYS.items():
            setattr(self, key, kwargs.get(key, default))
        self.accelerator: str = kwargs.get("accelerator") or self._accelerator
        self.batch_size: int = kwargs.get(
            "batch_size", 10 if self.accelerator == "cuda" else DEFAULT_BATCH_SIZE
        )
        self.batch_mode: bool | None = kwargs.get("batch_mode")
        self.num_proc: int | None = kwargs.get("num_proc", -1)
        self.work_dir: str | None = kwargs.get("work_dir")
        self.skip_op_error: bool = kwargs.get("skip_op_error", False)
        self.auto_op_parallelism: bool = kwargs.get("auto_op_parallelism", True)
        self.turbo: bool = kwargs.get("turbo", False)
        self.runtime_env: Any = kwargs.get("runtime_env")
        self.ray_execution_mode: str | None = kwargs.get("ray_execution_mode")
        for name, older in (
            ("num_cpus", "cpu_required"),
            ("num_gpus", "gpu_required"),
            ("memory", "mem_required"),
        ):
            setattr(self, older, kwargs.get(older))
            setattr(self, name, kwargs.get(name, kwargs.get(older)))

    def is_batched_op(self) -> bool:
        """Whether the operator is given dicts of lists.

        Raises: ValueError: it is written for those, and `batch_mode: false` asks for the contrary.
        """
        if self.batch_mode is False and self._batched_op:
            raise ValueError("batch_mode is false, and the operator is written for batches (_batched_op)")
        return self._batched_op or bool(self.batch_mode)

    def use_ray_actor(self) -> bool:
        return False

    def runtime_np(self) -> int:
        """1: the processes that run operators are the job's."""
        return 1

    def empty_history(self) -> Any:
        import numpy as np

        return np.empty((0, 0), dtype=str)

    def use_cuda(self) -> bool:
        """Whether a model of this operator is to run on a GPU, and there is one."""
        from data_juicer.utils.resource_utils import is_cuda_available

        return self.accelerator == "cuda" and is_cuda_available()

    def remove_extra_parameters(self, param_dict: Sample, keys: Iterable[str] | None = None) -> Sample:
        """`locals()` of an `__init__` without `self` and private names, or without the given keys."""
        if keys is not None:
            return {key: value for key, value in param_dict.items() if key not in set(keys)}
        return {key: value for key, value in param_dict.items() if key != "self" and key[:1] != "_"}

    def add_parameters(self, init_parameter_dict: Sample, **extra_param_dict: Any) -> Sample:
        return {**copy.deepcopy(init_parameter_dict), **extra_param_dict}


class Mapper(OP):
    """Changes rows: implement `process_single`, or `process_batched` with `_batched_op = True`."""

    def process_single(self, sample: Sample) -> Sample:
        raise NotImplementedError

    def process_batched(self, samples: Sample, *args: Any, **kwargs: Any) -> Sample:
        rows = [self.process_single(row, *args, **kwargs) for row in rows_of(samples)]
        return columns_of(rows, samples)

    def process(self, sample: Sample) -> Sample:
        return self.process_batched(sample) if self.is_batched_op() else self.process_single(sample)

    def __call__(self, *args: Any, **kwargs: Any) -> Sample:
        return self.process(*args, **kwargs)


class Filter(RangeParameters, OP):
    """Computes stats of rows and decides from them: implement `compute_stats_single` and `process_single`."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.stats_export_path: str | None = kwargs.get("stats_export_path")
        for key in self.shared_parameters:
            setattr(self, key, kwargs.get(key, getattr(self, key)))

    def get_keep_boolean(self, val: Any, min_val: Any = None, max_val: Any = None) -> bool:
        """Whether a stat is in the range, bounds open or closed, reversed where that is asked for."""
        return bool(in_range(val, min_val, max_val, self))

    def __call__(self, *args: Any, **kwargs: Any) -> Sample:
        return self.compute_stats(*args, **kwargs)

    def compute_stats_single(self, sample: Sample, context: bool = False) -> Sample:
        raise NotImplementedError

    def compute_stats_batched(self, samples: Sample, *args: Any, **kwargs: Any) -> Sample:
        rows = [self.compute_stats_single(row, *args, **kwargs) for row in rows_of(samples)]
        return columns_of(rows, samples)

    def process_single(self, sample: Sample) -> bool:
        raise NotImplementedError

    def process_batched(self, samples: Sample) -> Iterable[bool]:
        return [self.process_single({Fields.stats: stats}) for stats in samples[Fields.stats]]

    def compute_stats(self, sample: Sample, context: bool = False) -> Sample:
        compute: Callable[..., Sample] = (
            self.compute_stats_batched if self.is_batched_op() else self.compute_stats_single
        )
        return compute(sample, context=context)

    def process(self, sample: Sample) -> Any:
        return self.process_batched(sample) if self.is_batched_op() else self.process_single(sample)


class Deduplicator(OP):
    """Removes rows that are like others: implement `compute_hash`, and `process`, which is given all rows with their hashes.

    The rows of the whole dataset are kept in the memory of one process (`ops/catalog/foreign_dataset.py`).
    """

    def compute_hash(self, sample: Sample) -> Sample:
        """The row with fields by which rows are compared."""
        raise NotImplementedError

    def process(self, dataset: Any, show_num: int = 0) -> tuple[Any, dict[Any, Any]]:
        """Returns: the dataset without its duplicates, and `show_num` examples of them."""
        raise NotImplementedError


class Selector(OP):
    """Keeps some rows of a dataset: implement `process`. The rows are kept in the memory of one process."""

    def process(self, dataset: Any) -> Any:
        raise NotImplementedError


class Grouper(OP):
    """Makes rows of lists: implement `process`, which is given a dataset. Its rows are kept in the memory of one process."""

    def process(self, dataset: Any) -> Any:
        """Returns: a list of rows, whose fields are lists."""
        raise NotImplementedError


class Aggregator(OP):
    """Makes one value of many: implement `process_single`, which is given a row of a grouper, whose fields are lists.

    `sample["__dj__batch_meta__"]` is a dict for what is known of the row as a whole.
    """

    def process_single(self, sample: Sample) -> Sample:
        """The fields that change or are new."""
        raise NotImplementedError

    def process(self, sample: Sample) -> Sample:
        return self.process_single(sample)


def rows_of(samples: Sample) -> list[Sample]:
    """A dict of lists as a list of dicts."""
    return [dict(zip(samples, row, strict=True)) for row in zip(*samples.values(), strict=True)]


def columns_of(rows: Sequence[Sample], like: Sample) -> Sample:
    """A list of dicts as a dict of lists; of no rows, the fields of `like`. Fields that a row lacks are None there."""
    keys = list(dict.fromkeys(key for row in rows for key in row)) or list(like)
    return {key: [row.get(key) for row in rows] for key in keys}


def convert_list_dict_to_dict_list(samples: Sequence[Sample]) -> Sample:
    """DataJuicer's name of `columns_of`; the fields are those of the first row."""
    return {key: [row[key] for row in samples] for key in samples[0]}


def convert_dict_list_to_list_dict(samples: Sample) -> list[Sample]:
    """DataJuicer's name of `rows_of`."""
    return rows_of(samples)
