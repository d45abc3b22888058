"""Secrets reach a container as secrets: never as the value of a variable, which everyone who reads the app sees."""

import re
from collections.abc import Iterator

from azure_policies.containers import containers_of
from azure_policies.options import Options
from azure_policies.resource import Resource, value_at
from azure_policies.rule import Level, ResourceRule

_REDIS_URL = re.compile(r"(?:redis|rediss|valkey|valkeys|sentinel)://", re.IGNORECASE)

_SHAPES = (
    (re.compile(r"\w[\w+.-]*://[^\s/@:]*:[^\s/@]+@", re.ASCII), "a URL with a password"),
    (re.compile(r"(?:^|[;,\s])(?:password|pwd|accountkey|sharedaccesskey|accesskey)\s*=\s*[^\s;,]", re.IGNORECASE),
     "a connection string with a password or key"),
    (re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----"), "a private key"),
    (re.compile(r"eyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]+"), "a signed token"),
    (re.compile(r"[?&]sig=[\w%+/=-]{20,}"), "a URL with a shared access signature"),
    (re.compile(r"\b(?:gh[pousr]_\w{30,}|github_pat_\w{30,}|glpat-[\w-]{20,}|xox[abprs]-[\w-]{10,}|sk_live_\w{10,})"),
     "an access token"),
)  # fmt: skip
"""Texts that are secrets by their looks."""
_RANDOM = re.compile(r"[A-Za-z0-9+/]{40,}|(?<![\w-])[\w-]{43}=", re.ASCII)
"""A long run of base64's characters, or a key of 32 bytes in its form for URLs, as Fernet's are."""
_PUBLIC = re.compile(r"(?:ssh-|ecdsa-|sk-)[\w@.-]+ |-----BEGIN (?:[A-Z]+ )?(?:PUBLIC KEY|CERTIFICATE)-----")
"""What looks random and is for everybody to see."""
_RESOURCE_ID = re.compile(r"/subscriptions/[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}(?:/[\w.()-]+)*", re.IGNORECASE)

_SECRET_WORDS = frozenset(
    {
        *("passphrase", "pwd", "secret", "token", "credential", "credentials"),
        *("apikey", "accesskey", "secretkey", "privatekey"),
    }
)
_SECRET_ENDINGS = ("password", "passwd")
"""A word that ends so is a secret's: PGPASSWORD is one word."""
_SECRET_NAMES = frozenset({"REDISCLI_AUTH"})
"""Names that a program gives a secret, and that do not sound like it."""
_PLAIN_NAMES = frozenset({"AZURE_TOKEN_CREDENTIALS"})
"""Names that sound like a secret's and are none: here the kind of credential that the Azure SDK tries."""
_KEY_KINDS = frozenset(
    {
        *("access", "account", "api", "auth", "django", "encryption", "fernet", "jwt", "master", "private", "secret"),
        "signing",
    }
)
_ABOUT_A_SECRET = frozenset(
    {
        *("age", "algorithm", "audience", "backend", "cookie", "digest", "enabled", "endpoint", "expiry", "file"),
        *("hash", "method", "names"),
        *("hasher", "hashers", "header", "hours", "id", "issuer", "length", "lifetime", "location", "max", "min"),
        *("minutes", "name", "path", "policy", "prefix", "provider", "scope", "scopes", "seconds", "server", "store"),
        *("timeout", "ttl", "type", "uri", "url", "validators", "version"),
    }
)
"""A name that ends so tells something about a secret: TOKEN_LIFETIME, SECRET_NAME."""
_HARMLESS = re.compile(r"|\d{1,4}|true|false|yes|no|on|off|none|null", re.IGNORECASE)


def judge_variables(resource: Resource, options: Options) -> Iterator[str]:
    """Yield variables of a container app or job that hold a secret in the clear. No value is told."""
    for path, name, value in _plain_variables(resource):
        if name in options.plain_variables or _REDIS_URL.match(value):
            continue  # Redis has a rule of its own
        reason = _looks(value) or _sounds(name, value)
        if reason:
            yield f"{path}: {name} holds {reason}: make it a secret of the app, and set secretRef"


def judge_redis_urls(resource: Resource, options: Options) -> Iterator[str]:
    """Yield Redis URLs that are the value of a variable. No value is told."""
    del options
    for path, name, value in _plain_variables(resource):
        if _REDIS_URL.match(value):
            yield f"{path}: {name} holds a Redis URL in the clear: make it a secret of the app, and set secretRef"


def _plain_variables(resource: Resource) -> Iterator[tuple[str, str, str]]:
    """Where it stands, name and value of each variable that is set by value; what is not known yet is left out."""
    for container in containers_of(resource):
        for variable in container.variables:
            name, value = value_at(variable, "name"), value_at(variable, "value")
            if isinstance(name, str) and isinstance(value, str):
                yield f"{container.path}.env", name, value


def _looks(value: str) -> str | None:
    """What kind of secret a value is by its looks, if any."""
    if _PUBLIC.match(value):
        return None
    # The segments of a resource id are looked at one by one: together, they look random.
    parted = _RESOURCE_ID.sub(lambda found: found[0].replace("/", " "), value)
    if any(_is_random(run) for run in _RANDOM.findall(parted)):
        return "a random key"
    return next((kind for shape, kind in _SHAPES if shape.search(value)), None)


def _is_random(run: str) -> bool:
    """Whether a long run of base64's characters is a key's: no digest in hexadecimal, no path."""
    kinds = (any(map(kind, run)) for kind in (str.islower, str.isupper, str.isdigit))
    return all(kinds) and run.count("/") * 10 <= len(run)


def _sounds(name: str, value: str) -> str | None:
    """What kind of secret a variable is by its name, if any."""
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower().replace("-", "_").split("_")
    if _HARMLESS.fullmatch(value) or words[-1] in _ABOUT_A_SECRET or name in _PLAIN_NAMES:
        return None
    is_secret = (
        name in _SECRET_NAMES
        or words[-1] == "pass"
        or (words[-1] == "key" and "public" not in words and not _KEY_KINDS.isdisjoint(words))
        or any(word in _SECRET_WORDS or word.endswith(_SECRET_ENDINGS) for word in words)
    )
    return "what its name calls a secret" if is_secret else None


RULES = (
    ResourceRule(
        "no-secret-in-a-variable",
        "A container app's variables hold no secret in the clear.",
        Level.MANDATORY,
        judge_variables,
        options=("plain_variables",),
    ),
    ResourceRule(
        "redis-url-by-secret",
        "A container app gets every Redis URL from a secret.",
        Level.MANDATORY,
        judge_redis_urls,
    ),
)
