"""Why this file exists: a real browser, driven over a pipe by the standard library alone: the DevTools protocol is JSON
between null bytes, and needs no package."""

import base64
import json
import os
import queue
import subprocess
import tempfile
import threading
import time


class Failure(Exception):
    """What a check found."""


class Chromium:
    """One headless browser with one tab."""

    def __init__(self, binary, width=1440, height=1000):
        self.profile = tempfile.TemporaryDirectory(prefix="gateway-chromium-")
        to_browser, self._out = os.pipe()
        self._in, from_browser = os.pipe()

        def wire():
            # The protocol's descriptors are 3 and 4, whatever ours are.
            read = os.dup(to_browser)
            write = os.dup(from_browser)
            os.dup2(read, 3)
            os.dup2(write, 4)
            os.set_inheritable(3, True)
            os.set_inheritable(4, True)

        self.process = subprocess.Popen(
            [binary, "--headless=new", "--remote-debugging-pipe", "--no-sandbox", "--disable-gpu",
             "--disable-dev-shm-usage", "--disable-background-networking", "--disable-component-update",
             "--no-first-run", "--hide-scrollbars", f"--window-size={width},{height}",
             f"--user-data-dir={self.profile.name}", "about:blank"],
            preexec_fn=wire, close_fds=False, stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.close(to_browser)
        os.close(from_browser)
        self._number = 0
        self._answers = {}
        self._arrived = threading.Condition()
        self.events = queue.Queue()
        self._ended = False
        threading.Thread(target=self._read, daemon=True).start()
        target = next(entry for entry in self._call("Target.getTargets")["targetInfos"] if entry["type"] == "page")
        self.session = self._call("Target.attachToTarget", targetId=target["targetId"], flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log", "DOM", "Accessibility", "Audits"):
            self.call(domain + ".enable")

    def close(self):
        try:
            self._call("Browser.close")
        except Failure:
            pass
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        os.close(self._out)
        self.profile.cleanup()

    def _read(self):
        rest = b""
        while True:
            part = os.read(self._in, 1 << 20)
            if not part:
                break
            *messages, rest = (rest + part).split(b"\0")
            for message in map(json.loads, messages):
                if "id" in message:
                    with self._arrived:
                        self._answers[message["id"]] = message
                        self._arrived.notify_all()
                else:
                    self.events.put(message)
        with self._arrived:
            self._ended = True
            self._arrived.notify_all()

    def _call(self, method, session=None, **parameters):
        self._number += 1
        number = self._number
        message = {"id": number, "method": method, "params": parameters}
        if session:
            message["sessionId"] = session
        os.write(self._out, json.dumps(message).encode() + b"\0")
        with self._arrived:
            if not self._arrived.wait_for(lambda: number in self._answers or self._ended, timeout=60):
                raise Failure(f"{method}: the browser does not answer")
            if number not in self._answers:
                raise Failure(f"{method}: the browser has ended")
            answer = self._answers.pop(number)
        if "error" in answer:
            raise Failure(f"{method}: {answer['error']['message']}")
        return answer["result"]

    def call(self, method, **parameters):
        """A command to the tab."""
        return self._call(method, self.session, **parameters)

    def taken_events(self):
        """The events since the last time."""
        events = []
        while not self.events.empty():
            events.append(self.events.get())
        return events

    def open(self, address):
        self.call("Page.navigate", url=address)

    def value(self, expression):
        """What the expression gives, awaited."""
        result = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in result:
            details = result["exceptionDetails"]
            raise Failure(f"{expression}: {details.get('exception', {}).get('description', details['text'])}")
        return result["result"].get("value")

    def wait(self, what, expression, seconds=20):
        """Waits until the expression holds."""
        end = time.monotonic() + seconds
        while not self.value(expression):
            if time.monotonic() > end:
                raise Failure(f"waited {seconds} s in vain until {what}")
            time.sleep(0.05)

    def press(self, key, shift=False):
        """A key of the keyboard, by its DOM name."""
        text = key if len(key) == 1 else {"Enter": "\r"}.get(key, "")
        codes = {"Tab": 9, "Enter": 13, "Escape": 27, "ArrowDown": 40, "ArrowUp": 38, "ArrowLeft": 37,
                 "ArrowRight": 39, "Home": 36, "End": 35}
        code = codes.get(key, ord(key.upper()) if len(key) == 1 and key.isalnum() else 0)
        common = {"key": key, "windowsVirtualKeyCode": code, "modifiers": 8 if shift else 0}
        self.call("Input.dispatchKeyEvent", type="keyDown" if text else "rawKeyDown", text=text, **common)
        self.call("Input.dispatchKeyEvent", type="keyUp", **common)

    def resize(self, width, height, scale=1):
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=scale, mobile=False)

    def prefer(self, scheme):
        self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])

    def screenshot(self, path, whole=False):
        shot = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        with open(path, "wb") as file:
            file.write(base64.b64decode(shot["data"]))
