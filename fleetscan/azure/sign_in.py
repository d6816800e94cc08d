"""What is said where there is no token: what to do first, then why each credential that matters failed.

azure-identity tries credentials in a fixed order and raises one text with the words of each. Its format was
read in azure-identity 1.27 (`chained.py`); a text of another format is shown as it is. Commands that mend a
failure are data (`mending.toml`). No token or secret is shown.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from string import Template
from typing import Any
from uuid import UUID

from fleetscan.addresses import without_logins
from fleetscan.azure.identity import SignIn
from fleetscan.clouds import PUBLIC
from fleetscan.errors import CredentialError, Remedy
from fleetscan.model import ACCESS_TOKEN
from fleetscan.redacting import TOKEN, Secrets

# Refresh tokens and assertions are no JWTs: one long word, such as no sentence, address or id is.
LONG_WORD = re.compile(r"[\w.~+=-]{120,}", re.ASCII)
ERRNO = re.compile(r"^\[Errno -?\d+\] ")
# The statuses of a sign-in service that has decided.
REFUSALS = frozenset({400, 401, 403})
MENDING = Path(__file__).with_name("mending.toml")
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
# What the settings call the credentials of the default chain.
AUTH_OF = {
    "EnvironmentCredential": "service-principal",
    "WorkloadIdentityCredential": "workload-identity",
    "ManagedIdentityCredential": "managed-identity",
    CLI: "cli",
}
# How errors name what the settings choose.
CALLED = {
    "cli": "the Azure CLI",
    "managed-identity": "a managed identity",
    "workload-identity": "a workload identity",
    "service-principal": "a service principal",
}
# How a credential says that it is simply not there.
ABSENT = re.compile(
    r"not fully configured|no response from the IMDS endpoint|No managed identity endpoint found"
    r"|Unexpected content type|No accounts were found|Shared token cache unavailable"
    r"|requires the 'azure-identity-broker' package|PowerShell is not installed"
    r"|Az\.Account module >= \S+ is not installed|Azure Developer CLI could not be found"
)
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


@dataclass(frozen=True, slots=True)
class Mending:
    """What mends a failure, with {settings} in it, and whether the credential's words are told first."""

    text: str = ""
    is_cause: bool = False


NOTHING_KNOWN = Mending()


def not_signed_in(sign_in: SignIn, said: str) -> CredentialError:
    """The error where there is no token; `said` is the credential's text, cleaned of what was held.

    Its details are lines: a configured credential first, then the Azure CLI, then others that are there.
    """
    said = _without_secrets(said, sign_in.environment)
    attempts = [] if sign_in.auth in CALLED else list(_attempts(said))
    culprit = _culprit(attempts)
    mending = _mending(sign_in, said, culprit)
    what = "not signed in to Azure" + (f" with {CALLED[sign_in.auth]}" if sign_in.auth in CALLED else "")
    if mending.is_cause:
        cause = said if culprit is None else culprit.words
        what += f": {'' if culprit is None else f'{culprit.label}: '}{ERRNO.sub('', _cut(cause))}"
    remedy = _remedy(sign_in, mending, culprit)
    if attempts:
        return CredentialError(what, remedy, tuple(_details(sign_in.environment, attempts)))
    return CredentialError(what, remedy, () if mending.is_cause else (_cut(said),))


def _details(environment: Mapping[str, str], attempts: list[Attempt]) -> Iterator[str]:
    """A line for each credential that matters, and one for those that are not there."""
    incomplete = _incomplete(environment, attempts)
    yield from incomplete
    for attempt in attempts:
        if not attempt.is_absent:
            yield _cut(f"{attempt.label}: {attempt.words or 'no reason given'}")
    absent = [attempt.label for attempt in attempts if attempt.is_absent]
    absent = [label for label in absent if not any(line.startswith(label) for line in incomplete)]
    if absent:
        yield f"not set up here: {', '.join(absent)}"
    if environment.get(CHOSEN):
        yield f"{CHOSEN} is set: no other credential was tried"


def other_tenant(sign_in: SignIn, principal: Mapping[str, str | None]) -> CredentialError | None:
    """The error where a token is of another tenant than was asked for; None where no two are told.

    A managed identity has tokens of its own tenant alone, whichever is asked for.
    """
    asked, told = sign_in.tenant, principal["tenant_id"]
    if asked is None or told is None or not _is_id(asked) or asked.lower() == told.lower():
        return None
    what = f"the token is of the tenant {told:.100}, and {asked} was asked for"
    remedy = "leave {tenant} out, or choose a credential of that tenant with {auth}"
    error = CredentialError(what, Remedy(remedy, {"tenant": None, "auth": None}))
    error.is_decided = True
    return error


def is_decided(error: Exception) -> bool:
    """Whether a credential's error has a sign-in service's decision, and is no outage."""
    return getattr(getattr(error, "response", None), "status_code", None) in REFUSALS


def fresh_token_command(sign_in: SignIn) -> str:
    """The command line that prints a token of the right kind."""
    return _filled("$token", sign_in)


def login_command(sign_in: SignIn) -> str:
    """The command line that signs the Azure CLI in to this cloud and tenant."""
    return _filled("$login", sign_in)


def borrowed_has_none(scope: str, error: Exception) -> CredentialError:
    """The error where a credential that a program gave raised `error` for a token for `scope`."""
    what = f"not signed in to Azure: the given credential has no token for {scope}"
    none = CredentialError(what, details=(_cut(_without_secrets(str(error), {})),))
    none.is_decided = is_decided(error)
    return none


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


def _culprit(attempts: list[Attempt]) -> Attempt | None:
    """The credential to be mended: the one that is set up and ended the chain, else the Azure CLI."""
    if attempts and attempts[-1].credential in SET_UP and not attempts[-1].is_absent:
        return attempts[-1]
    return next((attempt for attempt in attempts if attempt.credential == CLI), None)


def _remedy(sign_in: SignIn, mending: Mending, culprit: Attempt | None) -> Remedy:
    """What to do: on loopback a word on the simulator, else what mends the credential that matters."""
    is_chosen = sign_in.auth in CALLED
    if sign_in.is_loopback:
        simulated = f"a simulated Azure takes any token: set {ACCESS_TOKEN}=anything"
        return Remedy(f"{simulated} and leave {{auth}} out" if is_chosen else simulated, {"auth": None})
    if is_chosen:
        return _spelled(mending.text, sign_in)
    token, login = f"put a token into {ACCESS_TOKEN}", login_command(sign_in)
    if culprit is not None and culprit.credential in SET_UP:
        failing = f"mend the credential that fails ({culprit.label}), or remove it and run `{login}`"
        return _spelled(f"{mending.text or failing}, or {token}", sign_in)
    if mending.is_cause:
        return _spelled(f"{mending.text}, or {token}", sign_in)
    first = mending.text or f"mend what is said below, or run `{login}`"
    return _spelled(f"{first}, set the AZURE_* variables of a service principal, or {token}", sign_in)


def _mending(sign_in: SignIn, said: str, culprit: Attempt | None) -> Mending:
    """What mends the credential that said this; for a chain an empty one where nothing is known of it."""
    auth = sign_in.auth if culprit is None else AUTH_OF[culprit.credential]
    words = said if culprit is None else culprit.words
    for line in _read()["mending"]:
        path = _without_secrets(sign_in.environment.get(line.get("path", ""), ""), sign_in.environment)
        if auth not in line.get("auth", (auth,)) or ("path" in line and not path):
            continue
        if not line["words"] and sign_in.auth not in CALLED:
            continue
        # Python quotes a path as it writes texts.
        spelled = "|".join(map(re.escape, (path, repr(path)[1:-1])))
        if re.search(line["words"].replace("$path", f"(?:{spelled})"), words):
            return Mending(_filled(line["mend"], sign_in, path), line.get("is_cause", False))
    return NOTHING_KNOWN


def _filled(text: str, sign_in: SignIn, path: str = "") -> str:
    """`text` with its commands for this cloud, tenant and application."""
    commands, cloud = _read()["commands"], sign_in.cloud or PUBLIC
    tenant = Template(commands["tenant"]).substitute(tenant=sign_in.tenant) if sign_in.tenant else ""
    client_id = sign_in.environment.get("AZURE_CLIENT_ID", "")
    directory = sign_in.tenant or sign_in.environment.get("AZURE_TENANT_ID", "")
    words = {
        "tenant": tenant,
        "scope": sign_in.scope,
        "cloud": cloud.cli_name,
        "client_id": client_id if _is_id(client_id) else "CLIENT_ID",
        "authority": sign_in.asked_host,
        "directory": repr(directory),
        "path": path,
    }
    # Braces of theirs name no setting.
    words = {name: word.replace("{", "{{").replace("}", "}}") for name, word in words.items()}
    login = Template(commands["login" if cloud is PUBLIC else "login_elsewhere"]).substitute(words)
    token = Template(commands["token"]).substitute(words)
    return Template(text).substitute(words, login=login, token=token)


def _read() -> dict[str, Any]:
    """What mends what. It is read for errors alone."""
    import tomllib

    return tomllib.loads(MENDING.read_text(encoding="utf-8"))


def _spelled(text: str, sign_in: SignIn) -> Remedy:
    """A remedy in whose text the settings stand that it names."""
    longer_s = round(2 * sign_in.timeout_s, 3)
    settings = {
        "auth": None,
        "tenant": None,
        "cloud": None,
        "auth_timeout_s": longer_s,
        "proxy": None,
        "ca_bundle": None,
    }
    return Remedy(text, {name: value for name, value in settings.items() if f"{{{name}}}" in text})


def _is_id(text: str) -> bool:
    try:
        return str(UUID(text)) == text.lower()
    except ValueError:
        return False


def _without_secrets(said: str, environment: Mapping[str, str]) -> str:
    return LONG_WORD.sub(TOKEN, Secrets.of(environment).hide(without_logins(said)))


def _cut(said: str) -> str:
    line = " ".join(said.split())
    return line if len(line) <= MAX_WORDS_CHARS else f"{line[:MAX_WORDS_CHARS]}..."
