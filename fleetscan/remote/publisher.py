"""A run's files on their way to object storage while a scan writes them: in parts, every few seconds.

Nothing of the scan waits for an upload. Rows go up before the journal that tells of them, as they are flushed
to the disk, so that what is there can always be gone on with. A marker comes last of a run that is complete.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from fleetscan.errors import FleetscanError, OutputError, Remedy, ResumeCommand, resume_with
from fleetscan.records.run import COMPLETE
from fleetscan.remote.fetching import digest, digest_of, keep
from fleetscan.remote.lease import Lease, taken_over
from fleetscan.remote.parts import (
    FOLDERS,
    MARKER,
    MOST_PART_BYTES,
    WHOLE,
    Marker,
    Sizes,
    part_name,
    whole_lines,
)
from fleetscan.remote.storage import Storage, StorageError, TakenError
from fleetscan.runs.directory import RUN
from fleetscan.runs.zstd import packed, unpacked

# A computer that is lost takes what came after the last upload with it.
UPLOAD_EVERY_S = 10.0
# Until it is there how the run is scanned: a resume without it would have the usual settings.
UPLOAD_BEGIN_EVERY_S = 1.0
AGAIN_AFTER_S = 2.0
LOOK_EVERY_S = 0.5


class Publisher:
    """Uploads the run in `directory`, from `begin` to `end`.

    `on_lost` is called, in another thread, with what ends the scan at once: another process writes the run.
    `on_late` is called once where the lease could not be renewed in time: nothing more may be started.
    """

    def __init__(
        self,
        storage: Storage,
        directory: Path,
        lease: Lease,
        sizes: Sizes,
        *,
        is_packed: bool,
        on_lost: Callable[[FleetscanError], None],
        on_late: Callable[[StorageError], None],
    ) -> None:
        """`sizes` is what of the files is uploaded already."""
        self._storage = storage
        self._directory = directory
        self._lease = lease
        self._at = {"results": sizes.results, "journal": sizes.journal}
        self._is_packed = is_packed
        self._on_lost, self._on_late = on_lost, on_late
        self._digests: dict[str, str] = {}
        self._ending = threading.Event()
        self._lost: FleetscanError | None = None
        self._failure: StorageError | None = None
        self._threads = [threading.Thread(target=each, daemon=True) for each in (self._work, self._watch)]

    def begin(self) -> None:
        """Upload how the run begins, before anything is started, then go on in a thread of its own.

        Raises StorageError, and OutputError where another process writes the run.
        """
        self._upload()
        self._lease.renew(self._sizes)
        for thread in self._threads:
            thread.start()

    def end(self, code: int | None, within_s: float) -> None:
        """Upload the rest, and let the run go; `code` is how the scan ended, None where that is not known.

        Raises OutputError where that cannot be done `within_s`: the directory is left where it is.
        """
        self._ending.set()
        for thread in self._threads:
            if thread.ident is not None:
                thread.join()
        if self._lost is not None:
            raise self._lost
        until = time.monotonic() + within_s
        while True:
            try:
                return self._finish(code)
            except StorageError as error:
                if error.is_refusal or time.monotonic() > until:
                    raise self._kept(error) from None
            time.sleep(AGAIN_AFTER_S)

    @property
    def is_lost(self) -> bool:
        """Whether another process writes the run, which `on_lost` was told."""
        return self._lost is not None

    @property
    def _sizes(self) -> Sizes:
        return Sizes(**self._at)

    def _watch(self) -> None:
        """See that the lease is renewed in time: an exchange may hang for longer than that."""
        while not self._ending.wait(LOOK_EVERY_S):
            if not self._lease.is_safe:
                self._on_late(self._failure or StorageError(self._storage.place, "no answer"))
                return

    def _work(self) -> None:
        while not self._ending.wait(self._pause_s()):
            try:
                self._lease.renew(self._sizes)
                self._upload()
            except StorageError as error:
                self._failure = error
            except (FleetscanError, OSError) as error:
                self._lost = error if isinstance(error, FleetscanError) else self._kept(error)
                self._on_lost(self._lost)
                return

    def _pause_s(self) -> float:
        if not self._lease.is_safe:
            return AGAIN_AFTER_S
        return UPLOAD_EVERY_S if RUN in self._digests else UPLOAD_BEGIN_EVERY_S

    def _finish(self, code: int | None) -> None:
        self._lease.renew(self._sizes)
        self._upload()
        for name in WHOLE:
            self._put_whole(name)
        if code in COMPLETE:
            digests = {name: digest_of(self._directory / name) for name in FOLDERS.values()}
            try:
                self._storage.create(MARKER, Marker(self._sizes, self._digests | digests).encoded())
            except TakenError:
                raise taken_over(self._storage) from None
        self._lease.renew(self._sizes, is_last=True)

    def _upload(self) -> None:
        """Upload what was written since. The journal's size is taken first: rows are written after it."""
        ends = {folder: _size_bytes(self._directory / FOLDERS[folder]) for folder in ("journal", "results")}
        for folder in FOLDERS:
            self._upload_parts(folder, ends[folder])
        self._put_whole(RUN)

    def _upload_parts(self, folder: str, to: int) -> None:
        while self._at[folder] < to:
            begins_at = self._at[folder]
            data = self._lines(folder, begins_at, to)
            if not data:
                return
            is_packed = self._is_packed and folder == "results"
            name = part_name(folder, begins_at, is_compressed=is_packed)
            try:
                self._storage.create(name, packed(data) if is_packed else data)
            except TakenError:
                data = self._ours_before(folder, name, is_packed=is_packed)
            self._at[folder] = begins_at + len(data)

    def _lines(self, folder: str, begins_at: int, to: int) -> bytes:
        """Whole lines from there on: as many as one part takes, or one that is longer."""
        with open(self._directory / FOLDERS[folder], "rb") as file:
            file.seek(begins_at)
            read = file.read(min(MOST_PART_BYTES, to - begins_at))
            return whole_lines(read) or whole_lines(read + file.readline(to - begins_at - len(read)))

    def _ours_before(self, folder: str, name: str, *, is_packed: bool) -> bytes:
        """What a part that is there holds: one of an earlier attempt, whose answer was lost, begins as ours.

        Raises OutputError where it is another process's.
        """
        found = self._storage.read(name)
        with suppress(ValueError):
            there = b"" if found is None else unpacked(found[0]) if is_packed else found[0]
            with open(self._directory / FOLDERS[folder], "rb") as file:
                file.seek(self._at[folder])
                if there and file.read(len(there)) == there:
                    return there
        raise taken_over(self._storage)

    def _put_whole(self, name: str) -> None:
        """Upload a file that is written as a whole, where it is there and has changed."""
        try:
            data = (self._directory / name).read_bytes()
        except FileNotFoundError:
            return
        if self._digests.get(name) != (told := digest(data)):
            self._storage.put(name, data)
            self._digests[name] = told

    def _kept(self, error: StorageError | OSError) -> OutputError:
        """What to say where the rest cannot be uploaded: this computer has it."""
        keep(self._directory)
        command = resume_with(ResumeCommand(str(self._directory)))
        remedy = Remedy(f"this computer keeps all of the run; {command.template}", command.settings)
        why = error.why if isinstance(error, StorageError) else error.strerror or str(error)
        return OutputError(str(self._storage.place), why, remedy)


def _size_bytes(path: Path) -> int:
    try:
        return os.stat(path).st_size
    except FileNotFoundError:
        return 0
