"""Caches, files and images are for those who have a credential."""

from collections.abc import Iterator

from azure_policies.kinds import BLOB_CONTAINER, CLASSIC_REDIS, REGISTRY, STORAGE_ACCOUNT
from azure_policies.options import Options
from azure_policies.resource import UNKNOWN, Resource, same
from azure_policies.rule import Level, ResourceRule


def judge(resource: Resource, options: Options) -> Iterator[str]:
    """Yield what answers everybody."""
    del options
    wanted = resource.get("redisConfiguration", "authnotrequired")
    if resource.is_a(CLASSIC_REDIS) and (wanted is True or same(wanted, "true")):
        yield "redisConfiguration.authnotrequired is true: remove it, so that clients need a key or a role"
    if resource.is_a(STORAGE_ACCOUNT) and resource.get("allowBlobPublicAccess") is True:
        yield "allowBlobPublicAccess is true: turn it off, and give access by roles or signatures"
    if resource.is_a(BLOB_CONTAINER):
        access = resource.get("publicAccess")
        if access is not None and access is not UNKNOWN and not same(access, "None"):
            yield f"publicAccess is {access}: set it to None"
    if resource.is_a(REGISTRY) and resource.get("anonymousPullEnabled") is True:
        yield "anonymousPullEnabled is true: turn it off, and give the apps' identity the role AcrPull"


RULE = ResourceRule(
    "no-anonymous-access",
    "Caches, blobs and images are for nobody without a credential.",
    Level.MANDATORY,
    judge,
)
