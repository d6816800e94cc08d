"""The connection to Azure that the settings describe: a token source and a transport, closed at the end."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from fleetscan import __version__
from fleetscan.azure.credentials import CredentialToken, StaticToken, TokenSource
from fleetscan.azure.transport import Transport
from fleetscan.model import Origin
from fleetscan.settings.declared import PlanSettings


@asynccontextmanager
async def connect(settings: PlanSettings, token: str | None) -> AsyncIterator[tuple[Transport, TokenSource]]:
    """An open transport and its token source: `token`, or else azure-identity's credential chain."""
    tokens = CredentialToken(f"{settings.endpoint}/.default") if token is None else StaticToken(token)
    async with AsyncExitStack() as open_ends:
        open_ends.push_async_callback(tokens.aclose)
        transport = Transport(
            Origin.of(settings.endpoint),
            tokens,
            max_in_flight=settings.max_in_flight,
            user_agent=f"fleetscan/{__version__}",
        )
        await open_ends.enter_async_context(transport)
        yield transport, tokens
