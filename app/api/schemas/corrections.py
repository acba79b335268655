"""Corrections as REST takes and shows them."""

from datetime import datetime
from typing import Annotated, Literal, assert_never
from uuid import UUID

from pydantic import AfterValidator, Field

from app.api.schemas.base import Input, Output
from app.biomech import corrections as by_hand
from app.biomech.corrections import CorrectionKind
from app.biomech.joints import Joint
from app.biomech.types import EventName, Side
from app.services.read_models import CorrectionStatus

MAX_FRAME = 1_000_000
_JOINTS = [joint.name.lower() for joint in Joint]


def _known_joint(name: str) -> str:
    if name not in _JOINTS:
        msg = f"Choose one of {', '.join(_JOINTS)}."
        raise ValueError(msg)
    return name


FrameField = Annotated[int, Field(ge=0, le=MAX_FRAME, description="Counted from 0, as the analysis does.")]
PixelField = Annotated[
    float,
    Field(
        allow_inf_nan=False, description="In the upright picture, from its top left corner, x right, y down."
    ),
]


class _CorrectionInput(Input):
    reason: Annotated[str, Field(min_length=1, max_length=500)] | None = Field(
        default=None, description="Why, in your words."
    )


class MoveEventInput(_CorrectionInput):
    """The event happens at this time."""

    kind: Literal[CorrectionKind.MOVE_EVENT]
    name: EventName
    side: Side
    time_s: Annotated[float, Field(allow_inf_nan=False, description="On the clock of the video.")]
    repetition: Annotated[int, Field(ge=1, le=1000)] | None = None


class MoveKeypointInput(_CorrectionInput):
    """The joint is at this place in this frame; its path around the frame follows."""

    kind: Literal[CorrectionKind.MOVE_KEYPOINT]
    joint: Annotated[str, AfterValidator(_known_joint), Field(json_schema_extra={"enum": _JOINTS})]
    frame: FrameField
    x_px: PixelField
    y_px: PixelField


class SwapSidesInput(_CorrectionInput):
    """Left and right are exchanged in these frames; in the whole clip when none are named."""

    kind: Literal[CorrectionKind.SWAP_SIDES]
    first_frame: FrameField | None = None
    last_frame: FrameField | None = Field(default=None, description="Inclusive.")


class PickPersonInput(_CorrectionInput):
    """The athlete is the person at this place in this frame. The video is read again for it."""

    kind: Literal[CorrectionKind.PICK_PERSON]
    frame: FrameField
    x_px: PixelField
    y_px: PixelField


class DropTrialInput(_CorrectionInput):
    """The trial counts in nothing."""

    kind: Literal[CorrectionKind.DROP_TRIAL]


CorrectionInput = Annotated[
    MoveEventInput | MoveKeypointInput | SwapSidesInput | PickPersonInput | DropTrialInput,
    Field(discriminator="kind"),
]


def correction_from(body: CorrectionInput) -> by_hand.Correction:
    """Return what was sent as the value it stands for."""
    match body:
        case MoveEventInput():
            return by_hand.MoveEvent(
                name=body.name, side=body.side, time_s=body.time_s, repetition=body.repetition
            )
        case MoveKeypointInput():
            return by_hand.MoveKeypoint(
                joint=Joint[body.joint.upper()], frame=body.frame, x_px=body.x_px, y_px=body.y_px
            )
        case SwapSidesInput():
            return by_hand.SwapSides(first_frame=body.first_frame, last_frame=body.last_frame)
        case PickPersonInput():
            return by_hand.PickPerson(frame=body.frame, x_px=body.x_px, y_px=body.y_px)
        case DropTrialInput():
            return by_hand.DropTrial()
        case _:
            assert_never(body)


class ActorOutput(Output):
    """Who did it."""

    user_id: UUID | None
    api_key_id: UUID | None
    name: str | None


class CorrectionOutput(Output):
    """Something that a person put right: who, when, why, what was there, what is there now."""

    id: UUID
    recording_id: UUID
    analysis_id: UUID = Field(description="The analysis that was looked at.")
    kind: CorrectionKind
    before: dict[str, str | int | float | None] = Field(
        description="What that analysis had in its place; empty where there was nothing."
    )
    after: dict[str, str | int | float | None]
    reason: str | None
    by: ActorOutput
    created_at: datetime
    status: CorrectionStatus = Field(
        description="`applied`, `undone`, `waiting` for a new reading of the video, or `not_applicable`: about "
        "another person's track, or an error that only another reading has."
    )
    undone_at: datetime | None
    undone_by: ActorOutput | None


class CorrectionList(Output):
    """Every correction of a recording in order, those that were undone included."""

    items: list[CorrectionOutput]
