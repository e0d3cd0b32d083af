"""What a store of a given size pays for recorded demand, by what it drops when it is full.

A stage that is called for and held costs nothing. One that is not held is made, at its price, and
so is every input of it that is neither held nor in hand. Unless what is made again is alike, what
was made from the lost version is not valid any more, and is dropped: nothing asks for what was
made from something else. What a step has once read or made it has in hand until its end, so it
pays for nothing twice.

What is saved is the price of everything that steps call for, less what was paid. It can be
negative: what is lost upstream is paid for although no step calls for it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import NamedTuple, Protocol

from benchmarks.eviction.traces import Artifact, Trace


class Policy(Protocol):
    """What is held, and what goes for what."""

    held_bytes: int

    def __contains__(self, number: int) -> bool: ...

    def use(self, number: int) -> None:
        """One that is held was found."""

    def put(self, number: int) -> None:
        """One that is not held was made; others may go, or it does not stay."""

    def drop(self, number: int) -> None:
        """One that is held is not valid any more."""


class Outcome(NamedTuple):
    """What became of a trace under a policy."""

    demand: int
    """Nano-USD of all that was called for, each by itself."""
    paid: int
    made: int
    """How often something was made."""

    @property
    def saved(self) -> int:
        """Nano-USD not paid."""
        return self.demand - self.paid


def unlimited(trace: Trace) -> Outcome:
    """What a store that drops nothing pays: everything once."""
    called = {number for step in trace.steps for number in step.wanted}
    return Outcome(demand(trace), sum(trace.artifacts[i].cost for i in called), len(called))


def demand(trace: Trace) -> int:
    """The price of everything the steps call for, each by itself."""
    return sum(trace.artifacts[i].cost for step in trace.steps for i in set(step.wanted))


def replay(trace: Trace, policy: Policy, cap: int) -> Outcome:
    """Run a trace through a store that never holds more than ``cap`` bytes."""
    return _Replay(trace, policy, cap).run()


class _Replay:
    def __init__(self, trace: Trace, policy: Policy, cap: int) -> None:
        self._artifacts = trace.artifacts
        self._trace = trace
        self._policy = policy
        self._cap = cap
        self._made_from = dependents(trace.artifacts)
        self._known: set[int] = set()
        self._paid = 0
        self._made = 0

    def run(self) -> Outcome:
        for step in self._trace.steps:
            in_hand: set[int] = set()
            for number in step.wanted:
                self._obtain(number, in_hand)
        return Outcome(demand(self._trace), self._paid, self._made)

    def _obtain(self, number: int, in_hand: set[int]) -> None:
        todo = [number]
        while todo:
            current = todo[-1]
            if current in in_hand:
                todo.pop()
            elif current in self._policy:
                self._policy.use(current)
                in_hand.add(todo.pop())
            else:
                above = [i for i in self._artifacts[current].inputs if i not in in_hand]
                if above:
                    todo += reversed(above)
                else:
                    in_hand.add(todo.pop())
                    self._make(current)

    def _make(self, number: int) -> None:
        self._paid += self._artifacts[number].cost
        self._made += 1
        if number in self._known and not self._trace.alike:
            for orphan in self._below(number):
                self._policy.drop(orphan)
        self._known.add(number)
        self._policy.put(number)
        if self._policy.held_bytes > self._cap:
            raise AssertionError(f"{self._policy.held_bytes} bytes held, {self._cap} allowed")

    def _below(self, number: int) -> Iterator[int]:
        """What is held and was made from one, directly or not."""
        seen, todo = {number}, [number]
        while todo:
            for each in self._made_from.get(todo.pop(), ()):
                if each not in seen:
                    seen.add(each)
                    todo.append(each)
                    if each in self._policy:
                        yield each


def dependents(artifacts: tuple[Artifact, ...]) -> dict[int, list[int]]:
    """What was made from each, directly."""
    made: dict[int, list[int]] = defaultdict(list)
    for number, artifact in enumerate(artifacts):
        for above in artifact.inputs:
            made[above].append(number)
    return made
