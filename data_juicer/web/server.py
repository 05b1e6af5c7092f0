"""The server of the page: Starlette behind a guard. It reads; the one thing that it does is to ask a driver to stop."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any, Final, TypeVar

import msgspec
from anyio import to_thread
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from data_juicer.clock import Clock
from data_juicer.errors import DataJuicerError, JobNotFoundError
from data_juicer.monitor.handle import JobHandle
from data_juicer.monitor.timeline import trace_events
from data_juicer.portable import encode_json
from data_juicer.printable import printable
from data_juicer.web.feed import JobFeed
from data_juicer.web.jobs import ServedJobs
from data_juicer.web.page import STATIC, served_page, static_file
from data_juicer.web.rows import read_letters

POLL_S: Final = 0.5
"""How often a job that somebody looks at is read."""
KEEP_ALIVE_S: Final = 15.0
_WAITING_MAX: Final = 8
"""Messages that wait for one slow reader; it is then sent the whole state instead."""

Answered = TypeVar("Answered")
Stop = Callable[[JobHandle], str]
"""Asks the driver of a job to stop; what to tell about it. Raises: DataJuicerError."""


class JobServer:
    """The routes, and those who listen."""

    def __init__(self, jobs: ServedJobs, clock: Clock, stop: Stop) -> None:
        self._jobs = jobs
        self._clock = clock
        self._stop = stop
        self._listeners: dict[str, set[asyncio.Queue[bytes | None]]] = {}
        self._watching: dict[str, asyncio.Task[None]] = {}
        self.is_leaving = False

    def application(self) -> Starlette:
        key = "/api/jobs/{key:str}"
        return Starlette(
            routes=[
                Route("/", self._page),
                Route("/static/{name:str}", self._static),
                Route("/api/jobs", self._list),
                Route(key, self._job),
                Route(f"{key}/stats", self._stats),
                Route(f"{key}/samples", self._samples),
                Route(f"{key}/letters", self._letters),
                Route(f"{key}/timeline", self._timeline),
                Route(f"{key}/events", self._events),
                Route(f"{key}/stop", self._ask_to_stop, methods=["POST"]),
            ],
            exception_handlers={DataJuicerError: _refused},
        )

    async def _page(self, _: Request) -> Response:
        return Response(served_page(), media_type="text/html; charset=utf-8")

    async def _static(self, request: Request) -> Response:
        name = request.path_params["name"]
        if name not in STATIC:
            return Response("no such file\n", 404)
        return Response(static_file(name), headers={"content-type": STATIC[name]})

    async def _list(self, _: Request) -> Response:
        entries = await to_thread.run_sync(lambda: self._jobs.entries(self._clock.now()))
        return _json({"jobs": entries})

    async def _job(self, request: Request) -> Response:
        feed = await self._feed(request)
        return _json(await to_thread.run_sync(lambda: feed.whole_document(self._clock.now())))

    async def _stats(self, request: Request) -> Response:
        feed = await self._feed(request)
        return _json(await to_thread.run_sync(lambda: feed.statistics(self._clock)))

    async def _samples(self, request: Request) -> Response:
        feed = await self._feed(request)
        return _json(await to_thread.run_sync(lambda: feed.samples(self._clock)))

    async def _letters(self, request: Request) -> Response:
        job = (await self._feed(request)).job
        return _json(await to_thread.run_sync(lambda: read_letters(job)))

    async def _timeline(self, request: Request) -> Response:
        job = (await self._feed(request)).job
        headers = {"content-disposition": 'attachment; filename="trace.json"'}
        return StreamingResponse(_trace(job), media_type="application/json", headers=headers)

    async def _ask_to_stop(self, request: Request) -> Response:
        job = (await self._feed(request)).job
        return _json({"message": await to_thread.run_sync(lambda: self._stop(job))})

    async def _events(self, request: Request) -> Response:
        key = request.path_params["key"]
        feed = await self._feed(request)
        return StreamingResponse(self._stream(key, feed), media_type="text/event-stream")

    async def _stream(self, key: str, feed: JobFeed) -> AsyncIterator[bytes]:
        """The whole job at first, then what changed. Ends when the server leaves, or the reader does."""
        queue: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._listeners.setdefault(key, set()).add(queue)
        if key not in self._watching:
            self._watching[key] = asyncio.create_task(self._watch(key, feed))
        try:
            yield await self._whole(feed)
            while not self.is_leaving:
                try:
                    message = await asyncio.wait_for(queue.get(), KEEP_ALIVE_S)
                except TimeoutError:
                    yield b": nothing new\n\n"
                    continue
                if message is None:
                    return
                if queue.qsize() > _WAITING_MAX:
                    while not queue.empty():
                        queue.get_nowait()
                    message = await self._whole(feed)
                yield message
        finally:
            self._listeners[key].discard(queue)
            if not self._listeners[key]:
                del self._listeners[key]
                self._watching.pop(key).cancel()

    async def _whole(self, feed: JobFeed) -> bytes:
        return _message(await to_thread.run_sync(lambda: feed.whole_document(self._clock.now())))

    async def _watch(self, key: str, feed: JobFeed) -> None:
        """Tell the listeners of one job what changes, as long as there are any."""
        reading = asyncio.create_task(
            to_thread.run_sync(lambda: feed.read_history(lambda: not self.is_leaving))
        )
        while True:
            with contextlib.suppress(DataJuicerError):  # it is read again half a second later
                document = await to_thread.run_sync(lambda: feed.document_if_changed(self._clock.now()))
                if document is not None:
                    for queue in self._listeners.get(key, ()):
                        queue.put_nowait(_message(document))
            if reading.done():
                with contextlib.suppress(DataJuicerError):
                    reading.result()
            await asyncio.sleep(POLL_S)

    def leave(self) -> None:
        """End all streams."""
        self.is_leaving = True
        for queues in self._listeners.values():
            for queue in queues:
                queue.put_nowait(None)

    async def _feed(self, request: Request) -> JobFeed:
        key = request.path_params["key"]
        return await to_thread.run_sync(lambda: self._jobs.feed(key, self._clock.now()))


def _message(document: Any) -> bytes:
    return b"data: " + msgspec.json.encode(document) + b"\n\n"


def _json(document: Any) -> Response:
    return Response(msgspec.json.encode(document), media_type="application/json")


async def _refused(_: Request, error: Exception) -> Response:
    status = 404 if isinstance(error, JobNotFoundError) else 409
    text = printable(str(error))
    return Response(f"{text}\n", status, headers={"content-type": "text/plain; charset=utf-8"})


def _trace(job: JobHandle) -> Iterator[bytes]:
    separator = b"[\n"
    for event in trace_events(job.events()):
        yield separator + encode_json(event)
        separator = b",\n"
    yield b"\n]\n" if separator == b",\n" else b"[]\n"
