"""The connection to Azure that the settings describe: a token source and a transport, closed at the end."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, Any

from fleetscan.addresses import Origin
from fleetscan.azure.credentials import TokenSource, token_source
from fleetscan.azure.identity import SignIn, cloud_at, scope_for
from fleetscan.azure.network import Network
from fleetscan.azure.transport import Transport
from fleetscan.settings.selecting import ListSettings
from fleetscan.settings.sign_in import SignInSettings
from fleetscan.version import __version__

if TYPE_CHECKING:
    from azure.core.credentials_async import AsyncTokenCredential


@asynccontextmanager
async def connect(
    settings: ListSettings,
    credential: str | AsyncTokenCredential | None,
    warn: Callable[[str], None] = lambda _: None,
) -> AsyncIterator[tuple[Transport, TokenSource]]:
    """An open transport, and the source of the token it carries; see `token_source` for `credential`.

    Both leave through the proxy, and trust the certificates, that the settings name, else the environment.
    `warn` gets a sentence where a token cannot be renewed for now.
    """
    origin = Origin.of(settings.endpoint)
    network = Network(settings.proxy, settings.ca_bundle, os.environ)
    tokens = token_source(credential, sign_in_of(settings, warn, network))
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


def sign_in_of(settings: SignInSettings, warn: Callable[[str], None], network: Network) -> SignIn:
    """How the settings sign in, by requests that leave as `network` says."""
    origin = Origin.of(settings.endpoint)

    def reached_by() -> Mapping[str, Any]:
        from fleetscan.azure.sign_in_transport import for_credentials  # it loads azure-core

        return for_credentials(network)

    return SignIn(
        scope_for(origin, settings.token_scope),
        auth=settings.auth,
        tenant=settings.tenant,
        timeout_s=settings.auth_timeout_s,
        cloud=cloud_at(origin),
        is_loopback=origin.is_loopback,
        environment=os.environ,
        warn=warn,
        reached_by=reached_by,
        refusal=lambda: network.refused,
    )
