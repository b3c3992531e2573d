"""python -m service: serve until told to stop. Settings: PBGEN_… in the environment."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from fastapi import FastAPI
from pydantic import ValidationError

from model_store import ArtifactError
from service.app import create_app
from service.logs import logging_json
from service.settings import CONFIDENTIAL, Settings, misspelt
from service.state import StateUnavailableError

# What a kernel thread that comes back from C waits at most for the event loop to let it have
# Python's lock. With 5 ms, Python's own, threads stood idle for most of a batch's encoding.
SWITCH_S = 0.0001
# New objects after which Python looks for cycles among them. With 700, its own, it did that at
# every tenth request, and under overload for a seventh of the event loop's time.
COLLECT_AFTER = 50_000


class Server(uvicorn.Server):
    """Says what to open once it listens; on SIGTERM turns unready first, and then closes."""

    def __init__(self, app: FastAPI, settings: Settings) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                host=settings.host,
                port=settings.port,
                forwarded_allow_ips=settings.trusted_proxies,
                lifespan="off",  # `run` enters it, so that a failure to start is told in a line
                access_log=False,
                log_config=None,
                server_header=False,
                timeout_graceful_shutdown=int(settings.deadline_s) + 1,
            )
        )
        self._app = app
        self._settings = settings

    async def run_app(self) -> None:
        """Loads the generators, serves, and ends the kernel threads."""
        async with self._app.router.lifespan_context(self._app):
            await self.serve()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if not self.started:
            return
        host, port = self.servers[0].sockets[0].getsockname()[:2]
        address = f"http://{f'[{host}]' if ':' in host else host}:{port}"
        print(
            f"PBGen serves {', '.join(sorted(self._app.state.context.gallery.active))}\n"
            f"  playground {address}/\n"
            f"  a face     curl -X POST '{address}/generate?variant=partial&seed=7' -o face.png\n"
            f"  variants   {address}/variants\n"
            f"  interface  {address}/docs\n"
            f"  metrics    {address}/metrics",
            flush=True,
        )

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


def main() -> int:
    try:
        sys.setswitchinterval(SWITCH_S)
        gc.set_threshold(COLLECT_AFTER)
        for line in misspelt(os.environ):
            raise ValueError(line)
        settings = Settings()
        server = Server(create_app(settings), settings)
        with (
            logging_json(settings.log_level),
            asyncio.Runner(loop_factory=server.config.get_loop_factory()) as runner,
        ):
            runner.run(server.run_app())
    except ValidationError as error:
        for each in error.errors():
            name = "_".join(["PBGEN", *map(str, each["loc"])]).upper()
            value = "…" if each["loc"][0] in CONFIDENTIAL else each["input"]
            print(f"error: {name}={value}: {each['msg']}", file=sys.stderr)
        return 2
    except (ArtifactError, StateUnavailableError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0 if server.started else 1


if __name__ == "__main__":
    sys.exit(main())
