"""What both official clients need to speak plain http to the simulator: a header that carries the token."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NoReturn, Protocol

from azure.core.pipeline.policies import HeadersPolicy

from benchmarks.clients.inputs import bearer


class NoCredential:
    """Stands where the clients insist on a credential; the header carries the token."""

    def get_token(self, *scopes: str, **kwargs: object) -> NoReturn:
        """Never asked: the authentication policy is replaced."""
        raise AssertionError("the token is in the header")

    async def close(self) -> None:
        """Nothing to close."""


class Answer(Protocol):
    """A model of the official clients."""

    def as_dict(self) -> Mapping[str, object]:
        """The object as it came on the wire."""
        ...


def in_the_header() -> HeadersPolicy:
    """The policy in the place of the one that would insist on https."""
    return HeadersPolicy(dict(bearer()))


def plain(answer: Answer | None) -> Mapping[str, object] | None:
    """The result object; None where the poller ended without one."""
    return None if answer is None else answer.as_dict()
