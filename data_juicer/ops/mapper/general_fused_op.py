"""Several operators as one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from data_juicer.ops.base import Filter, Mapper, parameters_of
from data_juicer.ops.context import prepare_operator

if TYPE_CHECKING:
    from data_juicer.ops.context import OperatorContext
    from data_juicer.rows.batch import Batch


class GeneralFusedOp(Mapper):
    """Operator fusion: applies several mappers and filters in sequence as one operator of the recipe.

    Every recipe already shares work between operators; this keeps them in one stage, with one checkpoint.

    Example: fused_op_list [whitespace_normalization_mapper, {text_length_filter: {min_len: 20}}]

    Args:
        fused_op_list: entries as in `process`.
    """

    name: ClassVar[str] = "general_fused_op"
    draws: ClassVar[bool] = True  # for an operator of the list that does

    def __init__(self, fused_op_list: list[Any] | None = None) -> None:
        from data_juicer.ops.catalog import registry

        self.operators = [
            registry.make(name, parameters, text_key=self.text_key, seed=self.seed)
            for name, parameters in map(parameters_of, fused_op_list or [])
        ]
        for operator in self.operators:
            if not isinstance(operator, Mapper | Filter):
                raise ValueError(  # noqa: TRY004 - a value of the recipe
                    f"only mappers and filters can be fused; {operator.name} is a {operator.kind}"
                )
        self.version = "+".join(f"{operator.name}.{operator.version}" for operator in self.operators)  # type: ignore[misc]

    def text_keys_read(self) -> tuple[str, ...]:
        made: set[str] = set()
        read: dict[str, None] = {}
        for operator in self.operators:
            read.update(dict.fromkeys(key for key in operator.text_keys_read() if key not in made))
            made.update(operator.text_keys_made())
        return tuple(read)

    def text_keys_made(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(key for operator in self.operators for key in operator.text_keys_made()))

    def reads_suffix(self) -> bool:
        return any(operator.reads_suffix() for operator in self.operators)

    def measures(self) -> bool:
        return any(operator.measures() for operator in self.operators)

    def assets(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(path for operator in self.operators for path in operator.assets()))

    def references_read(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(key for operator in self.operators for key in operator.references_read()))

    def prepare(self, context: OperatorContext | None = None) -> None:
        for operator in self.operators:
            if context is None:
                operator.prepare()
            else:
                prepare_operator(operator, context)

    def process(self, batch: Batch) -> Batch:
        for operator in self.operators:
            if isinstance(operator, Mapper):
                batch = operator.process(batch)
            elif isinstance(operator, Filter):
                stats = operator.compute_stats(batch)
                batch = batch.with_stats(stats).select(operator.keep(stats))
        return batch
