"""How azure-identity's credentials reach what hands out tokens: as `Network` says, and in no other way.

One transport serves all credentials of a chain. azure-core's own would read the environment and send requests
to the machine's own services, which are plain http, through HTTP_PROXY. Importing this file loads azure-core.
"""

from __future__ import annotations

from typing import Any

import aiohttp
from azure.core.exceptions import AzureError, ClientAuthenticationError
from azure.core.pipeline.transport import AioHttpTransport

from fleetscan.addresses import Origin
from fleetscan.azure.breakage import NOT_SENT, final_error, why_not_sent
from fleetscan.azure.network import Network
from fleetscan.azure.timeouts import USUAL
from fleetscan.errors import CredentialError

# Token services answer within a second or two; azure-core would wait for five minutes.
READ_S = 60.0


def for_credentials(network: Network) -> dict[str, Any]:
    """The keyword arguments with which a credential of azure-identity, or a chain, leaves as `network` says.

    Each gets its own, and closes it. Raises as `Network.tls` does.
    """
    return {"transport": SignInTransport(network)}


class SignInTransport(AioHttpTransport):  # type: ignore[misc]
    """azure-core's transport with the proxy and the trusted certificates of `network`.

    Credentials of a chain share it, so it can be used again after it was closed. What is final it
    tells `network`.
    """

    session: aiohttp.ClientSession | None

    def __init__(self, network: Network) -> None:
        """Raises UsageError for a file of certificates that cannot be used."""
        super().__init__(connection_timeout=USUAL.connect_s, read_timeout=READ_S, use_env_settings=False)
        self._network = network
        network.tls()

    async def open(self) -> None:
        """A session, if there is none."""
        if self.session is None:
            self.session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(ssl=self._network.tls()),
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                trust_env=False,
            )

    async def send(self, request: Any, **options: Any) -> Any:
        """One exchange. Raises azure-core's errors; what is final is the one that it never tries again."""
        # Neither other proxies nor an unchecked certificate: what is asked for here is said in `Network`.
        for name in ("proxies", "proxy", "proxy_headers", "ssl", "connection_verify"):
            options.pop(name, None)
        origin = Origin.of(request.url)
        proxy = self._network.proxy_for_sign_in(origin)
        self._network.refused = None
        try:
            return await super().send(request, proxy=proxy.url, proxy_headers=proxy.headers, **options)
        except AzureError as error:
            broken = error.inner_exception
            final = final_error(broken, origin, proxy, self._network.trusted)
            if final is None and isinstance(broken, NOT_SENT):
                # In words that tell the proxy from the service. Its class says whether it is tried again.
                raise type(error)(why_not_sent(broken, origin, proxy), error=broken) from None
            if final is None:
                raise
            self._network.refused = CredentialError(f"not signed in to Azure: {final.what}", final.remedy)
            raise ClientAuthenticationError(final.what) from None
