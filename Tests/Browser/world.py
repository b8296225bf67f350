"""Why this file exists: what stands around the page while it is looked at: a gateway, its backends, and clients."""

import http.client
import http.server
import os
import random
import signal
import socket
import subprocess
import tempfile
import threading
import time

from chromium import Failure


def free_port():
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


class Backend:
    """Answers 200, below /fail one in three with 500. It can die and come back."""

    def __init__(self):
        self.port = free_port()
        self.connections = set()
        self.start()

    @property
    def address(self):
        return f"127.0.0.1:{self.port}"

    def start(self):
        backend = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def setup(self):
                super().setup()
                backend.connections.add(self.connection)

            def do_GET(self):
                self.send_response(500 if self.path.startswith("/fail") and random.random() < 0.34 else 200)
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"ok")

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True
            allow_reuse_address = True

            def handle_error(self, *_):
                pass  # A gateway that has ended leaves connections behind.

        self.server = Server(("127.0.0.1", self.port), Handler)
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def die(self):
        self.server.shutdown()
        self.server.server_close()
        for connection in self.connections:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        self.connections.clear()


class Gateway:
    """The binary with a configuration, in a directory of its own."""

    def __init__(self, binary, text):
        self.port, self.admin = free_port(), free_port()
        self.directory = tempfile.TemporaryDirectory(prefix="gateway-page-")
        self.path = os.path.join(self.directory.name, "gateway.yaml")
        self.write(text)
        self.errors = open(os.path.join(self.directory.name, "stderr"), "w+b")
        self.process = subprocess.Popen([binary, "run", "--config", self.path],
                                        stdout=subprocess.DEVNULL, stderr=self.errors)
        end = time.monotonic() + 30
        while self.ask("/readyz")[0] != 200:
            if self.process.poll() is not None or time.monotonic() > end:
                self.errors.seek(0)
                raise Failure("the gateway does not start: " + self.errors.read().decode())
            time.sleep(0.05)

    @property
    def origin(self):
        return f"http://127.0.0.1:{self.admin}"

    def write(self, text):
        with open(self.path, "w", encoding="utf-8") as file:
            file.write(text.replace("PORT", str(self.port)).replace("ADMIN", str(self.admin)))

    def ask(self, path, method="GET"):
        try:
            connection = http.client.HTTPConnection("127.0.0.1", self.admin, timeout=5)
            connection.request(method, path)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        except OSError:
            return 0, ""

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            self.process.send_signal(signal.SIGINT)
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.errors.close()
        self.directory.cleanup()


class Clients:
    """Some dozens of requests a second, until they are stopped."""

    def __init__(self, gateway, requests):
        self.gateway, self.requests = gateway, requests
        self.ends = threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        while not self.ends.is_set():
            try:
                connection = http.client.HTTPConnection("127.0.0.1", self.gateway.port, timeout=5)
                for path, fields in self.requests:
                    connection.request("GET", path, headers=fields)
                    connection.getresponse().read()
                connection.close()
            except (OSError, http.client.HTTPException):
                pass
            self.ends.wait(0.02)

    def stop(self):
        self.ends.set()
        self.thread.join()
