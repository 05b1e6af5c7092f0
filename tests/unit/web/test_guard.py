"""Who may ask the server of the page, and what the report lets into a page."""

import asyncio
import json
from collections.abc import Mapping
from typing import Any

import pytest

from data_juicer.web.guard import Guard, Receive, Scope, Send
from data_juicer.web.page import embedded, report_page, served_page, static_file

TOKEN = "a-token-of-the-tests"
COOKIE = f"data_juicer_8421={TOKEN}"


async def inner(scope: Scope, receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"secret"})


def ask(
    path: str = "/api/jobs", query: str = "", method: str = "GET", **headers: str
) -> tuple[int, Mapping[bytes, bytes], bytes]:
    """Status, headers and body; underscores in names of headers stand for dashes."""
    guard = Guard(inner, token=TOKEN, hosts={"127.0.0.1", "localhost"}, port=8421)
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        raise AssertionError("nothing is read before it is known who asks")

    given = {"host": "127.0.0.1:8421"} | {name.replace("_", "-"): value for name, value in headers.items()}
    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "query_string": query.encode(),
        "headers": [(name.encode(), value.encode()) for name, value in given.items()],
    }
    asyncio.run(guard(scope, receive, send))
    return sent[0]["status"], dict(sent[0]["headers"]), b"".join(each.get("body", b"") for each in sent[1:])


def test_without_a_token_nothing_is_reported() -> None:
    status, headers, body = ask()
    assert (status, b"secret" in body) == (401, False)
    assert b"default-src 'none'" in headers[b"content-security-policy"]


@pytest.mark.parametrize("headers", [{"cookie": COOKIE}, {"authorization": f"Bearer {TOKEN}"}])
def test_who_has_the_token_is_answered(headers: dict[str, str]) -> None:
    assert ask(**headers)[0] == 200


@pytest.mark.parametrize("token", ["", "wrong", TOKEN[:-1], f"{TOKEN}x", "ü"])
def test_a_wrong_token_is_none(token: str) -> None:
    assert ask(cookie=f"data_juicer_8421={token}")[0] == 401
    assert ask(path="/", query=f"token={token}")[0] == 401


def test_the_printed_address_becomes_a_cookie_that_scripts_cannot_read() -> None:
    status, headers, _ = ask(path="/", query=f"token={TOKEN}")
    assert (status, headers[b"location"]) == (303, b"/")
    assert b"HttpOnly; SameSite=Strict" in headers[b"set-cookie"]


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8421", "127.0.0.1", "127.0.0.1:80", "", "localhost.evil:8421"]
)
def test_a_name_that_was_made_to_point_here_is_refused_even_with_the_token(host: str) -> None:
    status, _, body = ask(cookie=COOKIE, host=host)
    assert (status, b"secret" in body) == (421, False)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 403),
        ({"x_data_juicer": "stop", "origin": "http://evil.example"}, 403),
        ({"x_data_juicer": "stop", "origin": "http://127.0.0.1:8421"}, 200),
        ({"x_data_juicer": "stop"}, 200),
    ],
)
def test_another_site_cannot_stop_a_job(headers: dict[str, str], status: int) -> None:
    assert ask(path="/api/jobs/x/stop", method="POST", cookie=COOKIE, **headers)[0] == status


def test_data_cannot_end_the_block_that_it_is_in() -> None:
    hostile = {"text": "</script><script>alert(1)</script><!-- & \u2028"}
    text = embedded(hostile)
    assert "<" not in text
    assert json.loads(text) == hostile


def test_a_report_names_no_other_host_and_allows_itself_alone() -> None:
    page = report_page({"job": None}).decode()
    policy = page.split('content="', 3)[3].split('"')[0]
    assert policy.startswith("default-src 'none'; script-src 'sha256-")
    assert "unsafe" not in policy
    assert "src=" not in page.replace("img-src", "").split("<script", 1)[0]
    assert len(page) < 150_000


def test_the_served_page_holds_no_code_of_its_own() -> None:
    page = served_page().decode()
    assert "<script>" not in page
    assert "style=" not in page


def test_the_vendored_library_has_its_licence_beside_it() -> None:
    assert b"MIT" in static_file("LICENSE.uplot")
    assert b"v1.6.32" in static_file("uplot.js")[:80]
