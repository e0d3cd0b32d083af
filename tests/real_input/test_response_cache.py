"""The history of a real cache of LLM responses, against a plain dictionary, at every event."""

from __future__ import annotations

from typing import Any

import pytest
from hand_clock import HandClock
from recordings import SAMPLES, WHOLE, recording

import aicas
from aicas.clock import parse_iso

Event = dict[str, Any]


@pytest.fixture(
    params=[
        SAMPLES / "rsp_cache_sample.jsonl.zst",
        WHOLE / "metagpt_rsp_cache_events.jsonl.zst",
    ],
    ids=["sample", "whole"],
)
def events(request: pytest.FixtureRequest) -> list[Event]:
    return recording(request.param)


class Replay:
    """A cache of responses in a store, and the dictionary it has to behave like."""

    def __init__(self, store: aicas.Store, clock: HandClock) -> None:
        self.store = store
        self.clock = clock
        self.plain: dict[str, Any] = {}
        self.prompts: dict[str, str] = {}
        self.hits = 0
        self.misses = 0

    def apply(self, event: Event) -> None:
        name = event["prompt_sha256"]
        self.clock.now = max(self.clock.now + 1, parse_iso(event["committed_at"]))
        if event["op"] == "delete":
            self.store.invalidate(f"response-{name}", "deleted")
            del self.plain[name]
            return
        assert (event["op"] == "replace") == (name in self.plain)
        self.prompts[name] = event["prompt"]
        self.store.put(
            f"response-{name}",
            event["response"],
            recipe={"prompt": event["prompt"]},
            expires_in_hours=0,
        )
        self.plain[name] = event["response"]

    def compare(self) -> None:
        """Look up every prompt that ever was."""
        for name, prompt in self.prompts.items():
            found = self.store.lookup(f"response-{name}", {"prompt": prompt}, ())
            assert bool(found) == (name in self.plain)
            if isinstance(found, aicas.Hit):
                self.hits += 1
                assert self.store.payload(found.snapshot) == self.plain[name]
            else:
                self.misses += 1
                assert [reason.code for reason in found.reasons] == ["invalidated"]


def test_hits_and_misses_are_those_of_a_dictionary_at_every_event(events: list[Event]) -> None:
    clock = HandClock(0)
    with aicas.in_memory(clock=clock) as store:
        replay = Replay(store, clock)
        for event in events:
            replay.apply(event)
            replay.compare()
        assert replay.misses > 0
        total = store.books().total
        assert (total.hits, total.misses) == (replay.hits, replay.misses)
        assert total.reasons == {"invalidated": replay.misses}
        causes = total.runs_by_cause
        ops = [event["op"] for event in events]
        assert causes["first"] == len(replay.prompts)
        assert causes["repeated"] == ops.count("replace")
        assert causes["invalidated"] == ops.count("set") - len(replay.prompts)
        assert len(store.keys()) == len(replay.plain)
        assert store.verify().damage == ()


def test_undoing_every_event_backwards_goes_back_through_every_state(
    local_store: aicas.Store, clock: HandClock
) -> None:
    events = recording(SAMPLES / "rsp_cache_sample.jsonl.zst")
    replay = Replay(local_store, clock)
    states: list[dict[str, Any]] = []
    for event in events:
        states.append(dict(replay.plain))
        replay.apply(event)
    for number in range(len(events), 0, -1):
        local_store.undo(number)
        replay.plain = states[number - 1]
        keys = local_store.keys()
        held = {key.removeprefix("response-"): local_store.get(key) for key in keys}
        assert held == replay.plain
