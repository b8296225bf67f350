# Why this file exists: clients that mean no good, or go away at the worst moment. Plain sockets, so
# that each stands exactly where its phase says.
"""Hostile clients: sockets in a phase of a request, and two ways to vanish."""

import resource
import select
import socket
import struct
import time

HEAD = "{} {} HTTP/1.1\r\nHost: a.example\r\nX-Mark: {:016x}\r\n"


def raise_descriptor_limit():
  hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
  resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def connect(port, patience=5):
  return socket.create_connection(("127.0.0.1", port), patience)


def request(path, method="GET", fields="", end="\r\n", mark=255):
  return (HEAD.format(method, path, mark) + fields + end).encode()


def read_head(client):
  """The status of an answer whose head is read, 0 when the connection ends before."""
  text = b""
  while b"\r\n\r\n" not in text:
    try:
      part = client.recv(4096)
    except OSError:
      return 0
    if not part:
      return 0
    text += part
  return int(text[9:12])


def vanish(client, is_reset):
  """By RST, or by FIN and whatever the system does with bytes that still come."""
  if is_reset:
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
  client.close()


# The phases: each takes a connected socket to where its client vanishes, and gives how many heads
# were sent whole: so many requests must be on record.

def connected(client):
  return 0


def in_head(client):
  client.sendall(request("/hostile/100", end=""))
  return 0


def after_head(client):
  client.sendall(request("/hostile/100"))
  return 1


def in_body(client):
  client.sendall(request("/hostile/100", "POST", "Content-Length: 100000\r\n") + b"x" * 5000)
  return 1


def in_chunk(client):
  client.sendall(
    request("/hostile/100", "POST", "Transfer-Encoding: chunked\r\n") + b"1000\r\n" + b"x" * 99)
  return 1


def waiting(client):
  client.sendall(request("/hostile-hang/100"))
  return 1


def queued(client):
  client.sendall(request("/hostile-narrow/100"))
  return 1


def in_answer(client):
  client.sendall(request("/hostile/400000"))
  client.recv(100)
  return 1


def kept_alive(client):
  client.sendall(request("/hostile/0"))
  read_head(client)
  return 1


def in_tunnel(client):
  client.sendall(request("/hostile/0", fields="Connection: upgrade\r\nUpgrade: websocket\r\n"))
  if read_head(client) == 101:
    client.sendall(b"frames of a kind")
  return 1


PHASES = (connected, in_head, after_head, in_body, in_chunk, waiting, queued, in_answer, kept_alive,
          in_tunnel)


class Crowd:
  """Many clients that stay, and what the gateway said to those that it did not want."""

  def __init__(self):
    self.clients, self.unheard = [], 0

  def come(self, port, count, say=b""):
    """`count` more connections; each says so much and then nothing."""
    for _ in range(count):
      try:
        client = connect(port, 2)
        if say:
          client.sendall(say)
        self.clients.append(client)
      except OSError:
        self.unheard += 1

  def answers(self, seconds=1.0, enough=0):
    """{status: how many were told it}; 0 = closed without a word. Those leave the crowd. Looks for
    so many seconds, and as long as fewer than `enough` were told for ten more."""
    told, began = {}, time.monotonic()
    while time.monotonic() < began + seconds + (10 if sum(told.values()) < enough else 0):
      poll = select.poll()
      by_number = {client.fileno(): client for client in self.clients}
      for number in by_number:
        poll.register(number, select.POLLIN)
      ready = poll.poll(50)
      for number, _ in ready:
        client = by_number[number]
        client.settimeout(1)
        status = read_head(client)
        told[status] = told.get(status, 0) + 1
        client.close()
        self.clients.remove(client)
    return told

  def leave(self, is_reset=False):
    for client in self.clients:
      vanish(client, is_reset)
    self.clients = []
