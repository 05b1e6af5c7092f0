"""The page as files of this package: its shell, and the report, which is the same page in one file with its data in it. Pure.

Nothing foreign is ever markup: the data is JSON in a block that no browser runs, and the script puts it in as text.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Any, Final

import msgspec

STATIC: Final[Mapping[str, str]] = {
    "app.js": "text/javascript; charset=utf-8",
    "charts.js": "text/javascript; charset=utf-8",
    "diff.js": "text/javascript; charset=utf-8",
    "app.css": "text/css; charset=utf-8",
    "uplot.js": "text/javascript; charset=utf-8",
    "uplot.css": "text/css; charset=utf-8",
}
"""Files that the page loads, in the order of their scripts, with their types."""
_SCRIPTS: Final = ("uplot.js", "charts.js", "diff.js", "app.js")
_STYLES: Final = ("uplot.css", "app.css")
SERVED_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""Content-Security-Policy of the served page."""


@cache
def static_file(name: str) -> bytes:
    """The bytes of a file of STATIC."""
    return (resources.files("data_juicer.web") / "static" / name).read_bytes()


def served_page() -> bytes:
    """The shell that loads everything from the server."""
    styles = "".join(f'<link rel="stylesheet" href="/static/{name}">' for name in _STYLES)
    scripts = "".join(f'<script defer src="/static/{name}"></script>' for name in _SCRIPTS)
    return _shell(f"{styles}{scripts}", "").encode()


def report_page(data: Mapping[str, Any]) -> bytes:
    """One file that needs no server: styles, scripts and data are in it, and it may load nothing else.

    Args:
        data: what the script finds in place of the answers of a server.
    """
    styles = [static_file(name).decode() for name in _STYLES]
    scripts = [static_file(name).decode() for name in _SCRIPTS]
    policy = (
        f"default-src 'none'; script-src {_hashes(scripts)}; style-src {_hashes(styles)}; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )
    head = f'<meta http-equiv="Content-Security-Policy" content="{policy}">' + "".join(
        f"<style>{style}</style>" for style in styles
    )
    body = f'<script id="data" type="application/json">{embedded(data)}</script>' + "".join(
        f"<script>{script}</script>" for script in scripts
    )
    return _shell(head, body).encode(errors="replace")


def embedded(data: Mapping[str, Any]) -> str:
    """JSON that cannot end the element that it is in, whatever it holds."""
    text = msgspec.json.encode(data).decode()
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")


def _hashes(sources: list[str]) -> str:
    digests = (base64.b64encode(hashlib.sha256(source.encode()).digest()).decode() for source in sources)
    return " ".join(f"'sha256-{digest}'" for digest in digests)


def _shell(head: str, body: str) -> str:
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark"><title>data_juicer jobs</title>'
        '<link rel="icon" href="data:,">'
        f"{head}</head><body>"
        '<a class="skip" href="#main">Skip to the content</a>'
        '<header><a id="home" href="#/">data_juicer</a><span id="where"></span>'
        '<span id="live" role="status" aria-live="polite"></span></header>'
        '<main id="main" tabindex="-1"><p class="hint">Loading…</p></main>'
        "<noscript>This page needs JavaScript; dj-jobs show tells the same in a terminal.</noscript>"
        f"{body}</body></html>"
    )
