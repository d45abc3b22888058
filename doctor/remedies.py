"""What mends a cause, as a command."""

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
    """The command that mends what a finding names, or that shows more where nothing here can mend it."""
    if finding.cause is None:
        return ""
    return _REMEDIES[finding.cause](finding, facts)


def _up(facts: Facts, *options: str) -> str:
    stack = shlex.quote(facts.stack.name)
    # The image that is deployed, whatever the stack's file says: a remedy is no release.
    image = f'--config "image=$(pulumi stack output image --stack {stack})"'
    return " ".join(["pulumi", "up", "--stack", stack, image, *options])


def _put_back(finding: Finding, facts: Facts) -> str:
    """Somebody changed what the program made: read it, and put it back."""
    return _up(facts, "--refresh")


def _set_anew(finding: Finding, facts: Facts) -> str:
    """The keys are read anew. A new digest key is in every app's template: each app gets its secrets and its variables
    as the program has them, and one new revision. Without a refresh, which would take over a secret that was changed
    by hand."""
    return _up(facts, "--replace", "'**::secrets-digest-key'")


def _recover_vault(finding: Finding, facts: Facts) -> str:
    # A vault that was deleted keeps its name, and all that was in it, until it is purged. Its endpoints stay
    # disconnected.
    name = facts.stack.vault_uri.partition("://")[2].partition(".")[0]
    return f"az keyvault recover --name {name} && {_endpoint_anew(finding, facts)}"


def _endpoint_anew(finding: Finding, facts: Facts) -> str:
    """Replace private endpoints: a rejected or disconnected one never connects again, and shows no drift to mend.

    The finding names those to delete, where there are any.
    """
    # Not `pulumi up --replace`: it makes the new one first, and the name is taken.
    deletions = [f"az network private-endpoint delete --ids {one}" for one in finding.at]
    return " && ".join([*deletions, _put_back(finding, facts)])


def _records_anew(finding: Finding, facts: Facts) -> str:
    deletions = [f"az network private-endpoint dns-zone-group delete --ids {one}" for one in finding.at]
    return " && ".join([*deletions, _put_back(finding, facts)])


def _environment_anew(finding: Finding, facts: Facts) -> str:
    """An environment stays in the subnet that it was made in, and goes only without apps."""
    place = f"--yes --resource-group {_group(facts)} --name"
    deletions = [f"az containerapp delete {place} {app.name}" for app in facts.apps]
    deletions += [f"az containerapp env delete {place} {name_of(one)}" for one in finding.at]
    return " && ".join([*deletions, _put_back(finding, facts)])


def _approve(finding: Finding, facts: Facts) -> str:
    # `az network private-endpoint-connection approve` does not know the managed service.
    return _rest("put", finding.at[0], '{"properties":{"privateLinkServiceConnectionState":{"status":"Approved"}}}')


def _enable(finding: Finding, facts: Facts) -> str:
    # By Resource Manager: the vault's own door is closed to most who read this.
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
    """Show the ends; how a process is started and how long its work takes is for the application to change."""
    advice = (
        "  # a script starts the process with `exec`; a worker stops by itself before its grace is over (Celery: "
        "REMAP_SIGTERM=SIGQUIT and worker_soft_shutdown_timeout)"
    )
    return _show_events(finding, facts) + advice


def _show_log_and_put_back(finding: Finding, facts: Facts) -> str:
    """What somebody changed is put back; a fault of the image or the program is for the log to tell."""
    return f"{_show_log(finding, facts)} && {_put_back(finding, facts)}"


def _wait_for_azure(finding: Finding, facts: Facts) -> str:
    """An outage is Azure's to end: its own word on the cache, then a wait until all is well."""
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
    """Give the next larger size, after high availability where the cache has none: only a replica keeps the data.

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
    """Delete a cluster that was never made; of one that has served, wait for Azure and apply the program again."""
    cache = _cache(finding, facts)
    if cache is not None and cache.keyed_id:
        # Its data is there. Never delete it.
        health = _rest("get", f"{cache.id}/providers/Microsoft.ResourceHealth/availabilityStatuses/current")
        return f"{health}; {_put_back(finding, facts)}"
    stack = shlex.quote(facts.stack.name)
    deletions = [f"az resource delete --ids {one}" for one in finding.at]
    another = "  # it never held data; if Azure refuses again for lack of capacity: another size (redis.sku) or region"
    # The image is named anew: a stack that was never deployed has no output of it.
    return (
        " && ".join([*deletions, f"pulumi refresh --stack {stack}", f"pulumi up --stack {stack} --config image=IMAGE"])
        + another
    )


def _database_anew(finding: Finding, facts: Facts) -> str:
    """Delete what cannot be changed back, and let the program make it anew: empty, and with other keys.

    Azure changes a clustering policy only away from `NoCluster`
    (https://learn.microsoft.com/rest/api/redis/redisenterprisecache/databases/update).
    """
    cache = _cache(finding, facts)
    loss = "  # all data of this cache is lost: sessions, cached values and queued tasks"
    if cache is not None and cache.service is Service.MANAGED:
        return f"az resource delete --ids {cache.keyed_id} && {_put_back(finding, facts)}{loss}"
    endpoints = () if isinstance(facts.network.endpoints, Absent) else facts.network.endpoints
    left = [one.id for one in endpoints if cache is not None and one.target_id == cache.id]
    deletions = [f"az resource delete --ids {one}" for one in (*([cache.id] if cache else ()), *left)]
    return " && ".join([*deletions, _put_back(finding, facts)]) + loss


def _group(facts: Facts) -> str:
    return name_of(facts.stack.group_id)


def _cache(finding: Finding, facts: Facts) -> Cache | None:
    """The cache that a finding is about: the one it names, or the one that the app's URL leads to."""
    found = facts.broker if finding.subject == BROKER or finding.check == SCALER else facts.redis
    return found if isinstance(found, Cache) else None


_REMEDIES: Mapping[Cause, Callable[[Finding, Facts], str]] = {
    Cause.ENVIRONMENT_OUTSIDE: _environment_anew,
    Cause.SUBNET_NOT_DELEGATED: _put_back,
    Cause.ENDPOINT_MISSING: _put_back,
    Cause.ENDPOINT_PENDING: _approve,
    Cause.ENDPOINT_REJECTED: _endpoint_anew,
    Cause.ENDPOINT_DISCONNECTED: _endpoint_anew,
    Cause.ENDPOINT_GROUP_WRONG: _endpoint_anew,
    Cause.ZONE_MISSING: _put_back,
    Cause.ZONE_OF_OTHER_SERVICE: _put_back,
    Cause.ZONE_NOT_LINKED: _put_back,
    Cause.ZONE_LINKED_ELSEWHERE: _put_back,
    Cause.RECORD_MISSING: _records_anew,
    Cause.RECORD_STALE: _records_anew,
    Cause.CACHE_MISSING: _endpoint_anew,
    Cause.CACHE_FAILED: _delete_failed,
    Cause.CLUSTERING_ON: _database_anew,
    Cause.EVICTS_TASKS: _put_back,
    Cause.CACHE_NOT_RUNNING: _wait_for_azure,
    Cause.VAULT_MISSING: _recover_vault,
    Cause.KEY_AUTHENTICATION_OFF: _accept_keys,
    Cause.PUBLIC_ACCESS_ON: _put_back,
    Cause.TLS_NOT_REQUIRED: _put_back,
    Cause.ROLE_MISSING: _put_back,
    Cause.VAULT_SECRET_MISSING: _put_back,
    Cause.VAULT_SECRET_DISABLED: _enable,
    Cause.SECRET_MISSING: _set_anew,
    Cause.VARIABLE_BY_VALUE: _set_anew,
    Cause.VARIABLE_MISSING: _set_anew,
    Cause.KEY_NOT_ENCODED: _set_anew,
    Cause.URL_MALFORMED: _set_anew,
    Cause.KEY_MISSING: _set_anew,
    Cause.URL_NOT_ENCRYPTED: _set_anew,
    Cause.CERTIFICATE_RULE_MISSING: _set_anew,
    Cause.WRONG_SERVER: _set_anew,
    Cause.WRONG_DATABASE: _set_anew,
    Cause.KEY_NOT_CURRENT: _set_anew,
    Cause.SECRET_NOT_IN_REPLICAS: _restart,
    Cause.REFERENCE_UNVERSIONED: _set_anew,
    Cause.NAME_UNRESOLVED: _show_log,
    Cause.REDIS_DOWN: _wait_for_azure,
    Cause.REDIS_FULL: _enlarge,
    Cause.CONNECTIONS_USED_UP: _restart,
    Cause.REDIS_READ_ONLY: _wait_for_azure,
    Cause.REDIS_LOADING: _wait_for_azure,
    Cause.REDIS_CANNOT_SAVE: _wait_for_azure,
    Cause.TLS_FAILS: _show_log,
    Cause.KEY_REFUSED: _set_anew,
    Cause.REDIS_FAILS: _show_log,
    Cause.APP_DATABASE_FAILS: _show_log,
    Cause.SCALER_FAILS: _show_events,
    Cause.SCALE_RULE_IDENTITY: _put_back,
    Cause.KILLED_AT_SHUTDOWN: _start_otherwise,
    Cause.REVISION_FAILING: _show_log_and_put_back,
    Cause.APP_UNANSWERED: _show_log,
}
