"""The settings that say at which Azure a command asks, and who asks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from fleetscan.addresses import Origin
from fleetscan.clouds import BY_HOST, CLOUDS, PUBLIC
from fleetscan.errors import Remedy, UsageError
from fleetscan.settings.setting import CheckedSettings, Group, setting
from fleetscan.settings.types import Duration, Endpoint, OneOf, Text

AUTHS = ("default", "cli", "managed-identity", "workload-identity", "service-principal", "token")


@dataclass(frozen=True, slots=True)
class SignInSettings(CheckedSettings):
    """At which Azure, and with which credential. `endpoint` is told once they are made: the cloud's own."""

    auth: str = setting(
        "default",
        OneOf(AUTHS, "CREDENTIAL"),
        "Sign in with this credential alone: cli, managed-identity, workload-identity, service-principal or "
        "token (in FLEETSCAN_ACCESS_TOKEN). default: that token, else the first of them that is set up.",
        "An unattended scan that names its credential fails with that one's own error.",
        group=Group.SIGN_IN,
    )
    tenant: str | None = setting(
        None,
        Text("ID|DOMAIN", "a tenant's id or domain, such as contoso.com", r"[A-Za-z0-9.-]{1,253}"),
        "Sign in to this tenant.",
        "Default: the credential's own.",
        group=Group.SIGN_IN,
    )
    auth_timeout_s: float = setting(
        60.0,
        Duration(0.1, 3600.0),
        "Wait this long for a credential to give a token.",
        "On a busy machine the Azure CLI can take over 10 s to start.",
        group=Group.SIGN_IN,
    )
    cloud: str | None = setting(
        None,
        OneOf(tuple(CLOUDS)),
        "Azure's cloud: where it is asked, where it signs in, and its rate limits.",
        "Default: that of --endpoint, else public.",
        group=Group.SIGN_IN,
    )
    # None, where neither it nor the cloud was said, is replaced as soon as the settings are made.
    endpoint: str = setting(
        cast("str", None),
        Endpoint(),
        "Base URL of Azure Resource Manager, where it is none of the clouds of --cloud.",
        "The token is sent there, so plain http is allowed only for loopback. "
        "Default: https://management.azure.com.",
        is_whom=True,
        group=Group.SIGN_IN,
    )
    token_scope: str | None = setting(
        None,
        Text("SCOPE", "a scope that ends in /.default", r"[A-Za-z0-9_.:/-]{1,1000}/\.default"),
        "Ask for tokens of this scope, such as https://management.example.com/.default.",
        "Default: the cloud's, or that of --endpoint. A resumed run is told it again.",
        is_of_process=True,
        group=Group.EXPERT,
    )

    def __post_init__(self) -> None:
        """Raises SettingError as its base does, UsageError where the cloud and the endpoint differ."""
        CheckedSettings.__post_init__(self)
        said: object = self.endpoint
        if said is None:
            object.__setattr__(self, "endpoint", CLOUDS[self.cloud or PUBLIC.name].endpoint)
        origin = Origin.of(self.endpoint)
        if (
            self.cloud is not None
            and BY_HOST.get(origin.host if origin.is_azure else "") != CLOUDS[self.cloud]
        ):
            raise UsageError(
                f"the cloud {self.cloud} is at {CLOUDS[self.cloud].endpoint}, "
                f"and the endpoint is {self.endpoint}",
                Remedy("give {cloud} or {endpoint}", {"cloud": None, "endpoint": None}),
            )
