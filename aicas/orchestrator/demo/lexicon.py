"""Word lists behind the demonstration agents' reading of a request."""

from __future__ import annotations


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


IGNORED = _words(
    """
    a an the my our your their its this some any all each every me us we i you it them they please
    build create make write develop generate implement design produce program code set up need
    needs want wants would like can could should must will have has having let lets allow allows
    help helps support supports manage manages handle handles keep keeps store stores save saves
    show shows see view add adds adding remove edit share shares send get use uses used user
    users able simple small big large new nice good great basic tiny minimal modern fast easy
    full complete personal online mobile local web desktop command line based smart custom own
    very really just also more other python javascript typescript rust java flask django react
    something anything thing things stuff way kind sort lot lots not no be is are was do does
    track tracks tracking managing organizing organising selling buying sharing creating building
    storing writing making
    """
)
"""Words that name no thing the software is about."""

CONTAINERS = _words(
    """
    app apps application applications system systems tool tools site website webapp platform
    service services tracker trackers manager management cli program api project software database
    dashboard planner organizer organiser catalog catalogue collection list lists log keeper
    register directory book board generator editor viewer reader counter calculator bot game
    server client library package module script page portal suite assistant hub inventory index
    scheduler timer finder converter browser monitor builder helper
    """
)
"""Words for what holds things; the word before says which things."""

HOLDERS = _words("list log board book plan index")
"""Containers that, after another noun, name a collection of entries: a shopping list."""

STANDS_FOR = {
    "todo": "task",
    "todos": "task",
    "tasks": "task",
    "checklist": "task",
    "ecommerce": "product",
    "commerce": "product",
    "shop": "product",
    "store": "product",
    "blog": "post",
    "blogging": "post",
    "chat": "message",
    "messenger": "message",
    "calendar": "event",
    "budget": "expense",
    "budgeting": "expense",
    "finance": "expense",
    "crm": "contact",
    "kanban": "card",
    "quiz": "question",
    "diary": "entry",
    "journal": "entry",
    "fitness": "workout",
    "gym": "workout",
    "restaurant": "dish",
    "hotel": "room",
    "school": "course",
    "wiki": "article",
    "music": "song",
    "weather": "reading",
    "bank": "account",
    "library": "book",
    "inventory": "item",
}
"""Words for a whole application, and what it is an application of."""

ACTIONABLE = _words(
    """
    task chore goal habit assignment ticket bug issue reminder homework order job card milestone
    errand step story request action deadline appointment delivery repair
    """
)
"""Things that get done."""

ACTION_HINTS = _words("done progress finish finished completion checklist deadline deadlines")

JOINS = _words("with and including include includes plus featuring supporting or &")
"""What comes after is wanted too."""

ASIDES = _words(
    "for using in on by from of that which where who to so when as at into via through about if"
)
"""What comes after describes; it is no thing of its own, unless nothing else is."""

IRREGULAR = {
    "people": "person",
    "children": "child",
    "men": "man",
    "women": "woman",
    "feet": "foot",
    "mice": "mouse",
    "series": "series",
    "species": "species",
    "news": "news",
    "data": "data",
    "movies": "movie",
    "cookies": "cookie",
}
