"""The images are there, are for linux/amd64, and can be pulled.

Reads: the manifest in the registry, by its HTTP API, without a login or, at an Azure registry, with the deployer's
(role AcrPull). It pulls no layers.
"""

from __future__ import annotations

from collections.abc import Iterator

from doctor.client import UnreachableError
from doctor.preflight.findings import Fault, Finding, Unchecked
from doctor.preflight.look import Look
from doctor.preflight.plan import images_of
from doctor.preflight.registry import Denied, Manifest, Missing, Reference, fetch
from doctor.preflight.types import APP, JOB
from doctor.values import objects, text

_PLATFORM = "linux/amd64"
"""https://learn.microsoft.com/azure/container-apps/containers: Container Apps run no other."""


def check(look: Look) -> Iterator[Finding]:
    """Yield a fault for each image that no app could run."""
    with_login: dict[str, bool] = {}
    for app in (*look.plan.of_type(APP), *look.plan.of_type(JOB)):
        servers = {text(one, "server").lower() for one in objects(app.inputs, "configuration.registries")}
        for image in images_of(app):
            with_login[image] = with_login.get(image, False) or Reference.parse(image).host in servers
    for image, is_with_login in sorted(with_login.items()):
        yield from _image(look, image, has_login=is_with_login)


def _image(look: Look, image: str, *, has_login: bool) -> Iterator[Finding]:
    reference = Reference.parse(image)
    try:
        found = fetch(reference, look.client)
    except UnreachableError as error:
        yield Unchecked(f"image {image}", f"registry {reference.host}: {error}")
        return
    match found:
        case Missing():
            yield Fault(
                "image-missing",
                "image",
                image,
                f"the registry {reference.host} has no such image",
                "push it, or set the tag or digest of one that is there",
            )
        case Denied(words) if has_login:
            yield Unchecked(f"image {image}", f"{reference.host} does not show it to whoever deploys ({words})")
        case Denied(words):
            yield Fault(
                "image-not-pullable",
                "image",
                image,
                f"{reference.host} gives it to nobody without a login ({words}), and the apps have none",
                "set registry.server and registry.id of a private Azure registry, or make the image public",
            )
        case Manifest(platforms) if _PLATFORM not in platforms and platforms:
            yield Fault(
                "image-platform",
                "image",
                image,
                f"it is for {', '.join(sorted(platforms))}, and Container Apps run {_PLATFORM}",
                f"build it with `docker build --platform {_PLATFORM}`",
            )
        case Manifest(platforms) if not platforms:
            yield Unchecked(f"platform of image {image}", "its manifest does not name one")
        case Manifest():
            if reference.is_azure and not has_login and not found.anonymous:
                yield Fault(
                    "image-not-pullable",
                    "image",
                    image,
                    f"{reference.host} wants a login, and the apps have none",
                    f"set registry.server to {reference.host} and registry.id to the registry's id",
                )
