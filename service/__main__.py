"""python -m service, or pbgen serve: serve until told to stop."""

from __future__ import annotations

import asyncio
import errno
import gc
import os
import signal
import socket
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import uvicorn
from fastapi import FastAPI
from pydantic import ValidationError

from model_store import ArtifactError
from service import arguments
from service.app import create_app
from service.logs import logging_json
from service.protocol import protocol_for
from service.settings import Settings, strays, wrong
from service.state import StateUnavailableError

# What a kernel thread that comes back from C waits at most for the event loop to let it have
# Python's lock. With 5 ms, Python's own, threads stood idle for most of a batch's encoding.
SWITCH_S = 0.0001
# New objects after which Python looks for cycles among them. With 700, its own, it did that at
# every tenth request, and under overload for a seventh of the event loop's time.
COLLECT_AFTER = 50_000
# Connections that are accepted in one pass of the event loop: libuv accepts one on each socket that
# listens. With one in all, a client that came new under overload waited for seconds.
ACCEPTED = 16


class Server(uvicorn.Server):
    """Says what to open once it listens; on SIGTERM turns unready first, and then closes."""

    def __init__(self, app: FastAPI, settings: Settings) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                host=settings.host,
                port=settings.port,
                forwarded_allow_ips=settings.trusted_proxies,
                http=protocol_for(app, settings.deadline_s),
                lifespan="off",  # `run` enters it, so that a failure to start is told in a line
                access_log=False,
                log_config=None,
                ws="none",
                server_header=False,
                timeout_graceful_shutdown=int(settings.deadline_s) + 1,
            )
        )
        self._app = app
        self._settings = settings

    async def run_app(self) -> None:
        """Takes the port, loads the generators, serves, and ends the kernel threads.

        Raises ValueError for an address that cannot be listened at.
        """
        with self._telling_why():
            sockets = await _bound(self._settings.host, self._settings.port)
        async with self._app.router.lifespan_context(self._app):
            with self._telling_why():  # two that start at once both bind, but uvloop tells neither
                for each in sockets:
                    each.listen(self.config.backlog)
            await self.serve(sockets)
            # What was cut off at the end is told in the log before that is closed.
            await asyncio.gather(*self.server_state.tasks, return_exceptions=True)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        host, port = self.servers[0].sockets[0].getsockname()[:2]
        address = f"http://{f'[{host}]' if ':' in host else host}:{port}"
        print(
            f"PBGen serves {', '.join(sorted(self._app.state.context.gallery.active))}\n"
            f"  playground {address}/\n"
            f"  a face     curl -X POST '{address}/generate?variant=partial&seed=50' -o face.png\n"
            f"  variants   {address}/variants\n"
            f"  interface  {address}/docs\n"
            f"  metrics    {address}/metrics",
            flush=True,
        )

    @contextmanager
    def _telling_why(self) -> Iterator[None]:
        """Says what is wrong with the address where none can listen there. Raises ValueError."""
        host, port = self._settings.host, self._settings.port
        try:
            yield
        except OSError as error:
            match error:
                case OSError(errno=errno.EADDRINUSE):
                    why = f"port {port} of {host} is in use; choose another by --port or PBGEN_PORT"
                case OSError(errno=errno.EACCES):
                    why = f"PBGEN_PORT must be one that this user may take, not {port}"
                case socket.gaierror() | OSError(errno=errno.EADDRNOTAVAIL):
                    why = f"PBGEN_HOST must be an address of this machine, not {host}"
                case _:
                    why = f"cannot listen on port {port} of {host}: {error.strerror}"
            raise ValueError(why) from None

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Stops on SIGINT and SIGTERM; unlike uvicorn's own, lets the lifespan end after that."""
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, self.drain)
        loop.add_signal_handler(signal.SIGINT, self.handle_exit, signal.SIGINT, None)
        yield

    def drain(self) -> None:
        """Answers no new requests for images, and closes the port a little later."""
        self._app.state.context.pipeline.draining = True
        asyncio.get_running_loop().call_later(
            self._settings.drain_s, self.handle_exit, signal.SIGTERM, None
        )


async def _bound(host: str, port: int) -> list[socket.socket]:
    """A socket at each address of a host; none listens yet. Raises OSError."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(asyncio.Protocol, host, port, start_serving=False)
    sockets = [each.dup() for each in server.sockets for _ in range(ACCEPTED)]
    server.close()
    return sockets


def main(given: Sequence[str], prog: str) -> int:
    """Serves until told to stop, and then ends the process; returns an exit status of 1 or 2 where
    nothing could be served.
    """
    arguments.take(given, prog)
    try:
        sys.setswitchinterval(SWITCH_S)
        gc.set_threshold(COLLECT_AFTER)
        for line in strays(os.environ):
            raise ValueError(line)
        settings = Settings()
        server = Server(create_app(settings), settings)
        with (
            logging_json(settings.log_level),
            asyncio.Runner(loop_factory=server.config.get_loop_factory()) as runner,
        ):
            runner.run(server.run_app())
    except ValidationError as error:
        for line in wrong(error):
            print(f"error: {line}", file=sys.stderr)
        return 2
    except (ArtifactError, StateUnavailableError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    # All is closed and written. But threads may wait for a store that hangs, and Python for them.
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], "python -m service"))
