"""A real Azurite on loopback, in memory, its telemetry off; and the environment of its clients."""

from __future__ import annotations

import base64
import hashlib
import hmac
import shutil
import socket
import subprocess
import time
import urllib.request
import uuid
from email.utils import formatdate
from pathlib import Path
from types import TracebackType
from typing import Self

CHECKOUT = Path(__file__).parents[2]
PROGRAM = CHECKOUT / ".venv" / "azurite" / "node_modules" / "azurite" / "dist" / "src" / "blob" / "main.js"
NODE = shutil.which("node")
IS_THERE = PROGRAM.is_file() and NODE is not None
WHY_NOT = "no Azurite (make azurite, which needs npm)"
# Azurite's own, the same everywhere: it opens nothing else.
ACCOUNT = "devstoreaccount1"
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
VERSION = "2021-08-06"
START_S = 30.0


class Azurite:
    """A context in which Azurite serves; `environment` is what obstore reads."""

    def __init__(self) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = int(free.getsockname()[1])
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def environment(self) -> dict[str, str]:
        """The account, its key and where it is."""
        return {
            "AZURE_STORAGE_ACCOUNT_NAME": ACCOUNT,
            "AZURE_STORAGE_ACCOUNT_KEY": KEY,
            "AZURE_STORAGE_ENDPOINT": f"http://127.0.0.1:{self.port}/{ACCOUNT}",
        }

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Serve, with nothing in it."""
        flags = ("--inMemoryPersistence", "--disableTelemetry", "--silent", "--skipApiVersionCheck")
        self._process = subprocess.Popen(
            [str(NODE), str(PROGRAM), "--blobPort", str(self.port), *flags],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        until = time.monotonic() + START_S
        while True:
            try:
                with socket.create_connection(("127.0.0.1", self.port), 1.0):
                    return
            except OSError:
                assert time.monotonic() < until, "Azurite does not serve"
                time.sleep(0.05)

    def stop(self) -> None:
        """Serve no more; what was in it is gone."""
        if self._process is not None:
            with self._process:
                self._process.kill()

    def container(self) -> str:
        """The name of a new, empty container."""
        name, date = f"c{uuid.uuid4().hex[:12]}", formatdate(usegmt=True)
        told = f"x-ms-date:{date}\nx-ms-version:{VERSION}\n/{ACCOUNT}/{ACCOUNT}/{name}\nrestype:container"
        digest = hmac.new(base64.b64decode(KEY), f"PUT{chr(10) * 12}{told}".encode(), hashlib.sha256)
        signature = base64.b64encode(digest.digest()).decode()
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}/{ACCOUNT}/{name}?restype=container",
            method="PUT",
            headers={
                "x-ms-date": date,
                "x-ms-version": VERSION,
                "Authorization": f"SharedKey {ACCOUNT}:{signature}",
                "Content-Length": "0",
            },
        )
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(request, timeout=30.0) as reply:
            assert reply.status == 201
        return name
