"""How well lit and how finely stored the pictures of a film are, as far as it shows in what is read anyway.

Both say how far a pose model can be trusted with it: in a dark picture little tells a knee from the wall behind it,
and in a strongly compressed one its outline is drawn by the codec.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

LIT = 0.30
"""Mean brightness, of white, up to which views are brightened before they are read [D]."""
MOST_GAIN = 4.0
"""Beyond it there is little left between the steps of the brightness [P]."""
_BRIGHTEST = 0.9
"""Up to here the lightest twentieth of a picture is brightened: somebody lit before a dark wall keeps their outline [P]."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exposure:
    """Light of the usual frame."""

    brightness: float
    """Mean over the picture, 0 black to 1 white."""
    contrast: float
    """Standard deviation over the picture in the same unit."""


def exposure_of(light: Mapping[int, NDArray[np.uint8]]) -> Exposure | None:
    """Return the light of the usual frame of those that were decoded; None where none was looked at."""
    if not light:
        return None
    grids = np.stack(list(light.values())) / 255.0
    return Exposure(
        brightness=float(np.median(grids.mean(axis=1))), contrast=float(np.median(grids.std(axis=1)))
    )


def gain_of(light: NDArray[np.uint8] | None) -> float:
    """Return by what the views of a frame are brightened, from its brightness at points; 1 where it is well lit.

    Examples
    --------
    >>> gain_of(np.full(256, 100, dtype=np.uint8)), gain_of(np.zeros(256, dtype=np.uint8)), gain_of(None)
    (1.0, 4.0, 1.0)
    """
    if light is None:
        return 1.0
    mean, lightest = float(light.mean()) / 255.0, float(np.percentile(light, 95)) / 255.0
    allowed = min(LIT / max(mean, 1e-9), _BRIGHTEST / max(lightest, 1e-9), MOST_GAIN)
    return max(1.0, allowed)
