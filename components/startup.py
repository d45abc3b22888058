"""Start-up tuning: what the program switches off because one short run does not need it (docs/decisions/0005)."""

import atexit
import gc
import re

import pulumi

_VERSIONED = re.compile(r"azure-native:[a-z]+/v[0-9]+[a-z]*:")


def tune() -> None:
    """Run without garbage collection, and without the aliases of resource types that name an API version.

    Looking for garbage among the SDK's hundreds of thousands of lasting objects, now and again and at exit, took more
    than a third of a preview.
    """
    gc.disable()
    # The interpreter collects once more at exit, disabled or not, but leaves out what is frozen.
    atexit.unregister(gc.freeze)
    atexit.register(gc.freeze)
    pulumi.runtime.register_stack_transformation(without_versioned_types)


def without_versioned_types(args: pulumi.ResourceTransformationArgs) -> pulumi.ResourceTransformationResult:
    """Leave out the aliases by which a resource would be found that was made with an explicit version of its API.

    The SDK gives a resource one for each version of its API, hundreds in a stack, and computes a URN for each of them.
    This program takes the SDK's default versions, whose types have no version in their name; the aliases of types that
    moved from one module to another stay.
    """
    options = args.opts
    if options.aliases:
        options.aliases = [alias for alias in options.aliases if not _is_versioned(alias)]
    return pulumi.ResourceTransformationResult(args.props, options)


def _is_versioned(alias: "pulumi.Input[str | pulumi.Alias]") -> bool:
    kind = alias.type_ if isinstance(alias, pulumi.Alias) else None
    return isinstance(kind, str) and _VERSIONED.match(kind) is not None
