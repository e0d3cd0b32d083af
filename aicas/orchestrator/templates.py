"""Prompt templates: files of text with one place for the input, which is JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.resources import files
from typing import Any

_PLACE = "{{input}}"


@cache
def template(task: str) -> str:
    """The text of a task's template."""
    return (files(__package__) / "prompts" / f"{task}.md").read_text("utf-8")


def render(task: str, given: Mapping[str, Any]) -> str:
    """A prompt: the template with its input as one JSON block.

    JSON keeps every line break of the input inside its strings, so no input can close the block.
    """
    block = json.dumps(given, ensure_ascii=False, indent=1, sort_keys=True)
    return template(task).replace(_PLACE, f"```json\n{block}\n```")


def joined(tasks: Iterable[str]) -> str:
    """All templates of a stage as one text, for its recipe."""
    return "\n".join(f"# {task}\n\n{template(task)}" for task in tasks)
