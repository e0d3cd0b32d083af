"""Functions as stages: their arguments name the key, and are part of the recipe."""

from __future__ import annotations

import inspect
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property, wraps
from typing import Any, ParamSpec

from aicas.cache.producer import OnFailure, Request
from aicas.errors import InvalidInput
from aicas.validity.inputs import Use
from aicas.validity.recipe import CODE_VERSION, Recipe

Parameters = ParamSpec("Parameters")
_PLACE = re.compile(r"\{([A-Za-z_]\w*)\}")


class Stage:
    """A function as a stage: makes a request of each call's arguments."""

    def __init__(
        self, function: Callable[..., Any], template: Request, components: Mapping[str, Any]
    ) -> None:
        """Make requests after ``template``.

        Args:
            function: the stage's code.
            template: its key and inputs may have places for arguments.
            components: of the recipe, besides the code version and the parameters.

        Raises:
            InvalidInput: the key has a place for an argument that the function does not have.
        """
        self._function = function
        self._signature = inspect.signature(function)
        self._template = template
        self._components = components
        for name in _PLACE.findall(template.key):
            if name not in self._signature.parameters:
                problem = f"{function.__name__} has no argument {name!a}"
                raise InvalidInput(f"stage key {template.key!a}: {problem}")

    @cached_property
    def _code_version(self) -> str:
        given = self._components.get(CODE_VERSION)
        version: str = given or Recipe.from_function(self._function)[CODE_VERSION]
        return version

    @property
    def _agent_policy(self) -> str:
        given = self._components
        return given.agent_policy if isinstance(given, Recipe) else "exact"

    def request(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Request:
        """What a call with these arguments wants.

        Raises:
            TypeError: the function does not take them.
            InvalidInput: one is not JSON-like, or the function's source cannot be read.
        """
        bound = self._signature.bind(*args, **kwargs)
        bound.apply_defaults()
        given = bound.arguments
        parameters = {**self._components.get("parameters", {}), **given}
        recipe = Recipe.of(
            {**self._components, CODE_VERSION: self._code_version, "parameters": parameters},
            self._agent_policy,
        )
        template = self._template
        return Request(
            _fill(template.key, given),
            recipe,
            tuple(i if isinstance(i, Use) else _fill(i, given) for i in template.inputs),
            template.sample,
            template.session,
            template.on_failure,
            template.tags,
            template.expires_in_hours,
        )


def _fill(text: str, arguments: Mapping[str, Any]) -> str:
    """Put arguments in their places; braces around anything else, as in ``plan@{1}``, stay."""

    def value(place: re.Match[str]) -> str:
        return str(arguments[place[1]]) if place[1] in arguments else place[0]

    return _PLACE.sub(value, text)


class Stages(ABC):
    """What makes stages of functions."""

    def stage(
        self,
        key: str,
        *,
        recipe: Mapping[str, Any] | None = None,
        inputs: Sequence[str | Use] = (),
        sample: int | None = None,
        session: str | None = None,
        on_failure: OnFailure = "share",
        tags: Sequence[str] = (),
        expires_in_hours: float | None = None,
    ) -> Callable[[Callable[Parameters, Any]], Callable[Parameters, Any]]:
        """Make a function a stage: a call gives the stored payload, or runs it and stores it.

        The recipe covers the function's code with what it calls in its own package, and, as
        parameters, its arguments, which must be JSON-like.

        Args:
            key: the stage; ``{name}`` stands for the function's argument of that name, as in
                ``phase-{phase}-generated_code``.
            recipe: further components, for example ``{"model": "gpt-4"}``; a ``code_version`` of
                its own is taken as it is.
            inputs: as for ``get_or_create``; ``{name}`` stands for an argument in them too.
            sample, session, on_failure, tags, expires_in_hours: see ``get_or_create``.

        Raises:
            InvalidInput: ``key`` names an argument that the function does not have.
        """
        template = Request(
            key, None, tuple(inputs), sample, session, on_failure, tuple(tags), expires_in_hours
        )

        def decorate(function: Callable[Parameters, Any]) -> Callable[Parameters, Any]:
            stage = Stage(function, template, recipe or {})
            return wraps(function)(self._calling(function, stage))

        return decorate

    @abstractmethod
    def _calling(self, function: Callable[..., Any], stage: Stage) -> Callable[..., Any]:
        """What calling the stage does."""
