"""Properties that are computed once, without a lock."""

import functools
from typing import TYPE_CHECKING, Any, TypeVar

T = TypeVar("T")


class cached_property(functools.cached_property[T]):
    """As `functools.cached_property`, whose lock in Python 3.11 is one for all instances.

    A process that is forked while another thread computes such a property would wait for that lock for ever. Without
    it, two threads may compute a value twice; both receive the first one stored.
    """

    if not TYPE_CHECKING:

        def __get__(self, instance: Any, owner: Any = None) -> Any:
            """The value of an instance."""
            if instance is None:
                return self
            values = vars(instance)
            if self.attrname not in values:
                values.setdefault(self.attrname, self.func(instance))
            return values[self.attrname]
