"""A disk that goes bad at a chosen moment, below the product: in the calls that it makes of the system.

Nothing of ours is replaced. What a write took before it failed is in the file, as on a real disk.
"""

from __future__ import annotations

import fcntl
import os
import re
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest import mock

SYSTEM: dict[str, Callable[..., Any]] = {
    "open": os.open,
    "write": os.write,
    "fsync": os.fsync,
    "ftruncate": os.ftruncate,
    "replace": os.replace,
    "close": os.close,
    "mkdir": os.mkdir,
    "flock": fcntl.flock,
}


@dataclass(frozen=True, slots=True)
class Moment:
    """The `nth` time that `call` is made of the file of that name."""

    call: str
    file: str
    nth: int = 1


@dataclass(frozen=True, slots=True)
class Fault:
    """At `begins` the call fails with `code`; the `later` calls then fail too, of that file or of all.

    A write that is the first to fail takes a `share` of its bytes before, 0.0 to 1.0.
    """

    code: int
    begins: Moment
    later: frozenset[str] = frozenset()
    is_everywhere: bool = False
    share: float = 0.0


@dataclass(slots=True)
class Disk:
    """Counts what is asked of it, and fails as `fault` says; `on_fault` is called when it first does."""

    fault: Fault | None = None
    on_fault: Callable[[], None] = lambda: None
    asked: Counter[tuple[str, str]] = field(default_factory=Counter)
    has_failed: bool = False
    _names: dict[int, str] = field(default_factory=dict)
    _has_taken_a_part: bool = False

    @property
    def left_open(self) -> list[str]:
        """The files that nobody has closed."""
        return sorted(self._names.values())

    def open(self, path: Any, flags: int, *more: Any, **named: Any) -> int:
        """Only a file that is opened to be written can fail."""
        if flags & (os.O_WRONLY | os.O_RDWR):
            self._ask("open", name_of(path), path)
        fd: int = SYSTEM["open"](path, flags, *more, **named)
        self._names[fd] = name_of(path)
        return fd

    def write(self, fd: int, data: Any) -> int:
        """The system writes a part and says so; it is the next write that fails."""
        if part := self._part(self._names.get(fd, ""), len(data)):
            self._has_taken_a_part = True
            return int(SYSTEM["write"](fd, data[:part]))
        self._ask("write", self._names.get(fd, ""))
        return int(SYSTEM["write"](fd, data))

    def fsync(self, fd: int) -> None:
        """No power is cut here, so that the real one would only cost time."""
        self._ask("fsync", self._names.get(fd, ""))

    def ftruncate(self, fd: int, size_bytes: int) -> None:
        self._ask("ftruncate", self._names.get(fd, ""))
        SYSTEM["ftruncate"](fd, size_bytes)

    def replace(self, old: Any, new: Any) -> None:
        self._ask("replace", name_of(new), new)
        SYSTEM["replace"](old, new)

    def close(self, fd: int) -> None:
        """A close that fails has closed all the same."""
        SYSTEM["close"](fd)
        self._ask("close", self._names.pop(fd, ""))

    def mkdir(self, path: Any, mode: int = 0o777) -> None:
        self._ask("mkdir", name_of(path), path)
        SYSTEM["mkdir"](path, mode)

    def flock(self, fd: int, how: int) -> None:
        self._ask("flock", self._names.get(fd, ""))
        SYSTEM["flock"](fd, how)

    def _part(self, name: str, length: int) -> int:
        """How many bytes a write takes of those it then fails for; 0 where it passes or fails as a whole."""
        fault, nth = self.fault, self.asked["write", name] + 1
        if fault is None or self._has_taken_a_part or Moment("write", name, nth) != fault.begins:
            return 0
        return int(fault.share * length)

    def _ask(self, call: str, name: str, path: Any = None) -> None:
        self.asked[call, name] += 1
        if self.fault is None or not self._fails(self.fault, call, name):
            return
        if not self.has_failed:
            self.has_failed = True
            self.on_fault()
        raise OSError(self.fault.code, os.strerror(self.fault.code), path)

    def _fails(self, fault: Fault, call: str, name: str) -> bool:
        if Moment(call, name, self.asked[call, name]) == fault.begins:
            return True
        is_its_place = fault.is_everywhere or name == fault.begins.file
        return self.has_failed and call in fault.later and is_its_place


def name_of(path: Any) -> str:
    """The name of the file at `path`, or of the one whose place it is to take."""
    return re.sub(r"\.new(-\w+)?$", "", Path(path).name.removeprefix("."))


@contextmanager
def on_disk(disk: Disk) -> Iterator[Disk]:
    """Have the calls to the system go to `disk`."""
    with ExitStack() as patches:
        for call in SYSTEM:
            module = fcntl if call == "flock" else os
            patches.enter_context(mock.patch.object(module, call, getattr(disk, call)))
        yield disk
