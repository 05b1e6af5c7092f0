"""Runs the server of the page until a signal asks it to end. Imported when it is used: it needs the extra `web`."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from data_juicer.cli.signals import StopSignals
from data_juicer.clock import Clock
from data_juicer.errors import ConfigError
from data_juicer.storage.base import Store

if TYPE_CHECKING:
    from data_juicer.web.server import Stop

_ASK_S = 0.1


def run_server(
    folders: Sequence[str],
    store: Store,
    clock: Clock,
    stop: Stop,
    listening: socket.socket,
    token: str,
    hosts: frozenset[str],
    port: int,
    signals: StopSignals,
) -> int:
    """Returns: the exit code. Raises: ConfigError: the extra `web` is not installed."""
    try:
        import uvicorn

        from data_juicer.web.server import JobServer
    except ImportError as error:
        raise ConfigError(
            f"dj-jobs serve needs the package {error.name}. Type: pip install 'data-juicer[web]'"
        ) from error
    from data_juicer.web.guard import Guard
    from data_juicer.web.jobs import ServedJobs

    server = JobServer(ServedJobs(folders, store), clock, stop)
    guarded: Any = Guard(server.application(), token=token, hosts=hosts, port=port)

    class QuietServer(uvicorn.Server):
        """Signals are those of the command."""

        @contextlib.contextmanager
        def capture_signals(self) -> Iterator[None]:
            yield

    config = uvicorn.Config(
        guarded,
        log_level="error",
        access_log=False,
        server_header=False,
        lifespan="off",
        timeout_graceful_shutdown=2,
    )
    serving = QuietServer(config)

    async def serve() -> None:
        async def end_when_asked() -> None:
            while not signals.is_asked:  # noqa: ASYNC110 - a handler of a signal sets it, which may touch no event
                await asyncio.sleep(_ASK_S)
            server.leave()
            serving.should_exit = True

        ending = asyncio.create_task(end_when_asked())
        await serving.serve(sockets=[listening])
        ending.cancel()

    signals.note()
    try:
        asyncio.run(serve())
    finally:
        signals.leave_at_once()
    number = signals.asked()
    return 0 if number is None else 128 + number
