"""Give the remedy of a cause, as a command."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping

from doctor.api_versions import version_of
from doctor.checks.events import SCALER
from doctor.checks.targets import BROKER
from doctor.facts import Absent, Cache, Facts, Service, name_of
from doctor.findings import Cause, Finding

_LARGER = {
    Service.MANAGED: ("Balanced_B0", "Balanced_B1", "Balanced_B3", "Balanced_B5", "Balanced_B10", "Balanced_B20"),
    Service.CLASSIC: ("C0", "C1", "C2", "C3"),
}


def remedy(finding: Finding, facts: Facts) -> str:
    """Return the command that fixes what a finding names, or that shows more where no command can fix it."""
    if finding.cause is None:
        return ""
    return _REMEDIES[finding.cause](finding, facts)


def _up(facts: Facts, *options: str) -> str:
    stack = shlex.quote(facts.stack.name)
    # The image that is deployed, whatever the stack's file says: a remedy is no release.
    image = f'--config "image=$(pulumi stack output image --stack {stack})"'
    return " ".join(["pulumi", "up", "--stack", stack, image, *options])


def _revert_drift(finding: Finding, facts: Facts) -> str:
    """Revert drift: refresh the state, and apply the program."""
    return _up(facts, "--refresh")


def _renew_secrets(finding: Finding, facts: Facts) -> str:
    """Read the keys again, and give each app its secrets and variables as the program has them, in one new revision.

    A new digest key is in every app's template. There is no refresh, which would adopt a secret changed by hand."""
    return _up(facts, "--replace", "'**::secrets-digest-key'")


def _recover_vault(finding: Finding, facts: Facts) -> str:
    # A vault that was deleted keeps its name, and all that was in it, until it is purged. Its endpoints stay
    # disconnected.
    name = facts.stack.vault_uri.partition("://")[2].partition(".")[0]
    return f"az keyvault recover --name {name} && {_replace_endpoint(finding, facts)}"


def _replace_endpoint(finding: Finding, facts: Facts) -> str:
    """Replace private endpoints: a rejected or disconnected one never connects again, and shows no drift to mend.

    The finding names those to delete, where there are any.
    """
    # Not `pulumi up --replace`: it makes the new one first, and the name is taken.
    deletions = [f"az network private-endpoint delete --ids {one}" for one in finding.at]
    return " && ".join([*deletions, _revert_drift(finding, facts)])


def _replace_records(finding: Finding, facts: Facts) -> str:
    deletions = [f"az network private-endpoint dns-zone-group delete --ids {one}" for one in finding.at]
    return " && ".join([*deletions, _revert_drift(finding, facts)])


def _replace_environment(finding: Finding, facts: Facts) -> str:
    """Replace the environment: it cannot change its subnet, and it cannot be deleted while it has apps."""
    place = f"--yes --resource-group {_group(facts)} --name"
    deletions = [f"az containerapp delete {place} {app.name}" for app in facts.apps]
    deletions += [f"az containerapp env delete {place} {name_of(one)}" for one in finding.at]
    return " && ".join([*deletions, _revert_drift(finding, facts)])


def _approve(finding: Finding, facts: Facts) -> str:
    # `az network private-endpoint-connection approve` does not know the managed service.
    return _rest("put", finding.at[0], '{"properties":{"privateLinkServiceConnectionState":{"status":"Approved"}}}')


def _enable(finding: Finding, facts: Facts) -> str:
    # By Resource Manager: the vault's data plane is closed to most callers.
    body = '{"properties":{"attributes":{"enabled":true}}}'
    return " && ".join(_rest("patch", secret, body) for secret in finding.at)


def _accept_keys(finding: Finding, facts: Facts) -> str:
    # Not `pulumi up`: the program lists the keys first, which the cache refuses as long as it accepts none.
    classic = isinstance(cache := _cache(finding, facts), Cache) and cache.service is Service.CLASSIC
    setting = '"disableAccessKeyAuthentication":false' if classic else '"accessKeysAuthentication":"Enabled"'
    return _rest("patch", finding.at[0], f'{{"properties":{{{setting}}}}}')


def _rest(method: str, resource_id: str, body: str = "") -> str:
    url = shlex.quote(f"{resource_id}?api-version={version_of(resource_id)}")
    return f"az rest --method {method} --url {url}" + (f" --body {shlex.quote(body)}" if body else "")


def _restart(finding: Finding, facts: Facts) -> str:
    return " && ".join(
        f"az containerapp revision restart --resource-group {_group(facts)} --name {app.name} --revision {app.latest}"
        for app in facts.apps
    )


def _show_log(finding: Finding, facts: Facts) -> str:
    app = finding.subject
    return f"az containerapp logs show --resource-group {_group(facts)} --name {app} --type console --tail 100"


def _show_events(finding: Finding, facts: Facts) -> str:
    app = finding.subject
    return f"az containerapp logs show --resource-group {_group(facts)} --name {app} --type system --tail 100"


def _start_otherwise(finding: Finding, facts: Facts) -> str:
    """Show the events, with advice: only the application can change how its process starts and how long it takes."""
    advice = (
        "  # a script starts the process with `exec`; a worker stops by itself before its grace is over (Celery: "
        "REMAP_SIGTERM=SIGQUIT and worker_soft_shutdown_timeout)"
    )
    return _show_events(finding, facts) + advice


def _show_log_and_revert_drift(finding: Finding, facts: Facts) -> str:
    """Show the log, for a fault of the image or the program, and revert drift."""
    return f"{_show_log(finding, facts)} && {_revert_drift(finding, facts)}"


def _wait_for_azure(finding: Finding, facts: Facts) -> str:
    """Show Azure's health of the cache, and wait until no fault is found: only Azure can end an outage."""
    cache = _cache(finding, facts)
    if cache is None:
        return _show_log(finding, facts)
    # Not a reboot, which empties a Basic cache: queued tasks and sessions would be lost.
    health = _rest("get", f"{cache.id}/providers/Microsoft.ResourceHealth/availabilityStatuses/current")
    # Not `&&`: Azure may have no word on a managed cache, whose type is not among those that it checks
    # (https://learn.microsoft.com/azure/service-health/resource-health-checks-resource-types).
    return f"{health}; python -m doctor --stack {shlex.quote(facts.stack.name)} --wait-healthy"


_LOSES_ALL = (
    "  # a resize without high availability loses all data, queued tasks included; it doubles the price and stays on. "
    "Without it: stop what queues tasks, let the workers empty the queue, then set the size alone"
)


def _enlarge(finding: Finding, facts: Facts) -> str:
    """Resize to the next larger size, after turning on high availability: only a replica keeps the data.

    Sources: https://learn.microsoft.com/azure/redis/how-to-scale,
    https://learn.microsoft.com/azure/azure-cache-for-redis/cache-how-to-scale (Basic to Standard first).
    """
    cache = _cache(finding, facts)
    service = cache.service if cache else Service.MANAGED
    size = cache.size if cache else ""
    sizes = _LARGER[service]
    if service is Service.CLASSIC:
        sizes = tuple(f"{size.partition('_')[0]}_{one}" for one in sizes)
    if size not in sizes[:-1]:
        # Which size is next, and whether it costs twice as much, is the owner's decision.
        chosen = _set("redis.sku", "SIZE", facts)
        return f"{_replicate(cache, facts)}{chosen} && {_up(facts)}  # SIZE: one larger than {size or 'it is now'}"
    larger = sizes[sizes.index(size) + 1]
    if cache is None or cache.replicated:
        return f"{_set('redis.sku', larger, facts)} && {_up(facts)}"
    larger = larger.replace("Basic", "Standard")
    return f"{_replicate(cache, facts)}{_set('redis.sku', larger, facts)} && {_up(facts)}{_LOSES_ALL}"


def _replicate(cache: Cache | None, facts: Facts) -> str:
    """Return the first step of a resize that keeps the data; empty where the cache has a replica already."""
    if cache is None or cache.replicated:
        return ""
    classic = cache.service is Service.CLASSIC
    step = (
        _set("redis.sku", cache.size.replace("Basic", "Standard"), facts)
        if classic
        else _set("redis.highAvailability", "true", facts)
    )
    return f"{step} && {_up(facts)} && "


def _set(setting: str, value: str, facts: Facts) -> str:
    return f"pulumi config set --path {setting} {value} --stack {shlex.quote(facts.stack.name)}"


def _delete_failed(finding: Finding, facts: Facts) -> str:
    """Delete a cluster whose creation failed; keep one that has served, and apply the program again."""
    cache = _cache(finding, facts)
    if cache is not None and cache.keyed_id:
        # Its data is there. Never delete it.
        health = _rest("get", f"{cache.id}/providers/Microsoft.ResourceHealth/availabilityStatuses/current")
        return f"{health}; {_revert_drift(finding, facts)}"
    stack = shlex.quote(facts.stack.name)
    deletions = [f"az resource delete --ids {one}" for one in finding.at]
    another = "  # it never held data; if Azure refuses again for lack of capacity: another size (redis.sku) or region"
    # The image is named anew: a stack that was never deployed has no output of it.
    return (
        " && ".join([*deletions, f"pulumi refresh --stack {stack}", f"pulumi up --stack {stack} --config image=IMAGE"])
        + another
    )


def _replace_database(finding: Finding, facts: Facts) -> str:
    """Delete the database, whose policy cannot be changed back; the program creates it again, empty, with other keys.

    Azure changes a clustering policy only away from `NoCluster`
    (https://learn.microsoft.com/rest/api/redis/redisenterprisecache/databases/update).
    """
    cache = _cache(finding, facts)
    loss = "  # all data of this cache is lost: sessions, cached values and queued tasks"
    if cache is not None and cache.service is Service.MANAGED:
        return f"az resource delete --ids {cache.keyed_id} && {_revert_drift(finding, facts)}{loss}"
    endpoints = () if isinstance(facts.network.endpoints, Absent) else facts.network.endpoints
    left = [one.id for one in endpoints if cache is not None and one.target_id == cache.id]
    deletions = [f"az resource delete --ids {one}" for one in (*([cache.id] if cache else ()), *left)]
    return " && ".join([*deletions, _revert_drift(finding, facts)]) + loss


def _group(facts: Facts) -> str:
    return name_of(facts.stack.group_id)


def _cache(finding: Finding, facts: Facts) -> Cache | None:
    """Return the cache that a finding is about: the one it names, or the one in the app's URL."""
    found = facts.broker if finding.subject == BROKER or finding.check == SCALER else facts.redis
    return found if isinstance(found, Cache) else None


_REMEDIES: Mapping[Cause, Callable[[Finding, Facts], str]] = {
    Cause.ENVIRONMENT_OUTSIDE: _replace_environment,
    Cause.SUBNET_NOT_DELEGATED: _revert_drift,
    Cause.ENDPOINT_MISSING: _revert_drift,
    Cause.ENDPOINT_PENDING: _approve,
    Cause.ENDPOINT_REJECTED: _replace_endpoint,
    Cause.ENDPOINT_DISCONNECTED: _replace_endpoint,
    Cause.ENDPOINT_GROUP_WRONG: _replace_endpoint,
    Cause.ZONE_MISSING: _revert_drift,
    Cause.ZONE_OF_OTHER_SERVICE: _revert_drift,
    Cause.ZONE_NOT_LINKED: _revert_drift,
    Cause.ZONE_LINKED_ELSEWHERE: _revert_drift,
    Cause.RECORD_MISSING: _replace_records,
    Cause.RECORD_STALE: _replace_records,
    Cause.CACHE_MISSING: _replace_endpoint,
    Cause.CACHE_FAILED: _delete_failed,
    Cause.CLUSTERING_ON: _replace_database,
    Cause.EVICTS_TASKS: _revert_drift,
    Cause.CACHE_NOT_RUNNING: _wait_for_azure,
    Cause.VAULT_MISSING: _recover_vault,
    Cause.KEY_AUTHENTICATION_OFF: _accept_keys,
    Cause.PUBLIC_ACCESS_ON: _revert_drift,
    Cause.TLS_NOT_REQUIRED: _revert_drift,
    Cause.ROLE_MISSING: _revert_drift,
    Cause.VAULT_SECRET_MISSING: _revert_drift,
    Cause.VAULT_SECRET_DISABLED: _enable,
    Cause.SECRET_MISSING: _renew_secrets,
    Cause.VARIABLE_BY_VALUE: _renew_secrets,
    Cause.VARIABLE_MISSING: _renew_secrets,
    Cause.KEY_NOT_ENCODED: _renew_secrets,
    Cause.URL_MALFORMED: _renew_secrets,
    Cause.KEY_MISSING: _renew_secrets,
    Cause.URL_NOT_ENCRYPTED: _renew_secrets,
    Cause.CERTIFICATE_RULE_MISSING: _renew_secrets,
    Cause.WRONG_SERVER: _renew_secrets,
    Cause.WRONG_DATABASE: _renew_secrets,
    Cause.KEY_NOT_CURRENT: _renew_secrets,
    Cause.SECRET_NOT_IN_REPLICAS: _restart,
    Cause.REFERENCE_UNVERSIONED: _renew_secrets,
    Cause.NAME_UNRESOLVED: _show_log,
    Cause.REDIS_DOWN: _wait_for_azure,
    Cause.REDIS_FULL: _enlarge,
    Cause.CONNECTIONS_USED_UP: _restart,
    Cause.REDIS_READ_ONLY: _wait_for_azure,
    Cause.REDIS_LOADING: _wait_for_azure,
    Cause.REDIS_CANNOT_SAVE: _wait_for_azure,
    Cause.TLS_FAILS: _show_log,
    Cause.KEY_REFUSED: _renew_secrets,
    Cause.REDIS_FAILS: _show_log,
    Cause.APP_DATABASE_FAILS: _show_log,
    Cause.SCALER_FAILS: _show_events,
    Cause.SCALE_RULE_IDENTITY: _revert_drift,
    Cause.KILLED_AT_SHUTDOWN: _start_otherwise,
    Cause.REVISION_FAILING: _show_log_and_revert_drift,
    Cause.APP_UNANSWERED: _show_log,
}
