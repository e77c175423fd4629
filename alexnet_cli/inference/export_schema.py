"""What export.json may hold, as far as it is read again; the rest is left as it is."""

from typing import Annotated, Any

from msgspec import Meta, Struct

from ..run.schema import Text, converted

_Number = Annotated[float, Meta(ge=-1e18, le=1e18)]
_Count = Annotated[int, Meta(ge=0, le=2**53)]
_File = Annotated[str, Meta(pattern=r"\A[\w-][\w.-]*\Z")]
_Digest = Annotated[str, Meta(pattern=r"\A[0-9a-f]{64}\Z")]


class _Model(Struct):
    file: _File
    bytes: _Count
    agreement: _Number
    largest_difference: _Number
    accuracy: _Number | None
    drop: _Number | None
    passed: bool = True
    compared_on: Text = ""
    digests: dict[Text, _Digest] = {}


class _Run(Struct):
    images: _Count
    accuracy: _Number | None
    accuracy_interval: tuple[_Number, _Number] | None


class _Images(Struct, rename={"name": "from"}):
    name: Text
    trained_on: _Count = 0


class _Record(Struct):
    exports: Annotated[list[_Model], Meta(max_length=1000)]
    weights_sha256: _Digest | None = None
    data_license: Text = ""
    images: _Images | None = None
    run: _Run | None = None


def check_record(data: dict[str, Any]) -> None:
    """Check the types of what is used of export.json.

    Raises:
        ValueError: one is another.
    """
    converted(data, _Record)
