"""What a container finds around it: its image, its files and its variables."""

import dataclasses
import os
import stat
from pathlib import Path

import pytest

from local_azure.core.ids import ArmId
from local_azure.data_plane import images, variables
from local_azure.data_plane.desired_state import AppPlan, ContainerPlan, IngressPlan, RevisionPlan
from local_azure.data_plane.files import ReplicaFiles, in_container
from local_azure.system import project_file
from local_azure.system.errors import LocalAzureError
from local_azure.system.paths import Home

GROUP = "/subscriptions/11111111-1111-1111-1111-111111111111/resourceGroups/rg"
APP = ArmId.parse(f"{GROUP}/providers/Microsoft.App/containerApps/shop")
FQDN = "shop.calm.westeurope.azurecontainerapps.io"
TEMPLATE = {
    "containers": [
        {
            "name": "web",
            "image": "ghcr.io/contoso/magictoolbox:1.0.0",
            "env": [
                {"name": "PLAIN", "value": "1"},
                {"name": "KEY", "secretRef": "key"},
                {"name": "PYTHONUNBUFFERED", "value": "no"},
            ],
            "volumeMounts": [
                {"volumeName": "data", "mountPath": "/data"},
                {"volumeName": "files", "mountPath": "/files/", "subPath": "part"},
                {"volumeName": "keys", "mountPath": "/keys"},
            ],
        }
    ],
    "volumes": [
        {"name": "data", "storageType": "EmptyDir"},
        {"name": "files", "storageType": "AzureFile", "storageName": "share"},
        {"name": "keys", "storageType": "Secret", "secrets": [{"secretRef": "key", "path": "a.key"}]},
    ],
}

SHOP = """
[[image]]
names = ["*/magictoolbox:*", "*/magictoolbox@*"]
folder = "shop"
command = ["gunicorn", "magictoolbox.wsgi"]
port = 8000

[image.environment]
DATABASE_URL = "sqlite:///{mount:/data}/db.sqlite3"
PYTHONDONTWRITEBYTECODE = "1"
PYTHONUNBUFFERED = "1"
REMAP_SIGTERM = "SIGQUIT"
"""


def revision() -> RevisionPlan:
    """Return a revision of the template."""
    return RevisionPlan(APP.child("revisions", "shop--0000001"), True, "", "", TEMPLATE)


def app(**secrets: str) -> AppPlan:
    """Return an app with these secrets."""
    return AppPlan(
        id=APP,
        created="",
        environment=ArmId.parse(f"{GROUP}/providers/Microsoft.App/managedEnvironments/env"),
        network=None,
        domain="calm.westeurope.azurecontainerapps.io",
        single=True,
        has_identity=True,
        latest="shop--0000001",
        ingress=IngressPlan(FQDN, True, 8000, "auto", (), {}),
        revisions=(revision(),),
        secrets=secrets,
    )


def web() -> ContainerPlan:
    """Return the container."""
    return revision().containers("containers")[0]


@pytest.fixture
def image(tmp_path_factory: pytest.TempPathFactory) -> images.Image:
    """Return the image of a shop, as its project describes it."""
    project = tmp_path_factory.mktemp("project")
    (project / "shop").mkdir()
    (project / "shop" / "manage.py").write_text("print('shop')\n")
    (project / "local-azure.toml").write_text(SHOP)
    found = images.read(Home(project / ".local-azure")).find("ghcr.io/contoso/magictoolbox:1.0.0")
    assert found
    return found


# -- images


@pytest.mark.parametrize(
    "reference",
    ["ghcr.io/contoso/magictoolbox:1.0.0", "shop.azurecr.io/a/magictoolbox@sha256:" + "0" * 64],
)
def test_an_image_is_found_by_its_name_under_any_tag(image: images.Image, reference: str) -> None:
    assert image.fits(reference)
    assert image.folder.name == "shop"
    assert image.port == 8000


@pytest.mark.parametrize("reference", ["ghcr.io/contoso/other:1", "magictoolbox:1", "ghcr.io/contoso/magictoolbox-2:1"])
def test_any_other_image_is_not_there(image: images.Image, reference: str) -> None:
    assert not image.fits(reference)
    assert images.read(Home(Path("/nowhere"))).find(reference) is None


def test_the_quickstart_is_an_image_of_every_home(tmp_path: Path) -> None:
    found = images.read(Home(tmp_path)).find("mcr.microsoft.com/k8se/quickstart:latest")
    assert found
    assert (found.folder / "serve.py").is_file()


def test_a_project_that_was_run_adds_its_images_and_a_changed_file_is_read_again(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    home.create()
    known = images.read(home)
    assert known.find("shop:1") is None
    project = tmp_path / "project"
    (project / "program").mkdir(parents=True)
    file = project / "local-azure.toml"
    file.write_text('[[image]]\nnames = ["shop:*"]\nfolder = "program"\ncommand = ["true"]\n')
    project_file.remember(home, project / "program")
    found = known.find("shop:1")
    assert found
    assert found.folder == project / "program"
    file.write_text('[[image]]\nnames = ["other:*"]\nfolder = "program"\ncommand = ["true"]\n')
    assert known.find("shop:1") is None
    assert known.find("other:1")
    file.write_text("[[image")
    assert known.find("other:1"), "a file that cannot be read changes nothing"


def test_a_home_may_have_images_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "shop").mkdir()
    (tmp_path / "local-azure.toml").write_text('[[image]]\nnames = ["shop:*"]\nfolder = "shop"\ncommand = ["true"]\n')
    found = images.read(Home(tmp_path)).find("shop:1")
    assert found
    assert (found.folder, found.command) == (tmp_path / "shop", ("true",))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[[image]", "local-azure.toml"),
        ('[[image]]\nnames = ["x"]\nfolder = "none"\ncommand = []', "none is not there"),
        ('[[image]]\nfolder = "."\ncommand = []', "names"),
        ('[[image]]\nnames = ["x"]\nfolder = "."\ncommand = []\nports = 1', "no 'ports'"),
    ],
)
def test_a_table_that_is_wrong_is_told(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "local-azure.toml").write_text(text)
    with pytest.raises(LocalAzureError, match=words):
        images.read(Home(tmp_path))


# -- files


def test_a_container_works_in_a_copy_of_its_image(tmp_path: Path, image: images.Image) -> None:
    files = ReplicaFiles(tmp_path, app(), revision(), "replica")
    files.create(None)
    directory = files.working_directory(web(), image)
    assert (directory / "manage.py").read_text() == "print('shop')\n"
    (directory / "left").touch()
    assert not (files.working_directory(web(), image) / "left").exists(), "a container starts from its image again"
    files.remove()
    assert not directory.exists()


def test_volumes_are_directories(tmp_path: Path, image: images.Image) -> None:
    files = ReplicaFiles(tmp_path, app(), revision(), "replica")
    files.create(None)
    files.working_directory(web(), image)
    mounts = files.mounts(web(), image, {"key": "s3cret", "other": "x"})
    assert set(mounts) == {"/tmp", "/data", "/files", "/keys"}
    assert all(path.is_dir() for path in mounts.values())
    secret = mounts["/keys"] / "a.key"
    assert secret.read_text() == "s3cret"
    assert stat.S_IMODE(secret.stat().st_mode) == 0o600
    other = ReplicaFiles(tmp_path, app(), revision(), "other")
    other.create(None)
    other.working_directory(web(), image)
    others = other.mounts(web(), image, {})
    assert others["/files"] == mounts["/files"], "a share is every replica's"
    assert others["/data"] != mounts["/data"], "an empty directory is one replica's own"


def test_ports_are_read_from_what_the_processes_have_written(tmp_path: Path) -> None:
    files = ReplicaFiles(tmp_path, app(), revision(), "replica")
    files.create(42)
    (files.directory / "ports" / "8000").write_text("51234\n")
    (files.directory / "ports" / "8000.new").write_text("1")
    assert files.ports() == {8000: 51234}, "the endpoint of the identities is none of its own"
    assert files.port(8000) == 51234
    assert files.port(9000) is None
    assert files.port(42356) == 42
    files.forget_ports()
    assert files.ports() == {}


def test_the_ports_of_a_container_that_has_ended_are_forgotten(tmp_path: Path) -> None:
    files = ReplicaFiles(tmp_path, app(), revision(), "replica")
    files.create(42)
    for port, container in ((8000, "web"), (9000, "side")):
        (files.directory / "ports" / str(port)).write_text("51234")
        (files.directory / "ports" / f"{port}.owner").write_text(f"1 {container}")
    files.forget_ports_of("web")
    assert files.ports() == {9000: 51234}
    assert files.port(42356) == 42


@pytest.mark.parametrize(
    ("argument", "real"),
    [
        ("/data/db", "/tmp/data/db"),
        ("/data", "/tmp/data"),
        ("--schedule=/tmp/x", "--schedule=/R/tmp/x"),
        ("/database", "/database"),
        ("echo /data", "echo /data"),
        ("/data/files/x", "/R/deep/x"),
    ],
)
def test_a_path_in_an_argument_leads_to_what_is_mounted_there(argument: str, real: str) -> None:
    mounts = {"/data": Path("/tmp/data"), "/tmp": Path("/R/tmp"), "/data/files": Path("/R/deep")}
    assert in_container(argument, mounts) == real


# -- variables


def of(tmp_path: Path, plan: AppPlan, image: images.Image, shim: dict[str, str] | None = None) -> dict[str, str]:
    """Return the variables of the container."""
    mounts = {path: tmp_path / path.strip("/") for path in ("/tmp", "/data")}
    platform = variables.PlatformVariables(
        "shop--0000001-x", "shop--0000001", tmp_path, lambda _: shim or {}, tmp_path / "ca.pem", "header"
    )
    return variables.of_container(plan, web(), image, mounts, platform)


def test_a_container_has_its_own_variables_and_none_of_this_machines(
    tmp_path: Path, image: images.Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET_OF_THE_MACHINE", "1")
    found = of(tmp_path, app(key="s3cret"), image)
    assert "SECRET_OF_THE_MACHINE" not in found
    assert found["PLAIN"] == "1"
    assert found["KEY"] == "s3cret"
    assert found["DATABASE_URL"] == f"sqlite:///{tmp_path}/data/db.sqlite3"
    assert found["REMAP_SIGTERM"] == "SIGQUIT"
    assert found["PYTHONUNBUFFERED"] == "no", "the template's stand over the image's"
    assert found["CONTAINER_APP_NAME"] == "shop"
    assert found["CONTAINER_APP_REVISION"] == "shop--0000001"
    assert found["CONTAINER_APP_REPLICA_NAME"] == found["HOSTNAME"] == "shop--0000001-x"
    assert found["CONTAINER_APP_HOSTNAME"] == "shop--0000001.calm.westeurope.azurecontainerapps.io"
    assert found["CONTAINER_APP_PORT"] == "8000"
    assert found["CONTAINER_APP_ENV_DNS_SUFFIX"] == "calm.westeurope.azurecontainerapps.io"
    assert (found["IDENTITY_ENDPOINT"], found["IDENTITY_HEADER"]) == ("http://localhost:42356/msi/token", "header")


def test_its_programs_come_from_its_own_environment(
    tmp_path: Path, image: images.Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[str, list[Path]]] = []

    def cached(name: str, lists: list[Path]) -> Path:
        asked.append((name, lists))
        return tmp_path / "environment" / "bin" / "python"

    monkeypatch.setattr(images.python_environments, "cached", cached)
    requirements = image.folder / "requirements.txt"
    with_packages = dataclasses.replace(image, requirements=requirements)
    first = of(tmp_path, app(key="x"), with_packages)["PATH"].split(os.pathsep)[0]
    assert first == str(tmp_path / "environment" / "bin")
    assert asked == [("shop", [requirements])]


def test_a_secret_without_value_keeps_it_from_starting(tmp_path: Path, image: images.Image) -> None:
    with pytest.raises(variables.MissingSecretError, match="key"):
        of(tmp_path, app(), image)


def test_what_leads_its_connections_comes_first_on_the_path_of_python(tmp_path: Path, image: images.Image) -> None:
    assert of(tmp_path, app(key="x"), image, {"PYTHONPATH": "/shim"})["PYTHONPATH"] == "/shim"
