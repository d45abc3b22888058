"""The whole program under mocks, in every combination of its main settings."""

import itertools
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest

from tests.unit.pulumi_mocks import IMAGE, KEYS, PROGRAM, SUBSCRIPTION, ZONE, Stack

RunStack = Callable[..., Stack]
REGISTRY = {
    "server": "contoso.azurecr.io",
    "id": f"{SUBSCRIPTION}/resourceGroups/shared/providers/Microsoft.ContainerRegistry/registries/contoso",
}
ONE_WORKER = [{}]
TWO_WORKERS = [{"name": "mail", "queues": ["mail", "sms"]}, {"name": "reports", "queues": ["reports"]}]

RICH: dict[str, Any] = {
    "redis": {"dedicatedBroker": True},
    "beat": {"enabled": True},
    "workers": [{"name": "mail", "queues": ["mail", "sms"], "queueLength": 7}],
    "web": {"hosts": ["www.example.org"]},
    "env": {"DEBUG": "0"},
    "secretEnv": {"API_KEY": "hush"},
    "alerts": {"emails": ["team@example.org"]},
    "protect": "true",
}
"""Settings that do not interfere, so that tests of them share one run."""
RICH_CLASSIC = {**RICH, "redis": {"service": "classic", "dedicatedBroker": True}}

CONTRACT = {
    "REDIS_URL": "redis-url",
    "CELERY_BROKER_URL": "celery-broker-url",
    "CELERY_RESULT_BACKEND": "celery-result-backend",
    "SECRET_KEY": "django-secret-key",
}

CHOICES = tuple(itertools.product((False, True), repeat=6))
"""Service, dedicated broker, vault references, beat, a second worker, registry: of each, the default or the other."""


def _meets_every_three(choice: tuple[bool, ...]) -> bool:
    """Tell whether a choice is among the 16 in which any three settings meet in all eight ways."""
    service, dedicated, references, beat, workers, registry = choice
    return workers == service ^ dedicated ^ references and registry == dedicated ^ references ^ beat


def _combination(service: bool, dedicated: bool, references: bool, beat: bool, workers: bool, registry: bool) -> Any:
    return {
        "redis": {"service": "classic" if service else "managed", "dedicatedBroker": dedicated},
        "useKeyVaultReferences": not references,
        "beat": {"enabled": beat},
        "workers": TWO_WORKERS if workers else ONE_WORKER,
        "registry": REGISTRY if registry else None,
    }


COMBINATIONS = [
    pytest.param(
        _combination(*choice),
        marks=() if _meets_every_three(choice) else pytest.mark.slow("combinations of settings of the program"),
    )
    for choice in CHOICES
]


def _describe(combination: dict[str, Any]) -> str:
    redis = combination["redis"]
    parts = {
        redis["service"]: True,
        "dedicated": redis["dedicatedBroker"],
        "references": combination["useKeyVaultReferences"],
        "beat": combination["beat"]["enabled"],
        "two-workers": combination["workers"] is TWO_WORKERS,
        "registry": combination["registry"],
    }
    return "-".join(name for name, on in parts.items() if on)


def test_the_quick_combinations_cover_every_three_settings() -> None:
    chosen = [choice for choice in CHOICES if _meets_every_three(choice)]
    assert len(chosen) == 16
    for three in itertools.combinations(range(6), 3):
        assert len({tuple(choice[index] for index in three) for choice in chosen}) == 8


@pytest.mark.parametrize("combination", COMBINATIONS, ids=_describe)
def test_every_combination_keeps_the_contract(run_stack: RunStack, combination: dict[str, Any]) -> None:
    stack = run_stack(**combination)
    recorder = stack.recorder
    classic = combination["redis"]["service"] == "classic"
    dedicated = combination["redis"]["dedicatedBroker"]
    references = combination["useKeyVaultReferences"]
    port = 6380 if classic else 10000
    queue_database = 1 if classic else 0
    cache_host, broker_host = stack.outputs["redisHostName"], stack.outputs["brokerHostName"]
    assert (cache_host != broker_host) == dedicated

    def url(host: str, database: int) -> str:
        return f"rediss://:{quote(KEYS['primary'], safe='')}@{host}:{port}/{database}?ssl_cert_reqs=required"

    expected = {
        "redis-url": url(cache_host, 0),
        "celery-broker-url": url(broker_host, queue_database),
        "celery-result-backend": url(broker_host, queue_database),
        "redis-key": KEYS["primary"],
        "django-secret-key": "password of django-secret-key",
    }
    in_vault = {one.inputs["secretName"]: one.inputs["properties"]["value"] for one in recorder.of_type(":Secret")}
    assert in_vault == expected, "vault and secrets exist in both modes"
    assert stack.outputs["redisUrl"] == expected["redis-url"]
    assert stack.outputs["celeryBrokerUrl"] == stack.outputs["celeryResultBackend"] == expected["celery-broker-url"]

    workers = {"apps-mail", "apps-reports"} if combination["workers"] is TWO_WORKERS else {"apps-worker"}
    apps = {"apps-web", *workers, *(["apps-beat"] if combination["beat"]["enabled"] else [])}
    assert {one.name for one in recorder.of_type("app:ContainerApp")} == apps
    for app in apps:
        secrets = stack.secrets(app)
        assert list(secrets) == sorted(secrets), "Azure treats another order as a change"
        assert secrets.keys() == ({*expected} if app in workers else {*expected} - {"redis-key"})
        for name, secret in secrets.items():
            if references:
                assert "value" not in secret
                assert secret["keyVaultUrl"].endswith(f"/secrets/{name}/{'0' * 32}"), "the reference names a version"
                assert secret["identity"] == f"{SUBSCRIPTION}/identity-identity"
            else:
                assert secret == {"name": name, "value": expected[name]}
        variables = stack.variables(app)
        assert list(variables) == sorted(variables)
        assert {name: variables[name] for name in CONTRACT} == {
            name: {"name": name, "secretRef": secret} for name, secret in CONTRACT.items()
        }
        assert len(variables["SECRETS_DIGEST"]["value"]) == 16
        assert "revisionSuffix" not in stack.app(app)["template"]
        registries = stack.app(app)["configuration"].get("registries")
        identity = f"{SUBSCRIPTION}/identity-identity"
        assert registries == (
            [{"server": REGISTRY["server"], "identity": identity}] if combination["registry"] else None
        )

    for worker in workers:
        rules = stack.app(worker)["template"]["scale"]["rules"]
        for rule in rules:
            assert rule["custom"]["metadata"]["address"] == f"{broker_host}:{port}"
            assert rule["custom"]["metadata"]["databaseIndex"] == str(queue_database)
            assert rule["custom"]["auth"] == [{"secretRef": "redis-key", "triggerParameter": "password"}]

    roles = {one.inputs["roleDefinitionId"].rsplit("/", 1)[1][:8] for one in recorder.of_type("RoleAssignment")}
    assert roles == ({"4633458b"} if references else set()) | ({"7f951dda"} if combination["registry"] else set())

    for one in recorder.registered:
        for text in one.plain_texts():
            for key in KEYS.values():
                assert key not in text, f"{one.name} contains a key in plain text"
                assert quote(key, safe="") not in text, f"{one.name} contains a key in plain text"


def test_apps_depend_on_dns_records_and_roles_and_the_environment_on_the_network_only(run_stack: RunStack) -> None:
    recorder = run_stack().recorder
    needed = {
        "redis-dns-link",
        "redis-private-zone-group",
        "vault-dns-link",
        "vault-private-zone-group",
        "identity-roles-in-force",
    }
    assert needed <= recorder.waits_for("apps-web")
    assert needed <= recorder.waits_for("apps-worker")
    for early in ("apps-environment", "vault-vault", "vault-private-zone-group", "identity-roles-in-force"):
        waits = recorder.waits_for(early)
        assert not {name for name in waits if name.startswith("redis-")}, f"{early} waits for Redis"
    assert recorder.waits_for("redis-cluster") == {"resource-group", "unique-suffix"}


def test_apps_with_direct_secrets_do_not_depend_on_the_vault(run_stack: RunStack) -> None:
    waits = run_stack(useKeyVaultReferences="false").recorder.waits_for("apps-web")
    assert not {name for name in waits if name.startswith(("vault-private", "vault-dns", "identity-roles"))}


def test_an_apps_digest_changes_with_its_secrets_and_with_nothing_else(run_stack: RunStack) -> None:
    def digest(app: str = "apps-web", **configuration: Any) -> str:
        return run_stack(**configuration).variables(app)["SECRETS_DIGEST"]["value"]

    first = digest()
    assert digest(fresh=True) == first
    assert digest(env={"DEBUG": "1"}) == first
    assert digest(image=f"{IMAGE}1") == first
    assert digest(useKeyVaultReferences="false") == first
    assert digest(redis={"activeKey": "secondary"}) != first
    assert digest(secretEnv={"API_KEY": "hush"}) != first
    assert digest("apps-worker") != first, "a worker has an additional secret"


def test_the_active_key_is_in_every_url_and_in_the_scalers_secret(run_stack: RunStack) -> None:
    stack = run_stack(useKeyVaultReferences="false", redis={"activeKey": "secondary", "dedicatedBroker": True})
    secrets = stack.secrets("apps-worker")
    assert secrets["redis-key"]["value"] == KEYS["secondary"]
    for name in ("redis-url", "celery-broker-url", "celery-result-backend"):
        assert f":{quote(KEYS['secondary'], safe='')}@" in secrets[name]["value"]


def test_env_and_secret_env_reach_every_container(run_stack: RunStack) -> None:
    stack = run_stack(**RICH)
    for app in ("apps-web", "apps-mail", "apps-beat"):
        assert stack.variables(app)["DEBUG"]["value"] == "0"
        assert stack.variables(app)["API_KEY"] == {"name": "API_KEY", "secretRef": "api-key"}
    assert stack.recorder.one(":Secret", "vault-api-key").inputs["properties"]["value"] == "hush"
    (init,) = stack.app("apps-web")["template"]["initContainers"]
    assert init["env"] == stack.container("apps-web")["env"], "migrations need the same environment"


def test_plain_text_secrets_cause_a_warning_that_does_not_show_them(
    run_stack: RunStack, caplog: pytest.LogCaptureFixture
) -> None:
    run_stack(secretEnv={"API_KEY": "hush"}, fresh=True)
    assert "secretEnv is in plain text" not in caplog.text
    run_stack(secretEnv={"API_KEY": "hush"}, encrypted=(), fresh=True)
    assert "secretEnv is in plain text" in caplog.text
    assert "hush" not in caplog.text


def test_the_apps_host_names_are_allowed_hosts_and_trusted_origins(run_stack: RunStack) -> None:
    stack = run_stack(**RICH)
    own = f"app-we-magictoolbox-01.{ZONE}"
    for app in ("apps-web", "apps-mail"):
        assert stack.variables(app)["ALLOWED_HOSTS"]["value"] == f"{own},www.example.org"
        assert stack.variables(app)["CSRF_TRUSTED_ORIGINS"]["value"] == f"https://{own},https://www.example.org"
    assert stack.outputs["appUrl"] == f"https://{own}"
    assert stack.outputs["readinessUrl"] == f"https://{own}/api/health/readiness/"
    for probe in stack.container("apps-web")["probes"]:
        assert probe["httpGet"]["httpHeaders"] == [{"name": "Host", "value": own}]


def test_an_internal_web_has_its_internal_name(run_stack: RunStack) -> None:
    stack = run_stack(web={"external": False})
    assert stack.outputs["appUrl"] == f"https://app-we-magictoolbox-01.internal.{ZONE}"
    assert stack.app("apps-web")["configuration"]["ingress"]["external"] is False


def test_the_startup_probe_checks_readiness_and_the_others_liveness(run_stack: RunStack) -> None:
    probes = {probe["type"]: probe["httpGet"]["path"] for probe in run_stack().container("apps-web")["probes"]}
    readiness, liveness = "/api/health/readiness/", "/api/health/liveness/"
    assert probes == {"Startup": readiness, "Readiness": liveness, "Liveness": liveness}


def test_web_migrates_on_the_volume_it_serves_from(run_stack: RunStack) -> None:
    template = run_stack().app("apps-web")["template"]
    (init,), (web,) = template["initContainers"], template["containers"]
    assert init["command"] == ["python", "manage.py", "migrate", "--noinput"]
    assert init["image"] == web["image"] == IMAGE
    assert init["volumeMounts"] == web["volumeMounts"] == [{"volumeName": "data", "mountPath": "/data"}]
    assert template["volumes"] == [{"name": "data", "storageType": "EmptyDir"}]


def test_a_worker_is_scaled_by_queued_and_unacknowledged_messages(run_stack: RunStack) -> None:
    stack = run_stack(**RICH)
    prefix = stack.variables("apps-mail")["CELERY_KEY_PREFIX"]["value"]
    scale = stack.app("apps-mail")["template"]["scale"]
    metadata = [rule["custom"]["metadata"] for rule in scale["rules"]]
    assert [data["listName"] for data in metadata] == [f"{prefix}mail", f"{prefix}sms", f"{prefix}unacked"]
    lengths = [data["listLength"] for data in metadata]
    assert lengths == ["7", "7", "2"], "unacknowledged messages by the tasks that a replica runs at once"
    assert {data["enableTLS"] for data in metadata} == {"true"}
    assert scale["minReplicas"] == 0
    assert "ingress" not in stack.app("apps-mail")["configuration"]
    command = stack.container("apps-mail")["command"]
    assert command[:4] == ["celery", "-A", "magictoolbox", "worker"]
    assert command[-4:] == ["--concurrency", "2", "-Q", "mail,sms"]


def test_a_worker_is_scaled_by_its_own_messages_of_every_priority(run_stack: RunStack) -> None:
    worker = {"name": "mail", "queues": ["mail"], "priorities": [3, 9], "concurrency": 4, "unackedKey": "mail-unacked"}
    stack = run_stack(workers=[worker, {"name": "sms", "queues": ["sms"], "priorities": [6], "prioritySeparator": ":"}])

    def counted(app: str) -> dict[str, str]:
        rules = stack.app(app)["template"]["scale"]["rules"]
        metadata = [rule["custom"]["metadata"] for rule in rules]
        return {data["listName"].removeprefix("celery:"): data["listLength"] for data in metadata}

    assert counted("apps-mail") == {"mail": "10", "mail\x06\x163": "10", "mail\x06\x169": "10", "mail-unacked": "4"}
    assert counted("apps-sms") == {"sms": "10", "sms:6": "10", "unacked": "2"}
    assert stack.container("apps-mail")["command"][-4:-2] == ["--concurrency", "4"]


def test_there_is_exactly_one_beat(run_stack: RunStack) -> None:
    stack = run_stack(**RICH)
    assert stack.app("apps-beat")["template"]["scale"] == {"minReplicas": 1, "maxReplicas": 1}
    assert "ingress" not in stack.app("apps-beat")["configuration"]


def test_protect_applies_to_stateful_resources(run_stack: RunStack) -> None:
    recorder = run_stack(**RICH).recorder
    protected = {one.name for one in recorder.registered if one.request.protect}
    caches = {"redis-cluster", "redis-database", "broker-cluster", "broker-database"}
    assert protected == {*caches, "vault-vault", "django-secret-key"}
    assert not {one.name for one in run_stack().recorder.registered if one.request.protect}


def test_without_emails_there_are_no_alerts_but_a_warning(
    run_stack: RunStack, caplog: pytest.LogCaptureFixture
) -> None:
    assert not run_stack(fresh=True).recorder.of_type("monitor:MetricAlert")
    assert "alerts.emails is empty" in caplog.text


@pytest.mark.parametrize(
    ("service", "resource_type", "kinds"),
    [
        ("managed", "redisEnterprise", ("cpu", "evictions", "memory")),
        ("classic", "redis", ("connections", "cpu", "evictions", "memory")),
    ],
)
def test_each_cache_has_the_alerts_its_service_has_metrics_for(
    run_stack: RunStack, service: str, resource_type: str, kinds: tuple[str, ...]
) -> None:
    recorder = run_stack(**(RICH if service == "managed" else RICH_CLASSIC)).recorder
    alerts = recorder.of_type("monitor:MetricAlert")
    assert [alert.inputs["ruleName"] for alert in alerts] == [
        f"{role}-{kind}" for role in ("broker", "redis") for kind in kinds
    ]
    assert {alert.inputs["targetResourceType"] for alert in alerts} == {f"Microsoft.Cache/{resource_type}"}
    metrics = {criterion["metricName"] for alert in alerts for criterion in alert.inputs["criteria"]["allOf"]}
    assert ("errors" in metrics) == (service == "classic"), "Azure refuses an alert on a missing metric"


def test_a_managed_cache_has_a_log_alert_on_refused_connections(run_stack: RunStack) -> None:
    recorder = run_stack(**RICH).recorder
    rules = recorder.of_type("monitor:ScheduledQueryRule")
    assert [rule.inputs["ruleName"] for rule in rules] == ["broker-connections", "redis-connections"]
    settings = {one.name: one.inputs for one in recorder.of_type("monitor:DiagnosticSetting")}
    for rule in rules:
        sent = settings[rule.name.replace("-connections", "-database")]
        assert rule.inputs["scopes"] == [sent["workspaceId"]], "the rule must query the workspace of the logs"
        assert sent["logAnalyticsDestinationType"] == "Dedicated", "the query needs the resource-specific table"
        (condition,) = rule.inputs["criteria"]["allOf"]
        assert f'_ResourceId =~ "{sent["resourceUri"]}"' in condition["query"]
        assert (condition["timeAggregation"], condition["operator"], condition["threshold"]) == (
            "Count",
            "GreaterThan",
            0,
        )
        (metric_action,) = recorder.of_type("monitor:MetricAlert")[0].inputs["actions"]
        assert rule.inputs["actions"] == {"actionGroups": [metric_action["actionGroupId"]]}
    classic = run_stack(**RICH_CLASSIC).recorder
    assert not classic.of_type("monitor:ScheduledQueryRule"), "a metric alert covers refused connections"


def test_names_with_an_empty_suffix(run_stack: RunStack) -> None:
    stack = run_stack(uniqueSuffix="")
    assert stack.outputs["resourceGroupName"] == "rg-westeurope-magictoolbox-dev"
    assert stack.recorder.one(":RedisEnterprise").inputs["clusterName"] == "red-westeurope-magictoolbox-01"
    assert stack.app("apps-web")["containerAppName"] == "app-we-magictoolbox-01"
    assert not stack.recorder.of_type("RandomString")


def test_global_names_end_in_the_suffix(run_stack: RunStack) -> None:
    recorder = run_stack(**RICH).recorder
    names = [one.inputs["clusterName"] for one in recorder.of_type(":RedisEnterprise")]
    names += [
        recorder.one("keyvault:Vault").inputs["vaultName"],
        recorder.one(":ResourceGroup").inputs["resourceGroupName"],
    ]
    assert all(name.endswith("-x7k2q") for name in names)


def test_nothing_but_names_and_tags_depends_on_the_environment(run_stack: RunStack) -> None:
    def shape(**configuration: str) -> set[tuple[str, str]]:
        return {(one.type, one.name) for one in run_stack(**configuration).recorder.registered}

    assert shape() == shape(environment="prod")


def test_the_program_is_composition_only() -> None:
    lines = PROGRAM.read_text(encoding="utf-8").splitlines()
    assert len(lines) <= 120, "move what is not composition into a component"
