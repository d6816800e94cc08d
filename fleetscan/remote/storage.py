"""The few things a run asks of object storage: read, list, write whole, and write only where nothing changed.

obstore does the work; it is loaded where a place is opened. What it says of a failure may have a signature in
it, so that only the kind of the failure and the service's own code are told.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from fleetscan.errors import CannotScanError, Remedy, UsageError
from fleetscan.places import Address

T = TypeVar("T")

INSTALL = "install what object storage needs: pip install 'fleetscan[storage]'"
# One exchange. What is uploaded goes in parts, so that none takes long.
CONNECT_S = 5
EXCHANGE_S = 30
# obstore's own attempts; an upload is tried again as a whole.
ATTEMPTS = {"max_retries": 2, "retry_timeout_s": 10}
LISTED_AT_ONCE = 1000
# An object that is read is held in memory. A part has 16 MiB, or one line that is longer.
MOST_READ_BYTES = 256 * 1024 * 1024
# What the service calls the error, in XML or JSON, and the status.
_CODE = re.compile(r"<Code>([A-Za-z]{1,60})</Code>|\"(?:code|error)\": *\"([A-Za-z_]{1,60})\"")
# No object can be there.
_NOWHERE = re.compile("<Code>(?:ContainerNotFound|ContainerBeingDeleted|NoSuchBucket)</Code>")
_STATUS = re.compile(r"status code: (\d{3})")
# What obstore says where no service answered, and our words for it.
SAID = (
    ("InvalidAccessKey", "the account's key is not base64"),
    ("SasComponent", "the SAS token is not one"),
    ("UnableToParseUrl", "its endpoint is not a URL"),
    ("OpenCredentials", "the file of credentials cannot be opened"),
    ("DecodeCredentials", "the file of credentials is not one"),
    ("BadScheme", "its endpoint is not https, which only one on this computer need not be"),
    ("Connection refused", "connection refused"),
    ("Connection reset", "connection reset"),
    ("dns error", "its name is not found"),
    ("certificate", "its certificate is not trusted"),
    ("Account must be specified", "no storage account is named: AZURE_STORAGE_ACCOUNT_NAME"),
    ("TimedOut", "timed out"),
    ("kind: Timeout", "timed out"),
    ("kind: Connect", "no connection"),
    ("error sending request", "the connection broke"),
    ("error decoding response", "the connection broke"),
)
# Where a cloud's own machines get an identity: asked where the environment has no credentials.
METADATA = ("169.254.169.254", "169.254.170.2", "metadata.google.internal")
NO_CREDENTIALS = "no credentials are in the environment, and this computer has no identity of its own"
MAY_PASS = ("408", "429")
ENDPOINTS = {
    "az": ("AZURE_STORAGE_ENDPOINT", "AZURE_ENDPOINT"),
    "s3": ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT"),
    "gs": (),
}
_LOOPBACK = re.compile(r"http://(?:127\.[0-9.]+|localhost|\[::1\])(?::[0-9]+)?(?:/|$)")


class StorageError(CannotScanError):
    """Object storage refused, or could not be reached. `is_refusal`: asking again changes nothing."""

    def __init__(self, place: Address, why: str, *, is_refusal: bool = False) -> None:
        what = Remedy("check the place, and the credentials in the environment (docs/object-storage.md)")
        super().__init__(f"{place} cannot be used ({why})", what)
        self.place, self.why, self.is_refusal = place, why, is_refusal


class TakenError(Exception):
    """A write that asked for nothing there, or for what was read before, found something else."""


@dataclass(frozen=True, slots=True)
class Listed:
    """One object: its name below the place, and its size."""

    name: str
    size_bytes: int


class Storage:
    """What lies below one place. Each method raises StorageError where it fails. Threads may share it."""

    def __init__(self, place: Address, store: Any) -> None:
        self.place = place
        self._store = store

    @classmethod
    def open(cls, place: Address) -> Storage:
        """The storage at `place`, with the credentials that the environment has. Asks nothing yet."""
        try:
            from obstore import store as stores
        except ImportError as error:
            raise UsageError(f"{place} is object storage", Remedy(INSTALL)) from error
        from datetime import timedelta

        make = {"az": stores.AzureStore, "s3": stores.S3Store, "gs": stores.GCSStore}[place.scheme]
        retries = {
            "max_retries": ATTEMPTS["max_retries"],
            "retry_timeout": timedelta(seconds=ATTEMPTS["retry_timeout_s"]),
        }
        endpoint = next(filter(None, map(os.environ.get, ENDPOINTS[place.scheme])), "")
        client = {
            "connect_timeout": f"{CONNECT_S}s",
            "timeout": f"{EXCHANGE_S}s",
            "allow_http": _LOOPBACK.match(endpoint) is not None,
        }
        with _Telling(place):
            # (A prefix of nothing is none.)
            store = make(place.bucket, prefix=place.path or None, retry_config=retries, client_options=client)
        return cls(place, store)

    def read(self, name: str) -> tuple[bytes, str] | None:
        """The object of that name and its tag; None where there is none."""
        import obstore

        def get() -> tuple[bytes, str] | None:
            try:
                found = obstore.get(self._store, name)
                if found.meta["size"] > MOST_READ_BYTES:
                    why = f"{name} has {found.meta['size']:,} bytes, and nothing of a run has so many"
                    raise StorageError(self.place, why, is_refusal=True)
                return bytes(found.bytes()), str(found.meta["e_tag"])
            except FileNotFoundError as error:
                if _NOWHERE.search(str(error)):
                    raise
                return None

        return self._asked(get)

    def listed(self, prefix: str = "") -> Iterator[Listed]:
        """All objects below `prefix`, in the order of their names."""
        import obstore

        def take() -> list[Listed]:
            found = obstore.list(self._store, prefix or None, chunk_size=LISTED_AT_ONCE)
            return [Listed(str(each["path"]), int(each["size"])) for some in found for each in some]

        yield from sorted(self._asked(take), key=lambda each: each.name)

    def written_at(self, name: str) -> datetime | None:
        """When the service says that the object was written; None where there is none."""
        import obstore

        def look() -> datetime | None:
            try:
                written_at: datetime = obstore.head(self._store, name)["last_modified"]
            except FileNotFoundError:
                return None
            return written_at

        return self._asked(look)

    def names(self) -> list[str]:
        """What lies directly below, as a directory's names: of each "directory" one."""
        import obstore

        found: Any = self._asked(lambda: obstore.list_with_delimiter(self._store))
        return sorted(str(each).rstrip("/").rpartition("/")[2] for each in found["common_prefixes"])

    def put(self, name: str, data: bytes) -> None:
        """Write the object, whatever was there."""
        self._put(name, data, "overwrite")

    def create(self, name: str, data: bytes) -> str:
        """Write the object and return its tag; raises TakenError where there is one with other content.

        An answer that was lost on its way looks like another's object: the content tells.
        """
        return self._conditional(name, data, "create")

    def replace(self, name: str, data: bytes, tag: str) -> str:
        """Write over the object that had this tag; raises TakenError where it has another one by now."""
        return self._conditional(name, data, {"e_tag": tag})

    def remove(self, name: str) -> None:
        """Remove the object, where it is there."""
        import obstore

        def delete() -> None:
            try:
                obstore.delete(self._store, name)
            except FileNotFoundError:
                return

        self._asked(delete)

    def _conditional(self, name: str, data: bytes, mode: Any) -> str:
        try:
            return self._put(name, data, mode)
        except TakenError:
            if (found := self.read(name)) is not None and found[0] == data:
                return found[1]
            raise

    def _put(self, name: str, data: bytes, mode: Any) -> str:
        import obstore
        from obstore.exceptions import AlreadyExistsError, PreconditionError

        def put() -> str:
            try:
                # (In one request: what is written in blocks cannot be conditional.)
                return str(obstore.put(self._store, name, data, mode=mode, use_multipart=False)["e_tag"])
            except (AlreadyExistsError, PreconditionError):
                # (Its words may have a URL in them.)
                raise TakenError(name) from None

        return self._asked(put)

    def _asked(self, ask: Callable[[], T]) -> T:
        with _Telling(self.place):
            return ask()


class _Telling:
    """Makes what obstore raises into a StorageError without its words."""

    def __init__(self, place: Address) -> None:
        self._place = place

    def __enter__(self) -> None: ...

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if error is None or isinstance(error, TakenError | StorageError | KeyboardInterrupt | SystemExit):
            return
        # (obstore's own panic is no Exception.)
        raise failure(self._place, error) from None


def failure(place: Address, error: BaseException) -> StorageError:
    """What to tell of a failure: obstore's words may have a URL with a signature in them."""
    text = str(error)
    if any(host in text for host in METADATA):
        return StorageError(place, NO_CREDENTIALS)
    status = found[1] if (found := _STATUS.search(text)) else ""
    code = (found[1] or found[2]) if (found := _CODE.search(text)) else ""
    told = f"{status} {code}".strip() or next((ours for theirs, ours in SAID if theirs in text), "")
    is_refusal = status.startswith("4") and status not in MAY_PASS
    return StorageError(place, told or type(error).__name__, is_refusal=is_refusal)
