"""Extensions of the SDK's servicer for a provider that is started before the engine, with one-line errors."""

from __future__ import annotations

import asyncio
import contextvars
import logging
import traceback
from collections.abc import Awaitable, Callable
from typing import Any, cast

import grpc
import grpc.aio
from google.protobuf import empty_pb2
from pulumi.provider.experimental.property_value import PropertyValue
from pulumi.provider.experimental.provider import Provider
from pulumi.provider.experimental.server import ProviderServicer
from pulumi.runtime.proto import provider_pb2, provider_pb2_grpc, status_pb2

from local_azure.core.azure_error import AzureError
from local_azure.core.schema import UnknownTokenError
from local_azure.provider.assets import describe_assets
from local_azure.system.owner_only import OwnerOnlyPort
from local_azure.system.sockets import listen, port_of

logger = logging.getLogger(__name__)

OLD_INPUTS = "__inputs"
"""The old output under which a Diff request carries the old inputs, which the SDK's request omits."""

Properties = dict[str, PropertyValue]
_peer: contextvars.ContextVar[str] = contextvars.ContextVar("peer", default="")
_MAX_MESSAGE = 400 * 1024 * 1024  # the engine's own limit
_OPTIONS = [
    ("grpc.max_receive_message_length", _MAX_MESSAGE),
    ("grpc.max_send_message_length", _MAX_MESSAGE),
    ("grpc.so_reuseport", 0),  # two servers must never share a port
]


def current_peer() -> str:
    """Return the connection that the current request came by.

    The engine opens one for each provider resource, and names the provider in no request: this is what tells two
    providers with different settings, or two runs at the same time, apart.
    """
    return _peer.get()


class PartialFailureError(Exception):
    """An operation failed although the resource exists; the engine records the resource with the reason."""

    def __init__(self, resource_id: str, outputs: Properties, inputs: Properties, reason: str) -> None:
        self.resource_id = resource_id
        self.outputs = outputs
        self.inputs = inputs
        self.reason = reason
        super().__init__(reason)

    def trailing_metadata(self) -> tuple[tuple[str, bytes], ...]:
        """Return the gRPC metadata from which the engine reads the failure."""
        failed = provider_pb2.ErrorResourceInitFailed(
            id=self.resource_id,
            properties=PropertyValue.marshal_map(self.outputs),
            inputs=PropertyValue.marshal_map(self.inputs),
            reasons=[self.reason],
        )
        status = status_pb2.Status(code=grpc.StatusCode.UNKNOWN.value[0], message=self.reason)
        status.details.add().Pack(failed)
        return (("grpc-status-details-bin", status.SerializeToString()),)


class CancellableProvider(Provider):
    """A provider with long-running operations that can be cancelled."""

    def answered(self, urn: str) -> None:
        """Record that the answer to a creation was sent, or that the client has disconnected. Not called on the event
        loop."""

    def end_waits(self, peer: str) -> None:
        """Cancel all waits of the engine behind a connection."""


class AttachableServicer(ProviderServicer):
    """A servicer for an engine that attaches to it (`PULUMI_DEBUG_PROVIDERS`)."""

    def __init__(self, version: str, provider: Provider) -> None:
        super().__init__([], version, provider, engine_address="")
        self._waits = provider if isinstance(provider, CancellableProvider) else None

    async def Attach(self, request: Any, context: Any) -> empty_pb2.Empty:
        """Handle the engine's greeting; it is not stored, because several engines may be attached."""
        return empty_pb2.Empty()

    async def Handshake(self, request: Any, context: Any) -> provider_pb2.ProviderHandshakeResponse:
        """Handle the engine's greeting to a provider that it has started itself."""
        return provider_pb2.ProviderHandshakeResponse(accept_secrets=True)

    async def Create(self, request: Any, context: Any) -> Any:
        """Create a resource, and record when the answer was sent: until then the engine does not know the resource."""
        if (waits := self._waits) and not request.preview:
            loop = asyncio.get_running_loop()

            def answered(_: Any) -> None:
                loop.run_in_executor(None, waits.answered, request.urn)

            context.add_done_callback(answered)
        return await cast("Any", super()).Create(request, context)

    async def Cancel(self, request: Any, context: Any) -> empty_pb2.Empty:
        """Cancel all waits, because the user has interrupted the engine."""
        if self._waits:
            self._waits.end_waits(context.peer())
        return empty_pb2.Empty()

    async def Diff(self, request: Any, context: Any) -> Any:
        """Pass on the old inputs too: the program's changes are determined from them, not from the outputs."""
        passed = provider_pb2.DiffRequest()
        passed.CopyFrom(request)
        passed.olds.fields[OLD_INPUTS].struct_value.CopyFrom(request.old_inputs)
        return await super().Diff(passed, context)


class _OneLineErrors(grpc.aio.ServerInterceptor):
    """Converts exceptions of requests to one-line errors; the log gets the traceback, never values."""

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[grpc.RpcMethodHandler[Any, Any] | None]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> grpc.RpcMethodHandler[Any, Any] | None:
        handler = await continuation(handler_call_details)
        if not handler or not handler.unary_unary:
            return handler
        call = cast("Callable[[Any, Any], Awaitable[Any]]", handler.unary_unary)

        async def guarded(request: Any, context: grpc.aio.ServicerContext[Any, Any]) -> Any:
            _peer.set(context.peer())
            describe_assets(request)
            try:
                return await call(request, context)
            except AzureError as error:
                await context.abort(grpc.StatusCode.FAILED_PRECONDITION, azure_words(error))
            except PartialFailureError as error:
                await context.abort(grpc.StatusCode.UNKNOWN, error.reason, cast("Any", error.trailing_metadata()))
            except UnknownTokenError as error:
                await context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(error))
            except NotImplementedError:
                method = handler_call_details.method.rsplit("/", 1)[-1]
                await context.abort(grpc.StatusCode.UNIMPLEMENTED, f"{method} is not in the local Azure")
            except grpc.aio.AbortError:
                raise
            except Exception as error:
                frames = traceback.extract_tb(error.__traceback__)
                places = " < ".join(f"{frame.filename}:{frame.lineno}" for frame in reversed(frames))
                logger.error("%s failed: %s at %s", handler_call_details.method, type(error).__name__, places)
                await context.abort(
                    grpc.StatusCode.INTERNAL,
                    f"the local Azure failed with {type(error).__name__} at "
                    f"{frames[-1].filename}:{frames[-1].lineno}; this is a fault of the local Azure, its log says more",
                )

        return grpc.unary_unary_rpc_method_handler(
            cast("Any", guarded), handler.request_deserializer, handler.response_serializer
        )


def azure_words(error: AzureError) -> str:
    """Return an error message in the real provider's format."""
    target = f' Target="{error.target}"' if error.target else ""
    return f'Code="{error.code}" Message="{error.message}"{target}'


class Served:
    """A provider on a port of 127.0.0.1 that accepts connections of its owner only."""

    def __init__(self, provider: Provider, version: str, port: int) -> None:
        """Bind a port; any free port if it is taken or 0. Raises `OSError` when no port is available."""
        listening = listen(port)
        self.port = port_of(listening)
        self._front = OwnerOnlyPort(listening)
        self._server = grpc.aio.server(interceptors=[_OneLineErrors()], options=_OPTIONS)
        provider_pb2_grpc.add_ResourceProviderServicer_to_server(AttachableServicer(version, provider), self._server)
        self._server.add_insecure_port(f"unix:{self._front.path}")

    async def start(self) -> None:
        """Begin to serve."""
        await self._server.start()
        await self._front.start()

    async def stop(self, grace_seconds: float) -> None:
        """Let the calls under way end within a time, then end all."""
        await self._server.stop(grace_seconds)
        await self._front.close()
