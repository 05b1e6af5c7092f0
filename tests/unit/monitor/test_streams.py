import errno
import io
from typing import TextIO

import pytest

from data_juicer.monitor.streams import SurvivingStream, write_lines


class Refusing(io.StringIO):
    """Refuses the first writes, then takes them."""

    def __init__(self, error: OSError | ValueError, refusals: int) -> None:
        super().__init__()
        self.error = error
        self.refusals = refusals

    def write(self, text: str) -> int:
        if self.refusals:
            self.refusals -= 1
            raise self.error
        return super().write(text)


class Screen(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_disk_that_has_room_again_is_written_to_again() -> None:
    refusing = Refusing(OSError(errno.ENOSPC, "No space left on device"), 1)
    stream = SurvivingStream(refusing)
    stream.write("lost\n")
    stream.write("kept\n")
    assert refusing.getvalue() == "kept\n"
    assert stream.refusal is not None
    assert stream.has_reader


@pytest.mark.parametrize(
    "error",
    [BrokenPipeError(errno.EPIPE, "Broken pipe"), OSError(errno.EIO, "I/O error"), ValueError("closed")],
)
def test_no_refusal_reaches_the_writer(error: OSError | ValueError) -> None:
    stream = SurvivingStream(Refusing(error, 10))
    write_lines(_as_text(stream), ["one", "two"])
    stream.finish()
    assert stream.refusal is error
    assert stream.has_reader is not isinstance(error, BrokenPipeError)


@pytest.mark.parametrize(
    ("encoding", "shown"),
    [
        ("ascii", rb"a--...->\xe9\u20ac\U0001f389" + b"\n"),
        ("latin-1", rb"a--...->" + b"\xe9" + rb"\u20ac\U0001f389" + b"\n"),
        ("utf-8", "a──…→é€🎉\n".encode()),
    ],
)
def test_letters_that_an_encoding_does_not_have_are_escaped(encoding: str, shown: bytes) -> None:
    raw = io.BytesIO()
    stream = SurvivingStream(io.TextIOWrapper(raw, encoding=encoding, errors="strict"))
    write_lines(_as_text(stream), ["a──…→é€🎉"])
    assert raw.getvalue() == shown
    assert stream.refusal is None


def test_only_the_first_word_is_coloured_and_only_on_a_terminal() -> None:
    screen, pipe = Screen(), io.StringIO()
    for stream in (screen, pipe):
        write_lines(stream, ["failed  failed \x1b[31m"], {"failed": 31})
    assert screen.getvalue() == "\x1b[1;31mfailed\x1b[0m  failed \\x1b[31m\n"
    assert pipe.getvalue() == "failed  failed \\x1b[31m\n"


def _as_text(stream: SurvivingStream) -> TextIO:
    return stream  # type: ignore[return-value]
