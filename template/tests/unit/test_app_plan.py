"""Settings of web, workers and beat: sizes, names, images, commands and environment variables."""

import re
from typing import Any

import hypothesis
import pytest
from hypothesis import strategies as st
from pydantic import SecretStr, ValidationError

from components.app_plan import (
    PLAIN_VARIABLES,
    AlertsPlan,
    BeatPlan,
    RegistryPlan,
    WebPlan,
    WorkerPlan,
    beat_command,
    image_faults,
    variables_faults,
    worker_command,
    workers_faults,
)
from components.secret_names import VARIABLE_OF_SECRET, secret_name
from components.section import Fault

# Azure's rule for the names of an app's secrets, and of a vault's.
APP_SECRET_NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?")
VAULT_SECRET_NAME = re.compile(r"[A-Za-z0-9-]{1,127}")


def web(**settings: Any) -> list[Fault]:
    return list(WebPlan.model_validate(settings).faults("web"))


def workers(*plans: dict[str, Any]) -> list[Fault]:
    return list(workers_faults("workers", tuple(WorkerPlan.model_validate(plan) for plan in plans)))


# Sizes and replicas.

PAIRS = [(quarters / 4, f"{quarters / 2:g}Gi") for quarters in range(1, 17)]
"""Cores and memory of every size of the Consumption profile."""


@pytest.mark.parametrize(("cpu", "memory"), PAIRS)
def test_each_number_of_cores_allows_exactly_one_memory_size(cpu: float, memory: str) -> None:
    assert web(cpu=cpu, memory=memory) == []
    for _, other in PAIRS:
        if other != memory:
            (fault,) = web(cpu=cpu, memory=other)
            assert (fault.setting, fault.value) == ("web.memory", other)
            assert fault.rule == f"Container Apps pairs {cpu:g} cores with {memory}"
            assert fault.also == ("web.cpu",)


@pytest.mark.parametrize("cpu", [0.1, 0.2, 0.3, 0.51, 4.25, 5, 1000, float("inf")])
def test_unavailable_cores_are_refused_without_a_fault_about_the_memory(cpu: float) -> None:
    assert [(fault.setting, fault.value) for fault in web(cpu=cpu)] == [("web.cpu", cpu)]


@pytest.mark.parametrize("cpu", [0, -0.25, float("nan")])
def test_cores_are_greater_than_zero(cpu: float) -> None:
    with pytest.raises(ValidationError):
        WebPlan(cpu=cpu)


@pytest.mark.parametrize("memory", ["1.0Gi", "1.00Gi"])
def test_memory_may_be_written_with_a_fraction(memory: str) -> None:
    assert web(cpu=0.5, memory=memory) == []


@pytest.mark.parametrize(
    "memory", ["", "1", "1G", "1GB", "1 Gi", "1gi", "1024Mi", "1Gi ", "-1Gi", ".5Gi", "1e0Gi", "\u0661Gi"]
)
def test_memory_is_written_in_gi(memory: str) -> None:
    assert [fault.setting for fault in web(cpu=0.5, memory=memory)] == ["web.memory"]


@pytest.mark.parametrize(("fewest", "most", "wrong"), [(0, 1, False), (3, 3, False), (4, 3, True), (1000, 1000, False)])
def test_the_minimum_of_replicas_is_not_over_the_maximum(fewest: int, most: int, wrong: bool) -> None:
    found = web(minReplicas=fewest, maxReplicas=most)
    assert [(fault.setting, fault.value) for fault in found] == ([("web.minReplicas", fewest)] if wrong else [])
    assert found == [] or "web.maxReplicas, which is 3" in found[0].rule


@pytest.mark.parametrize(
    "replicas", [{"minReplicas": -1}, {"maxReplicas": 0}, {"minReplicas": 1001, "maxReplicas": 1001}]
)
@pytest.mark.parametrize("plan", [WebPlan, WorkerPlan])
def test_replicas_are_within_azures_limits(plan: type[WebPlan] | type[WorkerPlan], replicas: dict[str, int]) -> None:
    with pytest.raises(ValidationError):
        plan.model_validate(replicas)


def test_a_worker_may_scale_to_zero_and_web_keeps_a_replica() -> None:
    assert WorkerPlan().min_replicas == 0
    assert WebPlan().min_replicas == 1


# Workers.


def test_workers_of_different_names_have_no_fault() -> None:
    assert workers() == []
    assert workers({}, {"name": "mail"}, {"name": "mail2"}, {"name": "mail-2"}) == []


@pytest.mark.parametrize("name", ["a", "mail", "mail-2", "a-b-c", "a1", "w" * 100])
def test_a_worker_name_has_lower_case_letters_digits_and_single_hyphens(name: str) -> None:
    assert WorkerPlan(name=name).name == name


@pytest.mark.parametrize("name", ["", "A", "1a", "-a", "a-", "a--b", "a_b", "a b", "a.b", "ä", "a\n"])
def test_an_invalid_worker_name_is_refused(name: str) -> None:
    with pytest.raises(ValidationError, match="lower-case letters, digits and single hyphens"):
        WorkerPlan(name=name)


@pytest.mark.parametrize("name", ["web", "beat"])
def test_a_worker_name_of_another_app_is_refused(name: str) -> None:
    (fault,) = workers({"name": "mail"}, {"name": name})
    assert (fault.setting, fault.value) == ("workers[1].name", name)
    assert fault.rule == f"{name} already has this name"


def test_the_fault_of_a_duplicate_worker_name_names_the_other_app() -> None:
    found = workers({"name": "mail"}, {"name": "sms"}, {"name": "mail"}, {"name": "mail"})
    assert [(fault.setting, fault.rule, fault.also) for fault in found] == [
        ("workers[2].name", "workers[0] already has this name", ("workers[0].name",)),
        ("workers[3].name", "workers[0] already has this name", ("workers[0].name",)),
    ]


def test_a_workers_faults_contain_its_index() -> None:
    found = workers({}, {"name": "mail", "cpu": 1}, {"name": "sms", "minReplicas": 9})
    assert [fault.setting for fault in found] == ["workers[1].memory", "workers[2].minReplicas"]


@pytest.mark.parametrize("queues", [[], [""], ["a b"], ["a,b"], ["ok", "a\tb"], ["a\n"]])
def test_queue_names_fit_into_celerys_comma_separated_list(queues: list[str]) -> None:
    with pytest.raises(ValidationError):
        WorkerPlan.model_validate({"queues": queues})


# Commands.


def test_the_default_worker_command_names_module_and_queues() -> None:
    plan = WorkerPlan(queues=("mail", "sms"))
    wanted = ("celery", "-A", "my_shop", "worker", "--loglevel", "info", "--concurrency", "2", "-Q", "mail,sms")
    assert worker_command("my-shop", plan) == wanted
    assert worker_command("shop", WorkerPlan())[1:4] == ("-A", "shop", "worker")
    assert worker_command("shop", WorkerPlan())[-2:] == ("-Q", "celery")


def test_beats_schedule_is_in_a_writable_directory() -> None:
    wanted = ("celery", "-A", "my_shop", "beat", "--loglevel", "info", "--schedule", "/tmp/celerybeat-schedule")
    assert beat_command("my-shop", BeatPlan(enabled=True)) == wanted


def test_a_configured_command_is_run_unchanged() -> None:
    command = ("python", "-m", "my worker")
    assert worker_command("shop", WorkerPlan(command=command)) == command
    assert beat_command("shop", BeatPlan(command=command)) == command


def test_web_migrates_first_and_runs_the_images_own_command() -> None:
    assert WebPlan().command is None
    assert WebPlan().init_command == ("python", "manage.py", "migrate", "--noinput")


@pytest.mark.parametrize("plan", [WebPlan, WorkerPlan, BeatPlan])
def test_a_command_has_at_least_one_word(plan: type[WebPlan] | type[WorkerPlan] | type[BeatPlan]) -> None:
    with pytest.raises(ValidationError, match="the list is empty"):
        plan.model_validate({"command": []})


# Images.

DIGEST = f"@sha256:{'0123456789abcdef' * 4}"


@pytest.mark.parametrize(
    "image",
    [
        "redis:7",
        "redis:7.4-alpine",
        "shop:2024",
        "contoso/shop:1",
        "contoso.azurecr.io/shop:1.4.2",
        "contoso.azurecr.io/team/apps/shop:latest",
        "ghcr.io/contoso/shop:V1_x.y-z",
        "localhost:5000/shop:1",
        "registry.example.org:443/a/b:1",
        f"shop{DIGEST}",
        f"localhost:5000/shop{DIGEST}",
        f"contoso.azurecr.io/shop:1.4.2{DIGEST}",
        "a--b/c__d/e.f/g_h:1",
        f"shop:{'x' * 128}",
    ],
)
def test_an_image_with_tag_or_digest_is_valid(image: str) -> None:
    assert list(image_faults("image", image)) == []


@pytest.mark.parametrize(
    "image", ["shop", "contoso/shop", "contoso.azurecr.io/shop", "localhost:5000/shop", "registry.example.org:443/a/b"]
)
def test_an_image_without_tag_and_digest_is_refused(image: str) -> None:
    (fault,) = image_faults("image", image)
    assert (fault.setting, fault.value) == ("image", image)
    assert fault.rule == "it has neither tag nor digest, so two replicas could run two images"
    assert list(image_faults("image", fault.remedy.removeprefix("for example "))) == []


@pytest.mark.parametrize(
    "image",
    [
        "",
        " ",
        "Shop:1",
        "contoso/Shop:1",
        "shop:",
        "shop@",
        "shop: 1",
        "shop:1 ",
        "shop:1\n",
        "shop:-1",
        "shop:.1",
        f"shop:{'x' * 129}",
        "shop:ä",
        "shop:1:2",
        "/shop:1",
        "shop/:1",
        "a//b:1",
        "-shop:1",
        "shop-:1",
        "a..b:1",
        "a___b:1",
        "localhost:/shop:1",
        "localhost:\u0665/shop:1",
        "https://contoso.azurecr.io/shop:1",
        "shop@sha256:0",
        f"shop{DIGEST}0",
        f"shop{DIGEST.upper()}",
        f"shop@sha512:{'0' * 64}",
        f"shop{DIGEST}:1",
    ],
)
def test_an_invalid_image_reference_is_refused(image: str) -> None:
    (fault,) = image_faults("image", image)
    assert (fault.setting, fault.value, fault.rule) == ("image", image, "this is not an image reference")
    assert list(image_faults("image", fault.remedy.removeprefix("for example "))) == []


# Variables and secrets.


def variables(env: dict[str, str], secret_env: dict[str, str]) -> list[tuple[str, str]]:
    """Return setting and rule of each fault."""
    found = list(variables_faults(env, {name: SecretStr(value) for name, value in secret_env.items()}))
    assert all(fault.value is None for fault in found), "a value is never shown"
    return [(fault.setting, fault.rule) for fault in found]


@pytest.mark.parametrize(
    ("variable", "secret"),
    [("API_KEY", "api-key"), ("A", "a"), ("Sentry_DSN", "sentry-dsn"), ("_TOKEN_", "token"), ("A__B", "a--b")],
)
def test_a_secret_is_named_after_its_variable(variable: str, secret: str) -> None:
    assert secret_name(variable) == secret


@hypothesis.settings(max_examples=60, deadline=None)
@hypothesis.given(variable=st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,140}", fullmatch=True))
def test_a_variable_without_fault_has_a_secret_name_that_azure_takes(variable: str) -> None:
    if variables({}, {variable: "hush"}) == []:
        assert APP_SECRET_NAME.fullmatch(secret_name(variable))
        assert VAULT_SECRET_NAME.fullmatch(secret_name(variable))
    else:
        assert not 1 <= len(secret_name(variable)) <= 127


@pytest.mark.parametrize(("length", "refused"), [(127, False), (128, True)])
def test_a_secrets_name_is_no_longer_than_a_vault_allows(length: int, refused: bool) -> None:
    name = "A" * length
    assert variables({name: "x"}, {}) == []
    wanted = [(f"secretEnv.{name}", "no secret can be named after it")]
    assert variables({}, {name: "x"}) == (wanted if refused else [])


def test_plain_and_secret_variables_can_be_combined() -> None:
    assert variables({"DEBUG": "0", "_x": "1"}, {"API_KEY": "hush", "SENTRY_DSN": "hush"}) == []


@pytest.mark.parametrize("name", ["", "1A", "A-B", "A B", "A.B", "Ä", "A=", "A\n"])
@pytest.mark.parametrize("where", ["env", "secretEnv"])
def test_an_invalid_variable_name_is_refused(where: str, name: str) -> None:
    given = {name: "hush"}
    rules = variables(given, {}) if where == "env" else variables({}, given)
    assert rules == [(f"{where}.{name}", "this is not a valid name of an environment variable")]


@pytest.mark.parametrize("name", [*VARIABLE_OF_SECRET.values(), *PLAIN_VARIABLES])
def test_a_variable_that_the_stack_sets_is_refused(name: str) -> None:
    assert variables({name: "x"}, {}) == [(f"env.{name}", "the stack sets this variable itself")]
    assert variables({}, {name: "x"}) == [(f"secretEnv.{name}", "the stack sets this variable itself")]


def test_the_stacks_variables_are_the_contracts() -> None:
    assert {*VARIABLE_OF_SECRET.values()} == {"REDIS_URL", "CELERY_BROKER_URL", "CELERY_RESULT_BACKEND", "SECRET_KEY"}
    assert {*PLAIN_VARIABLES} == {
        "ALLOWED_HOSTS",
        "CELERY_KEY_PREFIX",
        "CSRF_TRUSTED_ORIGINS",
        "REDIS_KEY_PREFIX",
        "SECRETS_DIGEST",
    }


def test_a_name_in_env_and_secret_env_is_refused() -> None:
    assert variables({"A": "x", "B": "x"}, {"A": "hush"}) == [("secretEnv.A", "env has a variable of this name")]


@pytest.mark.parametrize(
    ("name", "secret"),
    [("REDIS_KEY", "redis-key"), ("DJANGO_SECRET_KEY", "django-secret-key"), ("redis_url", "redis-url")],
)
def test_a_secret_that_the_stack_has_is_refused(name: str, secret: str) -> None:
    wanted = [(f"secretEnv.{name}", f"its secret would be {secret}, which the stack already has")]
    assert variables({}, {name: "hush"}) == wanted
    assert variables({name: "x"}, {}) == [], "a plain variable needs no secret"


def test_no_two_variables_share_a_secret() -> None:
    assert variables({}, {"API_KEY": "hush", "api_key": "hush", "_API_KEY": "hush"}) == [
        ("secretEnv.api_key", "secretEnv.API_KEY would share its secret api-key"),
        ("secretEnv._API_KEY", "secretEnv.API_KEY would share its secret api-key"),
    ]


@pytest.mark.parametrize("name", ["_", "___"])
def test_a_variable_without_a_valid_secret_name_is_refused(name: str) -> None:
    assert variables({}, {name: "hush"}) == [(f"secretEnv.{name}", "no secret can be named after it")]


# Hosts, paths, registry, addresses.


@pytest.mark.parametrize("host", ["www.example.org", "a.b", "xn--bcher-kva.example", f"{'a' * 63}.org"])
def test_a_host_is_a_host_name_without_scheme_or_port(host: str) -> None:
    assert WebPlan(hosts=(host,)).hosts == (host,)


@pytest.mark.parametrize(
    "host",
    [
        "",
        "localhost",
        "https://www.example.org",
        "www.example.org/",
        "www.example.org:443",
        "*.example.org",
        ".example.org",
        "www..org",
        "WWW.example.org",
        "-a.org",
        f"{'a' * 64}.org",
        ".".join(["a" * 60] * 5),
        "a.org\n",
        "a.org,b.org",
    ],
)
def test_an_invalid_host_name_is_refused(host: str) -> None:
    with pytest.raises(ValidationError, match="it is not a host name"):
        WebPlan(hosts=(host,))


@pytest.mark.parametrize("field", ["readiness_path", "liveness_path"])
def test_a_path_begins_with_a_slash(field: str) -> None:
    assert getattr(WebPlan.model_validate({field: "/"}), field) == "/"
    for path in ("", "ready", "https://x/ready"):
        with pytest.raises(ValidationError, match="it is not an absolute path"):
            WebPlan.model_validate({field: path})


@pytest.mark.parametrize(("port", "refused"), [(0, True), (1, False), (65535, False), (65536, True)])
def test_the_target_port_is_a_tcp_port(port: int, refused: bool) -> None:
    if refused:
        with pytest.raises(ValidationError):
            WebPlan(target_port=port)
    else:
        assert WebPlan(target_port=port).target_port == port


REGISTRY_ID = "/subscriptions/s/resourceGroups/shared/providers/Microsoft.ContainerRegistry/registries/contoso"


@pytest.mark.parametrize("resource_id", [REGISTRY_ID, REGISTRY_ID.lower(), REGISTRY_ID.upper()])
def test_a_registry_id_is_case_insensitive(resource_id: str) -> None:
    assert RegistryPlan(server="contoso.azurecr.io", id=resource_id).id == resource_id


@pytest.mark.parametrize(
    "resource_id", ["", "contoso", REGISTRY_ID[1:], f"{REGISTRY_ID}/x", REGISTRY_ID.replace("registries", "runs")]
)
def test_an_invalid_registry_id_is_refused(resource_id: str) -> None:
    with pytest.raises(ValidationError, match="az acr show"):
        RegistryPlan(server="contoso.azurecr.io", id=resource_id)


@pytest.mark.parametrize(
    "server", ["", "contoso", "https://contoso.azurecr.io", "contoso.azurecr.io/shop", "C.azurecr.io"]
)
def test_a_registry_server_is_a_host_name_without_scheme(server: str) -> None:
    with pytest.raises(ValidationError, match="not a host name"):
        RegistryPlan(server=server, id=REGISTRY_ID)


@pytest.mark.parametrize(
    "address", ["", "me", "@example.org", "me@", "me@example", "me @example.org", "a@b@example.org"]
)
def test_an_invalid_email_address_is_refused(address: str) -> None:
    with pytest.raises(ValidationError, match="not an e-mail address"):
        AlertsPlan(emails=(address,))
    assert AlertsPlan(emails=("team+redis@example.org",)).emails == ("team+redis@example.org",)
