"""The order of starts: the longest assessment first, by what is known when a start is taken.

It is not made beforehand: how long a VM's last assessment took may become known while its start waits.
"""

from __future__ import annotations

import heapq
import math
from collections import deque
from collections.abc import Callable

from fleetscan.engine.last_time import Scatter
from fleetscan.model import Job, Turn

# An assessment of which nothing is known may be a long one: it goes where one in 160 would be longer. With a
# tenth of 2,000 VMs unknown the last end comes at 1.00 of the bound then; at 1.02 if it goes where one in ten
# would be longer, at 1.11 in the middle, at 1.32 behind all others.
CAUTION_SIGMAS = 2.5
# What has become known is sorted in once it may be about this share of the starts that nothing was known of.
NEWS_SHARE = 0.125


class StartOrder:
    """Starts that are due; those of which nothing is known are in the order in which they were put.

    `heard` says that one more of the jobs may expect something now. So a million starts are sorted anew some
    twenty times, and not at each news.
    """

    __slots__ = ("_known", "_lengths", "_news", "_unknown")

    def __init__(self) -> None:
        self._known: list[tuple[float, int, Job, Turn]] = []
        self._unknown: deque[tuple[int, Job, Turn]] = deque()
        self._lengths = Scatter()
        self._news = 0

    def __len__(self) -> int:
        return len(self._known) + len(self._unknown)

    def put(self, order: int, job: Job, turn: Turn) -> None:
        """Take in a start that is due; `order` tells apart what is equally long."""
        if (expected_s := job.expected_s) is None:
            self._unknown.append((order, job, turn))
            return
        heapq.heappush(self._known, (-expected_s, order, job, turn))
        self._lengths.add(math.log(expected_s))

    def heard(self) -> None:
        """One more job may expect something now."""
        self._news += 1

    def pop(self) -> tuple[Job, Turn]:
        """Take out the start whose turn it is; there is one."""
        if self._news > NEWS_SHARE * len(self._unknown):
            self._sort_anew()
        if self._unknown and not (self._known and -self._known[0][0] >= self._cautious_s):
            _, job, turn = self._unknown.popleft()
        else:
            _, _, job, turn = heapq.heappop(self._known)
        return job, turn

    def take_out(self, is_wanted: Callable[[Job], bool]) -> list[Job]:
        """Take out the jobs that are wanted."""
        waiting = [*(job for _, _, job, _ in self._known), *(job for _, job, _ in self._unknown)]
        jobs = [job for job in waiting if is_wanted(job)]
        if jobs:
            self._known = [entry for entry in self._known if not is_wanted(entry[2])]
            heapq.heapify(self._known)
            self._unknown = deque(entry for entry in self._unknown if not is_wanted(entry[1]))
        return jobs

    @property
    def _cautious_s(self) -> float:
        """How long an assessment may take of which nothing is known."""
        lengths = self._lengths
        return math.exp(lengths.mean + CAUTION_SIGMAS * math.sqrt(lengths.squares / lengths.count))

    def _sort_anew(self) -> None:
        unsorted, self._unknown, self._news = self._unknown, deque(), 0
        for entry in unsorted:
            if entry[1].expected_s is None:
                self._unknown.append(entry)
            else:
                self.put(*entry)
