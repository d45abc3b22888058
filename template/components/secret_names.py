"""Names of the apps' secrets, and the environment variables that they set."""

from collections.abc import Mapping
from enum import StrEnum

SECRET_NAME_LIMIT = 127
"""Maximum length of the name of a secret in a vault.

Source: https://learn.microsoft.com/azure/azure-resource-manager/management/resource-name-rules (Microsoft.KeyVault).
"""


class SecretName(StrEnum):
    """Secrets that every stack has, by their name in the vault and in the container apps."""

    CELERY_BROKER_URL = "celery-broker-url"
    CELERY_RESULT_BACKEND = "celery-result-backend"
    DJANGO_SECRET_KEY = "django-secret-key"
    REDIS_KEY = "redis-key"
    """The broker's raw access key, for KEDA's scaler, which takes no URL; no environment variable holds it."""
    REDIS_URL = "redis-url"


VARIABLE_OF_SECRET: Mapping[SecretName, str] = {
    SecretName.CELERY_BROKER_URL: "CELERY_BROKER_URL",
    SecretName.CELERY_RESULT_BACKEND: "CELERY_RESULT_BACKEND",
    SecretName.DJANGO_SECRET_KEY: "SECRET_KEY",
    SecretName.REDIS_URL: "REDIS_URL",
}
"""Environment variables that are set by reference to a secret, never by value."""


def secret_name(variable: str) -> str:
    """Return the name of the secret behind an environment variable: ``API_KEY`` is read from ``api-key``.

    Source: secret names are lower-case letters, digits and hyphens,
    https://learn.microsoft.com/azure/container-apps/manage-secrets.
    """
    return variable.lower().replace("_", "-").strip("-")
