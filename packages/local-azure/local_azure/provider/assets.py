"""Assets in a resource's inputs: the model stores their hash, never the file itself."""

from __future__ import annotations

from google.protobuf import struct_pb2
from google.protobuf.message import Message

# The engine's marks of an asset and of an archive; the SDK has no public names for them.
from pulumi.runtime.rpc import (
    _special_archive_sig,  # pyright: ignore[reportPrivateUsage]
    _special_asset_sig,  # pyright: ignore[reportPrivateUsage]
    _special_sig_key,  # pyright: ignore[reportPrivateUsage]
)


def describe_assets(message: Message) -> None:
    """Put in place of every asset of a request a text with its digest.

    The engine sends an old one without its content, which the SDK's own reading does not take.
    """
    for descriptor, value in message.ListFields():
        if descriptor.message_type is struct_pb2.Struct.DESCRIPTOR and isinstance(value, struct_pb2.Struct):
            for field in value.fields.values():
                _describe(field)


def _describe(value: struct_pb2.Value) -> None:
    if value.HasField("list_value"):
        for element in value.list_value.values:
            _describe(element)
    elif value.HasField("struct_value"):
        fields = value.struct_value.fields
        mark = fields[_special_sig_key].string_value if _special_sig_key in fields else ""
        if mark in (_special_asset_sig, _special_archive_sig):
            kind = "asset" if mark == _special_asset_sig else "archive"
            digest = fields["hash"].string_value if "hash" in fields else ""
            value.string_value = f"{kind}:{digest}"
            return
        for inner in fields.values():
            _describe(inner)
