"""A store that is as far away as an object store of another region: every request takes a while."""

from __future__ import annotations

import time
from collections.abc import Callable

from data_juicer.storage.base import Store
from data_juicer.storage.files import Reader, Stat
from data_juicer.storage.wrapped import WrappedStore


class DelayingStore(WrappedStore):
    """The inner store, each of whose requests is answered after a delay. Requests of several threads wait side by side.

    Append logs, locks and directories are those of the inner store: only some stores have them, and those are near.
    """

    def __init__(
        self,
        inner: Store,
        *,
        look_s: float = 0.0,
        change_s: float = 0.0,
        wait: Callable[[float], object] = time.sleep,
    ) -> None:
        """
        Args:
            look_s: seconds before a request that changes nothing.
            change_s: seconds before one that changes something.
            wait: what passes the time, given seconds.
        """
        super().__init__(inner)
        self.uri = None  # a worker that opened the inner store by its URI would be near
        self._look_s, self._change_s, self._wait = look_s, change_s, wait

    def before_look(self) -> None:
        self._wait(self._look_s)

    def before_change(self) -> None:
        self._wait(self._change_s)

    def open_read(self, path: str) -> Reader:
        return _DelayingReader(super().open_read(path), self.before_look)


class _DelayingReader(Reader):
    """Each range is a request."""

    def __init__(self, inner: Reader, before_look: Callable[[], None]) -> None:
        self._inner, self._before_look = inner, before_look

    def stat(self) -> Stat:
        return self._inner.stat()

    def read(self, start: int, stop: int) -> bytes:
        self._before_look()
        return self._inner.read(start, stop)

    def close(self) -> None:
        self._inner.close()
