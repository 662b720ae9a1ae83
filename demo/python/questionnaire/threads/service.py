"""The service: `http.server`'s request handler around ours."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from .handlers import DuplicatePage

DUPLICATE = re.compile(r"/documents/([\w-]+)/pages/(\d+)/duplicate")


class Server(ThreadingHTTPServer):
    """Takes many connections at once."""

    request_queue_size = 128
    daemon_threads = True


def request_handler(duplicate_page: DuplicatePage) -> type[BaseHTTPRequestHandler]:
    """The routes, in the form that the server wants."""

    class RequestHandler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True
        wbufsize = -1

        def do_POST(self) -> None:
            match = DUPLICATE.fullmatch(self.path)
            if match is None:
                return self.answer(404, {"error": f"no such route: POST {self.path}"})
            try:
                return self.answer(200, {"pages": duplicate_page(match[1], int(match[2]))})
            except (FileNotFoundError, IndexError) as missing:
                return self.answer(404, {"error": str(missing)})

        def answer(self, status: int, body: object) -> None:
            payload = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(payload)))
            self.end_headers()
            self.wfile.write(payload)

        def log_message(self, format: str, *args: object) -> None:
            pass

    return RequestHandler


@contextmanager
def running(duplicate_page: DuplicatePage) -> Iterator[tuple[str, int]]:
    """Serve on a free port of the loopback interface; the value is host and port."""
    with Server(("127.0.0.1", 0), request_handler(duplicate_page)) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield "127.0.0.1", server.server_port
        finally:
            server.shutdown()
            thread.join()
