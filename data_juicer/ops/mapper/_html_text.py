"""The text of an HTML page. A page that could take very long or very much memory is read by a process of its own, with limits.

The parser needs time that grows with the square of how deep elements are nested (400 kB of <div> took 7 CPU seconds), and memory
that grows so with formatting elements that are left open (58 kB took 2.9 GB). It cannot be stopped from outside, and how deep a
page is nested is not known before it is parsed. This file is also the program of that process: it imports nothing of the package.
"""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from typing import Any, Final, Literal

TAGS_MAX: Final = 20_000
"""Pages with fewer opening and closing tags take under a second."""
COPIES_MAX: Final = 500_000
"""Formatting elements that are left open are made again in each block: so many times at most, below 200 MB."""
_FEW_TAGS: Final = 1_000
MEMORY_BYTES: Final = 1 << 29
_FORMATTING: Final = re.compile(
    r"<(?:big|b|code|em|font|i|nobr|small|strike|strong|s|tt|u)[\s/][^>]*", re.IGNORECASE
)
"""With attributes: of elements that are the same the parser keeps three."""
_BLOCKS: Final = (
    "address article aside blockquote br dd div dl dt fieldset figcaption figure footer form h1 h2 h3 h4 h5 h6 header "
    "hr li main nav ol p pre section table td th tr ul"
)
_LINE_ENDS: Final = re.compile(r"(?<![ \t])[ \t]*\n\s*")


def may_explode(page: str) -> bool:
    """Whether a page has so many tags that it is not parsed here. Never false for one that takes much more."""
    tags = page.count("<")
    if tags <= _FEW_TAGS:
        return False
    return tags > TAGS_MAX or len(set(_FORMATTING.findall(page))) * tags > COPIES_MAX


def text_of(page: str, *, separate_blocks: bool) -> str:
    """The text; with line breaks around blocks where they are to be separate."""
    from selectolax.lexbor import LexborHTMLParser

    tree = LexborHTMLParser(page)
    if separate_blocks:
        _separate(tree)
    text: str = tree.text()
    return _LINE_ENDS.sub("\n", text).strip("\n") if separate_blocks else text


def main_text_of(page: str, **options: bool) -> str:
    """The text of the main content, by resiliparse, whose options these are."""
    from resiliparse.extract.html2text import extract_plain_text

    return str(extract_plain_text(page, **options))  # type: ignore[arg-type] # its stub has one type for all options


_READERS: Final[dict[str, Callable[..., str]]] = {"text": text_of, "main text": main_text_of}


def read_within(page: str, limit_s: float, reader: Literal["text", "main text"], **options: bool) -> str:
    """What `text_of` or `main_text_of` gives, from another process.

    Raises:
        TimeoutError: it took longer than so many seconds of processor time.
        ValueError: it took more memory than `MEMORY_BYTES`.
    """
    words = [sys.executable, "-I", __file__, str(int(limit_s) + 1), reader, json.dumps(options)]
    data = page.encode("utf-8", "surrogatepass")
    done = subprocess.run(words, input=data, capture_output=True, check=False)
    if done.returncode == -signal.SIGXCPU:
        raise TimeoutError
    if done.returncode:
        raise ValueError(
            f"the HTML of {page.count('<'):,} tags takes more than {MEMORY_BYTES >> 20} MB to read: its elements are nested "
            "too deep, or left open"
        )
    return done.stdout.decode("utf-8", "surrogatepass")


def _separate(tree: Any) -> None:
    for element in tree.css("script, style"):
        element.decompose()
    for element in tree.css(", ".join(_BLOCKS.split())):
        element.insert_before("\n")
        element.insert_after("\n")


def _main(limit_s: int, reader: str, options: dict[str, bool]) -> None:
    import resource

    page = sys.stdin.buffer.read().decode("utf-8", "surrogatepass")
    resource.setrlimit(resource.RLIMIT_CPU, (limit_s, limit_s + 1))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    text = _READERS[reader](page, **options)
    sys.stdout.buffer.write(text.encode("utf-8", "surrogatepass"))


if __name__ == "__main__":
    _main(int(sys.argv[1]), sys.argv[2], json.loads(sys.argv[3]))
