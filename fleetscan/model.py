"""Values that cross rooms: what is asked of Azure, what came back, and how a VM ended.

Nothing here decides or awaits, and nothing is imported from the rest of the package.
`now`, `at` and `due_at` are absolute seconds of one monotonic clock; `after_s` is relative to now.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Literal, Protocol, TypeAlias

ACCESS_TOKEN = "FLEETSCAN_ACCESS_TOKEN"  # noqa: S105 - the variable's name, not a token
"""The environment variable that may hold a ready bearer token, instead of a credential chain."""
ARC_PROVIDER = "/providers/microsoft.hybridcompute/machines/"  # in an Arc server's id, and in no VM's
Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"


@dataclass(frozen=True, slots=True)
class Target:
    """One listed VM or Arc server, with what the inventory told of it.

    `location` is lower case without spaces, `power_state` a lower-case word ("running",
    "deallocated"; of an Arc server "connected", "disconnected"); None always means that the inventory did not
    say. `facts` are those that its row alone repeats, all of them or none, one object for all that are alike;
    `known` are what else is known.
    """

    resource_id: str
    subscription_id: str
    resource_group: str
    name: str
    location: str | None = None
    subscription_name: str | None = None
    os_type: str | None = None
    power_state: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    facts: Mapping[str, str | None] = field(default_factory=dict)
    known: tuple[str | int | bool | None, ...] = ()

    @property
    def key(self) -> str:
        """The id by which VMs are compared: Azure does not keep the case of ids."""
        return self.resource_id.lower()

    @property
    def is_arc(self) -> bool:
        """Whether it is an Arc server, by its id."""
        return ARC_PROVIDER in self.resource_id.lower()

    @property
    def kind(self) -> Literal["vm", "arc"]:
        """What it is, as records say it."""
        return "arc" if self.is_arc else "vm"


class RequestKind(StrEnum):
    """What a request is for; decides the buckets it draws on and the column it is counted in."""

    LIST_SUBSCRIPTIONS = "list_subscriptions"
    QUERY_GRAPH = "query_graph"
    LIST_VMS = "list_vms"
    LIST_SERVERS = "list_servers"
    READ_ACCESS = "read_access"
    START = "start"
    POLL = "poll"
    RESULT = "result"
    VIEW = "view"
    QUERY_PATCHES = "query_patches"


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request. `url` is absolute and is sent byte for byte: signed URLs are opaque.

    `kind` is no part of what is sent; it bounds the reply.
    """

    method: Literal["GET", "POST"]
    url: str
    body: bytes = b""
    kind: RequestKind | None = field(default=None, compare=False)


class Fault(StrEnum):
    """Why an exchange brought no HTTP reply, told apart by what the server may have seen."""

    NOT_SENT = "not_sent"
    """Connecting failed: the server saw no byte of the request."""
    CUT = "cut"
    """The exchange broke or timed out after the first byte was sent: it may have been obeyed."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What an exchange brought. Weather is a value: no HTTP outcome raises.

    `headers` has lower-case names, repeated lines joined by ", ". With a `fault` the status is 0
    and `detail` says in words what broke. Without one, `detail` says why the body was not kept.
    """

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    fault: Fault | None = None
    detail: str = ""

    @property
    def correlation_id(self) -> str | None:
        """Azure's id of the request, for its support; None where it gave none."""
        return self.headers.get("x-ms-correlation-request-id")


@dataclass(frozen=True, slots=True)
class ListRequest:
    """A request that a listing wants sent. `subscription_id` is "" for tenant-level ones.

    Where `patience_s` is told, its reply is final once weather would take longer than that.
    """

    kind: RequestKind
    request: Request
    subscription_id: str = ""
    patience_s: float | None = None


@dataclass(frozen=True, slots=True)
class Turn:
    """The next request a job wants: its kind, its scope, and the seconds from now before which it may not go.

    `subscription_id` is lower case and "" for tenant-level requests, `region` is "" where none applies.
    `is_arc` marks what is about an Arc server, which Compute does not count, `is_retry` what is sent again
    because of weather. When a turn that `may_wait` comes up, its job is asked anew how long it can wait.
    """

    kind: RequestKind
    subscription_id: str = ""
    region: str = ""
    after_s: float = 0.0
    is_retry: bool = False
    may_wait: bool = False
    is_arc: bool = False


class Job(Protocol):
    """Sends Azure one request at a time until it has its result.

    It holds no request while it waits: 3 kB for each of a hundred thousand. None from `receive` means that
    the job has ended; it holds its own result.
    """

    @property
    def expected_s(self) -> float | None:
        """How long what it starts probably takes at Azure, None where nothing is known of that."""
        ...

    def begin(self, now: float) -> Turn:
        """The first turn it wants."""
        ...

    def request(self) -> Request:
        """What to send, now that its turn has come."""
        ...

    def wait_s(self, now: float, reads_per_s: float) -> float:
        """How much longer a turn that may wait can wait; 0.0 or less when it cannot.

        `reads_per_s` is what polls may take of the subscription's rate limits at this moment.
        """
        ...

    def receive(self, reply: Reply, sent_at: float, now: float) -> Turn | None:
        """The next turn after `reply` to a request sent at `sent_at`, or None at the end."""
        ...


class Source(StrEnum):
    """Where an assessment was read; it decides the shape of Azure's object."""

    OPERATION = "operation"
    GRAPH = "graph"
    INSTANCE_VIEW = "instance_view"
    """The VM's own summary of its newest assessment: counts, and no list of patches."""
    ARC_OPERATION = "arc_operation"
    """An Arc server's operation: counts by class, as Resource Graph has them, and no list of patches."""


# Under which name an assessment has its error.
ERROR_KEYS = dict.fromkeys(Source, "error")
ERROR_KEYS[Source.GRAPH] = ERROR_KEYS[Source.ARC_OPERATION] = "errorDetails"


class Outcome(StrEnum):
    """How a listed VM ended. INTERRUPTED is counted, never written as a row."""

    ASSESSED = "assessed"
    FAILED = "failed"
    TIMED_OUT = "timed_out"
    SKIPPED = "skipped"
    INTERRUPTED = "interrupted"


class Reason(StrEnum):
    """Why an outcome is what it is; the words of schema fleetscan.result/1."""

    FRESH = "fresh"
    NOT_RUNNING = "not_running"
    BUSY = "busy"
    NOT_CACHED = "not_cached"
    UNSUPPORTED = "unsupported"
    OPERATION_TIMEOUT = "operation_timeout"
    DENIED = "denied"
    GONE = "gone"
    CONFLICT = "conflict"
    AGENT_NOT_READY = "agent_not_ready"
    REFUSED = "refused"
    THROTTLED = "throttled"
    UNREACHABLE = "unreachable"
    MALFORMED_REPLY = "malformed_reply"
    NO_RESULT = "no_result"
    ASSESSMENT_FAILED = "assessment_failed"
    OPERATION_FAILED = "operation_failed"
    OPERATION_CANCELED = "operation_canceled"
    INTERNAL_ERROR = "internal_error"


class Stage(StrEnum):
    """At which stage a VM's error happened."""

    INVENTORY = "inventory"
    START = "start"
    POLL = "poll"
    RESULT = "result"


class CodeOrigin(StrEnum):
    """Whose words an error's code and message are."""

    AZURE = "azure"
    FLEETSCAN = "fleetscan"


class OwnCode(StrEnum):
    """The codes that are fleetscan's own: Azure gave no answer, or none that makes sense."""

    MALFORMED_REPLY = "MalformedReply"
    REPLY_TOO_LARGE = "ReplyTooLarge"
    NO_RESULT = "NoResult"
    OPERATION_TIMEOUT = "OperationTimeout"
    START_OF_UNKNOWN_FATE = "StartOfUnknownFate"
    REGION_UNREACHABLE = "RegionUnreachable"
    NOT_TRIED = "NotTried"
    INTERNAL_ERROR = "InternalError"


@dataclass(frozen=True, slots=True)
class Failure:
    """What went wrong. Azure's code and message are its innermost ones, verbatim.

    A code is None only where Azure answered without one. `http_status` is None without a reply.
    """

    code: str | None
    message: str | None
    http_status: int | None
    stage: Stage
    origin: CodeOrigin
    correlation_id: str | None = None

    @classmethod
    def of_azure(cls, reply: Reply, code: str | None, message: str | None, stage: Stage) -> Failure:
        """What Azure itself said in `reply`."""
        return cls(code, message, reply.status, stage, CodeOrigin.AZURE, reply.correlation_id)

    @classmethod
    def of_fleetscan(
        cls, code: OwnCode | Fault, message: str | None, stage: Stage, reply: Reply | None = None
    ) -> Failure:
        """What fleetscan says of `reply`, or where there was none."""
        status, correlation_id = (None, None) if reply is None else (reply.status, reply.correlation_id)
        return cls(code.value, message, status or None, stage, CodeOrigin.FLEETSCAN, correlation_id)


@dataclass(frozen=True, slots=True)
class OperationTrace:
    """The course of one assessment operation.

    `started_at` and `finished_at` are our own monotonic seconds of the accepted start and of the
    reply that ended it (None where there was none); `azure_*_time` are Azure's own words for the same,
    ISO 8601 as written, where they can be true. `azure_accepted_at` and `azure_now` are the Dates
    of the two replies. `known_at` is when the end was known, by our clock, also of an operation that was
    never accepted. `polls` counts every read sent, Location reads too; `throttled` the 429s.
    """

    started_at: float | None
    finished_at: float | None
    azure_start_time: str | None
    azure_end_time: str | None
    starts: int
    polls: int
    throttled: int
    azure_now: datetime | None = None
    azure_accepted_at: datetime | None = None
    known_at: float | None = None


@dataclass(frozen=True, slots=True)
class Ending:
    """The end of one VM. `assessment` is Azure's object as it came from `source`, or None."""

    outcome: Outcome
    reason: Reason | None = None
    assessment: dict[str, Json] | None = None
    error: Failure | None = None
    trace: OperationTrace | None = None
    source: Source = Source.OPERATION


@dataclass(frozen=True, slots=True)
class InventoryError:
    """A part of the fleet that could not be listed: a value that shows, not an exception."""

    subscription_id: str | None
    code: str | None
    message: str | None
    http_status: int | None

    @property
    def remedy(self) -> str | None:
        """What to do where Azure refuses to list: the permission that is missing, and a role that has it."""
        if self.http_status not in (401, 403):
            return None
        if self.subscription_id is None:
            return "give the identity Microsoft.Resources/subscriptions/read (in the role Reader)"
        is_arc = "HybridCompute" in (self.message or "")
        what = "HybridCompute/machines" if is_arc else "Compute/virtualMachines"
        return f"give the identity Microsoft.{what}/read there (in the role Reader)"
