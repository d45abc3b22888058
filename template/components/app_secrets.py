"""Collect the apps' secrets, store them in the vault, and compute their digest."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import pulumi
import pulumi_random as random
from pydantic import SecretStr

from components.key_vault import KeyVault
from components.placement import Placement
from components.redis_caches import RedisCaches
from components.secret_names import VARIABLE_OF_SECRET, SecretName, secret_name
from components.secrets_digest import secrets_digest


@dataclass(frozen=True)
class AppSecret:
    """A secret of an app.

    Attributes:
        value: its value; needed for the digest even where the app gets a vault reference only.
        variable: the environment variable that it sets; ``None``: none.
        key_vault_uri: versioned URI in a vault from which the app reads it; ``None``: the app holds the value.
    """

    value: pulumi.Input[str]
    variable: str | None = None
    key_vault_uri: pulumi.Input[str] | None = None


@dataclass(frozen=True)
class AppSecrets:
    """The secrets of an app.

    Attributes:
        by_name: secrets by name.
        digest_key: key of their digest, secret.
        depends_on: resources that must exist before an app can read them.
    """

    by_name: Mapping[str, AppSecret]
    digest_key: pulumi.Input[str]
    depends_on: Sequence[pulumi.Resource] = ()

    def without(self, name: SecretName) -> "AppSecrets":
        """Return all secrets except one."""
        return replace(self, by_name={key: secret for key, secret in self.by_name.items() if key != name})

    @property
    def values(self) -> Sequence[pulumi.Input[str]]:
        """Return the secrets' values."""
        return [pulumi.Output.secret(secret.value) for secret in self.by_name.values()]

    @property
    def digest(self) -> pulumi.Output[str]:
        """Return the digest of names and values, not secret: in an app's template, a new value creates a revision."""
        return _digest(self.digest_key, {name: secret.value for name, secret in self.by_name.items()})


def _digest(key: pulumi.Input[str], values: Mapping[str, pulumi.Input[str]]) -> pulumi.Output[str]:
    """Return the digest of secret values, which is not secret."""
    digest = pulumi.Output.all(key, values).apply(lambda args: secrets_digest(args[0], args[1]))
    return pulumi.Output.unsecret(digest)


def store_secrets(
    vault: KeyVault,
    *,
    placement: Placement,
    caches: RedisCaches,
    secret_env: Mapping[str, SecretStr],
    use_references: bool,
) -> AppSecrets:
    """Generate or collect the apps' secrets and store them in the vault.

    Args:
        vault: vault that stores the secrets, even if the apps do not read them from it.
        placement: whether Django's signing key is protected from deletion.
        caches: source of the connection strings and of the broker's access key.
        secret_env: further environment variables by name, each of which becomes a secret.
        use_references: create Key Vault references; otherwise the apps hold the values.
    """
    signing_key = random.RandomPassword(
        "django-secret-key", length=64, opts=pulumi.ResourceOptions(protect=placement.protect)
    )
    digest_key = random.RandomPassword("secrets-digest-key", length=32)
    stack_values: Mapping[SecretName, pulumi.Input[str]] = {
        SecretName.REDIS_URL: caches.cache_url,
        SecretName.CELERY_BROKER_URL: caches.broker_url,
        SecretName.CELERY_RESULT_BACKEND: caches.broker_url,
        SecretName.REDIS_KEY: caches.broker.active_key,
        SecretName.DJANGO_SECRET_KEY: signing_key.result,
    }
    secrets = {name.value: AppSecret(value, VARIABLE_OF_SECRET.get(name)) for name, value in stack_values.items()}
    for variable, value in secret_env.items():
        secrets[secret_name(variable)] = AppSecret(value.get_secret_value(), variable)
    uris = {
        name: vault.add_secret(name, secret.value, _digest(digest_key.result, {name: secret.value})).uri_with_version
        for name, secret in secrets.items()
    }
    if not use_references:
        return AppSecrets(secrets, digest_key.result)
    referenced = {name: replace(secret, key_vault_uri=uris[name]) for name, secret in secrets.items()}
    return AppSecrets(referenced, digest_key.result, depends_on=vault.private_endpoint.reachable)
