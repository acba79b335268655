"""What all schemas have in common."""

from pydantic import BaseModel, ConfigDict, Field

MAX_NAME_CHARS = 200


class Input(BaseModel):
    """A body that is sent to us: fields that are not documented are refused, so that typing errors show."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)


class Output(BaseModel):
    """A body that we send, made from a read model."""

    model_config = ConfigDict(from_attributes=True)


class OutputPage(BaseModel):
    """Some of a list, in order."""

    next_cursor: str | None = Field(
        description="Send it back as `cursor` for what follows; null on the last page. The `Link` header holds the address."
    )
