# Why this file exists: an upgraded connection lives for hours and over everything that is done to
# the gateway meanwhile; these are good clients whose every byte must come back.
"""Tunnels that are kept open and asked again and again."""

import os

import hostile


class Tunnels:
  def __init__(self, port, count):
    self.clients, self.echoed = [], 0
    for _ in range(count):
      client = hostile.connect(port)
      client.sendall(
        hostile.request("/hostile/0", fields="Connection: upgrade\r\nUpgrade: websocket\r\n"))
      if hostile.read_head(client) == 101:
        self.clients.append(client)

  def ask(self):
    """Sends something through each and takes it back; those where that fails are gone."""
    alive = []
    for client in self.clients:
      said, heard = os.urandom(500), b""
      try:
        client.sendall(said)
        while len(heard) < len(said):
          part = client.recv(len(said) - len(heard))
          if not part:
            break
          heard += part
      except OSError:
        pass
      if heard == said:
        alive.append(client)
        self.echoed += 1
      else:
        client.close()
    self.clients = alive

  def close(self):
    for client in self.clients:
      client.close()
