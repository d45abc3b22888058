"""Tune the Python process for one short run (docs/decisions/0005)."""

import atexit
import gc
import re

import pulumi

_VERSIONED = re.compile(r"azure-native:[a-z]+/v[0-9]+[a-z]*:")


def tune() -> None:
    """Disable garbage collection, and drop aliases of resource types that contain an API version.

    Collections, over hundreds of thousands of long-lived objects of the SDK, took more than a third of a preview.
    """
    gc.disable()
    # The interpreter collects at exit even when disabled, but skips frozen objects.
    atexit.unregister(gc.freeze)
    atexit.register(gc.freeze)
    pulumi.runtime.register_stack_transformation(without_versioned_types)


def without_versioned_types(args: pulumi.ResourceTransformationArgs) -> pulumi.ResourceTransformationResult:
    """Remove aliases of resource types that contain an API version.

    The SDK adds an alias for each API version, hundreds in a stack, and computes a URN for each of them. This program
    uses the SDK's default versions, whose types contain no version; aliases of types that moved to another module stay.
    """
    options = args.opts
    if options.aliases:
        options.aliases = [alias for alias in options.aliases if not _is_versioned(alias)]
    return pulumi.ResourceTransformationResult(args.props, options)


def _is_versioned(alias: "pulumi.Input[str | pulumi.Alias]") -> bool:
    kind = alias.type_ if isinstance(alias, pulumi.Alias) else None
    return isinstance(kind, str) and _VERSIONED.match(kind) is not None
