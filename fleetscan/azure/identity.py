"""azure-identity's async credentials, made only when a token is wanted: loading them takes half a second.

Each takes what it needs from the environment variables that Microsoft documents for it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from fleetscan.addresses import Origin
from fleetscan.clouds import AUTHORITIES, BY_HOST, PUBLIC, AzureCloud
from fleetscan.errors import CredentialError

if TYPE_CHECKING:
    from azure.core.credentials import AccessTokenInfo, TokenRequestOptions
    from azure.core.pipeline import PipelineResponse

# Some seconds for what a tool's own limit takes to be noticed, so that the tool's words are told.
GRACE_S = 5.0
# The default chain may wait for the Azure CLI, Azure PowerShell and the Azure Developer CLI in turn.
TOOLS = 3
# azure-core alone repeats a request ten times, for minutes; a refresh is tried again anyway.
RETRIES = 3
AUTHORITY_HOST = "AZURE_AUTHORITY_HOST"


class Credential(Protocol):
    """The part of azure-identity's async credentials that is used."""

    async def get_token_info(
        self, *scopes: str, options: TokenRequestOptions | None = None
    ) -> AccessTokenInfo:
        """A token for `scopes`; raises azure.core's AzureError."""
        ...

    async def close(self) -> None:
        """Release the credential's connections."""
        ...


def _keep_quiet(_: str) -> None:
    """Does nothing with a sentence."""


@dataclass(frozen=True, slots=True)
class SignIn:
    """How to sign in: with which credential, to which tenant, for how long at most.

    `is_loopback` says that the token is for this machine: for a simulated Azure. `environment` is where
    variables are read. `warn` gets a sentence when a token cannot be renewed for now. `reached_by` makes the
    keyword arguments that tell a credential how to reach its service, such as azure-core's `transport`;
    `refusal` is the error where that way found out what no later try mends.
    """

    scope: str
    auth: str = "default"
    tenant: str | None = None
    timeout_s: float = 60.0
    cloud: AzureCloud | None = None
    is_loopback: bool = False
    # It holds secrets, which no repr shows.
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    warn: Callable[[str], None] = _keep_quiet
    reached_by: Callable[[], Mapping[str, Any]] = dict
    refusal: Callable[[], CredentialError | None] = lambda: None

    @property
    def attempt_s(self) -> float:
        """Seconds after which an attempt has failed, whatever the credential waits for."""
        return self.timeout_s * (TOOLS if self.auth == "default" else 1) + GRACE_S

    @property
    def authority(self) -> str | None:
        """The sign-in service, None where azure-identity's own choice holds.

        A variable that names that of another cloud of Azure's is passed over: its tokens are good there.
        """
        said = _host_in(self.environment.get(AUTHORITY_HOST, ""))
        if self.cloud is None or (said and said not in AUTHORITIES):
            return None
        return self.cloud.authority

    @property
    def asked_host(self) -> str:
        """The host of the sign-in service, however it was chosen."""
        said = _host_in(self.environment.get(AUTHORITY_HOST, "")).rpartition("@")[2]
        return self.authority or said or PUBLIC.authority

    def contradiction(self) -> str | None:
        """A sentence where the variable names the sign-in service of another cloud, else None."""
        other = AUTHORITIES.get(_host_in(self.environment.get(AUTHORITY_HOST, "")))
        if self.cloud is None or other is None or other is self.cloud:
            return None
        return (
            f"{AUTHORITY_HOST} is that of the cloud {other.name}, and {self.cloud.endpoint} is in the cloud "
            f"{self.cloud.name}: {self.cloud.authority} is asked instead"
        )


def cloud_at(endpoint: Origin) -> AzureCloud | None:
    """The cloud whose Resource Manager is at `endpoint`."""
    return BY_HOST.get(endpoint.host) if endpoint.is_azure else None


def scope_for(endpoint: Origin, said: str | None) -> str:
    """What a token for `endpoint` is asked for: what was said, else the cloud's, else derived from it."""
    if said is not None:
        return said
    cloud = cloud_at(endpoint)
    return f"{endpoint.url}/.default" if cloud is None else cloud.scope


class LastHeard:
    """The status of the last HTTP reply that a sign-in service gave, for errors that do not say it."""

    def __init__(self) -> None:
        self._status: int | None = None

    def note(self, response: PipelineResponse[Any, Any]) -> None:
        """A reply came."""
        self._status = response.http_response.status_code

    def forget(self) -> None:
        """A new attempt begins."""
        self._status = None

    def told(self) -> str:
        """What completes "no token within 60 s"."""
        return "" if self._status is None else f"; its last reply was HTTP {self._status}"


def make_credential(sign_in: SignIn, heard: LastHeard) -> Credential:
    """The credential that `sign_in` names; raises ValueError and OSError where it is not set up."""
    http: dict[str, Any] = {"raw_response_hook": heard.note, **sign_in.reached_by()}
    made: Credential
    match sign_in.auth:
        case "cli":
            made = _azure_cli(sign_in)
        case "managed-identity":
            from azure.identity.aio import ManagedIdentityCredential

            made = ManagedIdentityCredential(client_id=_variable(sign_in, "AZURE_CLIENT_ID"), **http)
        case "workload-identity":
            made = _workload_identity(sign_in, http)
        case "service-principal":
            made = _service_principal(sign_in, http)
        case _:
            made = _default_chain(sign_in, http)
    return made


def _azure_cli(sign_in: SignIn) -> Credential:
    from azure.identity.aio import AzureCliCredential

    return AzureCliCredential(
        tenant_id=sign_in.tenant or "",
        process_timeout=sign_in.timeout_s,  # type: ignore[arg-type]
    )


def _workload_identity(sign_in: SignIn, http: dict[str, Any]) -> Credential:
    from azure.identity.aio import WorkloadIdentityCredential

    _require(sign_in, "AZURE_CLIENT_ID", "AZURE_FEDERATED_TOKEN_FILE")
    return WorkloadIdentityCredential(
        client_id=_variable(sign_in, "AZURE_CLIENT_ID"),
        token_file_path=_variable(sign_in, "AZURE_FEDERATED_TOKEN_FILE"),
        retry_total=RETRIES,
        **_directory(sign_in),
        **http,
    )


def _service_principal(sign_in: SignIn, http: dict[str, Any]) -> Credential:
    from azure.identity.aio import CertificateCredential, ClientSecretCredential

    _require(sign_in, "AZURE_CLIENT_ID")
    client_id = _variable(sign_in, "AZURE_CLIENT_ID") or ""
    tenant = _directory(sign_in)
    secret, path = (_variable(sign_in, f"AZURE_CLIENT_{word}") for word in ("SECRET", "CERTIFICATE_PATH"))
    if secret is not None:
        return ClientSecretCredential(
            client_id=client_id, client_secret=secret, retry_total=RETRIES, **tenant, **http
        )
    if path is None:
        raise ValueError("neither AZURE_CLIENT_SECRET nor AZURE_CLIENT_CERTIFICATE_PATH is set")
    return CertificateCredential(
        client_id=client_id,
        certificate_path=path,
        password=_variable(sign_in, "AZURE_CLIENT_CERTIFICATE_PASSWORD"),
        send_certificate_chain=bool(_variable(sign_in, "AZURE_CLIENT_SEND_CERTIFICATE_CHAIN")),
        retry_total=RETRIES,
        **tenant,
        **http,
    )


def _default_chain(sign_in: SignIn, http: dict[str, Any]) -> Credential:
    from azure.identity.aio import DefaultAzureCredential, WorkloadIdentityCredential

    tenants: dict[str, Any] = {} if sign_in.tenant is None else {"additionally_allowed_tenants": ["*"]}
    chain = DefaultAzureCredential(
        process_timeout=sign_in.timeout_s, authority=sign_in.authority, **tenants, **http
    )
    if sign_in.authority is not None:
        # The chain tells its workload identity nothing of the authority.
        chain.credentials = tuple(
            WorkloadIdentityCredential(
                authority=sign_in.authority, **tenants, **{**http, **sign_in.reached_by()}
            )
            if isinstance(each, WorkloadIdentityCredential)
            else each
            for each in chain.credentials
        )
    return chain


def _directory(sign_in: SignIn) -> dict[str, Any]:
    """The tenant and its sign-in service, as the credentials of applications take them."""
    tenant = sign_in.tenant or _variable(sign_in, "AZURE_TENANT_ID")
    if tenant is None:
        raise ValueError("AZURE_TENANT_ID is not set")
    return {"tenant_id": tenant, "authority": sign_in.authority}


def _require(sign_in: SignIn, *names: str) -> None:
    missing = [name for name in names if _variable(sign_in, name) is None]
    if missing:
        raise ValueError(f"{' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} not set")


def _variable(sign_in: SignIn, name: str) -> str | None:
    """A variable's value; None where it is not set, or empty."""
    return sign_in.environment.get(name) or None


def _host_in(authority: str) -> str:
    """The host of an authority, which is written as a URL or as a host."""
    rest = authority.strip().lower().removeprefix("https://")
    return rest.partition("/")[0]
