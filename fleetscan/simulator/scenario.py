"""What a simulated Azure is asked to be: sizes, speeds and how often things go wrong.

Each dial stands here once, with its default, its range and its meaning; the options of `fleetscan simulate`
and `fleetscan demo` derive from it. A scenario and its seed decide everything about a cloud except the
requests it is sent.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

from fleetscan.simulator.dials import Theme, dial, dials_of, percentage

Refill: TypeAlias = Literal["continuous", "by-minute"]
PolicyNames: TypeAlias = Literal["2023", "2024", "novel"]
Durations: TypeAlias = Literal["lognormal", "regular", "even", "bimodal", "brief"]
GraphState: TypeAlias = Literal["up", "denied", "broken", "endless", "hollow"]
ListState: TypeAlias = Literal["up", "endless", "hollow"]
SecondAssessment: TypeAlias = Literal["supersedes", "refused", "conflict"]
Lack: TypeAlias = Literal["listing", "starting", "starting-in-part", "polling"]


@dataclass(frozen=True, slots=True)
class Scenario:
    """A simulated fleet, Azure's limits around it, and what goes wrong.

    Fields ending in `_pct` are percentages from 0 to 100; `stopped_pct`, `warned_pct`, `truncated_pct` and
    `failing_pct` are of all VMs and exclude each other. Fields ending in `_s` are seconds. `speed` divides
    how long assessments, installations, outages and Resource Graph's lag take; `limits_speed` multiplies both
    the size and the refill of every rate limit.

    Raises ValueError, naming the field, where one is out of its range, the four percentages are more than 100
    together, or more subscriptions are past due or warned than there are.
    """

    machines: int = dial(300, "Virtual machines in the fleet.", low=0, high=1_000_000, theme=Theme.FLEET)
    subscriptions: int = dial(
        4, "Subscriptions the VMs are spread over.", low=1, high=10_000, theme=Theme.FLEET
    )
    empty_subscriptions: int = dial(
        0,
        "Additional subscriptions without VMs; every other one is not registered for Compute.",
        high=10_000,
        theme=Theme.FLEET,
    )
    arc_servers: int = dial(
        0,
        "Arc servers beside the VMs; the shares of VMs hold for them, too.",
        "A stopped one is disconnected or expired.",
        high=1_000_000,
        theme=Theme.FLEET,
    )
    uniform_scale_sets: int = dial(
        0, "Scale sets in uniform mode, whose instances are no VMs.", high=100_000, theme=Theme.FLEET
    )
    flexible_scale_sets: int = dial(
        0,
        "Scale sets in flexible mode, each of all VMs of a resource group.",
        high=100_000,
        theme=Theme.FLEET,
    )
    hidden_subscriptions: int = dial(
        0,
        "Subscriptions whose VMs Resource Graph does not show, without an error; Compute does.",
        "Resource Graph is silent about what one may not read.",
        high=10_000,
        theme=Theme.LISTINGS,
    )
    denied_subscriptions: int = dial(
        0,
        "Subscriptions whose VMs Resource Graph does not show and Compute refuses to list (403).",
        high=10_000,
        theme=Theme.ACCESS,
    )
    odd_tags_pct: float = percentage(
        0.0,
        "VMs whose tags have names in other cases, quotes, backslashes, words of queries or line ends.",
        "Whatever a tag has, it selects literally.",
        theme=Theme.FLEET,
    )
    untold_pct: float = percentage(
        0.0, "VMs of which no listing tells the power state or the patch mode.", theme=Theme.LISTINGS
    )
    hidden_pct: float = percentage(0.0, "VMs that Resource Graph does not show.", theme=Theme.LISTINGS)
    misleading_pct: float = percentage(
        0.0,
        "VMs with each thing that a clean assessment does not tell: a WSUS, a schedule without effect, "
        "a failed installation, an operating system out of support.",
        "Above 0, maintenance schedules and installations of the last 30 days are there.",
        theme=Theme.FLEET,
    )
    regions: int = dial(3, "Regions the VMs are spread over.", low=1, high=16, theme=Theme.FLEET)
    past_due: int = dial(
        0,
        "Subscriptions whose state is PastDue; they work as enabled ones do.",
        high=10_000,
        theme=Theme.FLEET,
    )
    warned: int = dial(
        0, "Subscriptions whose state is Warned; they refuse every start.", high=10_000, theme=Theme.FLEET
    )
    seed: int = dial(
        1,
        "The same seed makes the same fleet with the same results.",
        low=0,
        high=2**63 - 1,
        theme=Theme.FLEET,
    )
    speed: float = dial(
        1.0,
        "Assessments run this many times faster than in Azure.",
        low=0.001,
        high=1_000_000,
        theme=Theme.ASSESSMENTS,
    )
    limits_speed: float = dial(
        1.0,
        "Rate limits are this many times the published ones; 0 removes them.",
        low=0,
        high=1_000_000,
        theme=Theme.LIMITS,
    )
    refill: Refill = dial(
        "continuous",
        "How Compute's rate limits refill: evenly, or with a minute's worth at each whole minute.",
        "Azure documents limits by the minute; a scan must do well either way. ARM's always refill evenly.",
        choices=get_args(Refill),
        theme=Theme.LIMITS,
    )
    rival_share: float = dial(
        0.0,
        "The share of every subscription's rate limits that another client uses up.",
        "Real scans are seldom alone.",
        low=0,
        high=0.99,
        theme=Theme.LIMITS,
    )
    policy_names: PolicyNames = dial(
        "2024",
        "How quota headers name Compute's limits: as recorded in that year, or by unknown names.",
        "Azure renamed them three times, so no client may rely on the names.",
        choices=get_args(PolicyNames),
        theme=Theme.LIMITS,
    )
    durations: Durations = dial(
        "lognormal",
        "How long assessments take: lognormal has a median of 180 s; regular is 180 s on Windows and 120 s "
        "on Linux, within 5 %; even is 20 to 150 s; bimodal is 30 s or 10 minutes; brief is 3 s.",
        choices=get_args(Durations),
        theme=Theme.ASSESSMENTS,
    )
    patches: int = dial(20, "Patches missing on a VM, on average.", low=0, high=10_000, theme=Theme.FLEET)
    stopped_pct: float = percentage(5.0, "VMs that are not running.", theme=Theme.FLEET)
    warned_pct: float = percentage(
        4.0, "Assessments that end CompletedWithWarnings.", theme=Theme.ASSESSMENTS
    )
    truncated_pct: float = percentage(
        1.0, "Assessments whose list of patches is cut short.", theme=Theme.ASSESSMENTS
    )
    failing_pct: float = percentage(
        2.0, "VMs that fail, spread over the ways to fail.", theme=Theme.ASSESSMENTS
    )
    long_pct: float = percentage(
        1.0, "Lognormal assessments that take ten times as long.", theme=Theme.ASSESSMENTS
    )
    page_size: int = dial(
        1000,
        "Rows in a page of a listing, at most.",
        "Resource Graph gives 1000; pages of the Compute list never exceed 500.",
        low=1,
        high=1000,
        theme=Theme.LISTINGS,
    )
    graph_reply_kib: int = dial(
        16_384,
        "KiB that a reply of Resource Graph may have. It refuses to give a larger one.",
        low=1,
        high=16_384,
        theme=Theme.LISTINGS,
    )
    graph: GraphState = dial(
        "up",
        "How Resource Graph answers: denied is 403; broken repeats a page, or is 500 for a single page; "
        "endless has invented rows after the true ones, hollow empty pages, both without end.",
        "A scan must manage without it.",
        choices=get_args(GraphState),
        theme=Theme.LISTINGS,
    )
    lists: ListState = dial(
        "up",
        "How the lists of subscriptions and of a subscription's VMs end: endless has invented VMs after the "
        "true ones, hollow empty pages, both without end.",
        "A listing must end whatever Azure sends.",
        choices=get_args(ListState),
        theme=Theme.LISTINGS,
    )
    token: str | None = dial(
        None,
        "Accept this bearer token alone; without it, any.",
        "It opens nothing except this simulated Azure.",
        theme=Theme.SERVER,
    )
    installing_pct: float = percentage(
        0.0,
        "Running VMs on which patches are being installed when serving begins.",
        "An assessment ends such an installation, as in Azure.",
        theme=Theme.ASSESSMENTS,
    )
    stuck_pct: float = percentage(
        0.0,
        "Running VMs with a patch operation that died days ago and is shown as InProgress ever since.",
        "Half are installations, half assessments; nothing runs there.",
        theme=Theme.ASSESSMENTS,
    )
    assessed_before_pct: float = percentage(
        90.0,
        "VMs that were assessed in the week before, so that Resource Graph and the VM show it.",
        "Fleets are scanned every night or week, or assess themselves every day; some VMs are new.",
        theme=Theme.FLEET,
    )
    earlier_least_days: float = dial(
        0.2, "The youngest of these earlier assessments, in days.", high=30, theme=Theme.FLEET
    )
    earlier_most_days: float = dial(
        6.9,
        "The oldest of them, in days; Resource Graph shows none that is older than seven.",
        high=30,
        theme=Theme.FLEET,
    )
    earlier_failed_pct: float = percentage(
        0.0, "Earlier assessments that failed, whatever tonight's do.", theme=Theme.FLEET
    )
    earlier_gaps_pct: float = percentage(
        0.0,
        "Earlier assessments that Resource Graph shows in part: no summary, one without counts, no patches "
        "or half of them.",
        "Its tables are filled row by row, with a delay that has no bound.",
        theme=Theme.LISTINGS,
    )
    nights_differ: float = dial(
        0.1,
        "How far a VM's assessment differs in length from its last one: the sigma of a lognormal factor.",
        "An estimate: no two nights of one VM are published.",
        low=0,
        high=3,
        theme=Theme.ASSESSMENTS,
    )
    graph_lag_s: float = dial(
        3.0,
        "How far Resource Graph's patch tables lag behind, at speed 1.",
        low=0,
        high=86_400,
        theme=Theme.LISTINGS,
    )
    faults_pct: float = percentage(
        0.0,
        "Requests that meet a fault: a cut or stalled connection, a 5xx, a 429, a broken body, and so on.",
        "Some are carried out all the same, as in Azure.",
        theme=Theme.FAULTS,
    )
    troubled_pct: float = percentage(
        0.0,
        "VMs with a lasting trouble, such as operations that never end or are lost.",
        theme=Theme.FAULTS,
    )
    echoed_pct: float = percentage(
        0.0,
        "Replies over HTTP that repeat the request's Authorization header, in texts, headers or URLs.",
        "Error pages and proxies do; a scan must not keep its token.",
        theme=Theme.FAULTS,
    )
    second_assessment: SecondAssessment = dial(
        "supersedes",
        "What happens to an assessment that is started while one runs on the VM: it ends that one, or is "
        "refused, with a 409 that says why or with one that speaks of a conflict alone.",
        "Azure's exact answer is not published.",
        choices=get_args(SecondAssessment),
        theme=Theme.ASSESSMENTS,
    )
    locked_subscriptions: int = dial(
        0,
        "Subscriptions with a read-only lock: every start there is refused.",
        low=0,
        high=10_000,
        theme=Theme.ACCESS,
    )
    locked_groups: int = dial(
        0, "Resource groups with a read-only lock.", low=0, high=100_000, theme=Theme.ACCESS
    )
    locked_machines: int = dial(0, "VMs with a read-only lock.", low=0, high=1_000_000, theme=Theme.ACCESS)
    disabled_subscriptions: int = dial(
        0,
        "Subscriptions that were disabled after they were listed: every start there is refused.",
        low=0,
        high=10_000,
        theme=Theme.ACCESS,
    )
    denied_groups: int = dial(
        0,
        "Resource groups whose VMs can be read and not assessed.",
        low=0,
        high=100_000,
        theme=Theme.ACCESS,
    )
    lacking_subscriptions: int = dial(
        0, "Subscriptions on which the identity's roles lack an action.", high=10_000, theme=Theme.ACCESS
    )
    lacking: Lack = dial(
        "starting",
        "The action that is lacking there, in part: on every other resource group.",
        choices=get_args(Lack),
        theme=Theme.ACCESS,
    )
    clock_skew_s: float = dial(
        0.0, "How far this Azure's clock is ahead of this computer's.", high=86_400, theme=Theme.FAULTS
    )
    wrong_clock_pct: float = percentage(
        0.0,
        "VMs whose assessments tell times that cannot be, such as a start in 1970 or an end in 2099.",
        theme=Theme.ASSESSMENTS,
    )
    outages: int = dial(
        0,
        "Outages of a region, a subscription or all sign-ins, in the first quarter of an hour.",
        low=0,
        high=1000,
        theme=Theme.FAULTS,
    )

    def __post_init__(self) -> None:
        for name, known in dials_of(type(self)).items():
            value = getattr(self, name)
            if not known.allows(value):
                raise ValueError(f"{name} must be {known.expected}, not {value!r}")
        if self.past_due + self.warned > self.subscriptions:
            raise ValueError(
                f"past_due and warned must be {self.subscriptions} together at most, the subscriptions there "
                f"are, not {self.past_due + self.warned}"
            )
        shares = (self.stopped_pct, self.warned_pct, self.truncated_pct, self.failing_pct)
        if sum(shares) > 100:
            names = "stopped_pct, warned_pct, truncated_pct and failing_pct"
            raise ValueError(f"{names} must be 100 together at most, not {sum(shares):g}")
        unseen = self.hidden_subscriptions + self.denied_subscriptions
        if unseen > self.subscriptions:
            names = "hidden_subscriptions and denied_subscriptions"
            raise ValueError(f"{names} must be {self.subscriptions} together at most, not {unseen}")
