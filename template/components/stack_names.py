"""Names of one stack's resources as inputs of resources; globally unique names end in the suffix."""

import pulumi
import pulumi_random as random

from components.naming import Names


class StackNames:
    """The names of a stack's resources.

    Attributes:
        resource_group: name of the resource group.
        key_vault: name of the vault.
    """

    resource_group: pulumi.Output[str]
    key_vault: pulumi.Output[str]

    def __init__(self, names: Names, unique_suffix: str | None) -> None:
        """Create the random suffix, if it is needed.

        Args:
            names: names by this stack's application, environment, region and instance.
            unique_suffix: suffix of globally unique names; ``None``: random, empty: none.
        """
        suffix = (
            random.RandomString("unique-suffix", length=5, special=False, upper=False).result
            if unique_suffix is None
            else pulumi.Output.from_input(unique_suffix)
        )
        self._names = names
        self._suffix = suffix
        self.resource_group = suffix.apply(names.resource_group)
        self.key_vault = suffix.apply(names.key_vault)

    def redis(self, role: str = "") -> pulumi.Output[str]:
        """Return the name of a cache; ``role`` is empty for Django's cache."""
        return self._suffix.apply(lambda suffix: self._names.redis(role, suffix))

    def container_app(self, role: str = "") -> str:
        """Return the name of a container app; ``role`` is empty for web."""
        return self._names.container_app(role)

    def common(self, kind: str, *roles: str) -> str:
        """Return a name that is unique in the resource group only, such as ``vnet-westeurope-magictoolbox-01``."""
        return self._names.common(kind, *roles)
