"""A simulated Azure as one plain object: a request and the time go in, a reply comes out.

It keeps no clock, opens no socket and draws all chance from its scenario's seed. It shares no code with the
scanner, so that a mistake of one cannot hide in the other.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from fleetscan.model import Fault, Reply, Request
from fleetscan.simulator.assessments import Assessments
from fleetscan.simulator.call import Call
from fleetscan.simulator.echoes import Echoes
from fleetscan.simulator.faults import Strike
from fleetscan.simulator.fleet import Fleet
from fleetscan.simulator.graph import Graph
from fleetscan.simulator.installations import Installations
from fleetscan.simulator.ledger import Ledger
from fleetscan.simulator.limits import Limits
from fleetscan.simulator.locks import Locks
from fleetscan.simulator.patch_tables import PatchTables
from fleetscan.simulator.replies import Answer, Letterhead, arm_error, unauthorized
from fleetscan.simulator.roles import Roles
from fleetscan.simulator.routes import Route, Router
from fleetscan.simulator.scenario import Scenario
from fleetscan.simulator.sight import Sight
from fleetscan.simulator.times import UNIX_EPOCH, Calendar
from fleetscan.simulator.weather import Weather


class Cloud:
    """The simulated Azure of one scenario: its machines, its rate limits, and all that happens to them.

    Make one for each scan and hand it to `serve`. A program may read `scenario`, `fleet` (iterate over it for
    the machines; each has `resource_id`, `name`, `region` and `tags`) and `ledger`; `handle` answers a
    request without HTTP.

    `epoch` is the calendar time at `started_at`, with a time zone, or ValueError. Without it `serve` takes
    today's date and time, and a cloud that is not served begins in 1970. `clock_skew_s` comes on top.
    `fleet` is the scenario's own, or a part of it.
    `started_at` is in seconds of the monotonic clock that `now` is read from everywhere; `now` never runs
    backwards.
    """

    def __init__(
        self,
        scenario: Scenario,
        *,
        epoch: datetime | None = None,
        started_at: float = 0.0,
        fleet: Fleet | None = None,
    ) -> None:
        self._skew = timedelta(seconds=scenario.clock_skew_s)
        calendar = Calendar((epoch or UNIX_EPOCH) + self._skew)
        self.scenario = scenario
        self.started_at = started_at
        self._has_epoch = epoch is not None
        self.fleet = Fleet(scenario) if fleet is None else fleet
        self._limits = Limits(scenario, calendar)
        installations = Installations(scenario, self.fleet, calendar)
        self._assessments = Assessments(scenario, self.fleet, installations, calendar)
        roles = Roles(scenario, self.fleet.estate)
        sight = Sight(scenario, self.fleet.estate, roles)
        tables = PatchTables(scenario, self.fleet, sight, self._assessments, installations, calendar)
        graph = Graph(scenario, self.fleet, sight, tables, calendar)
        self._router = Router(scenario, self.fleet, self._assessments, installations, graph, sight, roles)
        self._echoes = Echoes(scenario)
        self._weather = Weather(scenario, self.fleet.estate)
        self._calendar = calendar
        self._letterhead = Letterhead(scenario.seed, calendar)

    @property
    def ledger(self) -> Ledger:
        """What this cloud was sent so far: counts of starts, polls, 429s and faults, some by machine."""
        return self._assessments.ledger

    @property
    def locks(self) -> Locks:
        """The subscriptions, groups and machines on which this cloud refuses every start."""
        return self._assessments.locks

    def begin_calendar(self, epoch: datetime) -> None:
        """Have the dates begin at `epoch`, unless the cloud was made with an epoch of its own."""
        if not self._has_epoch:
            self._calendar.begin(epoch + self._skew)

    def handle(self, request: Request, now: float) -> Reply:
        """Answers one request that came with a good token; errors and broken connections are replies too."""
        at = now - self.started_at
        call = Call.of(request)
        route = self._router.route(call, at)
        strike = self._weather.strike(call, route, at)
        met = self._pass(call, route, at) if strike is None else self._struck(strike, at)
        reply = met if isinstance(met, Reply) else self._letterhead.write(met, at)
        if reply.fault is not Fault.NOT_SENT:
            counted = self.ledger.throttled if reply.status == 429 else self.ledger.requests
            counted[route.ask] += 1
        return reply

    def echo(self, request: Request, reply: Reply, authorization: str) -> Reply:
        """`reply`, or the same with the request's Authorization header in it."""
        return self._echoes.add(reply, authorization, Call.of(request))

    def _struck(self, strike: Strike, at: float) -> Answer | Reply:
        """What comes of a request that meets a fault; only a fault that had an effect is counted."""
        met = strike.instead(self._calendar, at)
        if met is None:
            answer = self._pass(strike.call, strike.route, at)
            met = strike.spoil(answer)
            if met is answer:
                return answer
        self.ledger.faults[strike.way] += 1
        return met

    def refuse_token(self, authorization: str | None, now: float) -> Reply | None:
        """The 401 for an Authorization header, or None where it is good."""
        scheme, _, token = (authorization or "").partition(" ")
        challenge = 'Bearer authorization_uri="https://login.windows.net/", error="invalid_token"'
        if scheme.lower() != "bearer" or not token:
            problem = unauthorized(
                "AuthenticationFailed",
                "Authentication failed. The 'Authorization' header is missing.",
                challenge,
            )
        elif self.scenario.token is not None and token != self.scenario.token:
            problem = unauthorized("InvalidAuthenticationToken", "The access token is invalid.", challenge)
        else:
            return None
        return self._letterhead.write(problem, now - self.started_at)

    def refuse_method(self, method: str, now: float) -> Reply:
        """The 405 for a method that no endpoint here has."""
        wrong = arm_error(405, "MethodNotAllowed", f"The method {method} is not served here.")
        return self._letterhead.write(wrong, now - self.started_at)

    def _pass(self, call: Call, route: Route, at: float) -> Answer:
        """The front door, then Compute's buckets, then the endpoint; a refusal has cost the tokens so far."""
        headers: dict[str, str] = {}
        if not route.is_self_counting:
            door = self._limits.front_door(call.method, route.subscription_id, at)
            if isinstance(door, Answer):
                return door
            headers |= door
        if route.duty is not None:
            room = self._limits.compute(
                route.duty, route.subscription_id, route.region, route.machine_key, at
            )
            if isinstance(room, Answer):
                return Answer(room.status, room.body, headers | room.headers)
            headers |= room
        answer = _serve(call, route)
        return Answer(answer.status, answer.body, headers | answer.headers)


def _serve(call: Call, route: Route) -> Answer:
    if "api-version=" in call.target:
        return route.serve()
    return arm_error(
        400,
        "MissingApiVersionParameter",
        "The api-version query parameter (?api-version=) is required for all requests.",
    )
