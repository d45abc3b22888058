"""A deployment is green only when the new revisions serve, and says which revision serves when they do not."""

from __future__ import annotations

import pytest

from end_to_end.sites import READINESS, READY, Site, Visitor

pytestmark = pytest.mark.slow("containers that are started again and again")

on_the_default_site = pytest.mark.parametrize("site", ["managed-references-shared"], indirect=True, scope="module")


@on_the_default_site
def test_a_revision_that_does_not_start_fails_the_deployment_and_the_old_one_serves(site: Site) -> None:
    serving = site.deployment.revisions()["apps-web"]
    site.deployment.configure(
        "web.command", ["python", "-c", "import os; exit('no module ' + os.environ['REDIS_URL'])"]
    )
    refused = site.deployment.pulumi("up", "--yes", "--skip-preview", "--stack", "dev", check=False)
    said = refused.stdout + refused.stderr
    assert refused.returncode != 0, "green, though nothing new serves"
    assert "its new revision" in said
    assert "last line of its log: no module ***" in said
    assert "last event: " in said
    assert f"the old revision {serving} still serves" in said
    assert not any(secret in said for secret in site.deployment.secrets())
    assert Visitor(site.address).get(READINESS).json() == READY
    again = site.deployment.pulumi("up", "--yes", "--skip-preview", "--stack", "dev", check=False)
    assert again.returncode != 0, "the next deployment says so, too"
    site.deployment.pulumi("config", "rm", "--path", "web.command", "--stack", "dev")
    site.deployment.up()
    assert Visitor(site.address).get(READINESS).json() == READY


@on_the_default_site
def test_a_worker_that_ends_again_and_again_fails_the_deployment(site: Site) -> None:
    site.deployment.configure(
        "workers", [{"name": "worker", "command": ["python", "-c", "import time; time.sleep(1); exit('no broker')"]}]
    )
    refused = site.deployment.pulumi("up", "--yes", "--skip-preview", "--stack", "dev", check=False)
    assert refused.returncode != 0, "green, though no worker works"
    assert "last line of its log: no broker" in refused.stdout + refused.stderr
    site.deployment.pulumi("config", "rm", "workers", "--stack", "dev")
    site.deployment.up()
    visitor = Visitor(site.address)
    assert visitor.result(visitor.queue_task(0))["seconds"] == 0
