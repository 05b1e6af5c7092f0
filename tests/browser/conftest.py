"""A Chromium of this machine, and pages of it that report what they should not do."""

import json
import os
import shutil
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
TOKEN = "a-token-of-the-tests"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """One worker has one browser for all of them."""
    for item in items:
        if "tests/browser" in str(item.path):
            item.add_marker(pytest.mark.xdist_group("browser"))
            if CHROMIUM is None:
                item.add_marker(pytest.mark.skip(reason="no Chromium on this machine"))


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Closed before tests of other modules: as long as it is open, an event loop runs in this thread, and no other can."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        flags = ["--no-sandbox"] if os.getuid() == 0 else []
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=flags)
        yield chromium
        chromium.close()


@dataclass
class Watched:
    """A page, and what it did that it must not."""

    page: Any
    problems: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def foreign(self, origin: str) -> list[str]:
        return [url for url in self.requests if not url.startswith((origin, "data:", "blob:"))]


@pytest.fixture
def open_page(browser: Any) -> Iterator[Callable[..., Watched]]:
    contexts = []

    def open_it(width: int = 1600, scheme: str = "light") -> Watched:
        context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
        contexts.append(context)
        watched = Watched(context.new_page())
        watched.page.on(
            "console",
            lambda message: message.type in {"error", "warning"} and watched.problems.append(message.text),
        )
        watched.page.on("pageerror", lambda error: watched.problems.append(str(error)))
        watched.page.on("request", lambda request: watched.requests.append(request.url))
        watched.page.set_default_timeout(60_000)
        return watched

    yield open_it
    for context in contexts:
        context.close()


@pytest.fixture
def serve() -> Iterator[Callable[[Path], str]]:
    """Starts `dj-jobs serve`; gives its origin."""
    started: list[subprocess.Popen[str]] = []

    def start(folder: Path) -> str:
        process = subprocess.Popen(
            [
                f"{Path(sys.executable).parent}/dj-jobs",
                "serve",
                str(folder),
                "--port",
                "0",
                "--output",
                "json",
            ],
            env={**os.environ, "DJ_SERVE_TOKEN": TOKEN},
            stdout=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        assert process.stdout is not None
        return str(json.loads(process.stdout.readline())["url"]).partition("/?")[0]

    yield start
    for process in started:
        process.terminate()
        assert process.wait(30) == 128 + 15
        assert process.stdout is not None
        process.stdout.close()


def ask(origin: str, path: str) -> Any:
    """What the server answers to a program."""
    request = urllib.request.Request(f"{origin}{path}", headers={"Authorization": f"Bearer {TOKEN}"})
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)
