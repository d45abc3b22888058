"""An ingress in this process, with replicas behind it that answer what a test wants."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web

from local_azure.core.ids import ArmId
from local_azure.data_plane.app import ReadyReplica
from local_azure.data_plane.desired_state import AppPlan, IngressPlan
from local_azure.data_plane.ingress.server import Ingress
from local_azure.data_plane.traffic import Target
from local_azure.status.ingress_ports import Ports, read_ports
from local_azure.system.certificates import certificate_authority

DOMAIN = "calm-river-0a1b2c3d.westeurope.azurecontainerapps.io"
GROUP = "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/rg-dev"
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def app_plan(name: str = "web", *, external: bool = True, **settings: Any) -> AppPlan:
    """Return an app with an ingress."""
    infix = "" if external else ".internal"
    ingress = IngressPlan(
        f"{name}{infix}.{DOMAIN}",
        external,
        8000,
        settings.get("transport", "auto"),
        (),
        {"external": external, **settings},
    )
    return AppPlan(
        id=ArmId.build(GROUP, "Microsoft.App/containerApps", name),
        created="",
        environment=ArmId.build(GROUP, "Microsoft.App/managedEnvironments", "env"),
        network=None,
        domain=DOMAIN,
        single=True,
        has_identity=False,
        latest=f"{name}--1",
        ingress=ingress,
        revisions=(),
        secrets={},
    )


@dataclass
class IngressFixture:
    """A running ingress, and what its clients need."""

    ingress: Ingress
    home: Path
    session: aiohttp.ClientSession
    woken: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    comes_up: bool = False
    """What the ingress is told when it asks whether a revision without replicas comes up."""
    runners: list[web.AppRunner] = field(default_factory=list[web.AppRunner])

    @property
    def ports(self) -> Ports:
        found = read_ports(self.home)
        assert found
        return found

    def local(self, host: str = f"web.{DOMAIN}") -> str:
        """Return the address of an app for a browser."""
        return f"http://localhost:{self.ports.hosts[host]}"

    async def replica(self, handler: Handler, name: str = "web--1-a") -> ReadyReplica:
        """Start a replica."""
        application = web.Application(client_max_size=2**30)
        application.router.add_route("*", r"/{path:[\s\S]*}", handler)
        runner = web.AppRunner(application, access_log=None, handler_cancellation=True, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        self.runners.append(runner)
        return ReadyReplica(name, runner.addresses[0][1])

    def route_app(self, *replicas: ReadyReplica, app: AppPlan | None = None) -> None:
        """Lead an app's one revision to replicas."""
        app = app or app_plan()
        self.split({app.latest: (100, replicas)}, app=app)

    def split(self, shares: Mapping[str, tuple[int, Sequence[ReadyReplica]]], app: AppPlan | None = None) -> None:
        """Share an app's requests out among revisions."""
        app = app or app_plan()
        assert app.ingress
        names = {app.ingress.fqdn: tuple(Target(name, weight) for name, (weight, _) in shares.items())}
        self.ingress.route_app(app, names, {name: list(replicas) for name, (_, replicas) in shares.items()})


@asynccontextmanager
async def running_ingress(home: Path, **limits: float) -> AsyncIterator[IngressFixture]:
    """Yield an ingress without apps."""
    authority = certificate_authority(home)
    made: list[IngressFixture] = []

    def wake(app: str, revision: str) -> bool:
        made[0].woken.append((app, revision))
        return made[0].comes_up

    ingress = await Ingress.start(home, authority, wake, **limits)
    jar = aiohttp.CookieJar()
    async with aiohttp.ClientSession(cookie_jar=jar, timeout=aiohttp.ClientTimeout(total=120)) as session:
        made.append(IngressFixture(ingress, home, session))
        try:
            yield made[0]
        finally:
            await ingress.close()
            await asyncio.gather(*(runner.cleanup() for runner in made[0].runners))


def run(scenario: Callable[[], Awaitable[None]]) -> None:
    """Run a scenario to its end."""

    async def all_of_it() -> None:
        await scenario()

    asyncio.run(all_of_it())
