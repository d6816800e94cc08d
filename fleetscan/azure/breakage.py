"""What is said where an exchange brought no reply, and what of it is final: no later try fares better.

The sentences are ours, because an exception's own text may hold headers and URLs.

The numbers of a refused certificate are OpenSSL's (`X509_V_ERR_*` in x509_vfy.h).
"""

from __future__ import annotations

import ssl

import aiohttp

from fleetscan.addresses import Origin
from fleetscan.azure.network import CA_BUNDLE, Proxy, Trusted
from fleetscan.errors import CannotScanError, Remedy

# A proxy that answers CONNECT with anything but 200 has passed on nothing.
NOT_SENT = (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError, aiohttp.ClientHttpProxyError)
WANTS_LOGIN = 407
CLOCK = frozenset({9, 10})
"""Not yet valid, expired."""
NAME = frozenset({62, 64})
"""For another host, for another address."""
NO_TLS = frozenset({"WRONG_VERSION_NUMBER", "UNKNOWN_PROTOCOL", "RECORD_LAYER_FAILURE"})
"""What OpenSSL, in its different versions, calls an answer that is no TLS, such as plain http."""


def why_not_sent(error: Exception, origin: Origin, proxy: Proxy) -> str:
    """A sentence on why connecting to `origin` through `proxy` failed."""
    where = _place(origin)
    match error:
        case aiohttp.ConnectionTimeoutError():
            return f"no connection to {where} in time" + (
                f" through the proxy {proxy.place}" * bool(proxy.url)
            )
        case aiohttp.ClientHttpProxyError():
            return f"the proxy {proxy.place} would not connect to {where}: HTTP {error.status}"
        case aiohttp.ClientProxyConnectionError() | aiohttp.ClientConnectorDNSError() if (
            proxy.url is not None
        ):
            # A name behind a proxy is the proxy's to look up.
            return f"no connection to the proxy {proxy.place}: {_reason(error.os_error)}"
        case aiohttp.ClientConnectorCertificateError():
            return f"{_whose(error, proxy)} is not trusted: {_reason(error.certificate_error)}"
        case aiohttp.ClientConnectorSSLError():
            return f"no connection to {_end(error, proxy)}: {_reason(error.os_error)}"
        case aiohttp.ClientConnectorError():
            return f"no connection to {where}: {_reason(error.os_error)}"
        case _:
            return f"no connection to {where}"


def why_cut(error: Exception, within_s: float) -> str:
    """A sentence on how the exchange broke."""
    match error:
        case TimeoutError():
            return f"no complete reply within {within_s:g} s"
        case aiohttp.ServerDisconnectedError():
            return "the connection was closed before a reply came"
        case aiohttp.ClientPayloadError():
            return "the reply's body broke off or could not be decoded"
        case aiohttp.ClientResponseError() | aiohttp.http.HttpProcessingError():
            return "the reply was not valid HTTP"
        case OSError():
            return f"the connection broke: {_reason(error)}"
        case _:
            return f"the exchange broke ({type(error).__name__})"


def final_error(
    error: BaseException | None, origin: Origin, proxy: Proxy, trusted: Trusted | None
) -> CannotScanError | None:
    """What to raise where no later try to connect to `origin` can fare better; None where one may."""
    match error:
        case aiohttp.ClientHttpProxyError(status=407):
            return CannotScanError(*_login_refused(proxy))
        case aiohttp.ClientConnectorCertificateError():
            why = why_not_sent(error, origin, proxy)
            return CannotScanError(why, _to_trust(error.certificate_error, trusted))
        case _:
            return None


def _login_refused(proxy: Proxy) -> tuple[str, Remedy]:
    what = "refuses the login that it was sent" if proxy.headers else "wants a login"
    remedy = Remedy(
        "name it as http://USER:PASSWORD@HOST:PORT, with {proxy} or in HTTPS_PROXY", {"proxy": None}
    )
    return f"the proxy {proxy.place} {what} (HTTP {WANTS_LOGIN})", remedy


def _to_trust(error: Exception, trusted: Trusted | None) -> Remedy:
    """What to do about a certificate that OpenSSL refused with `error`."""
    number = error.verify_code if isinstance(error, ssl.SSLCertVerificationError) else 0
    if number in CLOCK:
        return Remedy("check the clock of this computer; if it is right, that certificate has to be renewed")
    if number in NAME:
        return Remedy("check {endpoint}, and whether DNS or a proxy leads somewhere else", {"endpoint": None})
    if trusted is None:
        template = (
            "name a file with the certificates of your organisation's CA: {ca_bundle}, or the variable "
            "SSL_CERT_FILE or REQUESTS_CA_BUNDLE"
        )
        return Remedy(template, {CA_BUNDLE: None})
    named_by = "{ca_bundle}" if trusted.named_by == CA_BUNDLE else trusted.named_by
    template = f"add the certificate of the CA that issued it to the file that {named_by} names"
    return Remedy(template, {CA_BUNDLE: None})


def _whose(error: aiohttp.ClientConnectorCertificateError, proxy: Proxy) -> str:
    return f"the certificate of {_end(error, proxy)}"


def _end(error: aiohttp.ClientConnectorError | aiohttp.ClientConnectorCertificateError, proxy: Proxy) -> str:
    """Who speaks TLS there: the endpoint, or a proxy that is reached over TLS."""
    place = f"[{error.host}]:{error.port}" if ":" in error.host else f"{error.host}:{error.port}"
    return f"{'the proxy ' * (place == proxy.place)}{place}"


def _place(origin: Origin) -> str:
    return f"[{origin.host}]:{origin.port}" if ":" in origin.host else f"{origin.host}:{origin.port}"


def _reason(error: Exception) -> str:
    """The system's own words for `error`, in one line."""
    if isinstance(error, ssl.SSLError) and error.reason in NO_TLS:
        return "that port does not speak TLS"
    if isinstance(error, ssl.SSLError) and error.reason and not hasattr(error, "verify_message"):
        return f"TLS failed ({error.reason.lower().replace('_', ' ')})"
    words = getattr(error, "verify_message", None) or getattr(error, "strerror", None) or type(error).__name__
    return " ".join(str(words).split()).rstrip(".")
