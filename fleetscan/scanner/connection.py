"""The connection to Azure that the settings describe: a token source and a transport, closed at the end."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING

from fleetscan.addresses import Origin
from fleetscan.azure.credentials import TokenSource, token_source
from fleetscan.azure.network import Network
from fleetscan.azure.transport import Transport
from fleetscan.settings.selecting import ListSettings
from fleetscan.version import __version__

if TYPE_CHECKING:
    from azure.core.credentials_async import AsyncTokenCredential


@asynccontextmanager
async def connect(
    settings: ListSettings, credential: str | AsyncTokenCredential | None
) -> AsyncIterator[tuple[Transport, TokenSource]]:
    """An open transport, and the source of the token it carries; see `token_source` for `credential`.

    Both leave through the proxy, and trust the certificates, that the settings name, else the environment.
    """
    origin = Origin.of(settings.endpoint)
    network = Network(settings.proxy, settings.ca_bundle, os.environ)
    tokens = token_source(credential, f"{origin.url}/.default", os.environ, network)
    async with AsyncExitStack() as open_ends:
        open_ends.push_async_callback(tokens.aclose)
        transport = Transport(
            origin,
            tokens,
            max_in_flight=settings.max_in_flight,
            user_agent=f"fleetscan/{__version__}",
            network=network,
        )
        await open_ends.enter_async_context(transport)
        yield transport, tokens
