"""How far each VM without a row has come: whether Azure works on it, or may. One byte a VM.

It counts what the journal notes, so that the numbers of a stop are those that the resume tells.
"""

from __future__ import annotations

from fleetscan.records.story import Story

# Above any number of starts of one VM that brought no answer.
ACCEPTED = 128


class Unfinished:
    """The VMs of a fleet by number: starts sent and not answered, or one that was accepted."""

    def __init__(self, story: Story | None = None) -> None:
        self._begun = bytearray(0 if story is None else len(story.targets))
        for number, begun in {} if story is None else story.begun.items():
            self._begun[number] = ACCEPTED if begun.accepted_at is not None else min(begun.in_doubt, ACCEPTED)

    @property
    def running(self) -> int:
        """How many are followed: accepted, or possibly accepted."""
        return len(self._begun) - self._begun.count(0)

    def grow(self, listed: int) -> None:
        """So many VMs are listed by now."""
        self._begun.extend(bytes(listed - len(self._begun)))

    def sent(self, number: int) -> None:
        """A start is on its way."""
        if self._begun[number] < ACCEPTED:
            self._begun[number] += 1

    def not_taken(self, number: int) -> None:
        """Azure cannot have taken the last one."""
        if 0 < self._begun[number] < ACCEPTED:
            self._begun[number] -= 1

    def accepted(self, number: int) -> None:
        """Azure accepted a start."""
        self._begun[number] = ACCEPTED

    def ended(self, number: int) -> None:
        """The VM has its row."""
        self._begun[number] = 0
