"""A small program on a local Azure of its own, whose every resource can be left out or changed by a file beside it.

It talks to the engine without the provider's SDK, which takes a second to load: what is tested here is the engine and
the local Azure, many times over.
"""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

LOCAL_AZURE = (str(Path(sys.executable).with_name("local-azure")),)
STACK = "dev"
PROJECT = "small"
COMMAND_SECONDS = 600
"""After which a command has failed, on the busiest machine."""
OPTIONAL = {
    "identity": (),
    "vnet": (),
    "subnet": ("vnet",),
    "zone": (),
    "link": ("zone", "vnet"),
    "cluster": (),
    "database": ("cluster",),
    "endpoint": ("subnet", "cluster"),
    "records": ("endpoint", "zone"),
    "workspace": (),
    "word": (),
}
"""Each resource with its dependencies."""

PROGRAM = """
import json
from pathlib import Path

import pulumi
from pulumi import ResourceOptions

wanted = json.loads((Path(__file__).parent / "wanted.json").read_text())
there = {}


class Part(pulumi.ComponentResource):
    def __init__(self, name):
        super().__init__("small:index:Part", name)


def make(token, name, *depends_on, parent=None, **inputs):
    if name != "group" and name not in wanted["resources"]:
        return
    opts = ResourceOptions(parent=parent, depends_on=[there[one] for one in depends_on])
    there[name] = pulumi.CustomResource(token, name, inputs, opts)


def azure(token, name, *depends_on, parent=None, **inputs):
    if name != "group":
        inputs["resourceGroupName"] = wanted["group"]
        depends_on = ("group", *depends_on)
    make("azure-native:" + token, name, *depends_on, parent=parent, **inputs)


tags = {"version": wanted["version"]}
private = Part("private")
azure("resources:ResourceGroup", "group", resourceGroupName=wanted["group"], tags=tags)
azure("managedidentity:UserAssignedIdentity", "identity", resourceName="id-small", tags=tags)
azure("network:VirtualNetwork", "vnet", parent=private, virtualNetworkName="vnet",
      addressSpace={"addressPrefixes": ["10.0.0.0/16"]}, tags=tags)
azure("network:Subnet", "subnet", "vnet", parent=private, virtualNetworkName="vnet",
      subnetName="subnet", addressPrefix="10.0.1.0/24")
azure("privatedns:PrivateZone", "zone", parent=private, privateZoneName="privatelink.redis.azure.net",
      location="Global", tags=tags)
if "link" in wanted["resources"]:
    azure("privatedns:VirtualNetworkLink", "link", "zone", parent=private,
          privateZoneName="privatelink.redis.azure.net", virtualNetworkLinkName="link", location="Global",
          registrationEnabled=False, virtualNetwork={"id": there["vnet"].id})
azure("redisenterprise:RedisEnterprise", "cluster", parent=private, clusterName="redis-small",
      sku={"name": "Balanced_B0"}, publicNetworkAccess="Disabled", minimumTlsVersion="1.2", tags=tags)
azure("redisenterprise:Database", "database", "cluster", parent=private, clusterName="redis-small",
      databaseName="default", port=wanted["port"], clusteringPolicy="NoCluster", clientProtocol="Encrypted")
if "endpoint" in wanted["resources"]:
    azure("network:PrivateEndpoint", "endpoint", parent=private, privateEndpointName="pe-redis",
          subnet={"id": there["subnet"].id}, tags=tags,
          privateLinkServiceConnections=[{"name": "redis", "groupIds": ["redisEnterprise"],
                                          "privateLinkServiceId": there["cluster"].id}])
if "records" in wanted["resources"]:
    azure("network:PrivateDnsZoneGroup", "records", "endpoint", parent=private, privateEndpointName="pe-redis",
          privateDnsZoneGroupName="default",
          privateDnsZoneConfigs=[{"name": "redis", "privateDnsZoneId": there["zone"].id}])
# Without a name of its own: one is made up, and another one for each resource that replaces it.
azure("operationalinsights:Workspace", "workspace", location=wanted["region"], tags=tags)
make("random:index/randomString:RandomString", "word", length=wanted["length"], special=False)
"""

MADE_BY_AZURE = ("microsoft.network/networkinterfaces", "microsoft.network/privatednszones/a")
"""Types of resources that Azure creates with others and that the engine does not know."""


@dataclass(frozen=True)
class Wanted:
    """The desired state of the program."""

    resources: frozenset[str]
    """The selected optional resources."""
    version: str = "0"
    """A tag; changing it updates."""
    port: int = 10000
    """Changing it replaces the database."""
    region: str = "westeurope"
    """Changing it replaces the workspace, whose name is made up."""
    length: int = 12
    """Changing it replaces the random word."""

    def text(self) -> str:
        """Return the file that the program reads."""
        content = {**self.__dict__, "resources": sorted(self.resources), "group": "rg-small"}
        return json.dumps(content)


@dataclass
class ProjectFixture:
    """The program, its stack and its local Azure."""

    directory: Path
    commands: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.project.mkdir(parents=True)
        options = {"virtualenv": sys.prefix}
        project = {"name": PROJECT, "runtime": {"name": "python", "options": options}}
        (self.project / "Pulumi.yaml").write_text(yaml.safe_dump(project))
        (self.project / f"Pulumi.{STACK}.yaml").write_text("config:\n  azure-native:location: westeurope\n")
        (self.project / "__main__.py").write_text(PROGRAM)

    @property
    def home(self) -> Path:
        """Return the emulator's home directory."""
        return self.directory / "home"

    @property
    def project(self) -> Path:
        """Return the program's directory."""
        return self.directory / "program"

    @property
    def environment(self) -> dict[str, str]:
        """Return the environment of every command."""
        return {**os.environ, "LOCAL_AZURE_HOME": str(self.home), "LOCAL_AZURE_COMMAND": LOCAL_AZURE[0]}

    def want(self, wanted: Wanted) -> None:
        """Change what the program asks for."""
        (self.project / "wanted.json").write_text(wanted.text())

    def local(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run ``local-azure ARGUMENTS`` in the program's directory; fail with what it printed."""
        return self.run([*LOCAL_AZURE, *arguments], check=check)

    def run(self, command: list[str], *, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run a command in the program's directory; fail with what it printed."""
        done = subprocess.run(
            command, cwd=self.project, env=self.environment, capture_output=True, text=True, timeout=COMMAND_SECONDS
        )
        self.commands.append(f"$ {' '.join(command[1:])}\n{done.stdout}{done.stderr}")
        assert not check or done.returncode == 0, "\n".join(self.commands[-8:])
        return done

    def pulumi(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run ``local-azure run pulumi ARGUMENTS`` on the stack."""
        return self.local("run", "pulumi", *arguments, "--stack", STACK, check=check)

    def up(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Deploy."""
        return self.pulumi("up", "--yes", "--skip-preview", *arguments, check=check)

    def start_up(self) -> subprocess.Popen[str]:
        """Begin to deploy; the process is the engine's own, once it has come so far."""
        return subprocess.Popen(
            [*LOCAL_AZURE, "run", "pulumi", "up", "--yes", "--skip-preview", "--stack", STACK],
            cwd=self.project,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def recover(self) -> dict[str, Any]:
        """Run what ``local-azure recover`` says; return what it found."""
        (damage,) = json.loads(self.local("recover", "--stack", STACK, "--json").stdout)
        for command in damage["commands"]:
            self.run(command)
        return damage

    def server(self) -> int:
        """Return the process of the local Azure, while it is running."""
        return int((self.home / "process.lock").read_text().split()[0])

    def state(self) -> dict[str, Any]:
        """Return the stack's state, as the engine last wrote it."""
        (file,) = self.home.glob(f"projects/*/backend/.pulumi/stacks/{PROJECT}/{STACK}.json")
        return json.loads(file.read_text())["checkpoint"].get("latest") or {}

    def locks(self) -> list[Path]:
        """Return the engine's locks on the stack."""
        return list(self.home.glob(f"projects/*/backend/.pulumi/locks/organization/{PROJECT}/{STACK}/*.json"))

    def ids(self) -> dict[str, str]:
        """Return the id of each Azure resource in the stack's state, by its name in the program."""
        return {
            one["urn"].rsplit("::", 1)[-1]: one["id"]
            for one in self.state().get("resources", [])
            if one["type"].startswith("azure-native:")
        }

    def azure(self) -> dict[str, dict[str, Any]]:
        """Return the bodies of Azure's resources by their ids in lower case, without those that Azure itself has
        made."""
        connection = sqlite3.connect(f"file:{self.home / 'state.sqlite'}?mode=ro", uri=True)
        try:
            rows = connection.execute("SELECT key, type, body FROM resource").fetchall()
        finally:
            connection.close()
        return {key: json.loads(body) for key, kind, body in rows if kind not in MADE_BY_AZURE}


def kill(pid: int) -> None:
    """End a process without a warning, and wait until it is gone."""
    os.kill(pid, signal.SIGKILL)
    deadline = time.monotonic() + COMMAND_SECONDS
    while Path(f"/proc/{pid}").exists() and not _is_dead(pid):
        assert time.monotonic() < deadline, f"process {pid} outlives its end"
        time.sleep(0.002)


def _is_dead(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"
    except OSError:
        return True


def closed_under_needs(names: Iterator[str]) -> frozenset[str]:
    """Return a choice of the optional resources without those that lack something."""
    chosen = set(names)
    for name, needs in OPTIONAL.items():
        if name in chosen and not chosen.issuperset(needs):
            chosen.discard(name)
    return frozenset(chosen)
