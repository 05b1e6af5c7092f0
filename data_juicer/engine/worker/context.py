"""What a worker has for every attempt: its operators, its disk, its clock."""

from __future__ import annotations

import os
from collections.abc import Callable

from data_juicer import redaction
from data_juicer.clock import Clock
from data_juicer.engine.protocol import messages as m
from data_juicer.engine.protocol.worker_setup import WorkerSetup
from data_juicer.engine.worker.saver import Saver
from data_juicer.errors import DataJuicerError, OperatorError
from data_juicer.ops.base import Operator
from data_juicer.ops.catalog.registry import load_custom, make
from data_juicer.ops.context import OperatorContext, prepare_operator
from data_juicer.ops.resources.models import cache_home
from data_juicer.plan.keys import KeyMaker
from data_juicer.redaction import find_secrets
from data_juicer.storage.base import Store


class WorkerContext:
    """Operators are made once, and prepared when they are first needed.

    Where stages end because resources change they are made as late, so that no worker holds the model of an operator that it
    never runs.
    """

    def __init__(
        self,
        setup: WorkerSetup,
        store: Store,
        clock: Clock,
        saver: Saver,
        tell: Callable[[m.Message], None] = lambda _: None,
        between_batches: Callable[[], None] | None = None,
    ) -> None:
        """
        Args:
            tell: for what the driver must know before the worker goes on.
            between_batches: called before an operator is given rows, where the driver's thread waits for this one.
        """
        redaction.know(value for spec in setup.operators for _, value in find_secrets(spec.parameters))
        load_custom(setup.custom_operator_paths)
        self.setup = setup
        self.layout = setup.layout
        self.store = store
        self.clock = clock
        self.saver = saver
        self.tell = tell
        self.between_batches = between_batches
        self.keys = KeyMaker(setup.reader, setup.identities, setup.export, setup.resolve_keys)
        self._operators: dict[int, Operator] = {}
        if not setup.is_split:
            for index in range(len(setup.operators)):
                self.operator(index)
        self._prepared: set[int] = set()

    def operator(self, index: int) -> Operator:
        """The operator, made on the first call. Raises: ConfigError: it cannot be made from its parameters."""
        if index not in self._operators:
            spec, setup = self.setup.operators[index], self.setup
            self._operators[index] = make(
                spec.name, spec.parameters, text_key=setup.text_key, seed=setup.seed
            )
        return self._operators[index]

    def prepared(self, index: int) -> Operator:
        """The operator, with what it needs loaded.

        Raises: OperatorError: it cannot be; no partition could do better.
        """
        operator = self.operator(index)
        if index not in self._prepared:
            try:
                prepare_operator(operator, self._context_of(operator))
            except DataJuicerError:
                raise
            except Exception as error:
                raise OperatorError(
                    f"{operator.name} cannot be prepared: {type(error).__name__}: {error} No row was blamed for it; "
                    "mend its parameters or models and start the job again."
                ) from error
            self._prepared.add(index)
        return operator

    def _context_of(self, operator: Operator) -> OperatorContext:
        return OperatorContext(
            store=self.store,
            seed=self.setup.seed,
            text_keys=self.setup.text_keys,
            cache_root=os.path.join(cache_home(), "operators"),
            cache_name=f"{operator.name}-{str(operator.version)[:32]}",
        )
