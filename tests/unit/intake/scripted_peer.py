"""A peer that says its bytes one by one, as a test wrote them down."""

import socket
import threading
import time
from contextlib import suppress

OK = b"HTTP/1.1 200 OK\r\n"


class Script:
    """A server that answers each request with the next of its answers, and notes what it was asked.

    None ends the connection without an answer; an answer that begins with `!` ends it afterwards. With the context of a
    server it speaks TLS.
    """

    def __init__(self, *answers, tls=None, address="127.0.0.1"):
        self.answers = list(answers)
        self.asked = []
        self.connections = 0
        self.open = 0
        self._tls = tls
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self._listening = socket.create_server((address, 0), family=family)
        named = f"[{address}]" if ":" in address else address
        self.host = f"{named}:{self._listening.getsockname()[1]}"
        threading.Thread(target=self._serve, daemon=True).start()

    def asked_soon(self, requests):
        """Wait until so many requests were heard."""
        return _soon(lambda: len(self.asked) >= requests) and len(self.asked) == requests

    def is_left_soon(self):
        """Wait until no connection is open: all that was sent on one was heard before."""
        return _soon(lambda: self.open == 0)

    def _serve(self):
        while self.answers:
            connection, _ = self._listening.accept()
            self.connections += 1
            self.open += 1
            # who does not want the rest of an answer hangs up, and who does not trust us before
            with suppress(OSError), connection, self._secured(connection) as spoken, spoken.makefile("rb") as said:
                self._answer_each(spoken, said)
            self.open -= 1
        self._listening.close()

    def _secured(self, connection):
        return self._tls.wrap_socket(connection, server_side=True) if self._tls else connection

    def _answer_each(self, connection, said):
        while self.answers and (request := _head(said)):
            self.asked.append(request)
            answer = self.answers.pop(0)
            if answer is not None:
                connection.sendall(answer.removeprefix(b"!"))
            if answer is None or answer.startswith(b"!"):
                return


def _soon(is_so):
    until = time.monotonic() + 2
    while not (so := is_so()) and time.monotonic() < until:
        time.sleep(0.002)
    return so


def _head(said):
    """Take a request and give its head; its body is heard and forgotten."""
    lines = []
    while (line := said.readline()) not in {b"\r\n", b""}:
        lines.append(line.decode().rstrip())
    lengths = [int(line.split(":")[1]) for line in lines if line.lower().startswith("content-length:")]
    _ = said.read(sum(lengths))
    return lines


def whole(body, *headers):
    """An answer with its length."""
    return OK + b"".join(each + b"\r\n" for each in headers) + f"Content-Length: {len(body)}\r\n\r\n".encode() + body
