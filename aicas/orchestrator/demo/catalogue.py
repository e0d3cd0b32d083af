"""The features the demonstration agents know how to talk about and to build.

A feature is either a screenful of commands of its own (``template``), or an attribute: one more
field of the main record with a command that sets it and a command that shows records by it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from aicas.orchestrator.demo.language import Subject


@dataclass(frozen=True, slots=True)
class Feature:
    """One feature: when it is worth having, and what building it needs."""

    id: str
    title: str
    """``$plural`` and ``$singular`` stand for the main record."""
    template: str
    commands: tuple[str, ...]
    worth: int
    """Out of 100, for records that are looked up."""
    worth_actionable: int
    """Out of 100, for records that get done."""
    triggers: frozenset[str] = frozenset()
    """Words of a request that ask for it."""
    field: str = ""
    label: str = ""
    """What people call the field, where its name will not do."""
    annotation: str = ""
    default: str = ""
    shown: str = ""
    """Expression for its part at the end of a record's line."""
    mark: str = ""
    """Expression for the box before a record's title."""
    snippets: Mapping[str, str] | None = None
    """What fills the template besides names."""

    def worth_to(self, subject: Subject) -> int:
        """How much a subject gains by it, before anyone asked for it by name."""
        return self.worth_actionable if subject.actionable else self.worth


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_BASE = (
    Feature("capture", "Add and list $plural", "capture", ("add", "list"), 100, 100),
    Feature("editing", "Edit and remove $plural", "editing", ("edit", "remove"), 80, 80),
    Feature(
        "search",
        "Find $plural by text",
        "search",
        ("find",),
        60,
        60,
        _words("search searching find lookup filter"),
    ),
    Feature(
        "summary",
        "Summarise all $plural",
        "summary",
        ("stats",),
        55,
        55,
        _words("statistics stats summary report reports chart charts dashboard analytics"),
    ),
    Feature(
        "export",
        "Export $plural as JSON or CSV",
        "export",
        ("export",),
        35,
        35,
        _words("export exports csv json backup backups spreadsheet"),
    ),
)

_FLAGS = (
    Feature(
        "completion",
        "Mark $plural as done",
        "flag",
        ("done", "reopen", "open"),
        20,
        90,
        _words("done complete completed completion checklist finish progress"),
        field="done",
        annotation="bool",
        default="False",
        mark="'x' if self.done else ' '",
        snippets={"set": "done", "unset": "reopen", "view": "open", "listed": "not record.done"},
    ),
    Feature(
        "archive",
        "Archive $plural",
        "flag",
        ("archive", "unarchive", "archived"),
        15,
        15,
        _words("archive archived archiving"),
        field="archived",
        annotation="bool",
        default="False",
        shown='" (archived)" if self.archived else ""',
        snippets={
            "set": "archive",
            "unset": "unarchive",
            "view": "archived",
            "listed": "record.archived",
        },
    ),
)

_ATTRIBUTES = (
    Feature(
        "tags",
        "Tag $plural",
        "attribute",
        ("tag", "tagged"),
        40,
        40,
        _words("tag tags tagging category categories label labels topic topics genre genres"),
        field="tags",
        annotation="tuple[str, ...]",
        default="()",
        shown='"".join(f" #{tag}" for tag in self.tags)',
        snippets={
            "set": "tag",
            "view": "tagged",
            "parse": "return tuple(sorted({*old, required(text).lstrip('#').lower()}))",
            "chosen": "[record for record in records if wanted.lower() in record.tags]",
            "good": "Home",
            "stored": '("home",)',
            "bad": " ",
            "query": "home",
        },
    ),
    Feature(
        "priority",
        "Give $plural a priority",
        "attribute",
        ("prioritise", "top"),
        25,
        45,
        _words("priority priorities urgent urgency importance important"),
        field="priority",
        annotation="int",
        default="0",
        shown='f" {\'!\' * self.priority}" if self.priority else ""',
        snippets={
            "set": "prioritise",
            "view": "top",
            "parse": "return between(text, 1, 3)",
            "chosen": "sorted((r for r in records if r.priority), key=lambda r: -r.priority)",
            "good": "2",
            "stored": "2",
            "bad": "9",
        },
    ),
    Feature(
        "due",
        "Give $plural a due date",
        "attribute",
        ("due", "agenda"),
        10,
        58,
        _words("due deadline deadlines date dates schedule reminder reminders calendar when"),
        field="due",
        label="due date",
        annotation="str",
        default='""',
        shown='f" due {self.due}" if self.due else ""',
        snippets={
            "set": "due",
            "view": "agenda",
            "parse": "return date.fromisoformat(text).isoformat()",
            "chosen": "sorted((r for r in records if r.due), key=lambda r: r.due)",
            "good": "2031-05-01",
            "stored": '"2031-05-01"',
            "bad": "someday",
            "imports": "from datetime import date\n",
        },
    ),
    Feature(
        "notes",
        "Attach notes to $plural",
        "attribute",
        ("note", "noted"),
        30,
        20,
        _words("note notes comment comments description descriptions instructions remarks"),
        field="notes",
        annotation="tuple[str, ...]",
        default="()",
        shown='"".join(f" - {note}" for note in self.notes)',
        snippets={
            "set": "note",
            "view": "noted",
            "parse": "return (*old, required(text))",
            "chosen": "[record for record in records if record.notes]",
            "good": "ask first",
            "stored": '("ask first",)',
            "bad": " ",
        },
    ),
    Feature(
        "rating",
        "Rate $plural",
        "attribute",
        ("rate", "best"),
        20,
        5,
        _words("rating ratings rate review reviews stars favourite favourites favorite favorites"),
        field="rating",
        annotation="int",
        default="0",
        shown='" " + "*" * self.rating if self.rating else ""',
        snippets={
            "set": "rate",
            "view": "best",
            "parse": "return between(text, 1, 5)",
            "chosen": "sorted((r for r in records if r.rating), key=lambda r: -r.rating)",
            "good": "4",
            "stored": "4",
            "bad": "6",
        },
    ),
    Feature(
        "amount",
        "Put an amount on $plural and add them up",
        "attribute",
        ("amount", "total"),
        15,
        5,
        _words(
            "amount amounts price prices cost costs money expense expenses budget budgets invoice"
            " invoices payment payments ecommerce shop total totals"
        ),
        field="cents",
        label="amount",
        annotation="int",
        default="0",
        shown='f" {self.cents / 100:.2f}" if self.cents else ""',
        snippets={
            "set": "amount",
            "view": "total",
            "parse": "return int((Decimal(required(text)) * 100).to_integral_value())",
            "chosen": "sorted((r for r in records if r.cents), key=lambda r: -r.cents)",
            "footer": 'f"total {sum(r.cents for r in chosen) / 100:.2f}"',
            "good": "12.50",
            "stored": "1250",
            "bad": "lots",
            "imports": "from decimal import Decimal\n",
        },
    ),
    Feature(
        "assignee",
        "Assign $plural to people",
        "attribute",
        ("assign", "assigned"),
        10,
        12,
        _words("assign assignee team teams members collaborators collaboration people together"),
        field="assignee",
        annotation="str",
        default='""',
        shown='f" @{self.assignee}" if self.assignee else ""',
        snippets={
            "set": "assign",
            "view": "assigned",
            "parse": "return required(text)",
            "chosen": "[record for record in records if record.assignee == wanted]",
            "good": "Ada",
            "stored": '"Ada"',
            "bad": " ",
            "query": "Ada",
        },
    ),
)

FEATURES: dict[str, Feature] = {f.id: f for f in (*_BASE, *_FLAGS, *_ATTRIBUTES)}
"""Every feature by id, in the order a plan builds them."""

COMMANDS = frozenset(command for feature in FEATURES.values() for command in feature.commands)


def asked_for(words: frozenset[str] | set[str]) -> list[str]:
    """Ids of the features that some words ask for by name."""
    return [feature.id for feature in FEATURES.values() if feature.triggers & words]
