"""Which former types of a resource the engine looks for: not those with a version, for this program never used one."""

import re

import pulumi

_VERSIONED = re.compile(r"azure-native:[a-z]+/v[0-9]+[a-z]*:")


def without_versioned_types(args: pulumi.ResourceTransformationArgs) -> pulumi.ResourceTransformationResult:
    """Leave out the aliases by which a resource would be found that was made with an explicit version of its API.

    The SDK gives a resource one for each version of its API, hundreds in a stack, and works out a URN for each of them
    (docs/decisions/0005). This program takes the SDK's default versions, whose types have no version in their name; the
    aliases of types that moved from one module to another stay.
    """
    options = args.opts
    if options.aliases:
        options.aliases = [alias for alias in options.aliases if not _is_versioned(alias)]
    return pulumi.ResourceTransformationResult(args.props, options)


def _is_versioned(alias: "pulumi.Input[str | pulumi.Alias]") -> bool:
    kind = alias.type_ if isinstance(alias, pulumi.Alias) else None
    return isinstance(kind, str) and _VERSIONED.match(kind) is not None
