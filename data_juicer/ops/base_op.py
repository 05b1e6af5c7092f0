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

from collections.abc import Callable, Iterable
from typing import Any, ClassVar, Final, TypeVar

from data_juicer.ops.bases.ranges import in_range
from data_juicer.ops.catalog.parameters import FIELD_KEYS
from data_juicer.utils.constant import Fields

Sample = dict[str, Any]
"""A row: field -> value. In batches: field -> list of values."""

AnyClass = TypeVar("AnyClass", bound=type)


class Registry:
    """Classes by the name they were registered with."""

    def __init__(self) -> None:
        self.modules: dict[str, type] = {}

    def register_module(
        self, module_name: str | None = None, module_cls: type | None = None, *, force: bool = False
    ) -> Any:
        """Register a class under a name (its own by default): as a decorator, or at once with `module_cls`.

        `force` is DataJuicer's; a class registered again always replaces the one before.
        """
        del force
        if module_cls is not None:
            return self._register(module_name, module_cls)

        def decorate(cls: AnyClass) -> AnyClass:
            self._register(module_name, cls)
            return cls

        return decorate

    def get(self, module_name: str) -> type | None:
        return self.modules.get(module_name)

    def _register(self, name: str | None, cls: type) -> type:
        name = name or cls.__name__
        self.modules[name] = cls
        cls._name = name  # type: ignore[attr-defined]
        return cls


OPERATORS: Final = Registry()
UNFORKABLE: Final = Registry()


class OP:
    """What mappers, filters and aggregators share: names of fields as attributes, and figures about resources."""

    _name: ClassVar[str]
    _accelerator: ClassVar[str] = "cpu"
    _batched_op: ClassVar[bool] = False

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        del args
        for key, default in FIELD_KEYS.items():
            setattr(self, key, kwargs.get(key, default))
        self.batch_size: int = kwargs.get("batch_size", 1000)
        self.accelerator: str = kwargs.get("accelerator") or self._accelerator
        self.num_proc: int | None = kwargs.get("num_proc")
        self.cpu_required: float = kwargs.get("cpu_required", 1)
        self.mem_required: float | str = kwargs.get("mem_required", 0)

    @classmethod
    def is_batched_op(cls) -> bool:
        return cls._batched_op

    def use_cuda(self) -> bool:
        return self.accelerator == "cuda"

    def remove_extra_parameters(self, param_dict: Sample, keys: Iterable[str] | None = None) -> Sample:
        """`locals()` of an `__init__` without `self`, private names, or the given keys."""
        left_out = {"self", *(keys or ())}
        return {key: value for key, value in param_dict.items() if key not in left_out and key[:1] != "_"}

    def add_parameters(self, init_parameter_dict: Sample, **extra_param_dict: Any) -> Sample:
        return {**init_parameter_dict, **extra_param_dict}


class Mapper(OP):
    """Changes rows: implement `process_single`, or `process_batched` with `_batched_op = True`."""

    def process_single(self, sample: Sample) -> Sample:
        raise NotImplementedError

    def process_batched(self, samples: Sample, *args: Any, **kwargs: Any) -> Sample:
        rows = [self.process_single(row, *args, **kwargs) for row in rows_of(samples)]
        return columns_of(rows, samples)

    def process(self, sample: Sample) -> Sample:
        return self.process_batched(sample) if self.is_batched_op() else self.process_single(sample)


class Filter(OP):
    """Computes figures of rows and decides from them: implement `compute_stats_single` and `process_single`."""

    shared_parameters: ClassVar[tuple[str, ...]] = (
        "min_closed_interval",
        "max_closed_interval",
        "reversed_range",
    )
    min_closed_interval: bool = True
    max_closed_interval: bool = True
    reversed_range: bool = False

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for key in self.shared_parameters:
            setattr(self, key, kwargs.get(key, getattr(self, key)))

    def get_keep_boolean(self, val: Any, min_val: Any = None, max_val: Any = None) -> bool:
        """Whether a figure lies in the range, bounds open or closed, reversed where that is asked for."""
        return bool(in_range(val, min_val, max_val, self))

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


def columns_of(rows: list[Sample], like: Sample) -> Sample:
    """A list of dicts as a dict of lists; of no rows, the fields of `like`. Fields that a row lacks are None there."""
    keys = list(dict.fromkeys(key for row in rows for key in row)) or list(like)
    return {key: [row.get(key) for row in rows] for key in keys}
