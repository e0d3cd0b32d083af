"""Two agents agree on features: one proposes, one criticises, one revises, one closes.

Every function takes the input of its prompt and returns the content of its reply. The rules are
fixed; what comes out depends on the request alone.
"""

from __future__ import annotations

from string import Template
from typing import Any

from aicas.orchestrator.demo.catalogue import FEATURES, asked_for
from aicas.orchestrator.demo.language import MAX_THINGS, Subject, Thing, side_thing, understand

MAX_FEATURES = 12
_PROPOSED_FROM = 25
_WORTH_KEEPING = 50
_DEFENDED_FROM = 45
_ASKED = 100
# What the proposing agent, thinking of data entry, tends to leave out.
_OVERLOOKED = ("search", "summary")


def propose(given: dict[str, Any]) -> dict[str, Any]:
    """The first list: everything asked for, and what records of this kind gain by."""
    subject = understand(given["request"])
    asked = set(asked_for(_asked_words(subject)))
    features = [_feature(subject, name, asked=name in asked) for name in FEATURES]
    chosen = [
        feature
        for feature in features
        if feature["worth"] >= _PROPOSED_FROM
        and (feature["asked"] or feature["id"] not in _OVERLOOKED)
    ]
    chosen += [_collection(thing) for thing in _side_things(subject)]
    return {
        "title": subject.title,
        "package": subject.package,
        "record": {"singular": subject.primary.singular, "plural": subject.primary.plural},
        "actionable": subject.actionable,
        "features": chosen,
    }


def _asked_words(subject: Subject) -> set[str]:
    """The request's words but for the record itself: an app of notes attaches none to them.

    An app of expenses does want amounts on them.
    """
    own = {subject.primary.singular, subject.primary.plural} - FEATURES["amount"].triggers
    return set(subject.words) - own


def _feature(subject: Subject, name: str, *, asked: bool) -> dict[str, Any]:
    feature = FEATURES[name]
    title = Template(feature.title).substitute(
        singular=subject.primary.singular, plural=subject.primary.plural
    )
    worth = _ASKED if asked else feature.worth_to(subject)
    why = "the request asks for it" if asked else f"worth {worth} of 100 to {subject.title}"
    return {"id": name, "title": title, "worth": worth, "asked": asked, "why": why}


def _side_things(subject: Subject) -> list[Thing]:
    """Other kinds of records the request speaks of, which no feature covers."""
    things: dict[str, Thing] = {}
    for phrase in subject.phrases:
        thing = None if asked_for(set(phrase)) else side_thing(phrase)
        if thing is not None and thing.collection != subject.primary.collection:
            things.setdefault(thing.collection, thing)
    return list(things.values())[:MAX_THINGS]


def _collection(thing: Thing) -> dict[str, Any]:
    return {
        "id": f"collection-{thing.collection}",
        "title": f"Keep the {thing.plural} as well",
        "worth": _ASKED,
        "asked": True,
        "why": "the request speaks of it",
        "record": {"singular": thing.singular, "plural": thing.plural},
    }


def criticise(given: dict[str, Any]) -> dict[str, Any]:
    """Objections to what nobody asked for and little is gained by; additions overlooked."""
    proposal = given["proposal"]
    subject = understand(given["request"])
    objections = [
        {
            "feature": feature["id"],
            "reason": f"nobody asked for it, and it is worth {feature['worth']} of 100 here",
        }
        for feature in proposal["features"]
        if feature["worth"] < _WORTH_KEEPING
    ]
    present = {feature["id"] for feature in proposal["features"]}
    additions = [
        _feature(subject, name, asked=False)
        for name in _OVERLOOKED
        if name not in present and FEATURES[name].worth_to(subject) >= _WORTH_KEEPING
    ]
    return {"objections": objections, "additions": additions}


def revise(given: dict[str, Any]) -> dict[str, Any]:
    """Take the additions, give up what was objected to, defend what is nearly worth it."""
    proposal, criticism = given["proposal"], given["criticism"]
    objected = {item["feature"] for item in criticism["objections"]}
    kept, defended, dropped = [], [], []
    for feature in proposal["features"]:
        if feature["id"] not in objected:
            kept.append(feature)
        elif feature["worth"] >= _DEFENDED_FROM:
            defended.append(feature)
        else:
            dropped.append(feature["id"])
    return {"features": [*kept, *criticism["additions"]], "defended": defended, "dropped": dropped}


def agree(given: dict[str, Any]) -> dict[str, Any]:
    """The joint list: what both accept, asked-for features first when there are too many."""
    revision = given["revision"]
    order = list(FEATURES)
    wanted = sorted(revision["features"], key=lambda f: (not f["asked"], -f["worth"]))
    core = [f for f in wanted if f["id"] == "capture"]
    agreed = [*core, *(f for f in wanted if f["id"] != "capture")][:MAX_FEATURES]
    agreed.sort(key=lambda f: order.index(f["id"]) if f["id"] in order else len(order))
    names = {feature["id"] for feature in agreed}
    later = [f["id"] for f in wanted if f["id"] not in names]
    disagreements = [
        {
            "feature": feature["id"],
            "kept_by": "brainstormer",
            "refused_by": "critic",
            "outcome": "left for later",
        }
        for feature in revision["defended"]
    ]
    return {"agreed": agreed, "deferred": later, "disagreements": disagreements}
