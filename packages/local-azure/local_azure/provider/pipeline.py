"""The real provider's request pipeline: retries, waits and their limits.

The numbers are those of pulumi-azure-native (provider/pkg/azure/client_azcore.go) and of the Azure SDK for Go's retry
policy that it configures (https://pkg.go.dev/github.com/Azure/azure-sdk-for-go/sdk/azcore/policy#RetryOptions).
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from http import HTTPStatus
from typing import TypeVar

from local_azure.control_plane.model import Model
from local_azure.core.azure_error import AzureError
from local_azure.core.faults import WRITES, OperationOutcome
from local_azure.core.ids import ArmId
from local_azure.core.state import Resource
from local_azure.provider.servicer import azure_words, current_peer

T = TypeVar("T")
RETRIED_STATUSES = frozenset(
    {
        HTTPStatus.REQUEST_TIMEOUT,
        HTTPStatus.TOO_MANY_REQUESTS,
        HTTPStatus.INTERNAL_SERVER_ERROR,
        HTTPStatus.BAD_GATEWAY,
        HTTPStatus.SERVICE_UNAVAILABLE,
        HTTPStatus.GATEWAY_TIMEOUT,
    }
)
BACKOFF_SECONDS = (20, 60, 120)
"""Seconds between attempts without a `Retry-After`: three retries."""
LONGEST_RETRY_AFTER = 120
"""The longest `Retry-After` in seconds; a longer wait is not retried."""
_MAX_CONNECTIONS = 64
_UNREGISTERED = "MissingSubscriptionRegistration"


class CancelledError(Exception):
    """The engine has cancelled the operation."""


def is_retried(error: AzureError) -> bool:
    """Return whether the real provider retries a request after this error."""
    if error.status == HTTPStatus.CONFLICT:
        return error.code == "AnotherOperationInProgress"
    return error.status in RETRIED_STATUSES and (error.retry_after or 0) <= LONGEST_RETRY_AFTER


class Pipeline:
    """Sends requests to the model, and waits without blocking other requests."""

    def __init__(self, model: Model) -> None:
        self._model = model
        self._ended: OrderedDict[str, asyncio.Event] = OrderedDict()

    async def send(self, operation: str, locate: Callable[[], ArmId], do: Callable[[ArmId, OperationOutcome], T]) -> T:
        """Do an operation on a resource: `put`, `delete`, `read` or an action.

        Raises the `AzureError` that is left after every try.
        """
        resource_id = await asyncio.to_thread(locate)
        for backoff in (*BACKOFF_SECONDS, None):
            try:
                await asyncio.to_thread(self._model.authorize, operation, resource_id)
                outcome = await asyncio.to_thread(self._model.evaluate_faults, operation, resource_id)
                if operation not in WRITES | {"put"}:
                    await self._pause(outcome.seconds)
                return await asyncio.to_thread(do, resource_id, outcome)
            except AzureError as error:
                if error.code == _UNREGISTERED and error.target:
                    # As the Azure SDK for Go does, which azure-native is built on: it registers what a refusal names,
                    # with the deployer's rights (sdk/azcore/arm/runtime/policy_register_rp.go).
                    await asyncio.to_thread(self._model.register, error.target)
                    continue
                if backoff is None or not is_retried(error):
                    raise
                # A `Retry-After` is waited for unchanged; other waits are scaled like the durations of operations.
                pace = await asyncio.to_thread(self._model.pace)
                await self._pause(error.retry_after if error.retry_after else backoff * pace)
        raise AssertionError("the last try returns or raises")

    async def finish(self, started: Resource) -> tuple[Resource, str]:
        """Wait until the operation on a resource is done.

        Returns the resource as it is then, and what the operation has failed with, or an empty text.
        """
        failure = ""
        try:
            waited = await self.wait(started.id)
        except AzureError as error:
            waited, failure = True, azure_words(error)
        except CancelledError as error:
            return started, str(error)
        return (await asyncio.to_thread(self._model.get, started.id) if waited else started), failure

    async def wait(self, resource_id: ArmId) -> bool:
        """Wait until the operation on a resource is done; return whether there was any.

        Raises `CancelledError` when the engine waits no longer, and what the operation has failed with.
        """
        waited = False
        while True:
            seconds, error = await asyncio.to_thread(self._model.progress, resource_id)
            if error:
                raise error
            if not seconds:
                return waited
            waited = True
            await self._pause(seconds)

    async def _pause(self, seconds: float) -> None:
        if not seconds:
            return
        ended = self._ended.get(current_peer()) or self.greet(current_peer())
        try:
            await asyncio.wait_for(ended.wait(), seconds)
        except TimeoutError:
            return
        raise CancelledError("the operation was interrupted; Azure goes on with it, `pulumi refresh` tells how it ends")

    def greet(self, peer: str) -> asyncio.Event:
        """Register the engine behind a connection."""
        ended = self._ended[peer] = asyncio.Event()
        while len(self._ended) > _MAX_CONNECTIONS:
            self._ended.popitem(last=False)
        return ended

    def end_waits(self, peer: str) -> None:
        """Cancel all waits of the engine behind a connection."""
        if ended := self._ended.get(peer):
            ended.set()
