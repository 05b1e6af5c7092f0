"""dj-jobs serve."""

from __future__ import annotations

import argparse
import ipaddress
import os
import secrets
import socket
from typing import TYPE_CHECKING, Final

import msgspec

from data_juicer.cli.command import expand_folder
from data_juicer.cli.commands.jobs.stop import ask_to_stop
from data_juicer.cli.output import Output
from data_juicer.cli.signals import StopSignals
from data_juicer.clock import SystemClock
from data_juicer.errors import ConfigError
from data_juicer.job.find import find_jobs
from data_juicer.storage import open_store
from data_juicer.storage.locations.uri import absolute

if TYPE_CHECKING:
    from data_juicer.monitor.handle import JobHandle

NAME: Final = "serve"
HELP: Final = "Serve the page of the jobs in folders, live, to browsers of this machine."
TOKEN_VARIABLE: Final = "DJ_SERVE_TOKEN"  # noqa: S105 - the name of the variable
_TOKEN_LENGTH_MIN: Final = 16


class Served(msgspec.Struct, frozen=True, kw_only=True):
    url: str
    folders: tuple[str, ...]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "folders", nargs="*", metavar="FOLDER", help="where jobs are; without any, --work_dir"
    )
    parser.add_argument(
        "--host", default="127.0.0.1", help="address to listen at (default: %(default)s, this machine alone)"
    )
    parser.add_argument(
        "--port", type=int, default=8421, help="port to listen at; 0: any that is free (default: %(default)s)"
    )
    parser.add_argument(
        "--allow_host",
        action="append",
        default=[],
        metavar="NAME",
        help="a further name that browsers reach this server by, behind a proxy say",
    )


def run(arguments: argparse.Namespace, _: Output, signals: StopSignals) -> int | None:
    from data_juicer.cli.commands.page.run_server import run_server

    given = [expand_folder(folder, "FOLDER") for folder in arguments.folders] or [arguments.work_dir]
    folders = tuple(map(absolute, given))
    store, clock = open_store(*folders), SystemClock()
    for folder in folders:
        find_jobs(store, folder)
    token = os.environ.get(TOKEN_VARIABLE) or secrets.token_urlsafe(24)
    if (
        len(token) < _TOKEN_LENGTH_MIN
        or not token.isascii()
        or not token.replace("-", "").replace("_", "").isalnum()
    ):
        raise ConfigError(
            f"{TOKEN_VARIABLE} has to have at least {_TOKEN_LENGTH_MIN} letters, digits, - and _; without it one is drawn"
        )
    listening = listen(arguments.host, arguments.port)
    port = listening.getsockname()[1]
    hosts = hosts_of(arguments.host, arguments.allow_host)
    is_given = TOKEN_VARIABLE in os.environ
    url = f"http://{_in_url(arguments.host)}:{port}/?token={f'${TOKEN_VARIABLE}' if is_given else token}"
    # Printed as it is: `output` hides tokens, and this one is for whoever reads it here.
    if arguments.output == "json":
        print(msgspec.json.encode(Served(url=url, folders=folders)).decode(), flush=True)
    else:
        print(f"the page: {url}\nto end it: Ctrl-C", flush=True)

    def stop(job: JobHandle) -> str:
        owner = ask_to_stop(job, clock)
        return f"run {owner.run} was asked to stop; partitions in flight will finish"

    return run_server(folders, store, clock, stop, listening, token, hosts, port, signals)


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens. Raises: ConfigError: the port is taken, or the address is none of this machine's."""
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listening = socket.socket(family, socket.SOCK_STREAM)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
        listening.listen(64)
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise ConfigError(
            f"cannot listen at {host} port {port}: {reason}. Choose another one with --port."
        ) from None
    return listening


def hosts_of(host: str, allowed: list[str]) -> frozenset[str]:
    """Names that a browser may reach the server by: of a server for this machine alone only those of the machine."""
    names = {host.lower(), *(name.lower() for name in allowed)}
    if _is_loopback(host):
        names |= {"localhost", "127.0.0.1", "[::1]"}
    return frozenset(_in_url(name) for name in names)


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _in_url(host: str) -> str:
    return f"[{host}]" if ":" in host and not host.startswith("[") else host
