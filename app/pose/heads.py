"""Where everybody's head was, so that pictures can hide faces: the athlete's and those of whoever stands around."""

from collections.abc import Sequence

import numpy as np

from app.biomech.heads import head_circles
from app.biomech.types import FloatArray
from app.pose.people import Person


def heads_of(people: Sequence[Person]) -> FloatArray:
    """Return every head that was seen, one row a sighting, somebody seen but once included.

    Returns
    -------
    FloatArray
        (H, 5): number of the person, time in s, centre x and y, radius in px.
    """
    rows = [
        np.column_stack(
            [
                np.full(len(person.sightings), number),
                [sighting.time_s for sighting in person.sightings],
                head_circles(np.stack([sighting.reading.xy_px for sighting in person.sightings])),
            ]
        )
        for number, person in enumerate(people)
    ]
    found = np.concatenate(rows) if rows else np.empty((0, 5))
    heads: FloatArray = found[np.isfinite(found).all(axis=1)]
    return heads
