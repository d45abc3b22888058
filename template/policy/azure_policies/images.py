"""An image's reference says which image it is."""

from collections.abc import Iterator

from azure_policies.containers import containers_of
from azure_policies.options import Options
from azure_policies.resource import Resource
from azure_policies.rule import Level, ResourceRule


def judge_reference(resource: Resource, options: Options) -> Iterator[str]:
    """Yield images without tag and digest: two replicas could run two of them."""
    del options
    for path, image in _images(resource):
        tag, digest = _tag_and_digest(image)
        if not tag and not digest:
            yield f"{path} is {image}: add a tag or, better, a digest"


def judge_latest(resource: Resource, options: Options) -> Iterator[str]:
    """Yield production's images by the tag ``latest``, which means another one tomorrow."""
    if not options.is_production(resource):
        return
    for path, image in _images(resource):
        tag, digest = _tag_and_digest(image)
        if tag == "latest" and not digest:
            yield f"{path} is {image}: name a version or, better, a digest"


def _images(resource: Resource) -> Iterator[tuple[str, str]]:
    for container in containers_of(resource):
        if isinstance(container.image, str):
            yield f"{container.path}.image", container.image


def _tag_and_digest(image: str) -> tuple[str, str]:
    """The two ends of a reference, empty where it has none; a registry's port is no tag."""
    name, _, digest = image.partition("@")
    _, _, tag = name.rpartition("/")[2].partition(":")
    return tag, digest


RULES = (
    ResourceRule(
        "image-by-tag-or-digest",
        "A container's image has a tag or a digest.",
        Level.MANDATORY,
        judge_reference,
    ),
    ResourceRule(
        "no-latest-in-production",
        "Production runs no image by the tag latest.",
        Level.MANDATORY,
        judge_latest,
        options=("production",),
    ),
)
