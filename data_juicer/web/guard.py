"""Who may ask: the token, the name that the server is asked by, and what a browser may do with the answers.

A page that is open in the same browser, and other users of this machine, can reach a port of it. So every request has to carry the
token that was printed where the server was started, and its Host header has to name this server: a name of the net that is
made to point here (DNS rebinding) is none.
"""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from http.cookies import CookieError, SimpleCookie
from typing import Any, Final
from urllib.parse import parse_qs

from data_juicer.web.page import SERVED_POLICY

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Asgi = Callable[[Scope, Receive, Send], Awaitable[None]]

_HEADERS: Final = (
    (b"content-security-policy", SERVED_POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"x-frame-options", b"DENY"),
    (b"cache-control", b"no-store"),
)


class Guard:
    """Stands before an application."""

    def __init__(self, inner: Asgi, *, token: str, hosts: Iterable[str], port: int) -> None:
        """
        Args:
            hosts: names and addresses that a Host header may have, without a port.
        """
        self._inner = inner
        self._token = token
        self._cookie = f"data_juicer_{port}"
        self._hosts = {f"{host}:{port}" for host in hosts} | ({*hosts} if port == 80 else set())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self._inner(scope, receive, send)
            return
        headers = {name.lower(): value for name, value in scope["headers"]}
        host = headers.get(b"host", b"").decode("latin-1").lower()
        send = _with_headers(send)
        if host not in self._hosts:
            await _answer(
                send, 421, "this server is not known by that name; --allow_host NAME makes it known"
            )
            return
        origin = headers.get(b"origin", b"").decode("latin-1").lower()
        is_own = origin in {"", f"http://{host}", f"https://{host}"}
        if scope["method"] not in {"GET", "HEAD"} and not (is_own and headers.get(b"x-data-juicer")):
            await _answer(send, 403, "only the page of this server may ask for that")
            return
        given = parse_qs(scope["query_string"].decode("latin-1")).get("token", [""])[0]
        if given and self._is_token(given) and scope["path"] == "/" and scope["method"] == "GET":
            cookie = f"{self._cookie}={self._token}; Path=/; HttpOnly; SameSite=Strict"
            await _answer(send, 303, "", [(b"location", b"/"), (b"set-cookie", cookie.encode())])
            return
        bearer = headers.get(b"authorization", b"").decode("latin-1").removeprefix("Bearer ")
        if not any(map(self._is_token, (given, bearer, self._in_cookie(headers)))):
            await _answer(
                send, 401, "open the address that was printed when this server was started: it holds a token"
            )
            return
        await self._inner(scope, receive, send)

    def _is_token(self, given: str) -> bool:
        return hmac.compare_digest(given.encode(), self._token.encode())

    def _in_cookie(self, headers: dict[bytes, bytes]) -> str:
        try:
            cookies = SimpleCookie(headers.get(b"cookie", b"").decode("latin-1"))
        except CookieError:
            return ""
        return cookies[self._cookie].value if self._cookie in cookies else ""


def _with_headers(send: Send) -> Send:
    async def sending(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message.get("headers", ()), *_HEADERS]}
        await send(message)

    return sending


async def _answer(send: Send, status: int, text: str, headers: Iterable[tuple[bytes, bytes]] = ()) -> None:
    body = f"{text}\n".encode() if text else b""
    kind = (b"content-type", b"text/plain; charset=utf-8")
    await send({"type": "http.response.start", "status": status, "headers": [kind, *headers]})
    await send({"type": "http.response.body", "body": body})
