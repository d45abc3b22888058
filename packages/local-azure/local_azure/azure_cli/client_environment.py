"""The environment variables with which Azure's clients use the emulator, for commands under `run`.

They set a credential (azure-identity's EnvironmentCredential), a cloud (azure-native's metadata host), a proxy for the
host names of vaults and apps, and a certificate authority. A program written for Azure then runs unchanged.
"""

from __future__ import annotations

import os
import ssl
from collections.abc import Mapping
from pathlib import Path

from local_azure.core.tenant import Tenant
from local_azure.system.files import write_atomically
from local_azure.system.paths import Home

_PROXY, _NO_PROXY = "https_proxy", "no_proxy"
_HERE = ("localhost", "127.0.0.1", "::1")
_BUNDLES = ("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "CURL_CA_BUNDLE")


def variables(environment: Mapping[str, str], home: Home, ports: Mapping[str, int]) -> dict[str, str]:
    """Return the environment, with what leads Azure's clients to the local Azure of a home that serves on these ports.

    The service principal's secret is among it: it opens nothing but this local Azure, whose state the same user has.
    """
    tenant = Tenant()
    origin = f"https://localhost:{ports['arm']}"
    bundle = str(_bundle(environment, home))
    kept = {name: value for name, value in environment.items() if name.lower() not in (_PROXY, _NO_PROXY)}
    return {
        **kept,
        **dict.fromkeys(_BUNDLES, bundle),
        "ARM_METADATA_HOSTNAME": origin.removeprefix("https://"),
        "AZURE_AUTHORITY_HOST": origin,
        "AZURE_CLIENT_ID": tenant.client_id,
        "AZURE_CLIENT_SECRET": (home.directory / "service-principal-secret").read_text().strip(),
        "AZURE_SUBSCRIPTION_ID": tenant.subscription_id,
        "AZURE_TENANT_ID": tenant.tenant_id,
        "HTTPS_PROXY": f"http://127.0.0.1:{ports['vault-proxy']}",
        "NO_PROXY": ",".join([*_HERE, *_given(environment, _NO_PROXY)]),
    }


def _given(environment: Mapping[str, str], name: str) -> list[str]:
    """Return the value of a variable in lower or upper case; lower case has precedence, as for most programs."""
    value = environment.get(name) or environment.get(name.upper())
    return [value] if value else []


def _bundle(environment: Mapping[str, str], home: Home) -> Path:
    """Return a file with the caller's trusted certificate authorities and ours, because commands may also use other
    hosts."""
    trusted = next((Path(path) for name in _BUNDLES if (path := environment.get(name))), None)
    if trusted is None or not trusted.is_file():
        trusted = Path(ssl.get_default_verify_paths().cafile or os.devnull)
    text = trusted.read_text(encoding="utf-8") if trusted.is_file() else ""
    # Under another `run` the bundle is ours already.
    own = (home.directory / "tls" / "ca.pem").read_text(encoding="utf-8")
    text = text if own in text else f"{text.rstrip()}\n{own}"
    bundle = home.directory / "tls" / "bundle.pem"
    if not bundle.exists() or bundle.read_text(encoding="utf-8") != text:
        write_atomically(bundle, text, 0o644)
    return bundle
