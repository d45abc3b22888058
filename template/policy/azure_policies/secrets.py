"""What a text is by its looks and by its name: a secret, or not. Pure; no text is ever part of an answer."""

import json
import re
from collections.abc import Iterator
from functools import cache
from typing import Any, Protocol

_SHAPES = (
    (re.compile(r"\w[\w+.-]*://[^\s/@:]*:[^\s/@]+@", re.ASCII), "a URL with a password"),
    (re.compile(r"(?:^|[;,\s])(?:password|pwd|accountkey|sharedaccesskey|accesskey)\s*=\s*[^\s;,$]", re.IGNORECASE),
     "a connection string with a password or key"),
    (re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----"), "a private key"),
    (re.compile(r"eyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]+"), "a signed token"),
    (re.compile(r"[?&]sig=[\w%+/=-]{20,}"), "a URL with a shared access signature"),
)  # fmt: skip
"""Texts that are secrets by their looks, whoever issued them."""

_TOKENS = re.compile(
    r"""
      \b AIza[\w-]{35}                                  # Google, API
    | \b ya29\.[\w-]{20,}                               # Google, OAuth
    | \b sk-ant-[\w-]{20,}                              # Anthropic
    | \b hf_[A-Za-z]{30,}                               # Hugging Face
    | \b do[opr]_v1_[0-9a-f]{64}                        # DigitalOcean
    | \b shp(?:at|ca|pa|ss)_[0-9a-fA-F]{32}             # Shopify
    | \b dckr_pat_[\w-]{20,}                            # Docker
    | \b glsa_[A-Za-z0-9]{32}_[0-9a-f]{8}               # Grafana
    | \b NRAK-[A-Z0-9]{27}                              # New Relic
    | \b dapi[0-9a-f]{32}                               # Databricks
    | \b pul-[0-9a-f]{40}                               # Pulumi
    | \b hvs\.[\w-]{24,}                                # HashiCorp Vault
    | (?<![\w~.-]) [\w~.-]{3}\dQ~[\w~.-]{31,34} (?![\w~.-])   # Microsoft Entra, client secret
    | \b glpat-[\w-]{20,}                               # GitLab
    | \b (?:gh[pousr]_\w{30,}|github_pat_\w{30,})       # GitHub, those of newer length included
    | \b (?:sk|rk)_live_\w{10,}                         # Stripe
    | \b xox[abeoprs]-[\w-]{10,}                        # Slack
    """,
    re.VERBOSE,
)
"""Tokens that detect-secrets does not know, or knows in one length only."""

_DETECTORS = (
    ("aws", "AWSKeyDetector"),
    ("azure_storage_key", "AzureStorageKeyDetector"),
    ("discord", "DiscordBotTokenDetector"),
    ("github_token", "GitHubTokenDetector"),
    ("gitlab_token", "GitLabTokenDetector"),
    ("mailchimp", "MailchimpDetector"),
    ("npm", "NpmDetector"),
    ("openai", "OpenAIDetector"),
    ("pypi_token", "PypiTokenDetector"),
    ("sendgrid", "SendGridDetector"),
    ("slack", "SlackDetector"),
    ("square_oauth", "SquareOAuthDetector"),
    ("stripe", "StripeDetector"),
    ("telegram_token", "TelegramBotTokenDetector"),
    ("twilio", "TwilioKeyDetector"),
)
"""Modules and classes of detect-secrets: those whose tokens have a form of their own."""

_NO_TOKEN = re.compile(r"\b(?:[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]{64}|[0-9a-f]{40})\b")
"""An id, a digest or a commit: most long texts of an app."""
_MAY_BE_A_TOKEN = re.compile(r"(?=[\w-]*\d)[\w-]{20,}", re.ASCII)
"""What is worth loading the library for, which takes a tenth of a second."""

_RANDOM = re.compile(r"[A-Za-z0-9+/]{40,}|(?<![\w-])[\w-]{43}=", re.ASCII)
"""A long run of base64's characters, or a key of 32 bytes in its form for URLs, as Fernet's are."""
_PUBLIC = re.compile(r"(?:ssh-|ecdsa-|sk-)[\w@.-]+ |-----BEGIN (?:[A-Z]+ )?(?:PUBLIC KEY|CERTIFICATE)-----")
"""What looks random and is for everybody to see."""
_RESOURCE_ID = re.compile(r"/subscriptions/[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}(?:/[\w.()-]+)*", re.IGNORECASE)

_REFERENCE = re.compile(
    r"@Microsoft\.(?:KeyVault|AppConfiguration)\(.*\)|\$\{?\(?[\w.:-]+[)}]?|secretref:.*", re.IGNORECASE
)
"""A value that is looked up elsewhere: by App Service, by a shell, by Container Apps."""
_HARMLESS = re.compile(r"|\d{1,4}|true|false|yes|no|on|off|none|null", re.IGNORECASE)
_PLAIN = re.compile(
    r"""
      [A-Za-z][A-Za-z ,.:/_-]*            # words
    | \d+(?:[.,]\d+)? \s* [A-Za-z% ]{0,20} # a number or a time, such as 3600, 1.5 GB, 15 minutes
    | P[\dTDHMSWY.]+                      # a time of ISO 8601
    | (?:\d+:)+\d+ | [\d/*, -]+           # a time of day, a schedule
    | https?://[^\s?@]*                   # an address
    | [\w.-]+\.[a-z]{2,}(?::\d+)?         # a host
    """,
    re.VERBOSE,
)
"""What a value about a secret looks like, but no secret: TOKEN_EXPIRATION, SECRET_MANAGER."""

_SECRET_WORDS = frozenset({"passphrase", "pwd", "secret", "token", "credential", "sas", "passcode"})
_SECRET_ENDINGS = ("password", "passwd", "secret", "token", "passphrase")
"""A word that ends so is a secret's: PGPASSWORD is one word."""
_KEY_ENDINGS = tuple(
    f"{kind}key"
    for kind in (
        *("api", "access", "secret", "private", "account", "storage", "master", "shared", "signing", "encryption"),
        *("function", "host", "service", "auth", "primary", "secondary", "admin", "client", "session"),
    )
)
_PASS = re.compile(r"(?<!by)(?<!com)(?<!tres)(?<!sur)(?<!over)(?<!under)(?<!en)pass")
"""A word that ends so is a password's (DBPASS), but for bypass, compass and the like."""
_SECRET_NAMES = frozenset({"REDISCLI_AUTH", "AUTHORIZATION", "PROXY_AUTHORIZATION", "COOKIE", "REQUIREPASS"})
"""Names that a program or HTTP gives a secret, and that do not sound like it."""
_PLAIN_NAMES = frozenset({"AZURE_TOKEN_CREDENTIALS"})
"""Names that sound like a secret's and are none: here the kind of credential that the Azure SDK tries."""
_KEY_KINDS = frozenset(
    {
        *(
            "access",
            "account",
            "admin",
            "api",
            "auth",
            "client",
            "cosmos",
            "django",
            "encryption",
            "fernet",
            "function",
        ),
        *("hmac", "host", "jwt", "master", "private", "secret", "service", "session", "shared", "signing", "storage"),
        *("subscription", "webhook"),
    }
)
_QUALIFIERS = frozenset(
    {
        *("backup", "current", "default", "dev", "fallback", "new", "next", "old", "previous", "primary", "prod"),
        *("production", "secondary", "stage", "staging", "test", "value"),
    }
)
"""Words behind a secret's that change nothing of it: DB_PASSWORD_PROD, TOKEN_2."""
_SWITCHES = frozenset({"allow", "disable", "enable", "has", "is", "max", "min", "num", "require", "skip", "use"})
"""A name that begins so tells something about a secret: MAX_TOKENS, USE_TOKEN."""
_ABOUT_A_SECRET = frozenset(
    {
        *("age", "alg", "algorithm", "audience", "backend", "bucket", "buckets", "bytes", "cache", "class", "claim"),
        *("config", "cookie", "count", "days", "delay", "digest", "dir", "directory", "domain", "driver", "enabled"),
        *("encoder", "endpoint", "engine", "env", "expiration", "expires", "expiry", "field", "file", "format"),
        *("generator", "handler", "hash", "hasher", "hashers", "header", "hours", "id", "interval", "issuer"),
        *("leeway", "length", "lifetime", "limit", "location", "manager", "max", "method", "min", "minutes", "mode"),
        *("model", "module", "name", "names", "namespace", "page", "path", "pattern", "period", "policy", "prefix"),
        *("provider", "refresh", "region", "required", "reset", "rotation", "rules", "schema", "scope", "scopes"),
        *("seconds", "server", "service", "size", "source", "storage", "store", "strategy", "strength", "suffix"),
        *("table", "template", "timeout", "ttl", "type", "uri", "url", "user", "username", "validator", "validators"),
        *("version", "view", "window"),
    }
)
"""A name that ends so tells something about a secret: TOKEN_LIFETIME, SECRET_NAME."""

_QUERY = re.compile(r"[?&]([\w.~-]+)=([^&#\s\"']+)")
_CODE = re.compile(r"[?&]code=[\w%+/=-]{20,}")
"""The key of an Azure function, in its address."""
_ASSIGNMENT = re.compile(
    r"(?:^|[\s;&|\"'`({])(?:--?)?([A-Za-z][\w.-]*)=(\"[^\"]*\"|'[^']*'|[^\s\"';&|]+)"
)  # fmt: skip
"""A shell's assignment or an option with its value, such as ``DB_PASSWORD=x program`` or ``--password=x``."""
_OPTION = re.compile(r"(?:^|\s)--?([A-Za-z][\w-]*)\s+(\"[^\"]*\"|'[^']*'|[^\s\"'-][^\s\"']*)")
_HEADER = re.compile(
    r"\b([A-Za-z-]*(?:Authorization|Api-Key|Token))\s*:\s*(?:(?:Bearer|Basic|Token)\s+)?([^\s\"']+)", re.IGNORECASE
)


class _Detector(Protocol):
    """A plug-in of detect-secrets that finds a token by its form."""

    secret_type: str

    def analyze_string(self, string: str) -> Iterator[str]: ...


def kind_of_secret(name: str | None, value: str) -> str | None:
    """Return what kind of secret a value is, by its looks or by its name; ``None`` if it is none."""
    if _REFERENCE.fullmatch(value.strip()):
        return None
    return looks(value) or (sounds(name, value) if name else None)


def looks(value: str) -> str | None:
    """Return what kind of secret a value is by its looks, if any."""
    if _PUBLIC.match(value):
        return None
    # The segments of a resource id are looked at one by one: together, they look random.
    parted = _RESOURCE_ID.sub(lambda found: found[0].replace("/", " "), value)
    if any(_is_random(run) for run in _RANDOM.findall(parted)):
        return "a random key"
    return (
        next((kind for shape, kind in _SHAPES if shape.search(value)), None)
        or _token(parted)
        or _in_json(value)
        or _in_text(value)
    )


def sounds(name: str, value: str) -> str | None:
    """Return what kind of secret a value is by what it is called, if any."""
    called = "what its name calls a secret"
    if _HARMLESS.fullmatch(value) or _REFERENCE.fullmatch(value) or name.upper() in _PLAIN_NAMES:
        return None
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()
    parts = [word for word in re.split(r"[^a-z0-9]+", words) if word]
    if name.upper().replace("-", "_") in _SECRET_NAMES:
        return called
    if not parts or parts[-1] in _ABOUT_A_SECRET or parts[0] in _SWITCHES:
        return None
    kept = list(parts)
    while len(kept) > 1 and (kept[-1] in _QUALIFIERS or kept[-1].isdigit()):
        kept.pop()
    if _is_secrets(kept):
        return called
    # A secret's word with another behind it: it may be a secret all the same, unless it looks like a plain word.
    inside = any(_is_secrets(parts[: end + 1]) for end in range(len(parts)))
    return called if inside and not _PLAIN.fullmatch(value) else None


def _is_secrets(words: list[str]) -> bool:
    """Whether the last of some words is a secret's, in the singular or the plural."""
    last = words[-1]
    singular = last[:-1] if last.endswith("s") and not last.endswith("ss") else last
    if singular == "key":
        return "public" not in words and not _KEY_KINDS.isdisjoint(words)
    if last in ("pass", "sas"):
        return True
    return (
        singular in _SECRET_WORDS
        or singular.endswith((*_SECRET_ENDINGS, *_KEY_ENDINGS))
        or (last.endswith("pass") and bool(_PASS.search(last[-9:])))
    )


def _is_random(run: str) -> bool:
    """Whether a long run of base64's characters is a key's: no digest in hexadecimal, no path."""
    kinds = (any(map(kind, run)) for kind in (str.islower, str.isupper, str.isdigit))
    return all(kinds) and run.count("/") * 10 <= len(run)


def _token(value: str) -> str | None:
    if _TOKENS.search(value):
        return "an access token"
    if not _MAY_BE_A_TOKEN.search(_NO_TOKEN.sub("", value)):
        return None
    return "an access token" if any(any(True for _ in one.analyze_string(value)) for one in _detectors()) else None


@cache
def _detectors() -> tuple[_Detector, ...]:
    """Load the detectors, once and when they are first needed: most programs hold nothing to look at."""
    from importlib import import_module

    return tuple(getattr(import_module(f"detect_secrets.plugins.{module}"), name)() for module, name in _DETECTORS)


def _in_json(value: str) -> str | None:
    if value.lstrip()[:1] not in ("{", "["):
        return None
    try:
        content = json.loads(value)
    except ValueError:
        return None
    found = next((kind for name, one in _members(None, content) if (kind := kind_of_secret(name, one))), None)
    return found and f"JSON with {found}"


def _members(name: str | None, content: Any) -> Iterator[tuple[str | None, str]]:
    """Each text of a JSON value, with the name of the innermost member that holds it."""
    if isinstance(content, dict):
        for key, one in content.items():  # pyright: ignore[reportUnknownVariableType]: any JSON
            yield from _members(str(key), one)  # pyright: ignore[reportUnknownArgumentType]: as above
    elif isinstance(content, list):
        for one in content:  # pyright: ignore[reportUnknownVariableType]: as above
            yield from _members(name, one)
    elif isinstance(content, str):
        yield name, content


def _in_text(value: str) -> str | None:
    """A secret that is named where it stands: in a URL's query, a shell's assignment, an option or a header."""
    if _CODE.search(value) or any(sounds(name, one) for name, one in _QUERY.findall(value)):
        return "a URL with a secret in its query"
    for pattern in (_ASSIGNMENT, _OPTION, _HEADER):
        for name, one in pattern.findall(value):
            if sounds(name, one.strip("\"'")):
                return "a value that its name calls a secret"
    return None
