"""Which revisions an app's host names are routed to, and in which shares.

https://learn.microsoft.com/azure/container-apps/traffic-splitting. The app's own name is routed to the latest revision
that is ready (https://learn.microsoft.com/azure/container-apps/application-lifecycle-management#zero-downtime-deployment),
or to several by their weights; each active revision has a name of its own, and each label has one.
"""

from __future__ import annotations

from dataclasses import dataclass

from local_azure.data_plane.desired_state import AppPlan


@dataclass(frozen=True)
class Target:
    """A revision, and its share of the requests for a host name."""

    revision: str
    weight: int


def host_names(app: AppPlan) -> list[str]:
    """Return every host name that an app may have; none without an ingress."""
    if app.ingress is None:
        return []
    revisions = [app.revision_fqdn(revision.name) for revision in app.revisions]
    labels = [app.label_fqdn(share.label) for share in app.ingress.shares if share.label]
    return [app.ingress.fqdn, *revisions, *labels]


def targets(app: AppPlan, ready: str, running: set[str]) -> dict[str, tuple[Target, ...]]:
    """Return the revisions of each host name of an app; none without an ingress.

    `ready` is the latest revision that is ready, or empty; `running` are the revisions that have or may have replicas.
    """
    if app.ingress is None:
        return {}
    found: dict[str, tuple[Target, ...]] = {}
    latest = ready or app.latest
    shares = [(share.revision or latest, share) for share in app.ingress.shares]
    if app.single or not shares:
        found[app.ingress.fqdn] = (Target(latest, 100),)
    else:
        weighed = tuple(Target(revision, share.weight) for revision, share in shares if share.weight)
        found[app.ingress.fqdn] = weighed
    for revision, share in shares:
        if share.label:
            found[app.label_fqdn(share.label)] = (Target(revision, 100),)
    for revision in sorted(running):
        found[app.revision_fqdn(revision)] = (Target(revision, 100),)
    return found
