"""The shape of every error."""

from pydantic import BaseModel, ConfigDict, Field


class FieldError(BaseModel):
    """One value that needs correcting."""

    field: str = Field(description="Name of the field, with a dot between levels.")
    message: str = Field(description="What is wrong with it.")


class ProblemDocument(BaseModel):
    """An error in the shape of RFC 9457, with what to do about it."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "type": "urn:plumbline:problem:corrupt_video",
                    "title": "The video cannot be used",
                    "status": 422,
                    "detail": "The file is damaged or not a video.",
                    "instance": "/api/v1/recordings",
                    "code": "corrupt_video",
                    "message": "The file is damaged or not a video.",
                    "how_to_fix": "Export the clip again as MP4 or MOV and upload that file.",
                    "request_id": "6d1c2f7f8c0e4f1f9f5c5e0b7f3a9d10",
                }
            ]
        }
    )

    type: str = Field(description="Identifies the kind of problem: `urn:plumbline:problem:` and the code.")
    title: str = Field(description="The kind of problem in a few words.")
    status: int = Field(description="The HTTP status.")
    detail: str = Field(description="Same as `message`, under RFC 9457's name.")
    instance: str = Field(description="The path that was asked.")
    code: str = Field(description="Stable; decide on this. For an unusable video it is the finding's code.")
    message: str = Field(description="What is wrong, in a sentence fit to be shown.")
    how_to_fix: str = Field(description="What to do next, in a sentence fit to be shown.")
    request_id: str = Field(description="Quote this when you report the problem; also in `X-Request-ID`.")
    errors: list[FieldError] | None = Field(
        default=None, description="Field by field, when values need correcting; otherwise absent."
    )
