"""A DNS server and a web server on loopback, in threads of their own, for commands have their own loops."""

import socketserver
import ssl
import threading
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.zone


class _Threaded:
    """A server of the standard library, for the length of a block."""

    server: socketserver.BaseServer

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self.server.serve_forever, args=(0.02,))
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.server.shutdown()
        self._thread.join()
        self.server.server_close()


class Zone(_Threaded):
    """Answers for the whole DNS with what a zone file says; `silent`, it hears and says nothing."""

    def __init__(self, text: str, *, silent: bool = False) -> None:
        self._zone = dns.zone.from_text(
            f"$TTL 60\n{text}\n", dns.name.root, relativize=False, check_origin=False
        )
        self._silent = silent
        self.asked: list[str] = []
        zone = self

        class Handler(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                packet, socket = self.request
                if answer := zone._answer(packet):
                    socket.sendto(answer, self.client_address)

        self.server = socketserver.ThreadingUDPServer(("127.0.0.1", 0), Handler)
        self.address = f"127.0.0.1:{self.server.server_address[1]}"

    def _answer(self, packet: bytes) -> bytes:
        query = dns.message.from_wire(packet)
        (question,) = query.question
        self.asked.append(question.name.to_text())
        answer = dns.message.make_response(query)
        answer.flags |= dns.flags.AA
        found = self._zone.get_rrset(question.name, question.rdtype)
        if found:
            answer.answer.append(found)
        elif not any(name.is_subdomain(question.name) for name in self._zone):
            answer.set_rcode(dns.rcode.NXDOMAIN)
        return b"" if self._silent else answer.to_wire()


class Web(_Threaded):
    """Answers every POST in one way, at `url`."""

    def __init__(
        self,
        tls: ssl.SSLContext | None = None,
        *,
        status: int = 200,
        body: bytes = b"OK\n",
        location: str = "",
        ahead: timedelta = timedelta(),
    ) -> None:
        """`ahead`: by how much its clock is."""
        self.posted: list[tuple[str, bytes]] = []
        web = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:  # the standard library's name
                length = int(self.headers["Content-Length"])
                web.posted.append((self.path, self.rfile.read(length)))
                self.send_response_only(status)
                self.send_header("Date", format_datetime(datetime.now(UTC) + ahead, usegmt=True))
                self.send_header("Content-Length", str(len(body)))
                if location:
                    self.send_header("Location", location)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None: ...

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        if tls:
            server.socket = tls.wrap_socket(server.socket, server_side=True)
        self.server = server
        self.url = f"{'https' if tls else 'http'}://localhost:{server.server_port}"
