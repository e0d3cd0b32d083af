"""Recipes, parts of inputs, traces: what makes a stage stale, and what brings it back free."""

from __future__ import annotations

import pytest
from hand_clock import HandClock

import aicas
from aicas.errors import InvalidInput
from aicas.validity.reasons import (
    AgentIncompatible,
    InputChanged,
    Reason,
    RecipeChanged,
    SelectorUnmatched,
)

RECIPE = aicas.Recipe(
    prompt="Write it",
    agent_version="coder-v2.1",
    model="gpt-4",
    parameters={"temperature": 0.2, "stop": ["a", {"deep": [1, None]}]},
    code_version="c1",
    team="blue",
)
PLAN = {"phases": [{"name": "accounts"}, {"name": "billing"}], "title": "shop"}


def missed(found: aicas.Hit | aicas.Miss) -> tuple[Reason, ...]:
    assert isinstance(found, aicas.Miss), found
    return found.reasons


def hit(found: aicas.Hit | aicas.Miss) -> aicas.Hit:
    assert isinstance(found, aicas.Hit), str(found)
    return found


@pytest.mark.parametrize(
    ("component", "old", "new"),
    [
        ("prompt", "Write it", "Write it well"),
        ("model", "gpt-4", "gpt-5"),
        ("parameters", RECIPE["parameters"], {"temperature": 0.2, "stop": ["a", {"deep": [1]}]}),
        ("code_version", "c1", "c2"),
        ("team", "blue", "red"),
        ("team", "blue", None),
        ("budget", None, 3),
    ],
)
def test_each_component_alone_makes_a_stage_stale_and_is_named(
    store: aicas.Store, component: str, old: object, new: object
) -> None:
    store.put("code", "c", recipe=RECIPE)
    changed = {k: v for k, v in RECIPE.items() if k not in ("prompt_hash", component)}
    if new is not None:
        changed[component] = new
    assert missed(store.lookup("code", changed)) == (RecipeChanged(component, old, new),)


def test_the_order_in_which_components_are_named_is_no_difference(store: aicas.Store) -> None:
    store.put("code", "c", recipe={"a": {"x": 1, "y": 2}, "b": 3})
    assert store.lookup("code", {"b": 3, "a": {"y": 2, "x": 1}}, [])


def test_a_prompt_known_by_its_hash_alone_matches_its_text(store: aicas.Store) -> None:
    store.put("code", "c", recipe={"prompt_hash": RECIPE["prompt_hash"]})
    changed = missed(store.lookup("code", {"prompt": "Write it"}))
    assert [r.component for r in changed if isinstance(r, RecipeChanged)] == ["prompt"]
    other = missed(store.lookup("code", {"prompt": "Other"}))
    assert {r.component for r in other if isinstance(r, RecipeChanged)} == {"prompt", "prompt_hash"}


@pytest.mark.parametrize(
    ("policy", "version", "fits"),
    [
        ("exact", "coder-v2.1", True),
        ("exact", "coder-v2.2", False),
        ("major", "coder-v2.9", True),
        ("major", "coder-v3.0", False),
        ("major", "tester-v2.1", False),
        ("major", "coder-v20.1", False),
        ("any", "anything", True),
    ],
)
def test_the_policy_decides_which_agent_versions_still_count(
    store: aicas.Store, policy: str, version: str, fits: bool
) -> None:
    store.put("code", "c", recipe=RECIPE)
    wanted = aicas.Recipe.of({**RECIPE, "agent_version": version}, policy)
    found = store.lookup("code", wanted, [])
    if fits:
        assert not hit(found).moved
    else:
        assert missed(found) == (AgentIncompatible("coder-v2.1", version, policy),)


def test_a_recall_follows_the_policy_that_was_asked_for(store: aicas.Store) -> None:
    older = store.put("code", "older", recipe=RECIPE)
    store.put("code", "newer", recipe={**RECIPE, "agent_version": "coder-v3.0"})
    exact = aicas.Recipe.of({**RECIPE, "agent_version": "coder-v2.5"})
    assert not store.lookup("code", exact, [])
    major = aicas.Recipe.of({**RECIPE, "agent_version": "coder-v2.5"}, "major")
    found = hit(store.lookup("code", major, []))
    assert (found.snapshot.id, found.moved) == (older.id, True)
    assert not hit(store.lookup("code", aicas.Recipe.of(RECIPE, "any"), [])).moved


def test_an_unknown_policy_is_refused() -> None:
    with pytest.raises(InvalidInput, match="exact, major, any"):
        aicas.Recipe(agent_policy="minor")


@pytest.mark.parametrize(
    "item",
    ["plan#/phases/2", "plan#/title/x", "plan#/phases/01", "code#docs/**", "code#src/*.js"],
)
def test_a_selector_that_matches_nothing_is_an_error_at_put_and_a_reason_at_lookup(
    store: aicas.Store, item: str
) -> None:
    store.put("plan", PLAN)
    store.put("code", {"src/app.py": b"1"})
    with pytest.raises(InvalidInput, match="matches nothing"):
        store.put("next", "n", inputs=[item])
    assert store.keys() == ["code", "plan"]
    store.put("next", "n")
    key, _, selector = item.partition("#")
    assert SelectorUnmatched(key, selector) in missed(store.lookup("next", None, [item]))


@pytest.mark.parametrize("item", ["plan#src/*.py", "code#/phases/0", "text#/a", "text#*"])
def test_a_selector_of_the_wrong_kind_is_an_error_at_put_and_a_reason_at_lookup(
    store: aicas.Store, item: str
) -> None:
    store.put("plan", PLAN)
    store.put("code", {"src/app.py": b"1"})
    store.put("text", "plain")
    with pytest.raises(InvalidInput, match="does not fit"):
        store.put("next", "n", inputs=[item])
    store.put("next", "n")
    key, _, selector = item.partition("#")
    assert SelectorUnmatched(key, selector) in missed(store.lookup("next", None, [item]))


@pytest.mark.parametrize("item", ["plan#", "#/a", "plan#/a~2", "plan#../x", "plan#a\nb"])
def test_what_is_no_selector_is_refused(store: aicas.Store, item: str) -> None:
    store.put("plan", PLAN)
    for ask in (
        lambda: store.put("next", "n", inputs=[item]),
        lambda: store.lookup("x", {}, [item]),
    ):
        with pytest.raises(InvalidInput):
            ask()


def test_only_a_change_inside_the_part_makes_a_stage_stale(store: aicas.Store) -> None:
    store.put("plan", PLAN)
    store.put("code", {"src/app.py": b"1", "README": b"r"})
    store.put("accounts", "a", recipe=RECIPE, inputs=["plan#/phases/0"])
    store.put("billing", "b", inputs=["plan#/phases/1", "code#src/**/*.py"])
    store.put("plan", PLAN | {"phases": [{"name": "accounts"}, {"name": "invoices"}], "title": "x"})
    store.put("code", {"src/app.py": b"1", "README": b"other", "docs/new.md": b""})
    assert store.lookup("accounts")
    assert store.lookup("accounts", RECIPE, ["plan#/phases/0"])
    (reason,) = missed(store.lookup("billing"))
    assert isinstance(reason, InputChanged)
    assert (reason.key, reason.selector) == ("plan", "/phases/1")
    store.put("code", {"src/app.py": b"1", "src/deep/more.py": b""})
    assert {r.selector for r in missed(store.lookup("billing"))} == {  # type: ignore[attr-defined]
        "/phases/1",
        "src/**/*.py",
    }
    store.put("plan", {"title": "no phases"})
    assert missed(store.lookup("accounts")) == (SelectorUnmatched("plan", "/phases/0"),)


def test_two_parts_of_one_input_are_two_inputs(store: aicas.Store) -> None:
    store.put("plan", PLAN)
    parts = ["plan#/phases/0", "plan#/phases/1"]
    store.put("code", "c", recipe=RECIPE, inputs=parts)
    assert store.lookup("code", RECIPE, parts[::-1])
    gone = missed(store.lookup("code", RECIPE, parts[:1]))
    assert [(r.selector, r.new) for r in gone if isinstance(r, InputChanged)] == [
        ("/phases/1", None)
    ]


def test_content_that_comes_out_the_same_stops_a_change_two_levels_down(
    store: aicas.Store,
) -> None:
    store.put("plan", "p")
    store.put("code", "c", recipe=RECIPE, inputs=["plan"])
    store.put("tests", "t", recipe=RECIPE, inputs=["code"])
    store.put("report", "r", recipe=RECIPE, inputs=["tests"])
    store.put("plan", "p, reworded")
    assert not store.lookup("code", RECIPE, ["plan"])
    store.put("code", "c", recipe=RECIPE, inputs=["plan"])
    for key, above in (("tests", "code"), ("report", "tests")):
        assert not hit(store.lookup(key, RECIPE, [above])).moved
        assert store.lookup(key)
    assert {stage.state for stage in store.status()} == {"valid"}


def test_going_from_a_to_b_and_back_pays_once_for_each_through_two_levels(
    store: aicas.Store,
) -> None:
    paid = []

    def produce(key: str, above: str) -> None:
        if not store.lookup(key, RECIPE, [above]):
            paid.append((key, store.get(above)))
            store.put(key, f"{key} of {store.get(above)}", recipe=RECIPE, inputs=[above])

    for content in "ABABBA":
        store.put("plan", content)
        produce("code", "plan")
        produce("tests", "code")
        assert store.get("tests") == f"tests of code of {content}"
    assert paid == [
        ("code", "A"),
        ("tests", "code of A"),
        ("code", "B"),
        ("tests", "code of B"),
    ]


def test_an_invalidation_revokes_only_the_results_of_its_own_key(store: aicas.Store) -> None:
    store.put("plan", "p", recipe=RECIPE)
    store.put("code", "c", recipe=RECIPE, inputs=["plan"])
    store.put("tests", "t", recipe=RECIPE, inputs=["code"])
    done = store.invalidate("plan", "wrong")
    assert len(done.changes) == 3
    assert not store.lookup("plan", RECIPE, [])
    store.put("plan", "p", recipe=RECIPE)
    assert hit(store.lookup("code", RECIPE, ["plan"])).moved
    assert hit(store.lookup("tests", RECIPE, ["code"])).moved
    store.invalidate("code")
    assert not store.lookup("code", RECIPE, ["plan"]), "its own results are revoked now"
    store.put("code", "c2", recipe=RECIPE, inputs=["plan"])
    assert not store.lookup("tests", RECIPE, ["code"]), "it came back different"
    store.put("code", "c", recipe=RECIPE, inputs=["plan"])
    assert hit(store.lookup("tests", RECIPE, ["code"])).moved


def test_undoing_an_invalidation_restores_all_earlier_results(store: aicas.Store) -> None:
    first = store.put("code", "A", recipe={"model": "a"})
    store.put("code", "B", recipe={"model": "b"})
    done = store.invalidate("code")
    store.put("code", "C", recipe={"model": "c"})
    assert not store.lookup("code", {"model": "a"}, [])
    store.undo(done.number + 1)
    store.undo(done.number)
    assert hit(store.lookup("code", {"model": "a"}, [])).snapshot.id == first.id
    assert hit(store.lookup("code", {"model": "b"}, [])).moved


def test_what_was_undone_is_no_result_to_come_back_to(store: aicas.Store) -> None:
    store.put("code", "A", recipe={"model": "a"})
    store.put("code", "B", recipe={"model": "b"})
    store.undo()
    assert not store.lookup("code", {"model": "b"}, [])


def test_a_hit_is_not_remembered_beyond_a_change_by_another_process(
    open_local: object, clock: HandClock
) -> None:
    mine, other = open_local(), open_local()  # type: ignore[operator]
    mine.put("plan", "p")
    mine.put("code", "c", recipe=RECIPE, inputs=["plan"])
    for _ in range(2):
        assert mine.lookup("code", RECIPE, ["plan"])
    other.put("plan", "p2")
    assert not mine.lookup("code", RECIPE, ["plan"])
    assert not mine.lookup("code")
    other.undo()
    assert mine.lookup("code", RECIPE, ["plan"])
    other.invalidate("code")
    assert not mine.lookup("code", RECIPE, ["plan"])
    other.undo()
    assert mine.lookup("code")
    other.quarantine("code", "bad")
    assert not mine.lookup("code")


def test_a_hit_is_not_remembered_beyond_its_expiry(store: aicas.Store, clock: HandClock) -> None:
    store.put("code", "c", recipe=RECIPE, expires_in_hours=1)
    clock.pass_time(hours=1, seconds=-1)
    assert store.lookup("code", RECIPE, [])
    clock.pass_time(seconds=1)
    assert not store.lookup("code", RECIPE, [])
    clock.pass_time(seconds=-1)
    assert store.lookup("code", RECIPE, []), "the clock was set back"


def test_a_hit_on_what_a_time_names_is_not_remembered(store: aicas.Store, clock: HandClock) -> None:
    store.put("plan", "old")
    clock.pass_time(hours=10)
    store.put("plan", "new")
    store.put("code", "c", recipe=RECIPE, inputs=["plan@{2 hours ago}"])
    assert store.lookup("code", RECIPE, ["plan@{2 hours ago}"])
    clock.pass_time(hours=5)
    assert not store.lookup("code", RECIPE, ["plan@{2 hours ago}"])


def chain(store: aicas.Store) -> None:
    """plan -> design -> code -> tests, each of a recipe of its own."""
    above: list[str] = []
    for key in ("plan", "design", "code", "tests"):
        made = f"{key} 1"
        store.put(
            key,
            made,
            recipe={"prompt": key},
            inputs=above,
            cost=aicas.Cost(usd_nano=1_000, latency_us=5),
        )
        above = [key]


def names(found: aicas.Explanation, store: aicas.Store) -> tuple[str, ...]:
    assert found.cause is not None
    return found.cause.names(store.project)  # type: ignore[arg-type]


def test_why_names_the_first_cause_through_a_chain_of_stages(store: aicas.Store) -> None:
    chain(store)
    for key, above in (("plan", []), ("design", ["plan"]), ("code", ["design"])):
        recipe = {"prompt": key if above else "plan, changed"}
        store.put(key, f"{key} 2", recipe=recipe, inputs=above)
    found = store.why("tests")
    assert found.state == "stale"
    assert [str(reason) for reason in found.reasons] == ["input code changed"]
    assert names(found, store) == ("code", "design", "plan")
    assert found.cause
    assert isinstance(found.cause.reason, RecipeChanged)
    assert found.cause.reason.component == "prompt"
    (change,) = found.changes
    assert change.old
    assert change.new
    assert (store.payload(change.old), store.payload(change.new)) == ("code 1", "code 2")
    assert found.cost is not None
    assert found.cost.usd_nano == 1_000


def test_a_stage_that_came_out_different_from_the_same_is_its_own_first_cause(
    store: aicas.Store,
) -> None:
    chain(store)
    store.put("design", "design 2", recipe={"prompt": "design"}, inputs=["plan"])
    store.put("code", "code 2", recipe={"prompt": "code"}, inputs=["design"])
    found = store.why("tests")
    assert names(found, store) == ("code", "design")
    assert found.cause
    assert found.cause.reason is None


def test_a_valid_stage_names_what_it_rests_on_that_is_not_valid(store: aicas.Store) -> None:
    chain(store)
    store.put("plan", "plan 2", recipe={"prompt": "plan"})
    states = {stage.key: stage.state for stage in store.status()}
    assert states == {"plan": "valid", "design": "stale", "code": "valid", "tests": "valid"}
    causes = {s.key: s.cause and s.cause.names(store.project)[-1] for s in store.status()}  # type: ignore[arg-type]
    assert causes == {"plan": None, "design": "plan", "code": "plan", "tests": "plan"}
    found = store.why("tests")
    assert (found.state, found.reasons) == ("valid", ())
    assert names(found, store) == ("code", "design", "plan")


def test_an_invalidation_is_named_with_the_stage_it_began_with(store: aicas.Store) -> None:
    chain(store)
    done = store.invalidate("plan", "wrong customer")
    found = store.why("tests")
    assert found.state == "invalidated"
    assert names(found, store) == ("plan",)
    assert "wrong customer" in str(found.reasons[0])
    assert {stage.state for stage in store.status()} == {"invalidated"}
    store.undo(done.number)
    store.invalidate("design", only=True)
    found = store.why("tests")
    assert found.state == "valid"
    assert names(found, store) == ("code", "design")
    assert [s.state for s in store.status()] == ["stale", "invalidated", "valid", "valid"]


def test_why_offers_an_earlier_version_that_fits(store: aicas.Store) -> None:
    store.put("plan", "A")
    first = store.put("code", "of A", recipe=RECIPE, inputs=["plan"])
    store.put("plan", "B")
    store.put("code", "of B", recipe=RECIPE, inputs=["plan"])
    store.put("plan", "A")
    found = store.why("code")
    assert found.state == "stale"
    assert found.earlier
    assert found.earlier.id == first.id
    assert store.resolve("code") != first.id, "asking why moves nothing"
    assert [o.verb for o in store.ops(limit=1)] == ["put"]
    store.invalidate("code")
    assert store.why("code").earlier is None


def test_why_agrees_with_lookup_about_a_recipe_and_inputs(store: aicas.Store) -> None:
    store.put("plan", PLAN)
    store.put("code", "c", recipe=RECIPE, inputs=["plan#/phases/0"])
    other = {**RECIPE, "model": "m", "parameters": {"temperature": 1}}
    for recipe, inputs in [(RECIPE, ["plan"]), (other, None), (None, ["plan#/title"])]:
        assert store.why("code", recipe, inputs).reasons == missed(
            store.lookup("code", recipe, inputs)
        )


def test_status_and_why_agree_on_every_stage(store: aicas.Store, clock: HandClock) -> None:
    chain(store)
    store.put("expiring", "e", expires_in_hours=1, inputs=["plan"])
    store.put("failing", "f", validation_status="failed", inputs=["plan"])
    store.put("failed-later", "f", inputs=["code"])
    store.quarantine("failed-later", "bad")
    store.put("gone", "g", inputs=["plan"])
    store.invalidate("gone", only=True)
    store.put("design", "design 2", recipe={"prompt": "design, again"}, inputs=["plan"])
    other = store.at_project("other")
    other.put("far", "x")
    store.put("near", "n", inputs=["other/far", "tests"])
    other.put("far", "y")
    clock.pass_time(hours=2)
    states = {}
    for stage in store.status():
        found = store.why(stage.key)
        assert (stage.state, stage.reasons) == (found.state, found.reasons)
        assert (stage.snapshot and stage.snapshot.id) == (found.snapshot and found.snapshot.id)
        assert (stage.cause is None) == (found.cause is None)
        if stage.cause and found.cause:
            assert stage.cause.path[-1] == found.cause.path[-1]
            assert stage.cause.reason == found.cause.reason
        states[stage.key] = stage.state
    assert states == {
        "plan": "valid",
        "design": "valid",
        "code": "stale",
        "tests": "valid",
        "expiring": "expired",
        "failing": "quarantined",
        "failed-later": "quarantined",
        "gone": "invalidated",
        "near": "stale",
    }
    assert [stage.key for stage in other.status()] == ["far"]


def test_stages_made_from_one_another_in_a_circle_are_judged_once(store: aicas.Store) -> None:
    store.put("plan", "1")
    store.put("code", "1", inputs=["plan"])
    store.put("plan", "2", inputs=["code"])
    for _ in range(2):
        assert [stage.state for stage in store.status()] == ["stale", "valid"]
        assert names(store.why("code"), store)[0] == "plan"
        assert store.why("plan").state == "valid"
        store.put("code", "2", inputs=["plan"])
        store.put("plan", "3", inputs=["code"])


def test_what_changed_is_shown_for_the_part_that_is_read_alone(store: aicas.Store) -> None:
    old = store.put("plan", {"phases": [{"n": "a", "t": "x"}, {"n": "b"}], "title": "1"})
    new = store.put("plan", {"phases": [{"n": "A", "t": "x"}, {"n": "B"}], "title": "2"})
    diff = store.diff_parts(old, new, "/phases/0")
    assert [(c.path, c.old, c.new) for c in diff.values] == [("/phases/0/n", "a", "A")]
    assert not diff.metadata
    gone = store.diff_parts(old, store.put("plan", {}), "/phases/0")
    assert [(c.path, c.change) for c in gone.values] == [("/phases/0", "removed")]
    before = store.put("code", {"src/a.py": b"1\n", "src/b.py": b"1\n", "doc": b"1\n"})
    after = store.put("code", {"src/a.py": b"2\n", "src/c.py": b"9\n", "doc": b"2\n"})
    diff = store.diff_parts(before, after, "src/*.py")
    assert sorted(f.change.path for f in diff.files) == ["src/a.py", "src/b.py", "src/c.py"]
    assert "doc" in [f.change.path for f in store.diff_parts(before, after).files]
    with pytest.raises(InvalidInput):
        store.diff_parts(old, new, "src/*.py")
