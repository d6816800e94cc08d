"""An Azurite for all tests of a process, and a new container for each."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from fleetscan import places
from fleetscan.remote import fetching, lease, publisher
from tests.remote.azurite import IS_THERE, WHY_NOT, Azurite


@pytest.fixture(scope="session")
def served() -> Iterator[Azurite]:
    """An Azurite that serves; skipped where there is none."""
    if not IS_THERE:
        pytest.skip(WHY_NOT)
    with Azurite() as azurite:
        yield azurite


@pytest.fixture
def azurite(served: Azurite, monkeypatch: pytest.MonkeyPatch) -> Azurite:
    """The same, with what its clients find in the environment."""
    for name, value in served.environment.items():
        monkeypatch.setenv(name, value)
    return served


@pytest.fixture
def container(azurite: Azurite) -> str:
    """The place of a new container."""
    return f"az://{azurite.container()}"


@pytest.fixture(autouse=True)
def nothing_is_remembered() -> Iterator[None]:
    """Each test is as a process of its own: no directory stands for a place yet."""
    yield
    for kept in (places._places, fetching._light, fetching._listed, fetching._final, lease._held):
        kept.clear()


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """A lease and uploads of some tenths of a second."""
    monkeypatch.setattr(lease, "LEASE_S", 1.0)
    monkeypatch.setattr(lease, "HOLD_S", 0.6)
    monkeypatch.setattr(lease, "LOOK_EVERY_S", 0.05)
    monkeypatch.setattr(publisher, "UPLOAD_EVERY_S", 0.1)
    monkeypatch.setattr(publisher, "AGAIN_AFTER_S", 0.05)
