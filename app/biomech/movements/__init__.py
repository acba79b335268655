"""The movements, one module each. A module with a `MovementDefinition` in it is all it takes to add one."""

import importlib
import pkgutil

from app.biomech.movements.base import MovementDefinition
from app.biomech.types import Movement


def find_movements() -> dict[Movement, MovementDefinition]:
    """Return the definition of every movement that a module of this package defines.

    In the order of `Movement`. Raises ``ValueError`` when two modules define the same movement.
    """
    found: dict[Movement, MovementDefinition] = {}
    for module in pkgutil.iter_modules(__path__, prefix=f"{__name__}."):
        for item in vars(importlib.import_module(module.name)).values():
            if not isinstance(item, MovementDefinition):
                continue
            if found.setdefault(item.movement, item) is not item:
                msg = f"{item.movement} is defined twice"
                raise ValueError(msg)
    return {movement: found[movement] for movement in Movement if movement in found}
