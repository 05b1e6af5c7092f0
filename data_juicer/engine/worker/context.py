"""What a worker has for every attempt: its operators, its disk, its clock."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence

import msgspec
import xxhash

from data_juicer import redaction
from data_juicer.clock import Clock
from data_juicer.engine.protocol import messages as m
from data_juicer.engine.protocol.worker_setup import WorkerSetup
from data_juicer.engine.worker.saver import Saver
from data_juicer.errors import DataJuicerError, OperatorError
from data_juicer.foreign_code import Contained, error_text
from data_juicer.job.layout import JobLayout
from data_juicer.job.names import parse_produced_name
from data_juicer.ops.base import Operator, as_asked
from data_juicer.ops.catalog.registry import load_custom, make
from data_juicer.ops.context import OperatorContext, Rows, prepare_operator
from data_juicer.ops.resources.models import cache_home
from data_juicer.plan.identity import digest_assets
from data_juicer.plan.keys import KeyMaker, canonical, digest
from data_juicer.redaction import find_secrets
from data_juicer.storage import open_store
from data_juicer.storage.base import Store
from data_juicer.store.manifest import DataFile, stored_identity
from data_juicer.store.staging import reference_to


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
        *,
        has_own_store: bool = False,
    ) -> None:
        """
        Args:
            tell: for what the driver must know before the worker goes on.
            between_batches: called before an operator is given rows, where the driver's thread waits for this one.
            has_own_store: nobody else counts the requests of the store.
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
        self._has_own_store = has_own_store
        self._requests_reported = self._throttled_reported = 0
        self._keys = KeyMaker(setup.reader, setup.identities, setup.export)
        self.stored_identities = tuple(map(stored_identity, setup.identities))
        """As manifests have them; made once, since every parameter is looked at for secrets."""
        self.made = MadeFiles(store, self.layout)
        self._operators: dict[int, Operator] = {}
        if not setup.is_split:
            for index in range(len(setup.operators)):
                self.operator(index)
        self._prepared: set[int] = set()

    def take_requests(self) -> int:
        """Requests to object stores since the last call."""
        if not self._has_own_store:
            return 0
        reported, self._requests_reported = self._requests_reported, self.store.requests
        return self._requests_reported - reported

    def take_throttled(self) -> int:
        """How many of the requests since the last call an object store has refused as too many."""
        if not self._has_own_store:
            return 0
        reported, self._throttled_reported = self._throttled_reported, self.store.throttled
        return self._throttled_reported - reported

    def operator(self, index: int) -> Operator:
        """The operator, made on the first call. Raises: ConfigError: it cannot be made from its parameters."""
        if index not in self._operators:
            spec, setup = self.setup.operators[index], self.setup
            made = make(spec.name, spec.parameters, text_key=setup.text_key, seed=setup.seed)
            self._operators[index] = as_asked(
                made, measures_only=setup.analyze, keeps_hashes=setup.keep_hashes
            )
        return self._operators[index]

    def keys(self, resolve_keys: Mapping[int, str]) -> KeyMaker:
        """The keys of partitions, given what those after dataset operators depend on."""
        if self._keys.resolve_keys != resolve_keys:
            setup = self.setup
            self._keys = KeyMaker(setup.reader, setup.identities, setup.export, resolve_keys)
        return self._keys

    def prepared(self, index: int) -> Operator:
        """The operator, with what it needs loaded.

        Raises: OperatorError: it cannot be; no partition could do better.
        """
        operator = self.operator(index)
        if index not in self._prepared:
            try:
                with Contained():
                    prepare_operator(operator, self._context_of(operator, index))
            except DataJuicerError:
                raise
            except Exception as error:
                raise OperatorError(
                    f"{operator.name} cannot be prepared: {type(error).__name__}: {error_text(error)} No row was blamed for it; "
                    "mend its parameters or models and start the job again."
                ) from error
            self._prepared.add(index)
        return operator

    def _context_of(self, operator: Operator, index: int) -> OperatorContext:
        return OperatorContext(
            store=self.store,
            seed=self.setup.seed,
            text_keys=self.setup.text_keys,
            read_rows=_read_rows,
            identity=digest(canonical(self.setup.identities[index])),
            is_changed=lambda: digest_assets(operator) != self.setup.identities[index].assets,
            produced=OperatorFiles(self.made, operator.name, index),
            cache_root=os.path.join(cache_home(), "operators"),
            cache_name=f"{operator.name}-{str(operator.version)[:32]}",
        )


def _read_rows(inputs: Sequence[str]) -> Rows:
    from data_juicer.formats.whole_files import read_whole_files  # few operators read files

    return read_whole_files(open_store(*inputs), inputs)


class MadeFiles:
    """The files that operators make in the attempt under way."""

    def __init__(self, store: Store, layout: JobLayout) -> None:
        self._store = store
        self._layout = layout
        self._paths: dict[str, str] = {}
        self._new: list[DataFile] = []
        self._partition_id, self._attempt = 0, ""

    def begin(self, partition_id: int, attempt: str, before: Iterable[tuple[str, DataFile]] = ()) -> None:
        """Begin an attempt.

        Args:
            before: what the checkpoint to go on from names, each with the operator that made it.
        """
        self._partition_id, self._attempt, self._new = partition_id, attempt, []
        self._paths = {
            reference_to(operator, file.name): os.path.join(self._layout.produced_dir, file.name)
            for operator, file in before
        }

    def make(self, operator: str, index: int, data: bytes, suffix: str) -> str:
        """Write a file, unless this attempt has it. Returns: the reference to it."""
        digest = xxhash.xxh3_128_hexdigest(data)
        path = self._layout.produced_data(self._partition_id, index, self._attempt, digest, suffix)
        name = os.path.basename(path)
        if parse_produced_name(name) is None:
            raise ValueError(f"{suffix!r} is no suffix of a file, such as '.png'")
        reference = reference_to(operator, name)
        if reference not in self._paths:
            self._store.make_own_dir(self._layout.produced_dir)
            self._store.write(path, data)
            self._paths[reference] = path
            self._new.append(DataFile(name=name, size_bytes=len(data), digest=digest, rows=0))
        return reference

    def find(self, reference: str) -> str | None:
        return self._paths.get(reference)

    def take_new(self) -> list[DataFile]:
        """The files that no stage has been given yet; they count as given now."""
        new, self._new = self._new, []
        return new


class OperatorFiles(msgspec.Struct, frozen=True):
    """The same as one operator sees them."""

    made: MadeFiles
    operator: str
    index: int

    def make(self, data: bytes, suffix: str) -> str:
        return self.made.make(self.operator, self.index, data, suffix)

    def find(self, reference: str) -> str | None:
        return self.made.find(reference)
