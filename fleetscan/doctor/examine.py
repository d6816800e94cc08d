"""The checks in their order: the network, the token, and with it what the identity sees and may do.

Each goes as far as the one before allows, and says what it found; nothing is started, and no check but the
disk's leaves a trace. Requests go through the scan's own transport and dispatcher: within the rate limits,
side by side.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, get_args

import anyio

from fleetscan.addresses import Origin
from fleetscan.azure.network import Network
from fleetscan.doctor import granted, reach, selected, signed_in
from fleetscan.doctor.access import read_access
from fleetscan.doctor.actions import ARC, COMPUTE, Duty
from fleetscan.doctor.disk_room import look_at
from fleetscan.doctor.findings import Examined, Finding
from fleetscan.doctor.groups import look_into
from fleetscan.doctor.heard import Clock, Listening, Quotas
from fleetscan.engine.replies import GRAPH_REMAINING, REMAINING
from fleetscan.errors import CannotScanError, CredentialError, Remedy, TokenRefusedError, UsageError, mendable
from fleetscan.records.doctor import CheckName, Status
from fleetscan.scanner.blocking import awaited_unless_stopped
from fleetscan.scanner.connection import connect, sign_in_of
from fleetscan.scanner.hooks import Hooks
from fleetscan.scanner.listed import dispatcher_over, jitter
from fleetscan.scanner.listing import asking
from fleetscan.scanner.selecting import Ask
from fleetscan.settings.examining import DoctorSettings

if TYPE_CHECKING:
    from azure.core.credentials_async import AsyncTokenCredential

# Azure and most clocks are set by the same time within milliseconds; virtual machines drift by seconds.
ODD_S = 5.0
# Microsoft Entra and its libraries allow for five minutes between clocks.
WRONG_S = 300.0
COMMANDS = {
    "linux": "sudo timedatectl set-ntp true",
    "darwin": "sudo sntp -sS time.apple.com",
    "win32": "w32tm /resync",
}
# Checks that others build on, and what keeps those from being made where one failed.
REASONS: Mapping[CheckName, str] = {
    "connection": "the endpoint could not be reached",
    "token": "there is no token that Azure takes",
    "subscriptions": "there is no subscription to look at",
}
FEW_LEFT = 10
NOT_OURS = ("-global-", "-resource-requests", GRAPH_REMAINING)


@dataclass(frozen=True, slots=True)
class Around:
    """What is around the process: its clocks."""

    wall: Callable[[], float] = time.time
    monotonic: Callable[[], float] = time.monotonic


async def examine(
    settings: DoctorSettings,
    credential: str | AsyncTokenCredential | None,
    *,
    runs: str,
    stop: anyio.Event,
    around: Around | None = None,
) -> Examined:
    """Everything that would stop a scan with `settings`, whose runs are kept under `runs` by default.

    Raises UsageError where the settings make no sense, and StoppedError as soon as `stop` is set.
    """
    look = partial(_examine, settings, credential, runs, stop, around or Around())
    return await awaited_unless_stopped(look, stop)


async def _examine(
    settings: DoctorSettings,
    credential: str | AsyncTokenCredential | None,
    runs: str,
    stop: anyio.Event,
    around: Around,
) -> Examined:
    examined, clock = Examined(), Clock()
    origin = Origin.of(settings.endpoint)
    resolved = await reach.resolve(origin, stop)
    way = reach.way_to(origin, settings)
    if isinstance(way, Finding):
        examined.findings += [reach.name_of(origin, resolved, None, is_reached=False), way]
    else:
        reply, took_s = await reach.knock(settings, clock, around.wall, around.monotonic)
        examined.findings += reach.findings_of(origin, resolved, reply, took_s, way)
        try:
            is_reached = reach.is_reached(reply)
            await _signed_in(settings, credential, examined, clock, stop, around, is_reached=is_reached)
        except ExceptionGroup as group:
            _keep(mendable(group), examined)
        except CannotScanError as error:
            _keep(error, examined)
    _add_clock(clock, examined)
    examined.directory, found = look_at(settings.out, settings.runs or runs, examined.vms)
    examined.findings += found
    _add_not_checked(examined)
    return examined


async def _signed_in(
    settings: DoctorSettings,
    credential: str | AsyncTokenCredential | None,
    examined: Examined,
    clock: Clock,
    stop: anyio.Event,
    around: Around,
    *,
    is_reached: bool,
) -> None:
    """The checks that need a token, and first that there is one."""
    async with connect(settings, credential) as (transport, tokens):
        try:
            header = await tokens.header()
        except UsageError as error:
            # The environment's proxy or certificates, which the way to the endpoint alone does not need.
            examined.findings.append(Finding.of_error("token", error))
            return
        examined.identity = signed_in.identity_of(header, tokens.principal())
        sign_in = sign_in_of(settings, lambda _: None, Network())
        finding = signed_in.finding_of(
            examined.identity, around.wall(), tokens, sign_in, is_reached=is_reached
        )
        examined.findings.append(finding)
        if not is_reached:
            return
        quotas = Quotas()
        listening = Listening(transport, clock, quotas, around.wall)
        ask = asking(dispatcher_over(listening, settings, Hooks()), jitter(), stop)
        try:
            await _look_around(settings, examined, ask, stop)
        finally:
            _add_quotas(quotas, examined)


async def _look_around(settings: DoctorSettings, examined: Examined, ask: Ask, stop: anyio.Event) -> None:
    """Which subscriptions there are, how many VMs they have, and what is permitted there."""
    chosen = await selected.select(settings, ask, stop)
    examined.passed_over = chosen.passed_over
    examined.findings += selected.findings_of(chosen)
    if not chosen.subscriptions:
        return
    vms_of, of_graph = await selected.count_vms(settings, chosen, ask)
    if chosen.vms_of is not None:
        vms_of = dict(chosen.vms_of)
    if vms_of is not None:
        examined.vms_of, examined.vms = vms_of, sum(vms_of.values())
    duties = [Duty.LIST] if settings.cached_only else [*Duty]
    providers = [COMPUTE, ARC] if settings.include_arc else [COMPUTE]
    wanted = [{duty: actions[duty] for duty in duties} for actions in providers]
    examined.access = await ask(read_access(settings.endpoint, each, wanted) for each in chosen.subscriptions)
    object_id = None if examined.identity is None else examined.identity.principal["object_id"]
    examined.groups_of = await look_into(settings, examined.access, examined.vms_of, ask)
    examined.findings += granted.findings_of(examined.access, examined.vms_of, examined.groups_of, object_id)
    examined.findings.append(of_graph)


def _keep(error: Exception, examined: Examined) -> None:
    """Note a check that failed with an error; what is no matter of Azure's is raised again."""
    if not isinstance(error, CannotScanError):
        raise error
    is_about_token = isinstance(error, CredentialError | TokenRefusedError)
    check: CheckName = "token" if is_about_token else "subscriptions"
    examined.findings.append(Finding.of_error(check, error))


def _add_not_checked(examined: Examined) -> None:
    """Say which checks could not be made after one on which they build failed."""
    failed = {finding.check for finding in examined.findings if finding.status == "failed"}
    if (reason := next((check for check in REASONS if check in failed), None)) is None:
        return
    made = {finding.check for finding in examined.findings}
    examined.findings += [
        Finding(check, "not_checked", f"not checked: {REASONS[reason]}")
        for check in get_args(CheckName)
        if check not in made
    ]


def _add_clock(clock: Clock, examined: Examined) -> None:
    ahead_s = examined.clock_ahead_s = clock.ahead_s
    if ahead_s is None:
        return
    off_s = abs(ahead_s)
    if off_s <= ODD_S:
        examined.findings.append(Finding("clock", "ok", "this computer's clock agrees with Azure's"))
        return
    what = f"this computer's clock is {off_s:,.0f} s {'ahead of' if ahead_s > 0 else 'behind'} Azure's"
    remedy = Remedy("set it by a time server")
    if off_s > WRONG_S:
        remedy = Remedy("set it by a time server: tokens are refused beyond five minutes")
    status: Status = "failed" if off_s > WRONG_S else "warning"
    command = COMMANDS.get(sys.platform)
    examined.findings.append(Finding("clock", status, what, remedy, command))


def _add_quotas(quotas: Quotas, examined: Examined) -> None:
    examined.quotas = dict(sorted(quotas.left.items()))
    # Counts of all callers together are fifteen times as large, and Resource Graph's is full again in 5 s.
    own = {name: left for name, left in examined.quotas.items() if not any(map(name.count, NOT_OURS))}
    if not own:
        return
    told = ", ".join(f"{left:,} {_short(name)}" for name, left in own.items())
    if min(own.values()) < FEW_LEFT:
        remedy = Remedy(
            "other clients use them up: wait, or leave them a share with {rate_share}", {"rate_share": 0.5}
        )
        examined.findings.append(Finding("quota", "warning", f"few requests are left: {told}", remedy))
    else:
        examined.findings.append(Finding("quota", "ok", f"requests that are left: {told}"))


def _short(name: str) -> str:
    """What a count is of: "subscription reads" of x-ms-ratelimit-remaining-subscription-reads."""
    return name.removeprefix(REMAINING).replace("-", " ")
