"""What is said where there is no token: what to do first, then why each credential that matters failed.

azure-identity tries credentials in a fixed order and raises one text with the words of each. Its format was
read in azure-identity 1.27 (`chained.py`); a text of another format is shown as it is. No token or secret is
shown.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from fleetscan.addresses import HIDDEN, Origin, without_logins
from fleetscan.errors import CredentialError, Remedy
from fleetscan.model import ACCESS_TOKEN

ANY_TOKEN = re.compile(r"\beyJ[\w-]{8,}(\.[\w-]*)*", re.ASCII)
# Refresh tokens and assertions are no JWTs: one long word, such as no sentence, address or id is.
LONG_WORD = re.compile(r"[\w.~+=-]{120,}", re.ASCII)
SECRETS = ("AZURE_CLIENT_SECRET", "AZURE_CLIENT_CERTIFICATE_PASSWORD", "AZURE_PASSWORD")
SHORTEST_SECRET = 4
# An AADSTS error has some 1,000 characters. Words are cut at their end, where links to help stand.
MAX_WORDS_CHARS = 1900

ATTEMPTS = "Attempted credentials:"
ATTEMPT = re.compile(r"\n\t(\w+Credential)(?:: |(?=\n)|\Z)", re.ASCII)
HELP = "\nTo mitigate this issue, please refer to the troubleshooting guidelines"
CLI = "AzureCliCredential"
LABELS = {
    "EnvironmentCredential": "AZURE_* variables",
    "WorkloadIdentityCredential": "workload identity",
    "ManagedIdentityCredential": "managed identity",
    "SharedTokenCacheCredential": "shared token cache",
    "VisualStudioCodeCredential": "Visual Studio Code",
    CLI: "Azure CLI",
    "AzurePowerShellCredential": "Azure PowerShell",
    "AzureDeveloperCliCredential": "Azure Developer CLI",
}
# How a credential says that it is simply not there.
ABSENT = re.compile(
    r"not fully configured|no response from the IMDS endpoint|No managed identity endpoint found"
    r"|Unexpected content type|No accounts were found|Shared token cache unavailable"
    r"|requires the 'azure-identity-broker' package|PowerShell is not installed"
    r"|Az\.Account module >= \S+ is not installed|Azure Developer CLI could not be found"
)
CLI_ABSENT = "Azure CLI not found on path"
CLI_SILENT = "Timed out waiting for Azure CLI"
# The chain ends with one of these where it is set up and fails: the Azure CLI is not tried then.
SET_UP = frozenset({"EnvironmentCredential", "WorkloadIdentityCredential", "ManagedIdentityCredential"})
CHOSEN = "AZURE_TOKEN_CREDENTIALS"
PRINCIPAL = ("AZURE_CLIENT_ID", "AZURE_TENANT_ID")
PROOFS = ("AZURE_CLIENT_SECRET", "AZURE_CLIENT_CERTIFICATE_PATH", "AZURE_FEDERATED_TOKEN_FILE")


@dataclass(frozen=True, slots=True)
class Attempt:
    """One credential that was tried, by azure-identity's name, and its words."""

    credential: str
    words: str

    @property
    def label(self) -> str:
        """What a person calls the credential."""
        return LABELS.get(self.credential, self.credential)

    @property
    def is_absent(self) -> bool:
        """Whether the credential is simply not there. The Azure CLI is told of in any case."""
        return self.credential != CLI and ABSENT.search(self.words) is not None


def not_signed_in(scope: str, said: str, environment: Mapping[str, str]) -> CredentialError:
    """The error where azure-identity has no token for `scope`; `said` is its text, cleaned of what was held.

    Its details are lines: a configured credential first, then the Azure CLI, then others that are there.
    """
    said = _without_secrets(said, environment)
    attempts = list(_attempts(said))
    if not attempts:
        return CredentialError("not signed in to Azure", _remedy(scope, []), (_cut(said),))
    shown = [attempt for attempt in attempts if not attempt.is_absent]
    incomplete = _incomplete(environment, attempts)
    absent = [attempt.label for attempt in attempts if attempt.is_absent]
    absent = [label for label in absent if not any(line.startswith(label) for line in incomplete)]
    lines = [
        *incomplete,
        *(_cut(f"{attempt.label}: {attempt.words or 'no reason given'}") for attempt in shown),
        *([f"not set up here: {', '.join(absent)}"] if absent else []),
        *([f"{CHOSEN} is set: no other credential was tried"] if environment.get(CHOSEN) else []),
    ]
    return CredentialError("not signed in to Azure", _remedy(scope, attempts), tuple(lines))


def borrowed_has_none(scope: str, said: str) -> CredentialError:
    """The error where a credential that a program gave has no token for `scope`."""
    what = f"not signed in to Azure: the given credential has no token for {scope}"
    return CredentialError(what, details=(_cut(_without_secrets(said, {})),))


def _attempts(said: str) -> Iterator[Attempt]:
    """The credentials that `said` lists, in their order; none where it has another format."""
    _, _, listed = said.partition(ATTEMPTS)
    _, *parts = ATTEMPT.split(listed.rpartition(HELP)[0] or listed)
    for credential, words in zip(parts[::2], parts[1::2], strict=True):
        yield Attempt(credential, " ".join(words.split()))


def _incomplete(environment: Mapping[str, str], attempts: list[Attempt]) -> list[str]:
    """A line where AZURE_* variables are set, and too few of them for a service principal or a workload."""
    tried = {attempt.credential for attempt in attempts if attempt.is_absent}
    given = [name for name in (*PRINCIPAL, *PROOFS) if environment.get(name)]
    missing = [name for name in PRINCIPAL if name not in given]
    if not any(name in given for name in PROOFS):
        missing.append(f"one of {', '.join(PROOFS)}")
    if not given or not missing or not tried & {"EnvironmentCredential", "WorkloadIdentityCredential"}:
        return []
    needs = " and ".join(missing)
    return [f"AZURE_* variables: {', '.join(given)} set, but a service principal needs {needs} too"]


def _remedy(scope: str, attempts: list[Attempt]) -> Remedy:
    token = f"put a token into {ACCESS_TOKEN}"
    if _is_loopback(scope):
        return Remedy(f"a simulated Azure takes any token: set {ACCESS_TOKEN}=anything")
    if attempts and attempts[-1].credential in SET_UP and not attempts[-1].is_absent:
        failing = f"the credential that fails ({attempts[-1].label})"
        return Remedy(f"correct {failing}, or remove it and run `az login`, or {token}")
    match next((attempt.words for attempt in attempts if attempt.credential == CLI), ""):
        case words if words == CLI_ABSENT:
            first = "install the Azure CLI and run `az login`"
        case words if words == CLI_SILENT:
            first = "run `az account get-access-token` to see why the Azure CLI does not answer"
        case _:
            first = "run `az login`"
    return Remedy(f"{first}, set the AZURE_* variables of a service principal, or {token}")


def _is_loopback(scope: str) -> bool:
    try:
        return Origin.of(scope).is_loopback
    except ValueError:
        return False


def _without_secrets(said: str, environment: Mapping[str, str]) -> str:
    for name in SECRETS:
        if len(secret := environment.get(name, "")) >= SHORTEST_SECRET:
            said = said.replace(secret, "<secret>")
    return LONG_WORD.sub(HIDDEN, ANY_TOKEN.sub(HIDDEN, without_logins(said)))


def _cut(said: str) -> str:
    line = " ".join(said.split())
    return line if len(line) <= MAX_WORDS_CHARS else f"{line[:MAX_WORDS_CHARS]}..."
