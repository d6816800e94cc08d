"""Places in object storage, and which private directory of this process stands for one.

A place is written `az://CONTAINER/PATH`, `s3://BUCKET/PATH` or `gs://BUCKET/PATH`, and is no secret.
What reads or writes a run works on a directory; what people see is the place, because the directory goes with
the process.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

SCHEMES = ("az", "s3", "gs")
# Nothing that a shell, a terminal or a URL would read as more than a name.
_NAME = r"[A-Za-z0-9_=+@][A-Za-z0-9._=+@-]*"
# `Path` makes one slash of two.
_ADDRESS = re.compile(rf"(az|s3|gs):/{{1,2}}([a-z0-9][a-z0-9._-]{{1,62}})((?:/{_NAME})*)/?")
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://|(?:az|s3|gs):/")
EXPECTED = (
    "az://CONTAINER/PATH, s3://BUCKET/PATH or gs://BUCKET/PATH, of letters, digits and ._=+@-; "
    "without a password, a query or a signature: credentials come from the environment"
)
LONGEST = 1000


@dataclass(frozen=True, slots=True)
class Address:
    """A place in object storage: a run, or what runs lie below."""

    scheme: str
    bucket: str
    path: str

    @classmethod
    def of(cls, text: str) -> Address:
        """The place that `text` names; raises ValueError, which does not repeat it, where it names none."""
        found = _ADDRESS.fullmatch(text) if len(text) <= LONGEST else None
        if found is None:
            raise ValueError(f"must be {EXPECTED}")
        return cls(found[1], found[2], found[3].removeprefix("/"))

    @property
    def name(self) -> str:
        """The last part of it."""
        return self.path.rpartition("/")[2] or self.bucket

    @property
    def around(self) -> Address:
        """What it lies in; itself where that is a whole bucket."""
        return Address(self.scheme, self.bucket, self.path.rpartition("/")[0])

    def below(self, name: str) -> Address:
        """The place of that name in it."""
        return Address(self.scheme, self.bucket, f"{self.path}/{name}".removeprefix("/"))

    def __str__(self) -> str:
        return f"{self.scheme}://{self.bucket}/{self.path}".rstrip("/")


def is_url(text: object) -> bool:
    """Whether `text` means something elsewhere, and no path."""
    return _URL.match(str(text)) is not None


def is_name(text: str) -> bool:
    """Whether a run may have this name: a listing's names are foreign text."""
    return re.fullmatch(_NAME, text) is not None and len(text) <= LONGEST


_places: dict[str, Address] = {}


def stand_in(directory: str, place: Address) -> None:
    """From now on `directory` stands for `place` in this process."""
    _places[directory] = place


def has_any() -> bool:
    """Whether any directory stands for a place."""
    return bool(_places)


def forget(directory: str) -> None:
    """`directory` is a directory like any other from now on."""
    _places.pop(directory, None)


def directory_of(place: Address) -> str | None:
    """The directory of `place`, by what stands for it, the newest, or for what it lies in; None without."""
    for directory, known in reversed(_places.items()):
        if known == place:
            return directory
    for directory, known in reversed(_places.items()):
        if known == place.around and known != place:
            return f"{directory}/{place.name}"
    return None


def place_of(directory: str) -> Address | None:
    """The place that `directory` stands for; None where it is only a directory."""
    if (known := _places.get(directory)) is not None:
        return known
    around, _, name = directory.rpartition("/")
    return _places[around].below(name) if around in _places and is_name(name) else None


def told(text: str) -> str:
    """`text` with places instead of the directories that stand for them."""
    for directory, place in _places.items():
        text = text.replace(directory, str(place))
    return text
