"""The service: aiohttp's routes around the handlers."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web

from .handlers import DuplicatePage


def application(duplicate_page: DuplicatePage) -> web.Application:
    """The routes: method, path, and what answers."""

    async def duplicate(request: web.Request) -> web.Response:
        name, position = request.match_info["name"], int(request.match_info["position"])
        try:
            pages = await duplicate_page(name, position)
        except (FileNotFoundError, IndexError) as missing:
            return web.json_response({"error": str(missing)}, status=404)
        return web.json_response({"pages": pages})

    app = web.Application()
    app.add_routes([web.post(r"/documents/{name:[\w-]+}/pages/{position:\d+}/duplicate", duplicate)])
    return app


@asynccontextmanager
async def running(app: web.Application) -> AsyncIterator[str]:
    """Serve on a free port of the loopback interface; the value is the address."""
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        host, port = runner.addresses[0][:2]
        yield f"http://{host}:{port}"
    finally:
        await runner.cleanup()
