"""The events of journal.jsonl, schema fleetscan.journal/1: what a later process needs to go on.

One frozen class each. Its fields are the keys of its line, written and checked by one declaration, and `tell`
says what it means for the `Story` of the run. A line's last key is `crc`, by which it vouches for itself and
for the lines before it; the file's writer adds and checks it. VMs are named by their place in the listing,
moments are seconds since 1970. Operation URLs are in it and no credentials: they are useless without a token.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated, ClassVar, TypeAlias, get_args

from fleetscan.addresses import FollowedUrls, parse_vm_id
from fleetscan.model import InventoryError, Json, Reason, Target
from fleetscan.records.checked import check_of
from fleetscan.records.known_facts import facts_of
from fleetscan.records.machine_facts import shared_facts
from fleetscan.records.row import CountedRow
from fleetscan.records.run import Scope
from fleetscan.records.shapes import Count, Keyword
from fleetscan.records.story import Begun, RowMark, Story
from fleetscan.records.totals import Requests

SCHEMA = "fleetscan.journal/1"
# The year 5138: no process of ours is at work so late, and sums with larger moments overflow.
LATEST_S = 1e11

Number: TypeAlias = Annotated[Count, "The VM, by its place in the listing."]
Crc: TypeAlias = Annotated[int, Keyword("minimum", 0), Keyword("maximum", 2**32 - 1)]
Moment: TypeAlias = Annotated[float, Keyword("minimum", 0), Keyword("maximum", LATEST_S)]


@dataclass(frozen=True, slots=True)
class ProcessBegan:
    """A process sets to work on the run: who it is, whom it asks and for which VMs."""

    word: ClassVar = "begun"
    schema: str
    at: Moment
    pid: Count
    host: str
    scan_id: str
    principal: dict[str, str | None] | None
    asked: dict[str, Json]

    def tell(self, story: Story) -> None:
        story.come(self.at)


@dataclass(frozen=True, slots=True)
class Listed:
    """One more VM of the fleet. It may be started and end before the listing is whole."""

    word: ClassVar = "listed"
    machine: Target

    def tell(self, story: Story) -> None:
        parse_vm_id(self.machine.resource_id)
        facts_of(self.machine.known)
        # VMs that are alike share their facts, as they did when they were listed.
        story.targets.append(replace(self.machine, facts=shared_facts(self.machine.facts)))


@dataclass(frozen=True, slots=True)
class FleetListed:
    """The listing is whole: how many VMs it has, what could not be listed, and of which subscriptions."""

    word: ClassVar = "listing"
    machines: Count
    errors: list[InventoryError]
    scope: Scope

    def tell(self, story: Story) -> None:
        if self.machines != len(story.targets):
            raise ValueError("machines are missing")
        if len({target.key for target in story.targets}) != self.machines:
            raise ValueError("a machine is listed twice")
        story.errors, story.scope, story.is_listed = self.errors, self.scope, True


@dataclass(frozen=True, slots=True)
class StartSending:
    """A start is about to be sent."""

    word: ClassVar = "starting"
    vm: Number
    at: Moment

    def tell(self, story: Story) -> None:
        begun = story.begun.setdefault(story.known(self.vm), Begun())
        begun.starts += 1
        begun.in_doubt += 1
        if begun.in_doubt == 1:
            begun.posted_at = self.at
        story.see(self.at)


@dataclass(frozen=True, slots=True)
class StartNotTaken:
    """Azure cannot have taken the start that was sent last."""

    word: ClassVar = "not_taken"
    vm: Number

    def tell(self, story: Story) -> None:
        story.started(self.vm).in_doubt -= 1


@dataclass(frozen=True, slots=True)
class StartAccepted:
    """Azure accepted the start that was sent at `posted_at`, and said where the operation is followed."""

    word: ClassVar = "accepted"
    vm: Number
    posted_at: Moment
    at: Moment
    urls: FollowedUrls

    def tell(self, story: Story) -> None:
        begun = story.started(self.vm)
        begun.in_doubt -= 1
        begun.posted_at, begun.accepted_at, begun.urls = self.posted_at, self.at, self.urls
        begun.acceptances += 1
        story.see(self.at)


@dataclass(frozen=True, slots=True)
class OperationMoved:
    """The operation is followed under other URLs from now on."""

    word: ClassVar = "moved"
    vm: Number
    urls: FollowedUrls

    def tell(self, story: Story) -> None:
        story.started(self.vm).urls = self.urls


@dataclass(frozen=True, slots=True)
class VmEnded:
    """The VM has ended: its row comes next in results.jsonl, up to the byte `row_ends_at`.

    `row_crc` is the CRC-32 of the row's bytes, its line end among them.
    """

    word: ClassVar = "ended"
    vm: Number
    row_ends_at: Count
    row_crc: Crc
    row: CountedRow

    def tell(self, story: Story) -> None:
        if self.row["reason"] is not None:
            Reason(self.row["reason"])
        story.end(story.known(self.vm), self.row, RowMark(self.row_ends_at, self.row_crc))


@dataclass(frozen=True, slots=True)
class RowLost:
    """The VM's row, told of before, is not in results.jsonl: the disk, a kill or a power cut kept it away."""

    word: ClassVar = "row_lost"
    vm: Number

    def tell(self, story: Story) -> None:
        story.lose_row(story.known(self.vm))


@dataclass(frozen=True, slots=True)
class Behind:
    """What an earlier process wrote last is lost: it may have started VMs of which nothing is told.

    The process that goes on reads every VM that it has no start of, before it starts it.
    """

    word: ClassVar = "behind"
    at: Moment

    def tell(self, story: Story) -> None:
        story.is_behind = True


@dataclass(frozen=True, slots=True)
class RequestsCounted:
    """How many requests this process has sent so far."""

    word: ClassVar = "counted"
    at: Moment
    requests: Requests

    def tell(self, story: Story) -> None:
        story.count(self.requests, self.at)


Event: TypeAlias = (
    ProcessBegan
    | Listed
    | FleetListed
    | StartSending
    | StartNotTaken
    | StartAccepted
    | OperationMoved
    | VmEnded
    | RowLost
    | Behind
    | RequestsCounted
)
EVENTS: tuple[type[Event], ...] = get_args(Event)
"""Every kind of event there is."""

_BY_WORD = {cls.word: cls for cls in EVENTS}


def as_json(event: Event) -> dict[str, Json]:
    """The line of `event`; the objects of ours in it are written as their fields."""
    line: dict[str, Json] = {"event": event.word}
    for name in event.__slots__:
        line[name] = getattr(event, name)
    return line


def event_of(line: Json) -> Event:
    """The event on a line; raises ValueError where it is none, or a field is not as it is declared."""
    if not isinstance(line, dict) or not isinstance(word := line.get("event"), str) or word not in _BY_WORD:
        raise ValueError("it is no event")
    if isinstance(scope := line.get("scope"), dict):
        # A listing of before shards were told.
        scope.setdefault("shard", None)
    event: Event = check_of(_BY_WORD[word])(line)
    return event


def story_of(event: Event) -> Story:
    """The story that begins with `event`; raises ValueError where no story begins so."""
    if not isinstance(event, ProcessBegan):
        raise ValueError("it does not begin with a process that sets to work")
    return Story(event.scan_id, event.principal, event.asked, event.at)
