"""Which VMs end unasked, because Azure refused another one for a reason that holds for them too.

A refusal reaches as far as its code says, a lock as far as its message names, a 403 never beyond its resource
group. In doubt nothing spreads: a VM that is asked in vain costs one request, one not asked its result.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from functools import lru_cache

from fleetscan.engine import outcomes
from fleetscan.engine.phase import lowered
from fleetscan.engine.refusal_codes import Reach
from fleetscan.engine.replies import is_weather, read_error
from fleetscan.model import Ending, Failure, OwnCode, Reply, Stage, Target
from fleetscan.not_tried import not_tried_words

# A role can be given on a single VM: so many of a group are denied, and none let in, before its others are.
DENIALS_OF_A_GROUP = 4
# Where starts were accepted before, one odd reply is not believed for all the others.
WITNESSES_AGAINST_ACCEPTED = 2

GUID = re.compile(r"\b[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\b", re.IGNORECASE)
# The ids in a text, in quotes or bare.
IDS = re.compile(r"'(/subscriptions/[^']*)'|\"(/subscriptions/[^\"]*)\"|(/subscriptions/[^\s'\",;]+)", re.I)
# All that Azure lists after the colon, to the end of the sentence.
NAMED_AS_LOCKED = re.compile(r"\blocked\s*:(.*?)(?:\.\s|$)", re.IGNORECASE | re.DOTALL)
LOCK = re.compile(r"/providers/microsoft\.authorization/locks/[^/]+$")


@dataclass(frozen=True, slots=True)
class Scope:
    """A subscription, or one of its resource groups; both in lower case.

    Of VMs or of Arc servers, whose provider and whose permission are others.
    """

    subscription_id: str
    resource_group: str = ""
    is_arc: bool = False

    def __str__(self) -> str:
        if self.resource_group:
            return f"resource group {self.resource_group} of subscription {self.subscription_id}"
        return f"subscription {self.subscription_id}"


class RefusedScopes:
    """The scopes in which Azure refuses every start, learned from its replies to starts."""

    def __init__(self) -> None:
        self._refused: dict[Scope, Ending] = {}
        self._witnesses: Counter[Scope] = Counter()
        # Scopes in which a start was accepted, and groups in which one passed the check of permissions.
        self._accepted: set[Scope] = set()
        self._let_in: set[Scope] = set()

    def heard(self, target: Target, reply: Reply) -> Scope | None:
        """The scope that is refused from now on by the `reply` to the start of `target`, if one is."""
        scope = None if is_weather(reply) or reply.status == 401 else self._scope(target, reply)
        if scope is None or scope in self._refused:
            return None
        self._witnesses[scope] += 1
        if self._witnesses[scope] < self._needed(scope, reply):
            return None
        self._refused[scope] = _unasked(target, reply, scope)
        return scope

    def ending_of(self, target: Target) -> Ending | None:
        """How `target` ends unasked, or None where it is to be asked."""
        if not self._refused:
            return None
        subscription, group = _scopes_of(target)
        return self._refused.get(subscription) or self._refused.get(group)

    def _scope(self, target: Target, reply: Reply) -> Scope | None:
        """What the reply's refusal is about, where it is about more than the VM."""
        subscription, group = _scopes_of(target)
        if reply.status < 300:
            if group not in self._accepted:
                self._accepted |= {subscription, group}
                self._let_in.add(group)
            return None
        if reply.status == 403:
            return None if group in self._let_in else group
        self._let_in.add(group)
        match outcomes.meaning(reply).reach:
            case Reach.SUBSCRIPTION:
                return subscription if _is_about(subscription, reply) else None
            case Reach.GROUP:
                return group if _is_about_group(group, reply) else None
            case Reach.NAMED:
                return _locked(target, reply)
            case Reach.VM:
                return None

    def _needed(self, scope: Scope, reply: Reply) -> int:
        if reply.status == 403:
            is_known = outcomes.meaning(reply).reach is Reach.SUBSCRIPTION
            return 1 if is_known else DENIALS_OF_A_GROUP
        return WITNESSES_AGAINST_ACCEPTED if scope in self._accepted else 1


def _scopes_of(target: Target) -> tuple[Scope, Scope]:
    """Its subscription and its resource group."""
    return _scopes_named(lowered(target.subscription_id), target.resource_group, target.is_arc)


# Asked at each start, and a resource group has many VMs.
@lru_cache(maxsize=10_000)
def _scopes_named(subscription_id: str, resource_group: str, is_arc: bool) -> tuple[Scope, Scope]:
    subscription = Scope(subscription_id, is_arc=is_arc)
    return subscription, Scope(subscription_id, resource_group.lower(), is_arc)


def _is_about(subscription: Scope, reply: Reply) -> bool:
    """Whether the refusal can be about the VM's own subscription: its message may name another."""
    named = [guid.lower() for guid in GUID.findall(read_error(reply, Stage.START).message or "")]
    return not named or subscription.subscription_id in named


def _is_about_group(group: Scope, reply: Reply) -> bool:
    """Whether the refusal can be about the VM's own resource group: its message may name another."""
    said = (read_error(reply, Stage.START).message or "").lower()
    return "'" not in said or f"'{group.resource_group}'" in said or f"/{group.resource_group}" in said


def _locked(target: Target, reply: Reply) -> Scope | None:
    """The widest scope around the VM that the message names as locked; None where it names none but the VM.

    "The scope '<the VM>' cannot perform write operation because following scope(s) are locked: '<a scope>'".
    """
    named = NAMED_AS_LOCKED.search(read_error(reply, Stage.START).message or "")
    locked = [_parts(next(filter(None, found))) for found in IDS.findall(named[1] if named else "")]
    around = [scope for scope in _scopes_of(target) if _parts_of(scope) in locked]
    return around[0] if around else None


def _parts(resource_id: str) -> list[str]:
    """The segments of an id in lower case; of a lock's own id those of what it locks."""
    return LOCK.sub("", resource_id.strip().rstrip("./").lower()).split("/")[1:]


def _parts_of(scope: Scope) -> list[str]:
    subscription = ["subscriptions", scope.subscription_id]
    return [*subscription, "resourcegroups", scope.resource_group] if scope.resource_group else subscription


def _unasked(target: Target, reply: Reply, scope: Scope) -> Ending:
    """The end of the VMs in `scope` that are not asked, after the start of `target` was refused."""
    refused = outcomes.refusal(reply, Stage.START)
    assert refused.error is not None
    code = refused.error.code or f"HTTP {reply.status}"
    said = (
        f"Azure refused to start {target.name} (HTTP {reply.status}): {refused.error.message or 'no message'}"
    )
    why = not_tried_words(code, f"on {scope}", said)
    error = Failure.of_fleetscan(OwnCode.NOT_TRIED, why, Stage.START)
    return Ending(refused.outcome, refused.reason, error=error)
