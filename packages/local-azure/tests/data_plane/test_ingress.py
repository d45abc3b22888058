"""The ingress leads requests to replicas as Azure's does, and a browser on this machine to them."""

from __future__ import annotations

import asyncio
import hashlib
import json
import socket
import ssl
from collections import Counter
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from data_plane.ingress_fixture import DOMAIN, IngressFixture, app_plan, run, running_ingress
from local_azure.data_plane.app import ReadyReplica

HOST = f"web.{DOMAIN}"


async def echo(request: web.Request) -> web.Response:
    """Return what a replica sees of a request."""
    body = await request.read()
    return web.json_response(
        {
            "method": request.method,
            "target": request.raw_path,
            "headers": [[name, value] for name, value in request.headers.items()],
            "body": hashlib.sha256(body).hexdigest(),
            "size": len(body),
        }
    )


def closed_port() -> int:
    """Return a port on which nobody listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def is_listening(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


async def seen(response: aiohttp.ClientResponse) -> dict[str, Any]:
    assert response.status == 200, await response.text()
    return await response.json()


# -- what the app sees, what the client sees


def test_app_sees_its_own_name_over_https_whatever_the_browser_has_used(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with running_ingress(tmp_path) as fixture:
            fixture.route_app(await fixture.replica(echo))
            at = fixture.local()
            headers = {
                "Origin": at,
                "Referer": f"{at}/form?a=1",
                "X-Forwarded-For": "1.2.3.4",
                "X-Forwarded-Proto": "http",
            }
            async with fixture.session.post(
                f"{at}/a%2Fb/../c?q=%20x", headers=headers, data=b"abc", skip_auto_headers=["Accept"]
            ) as response:
                found = await seen(response)
            told = dict(found["headers"])
            assert told["Host"] == HOST
            assert told["Origin"] == f"https://{HOST}"
            assert told["Referer"] == f"https://{HOST}/form?a=1"
            assert told["X-Forwarded-Proto"] == "https"
            assert told["X-Forwarded-Host"] == HOST
            assert told["X-Forwarded-For"] == "1.2.3.4, 127.0.0.1"
            assert "Accept" not in told, "the ingress adds no header of its own library"
            assert (found["method"], found["size"]) == ("POST", 3)

    run(scenario)


def test_path_goes_through_as_it_was_written(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with running_ingress(tmp_path) as fixture:
            fixture.route_app(await fixture.replica(echo))
            reader, writer = await asyncio.open_connection("127.0.0.1", fixture.ports.hosts[HOST])
            writer.write(
                f"GET /a%2Fb//x/../%e4?q=a+b&q=%20 HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n\r\n".encode()
            )
            answer = (await reader.read()).partition(b"\r\n\r\n")[2]
            writer.close()
            assert json.loads(answer)["target"] == "/a%2Fb//x/../%e4?q=a+b&q=%20"

    run(scenario)


def test_addresses_and_cookies_of_the_answer_lead_back_to_the_browser(tmp_path: Path) -> None:
    async def answer(request: web.Request) -> web.Response:
        response = web.Response(
            status=302, headers={"Location": f"https://{HOST}/next", "Strict-Transport-Security": "max-age=9"}
        )
        response.headers.add("Set-Cookie", f"session=1; Secure; HttpOnly; Domain={HOST}; Path=/")
        response.headers.add("Set-Cookie", "__Host-other=2; Secure; Path=/")
        return response

    async def scenario() -> None:
        async with running_ingress(tmp_path) as fixture:
            fixture.route_app(await fixture.replica(answer))
            async with fixture.session.get(fixture.local(), allow_redirects=False) as response:
                assert response.headers["Location"] == f"{fixture.local()}/next"
                assert response.headers.getall("Set-Cookie") == [
                    "session=1; HttpOnly; Path=/",
                    "__Host-other=2; Secure; Path=/",
                ]
                assert "Strict-Transport-Security" not in response.headers
            async with fixture.session.get(fixture.local(), allow_redirects=False, headers={"Host": HOST}) as response:
                assert response.headers["Location"] == f"https://{HOST}/next", "a client that knows the name sees it"

    run(scenario)


def test_answer_goes_out_as_the_app_wrote_it(tmp_path: Path) -> None:
    async def scenario() -> None:
        async def raw(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(
                b"HTTP/1.1 200 Fine\r\nX-App: a\r\nX-App: b\r\nContent-Encoding: gzip\r\n"
                b"Content-Length: 4\r\n\r\n\x1f\x8b\x00\x01"
            )
            writer.close()

        server = await asyncio.start_server(raw, "127.0.0.1", 0)
        async with running_ingress(tmp_path) as fixture:
            fixture.route_app(ReadyReplica("raw", server.sockets[0].getsockname()[1]))
            reader, writer = await asyncio.open_connection("127.0.0.1", fixture.ports.hosts[HOST])
            writer.write(f"GET / HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n\r\n".encode())
            head, _, body = (await reader.read()).partition(b"\r\n\r\n")
            writer.close()
            lines = head.decode().split("\r\n")
            assert lines[0] == "HTTP/1.1 200 Fine"
            assert [line for line in lines if line.startswith("X-App")] == ["X-App: a", "X-App: b"]
            assert not [line for line in lines if line.startswith(("Server", "Content-Type"))]
            assert body == b"\x1f\x8b\x00\x01"
        server.close()

    run(scenario)


def test_large_bodies_stream_both_ways(tmp_path: Path) -> None:
    size, block = 24, b"x" * 2**20

    async def back(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        async for chunk in request.content.iter_any():
            await response.write(chunk)
        return response

    async def scenario() -> None:
        async with running_ingress(tmp_path) as fixture:
            fixture.route_app(await fixture.replica(back))
            arrived = asyncio.Event()

            async def blocks() -> Any:
                yield block
                await arrived.wait()  # the first block is back before the second is sent
                for _ in range(size - 1):
                    yield block

            count = 0
            async with fixture.session.post(fixture.local(), data=blocks()) as response:
                async for chunk in response.content.iter_any():
                    count += len(chunk)
                    arrived.set()
            assert count == size * len(block)

    run(scenario)


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_every_method_goes_through(tmp_path: Path, method: str) -> None:
    async def scenario() -> None:
        async with running_ingress(tmp_path) as fixture:
            fixture.route_app(await fixture.replica(echo))
            async with fixture.session.request(method, fixture.local()) as response:
                body = await response.read()
                assert response.status == 200
                assert int(response.headers["Content-Length"]) > 0
                assert (json.loads(body)["method"] if body else "HEAD") == method

    run(scenario)


def test_websocket_goes_through_with_its_protocol_and_its_end(tmp_path: Path) -> None:
    async def talk(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(protocols=["chat"])
        await socket.prepare(request)
        await socket.send_str(request.headers["Origin"])
        async for message in socket:
            if message.data == "end":
                await socket.close(code=4001, message=b"bye")
            elif message.type is aiohttp.WSMsgType.BINARY:
                await socket.send_bytes(message.data[::-1])
            else:
                await socket.send_str(message.data.upper())
        return socket

    async def scenario() -> None:
        async with running_ingress(tmp_path) as fixture:
            fixture.route_app(await fixture.replica(talk))
            async with fixture.session.ws_connect(
                f"{fixture.local()}/ws", protocols=["other", "chat"], origin=fixture.local()
            ) as client:
                assert client.protocol == "chat"
                assert await client.receive_str() == f"https://{HOST}"
                await client.send_str("hello")
                assert await client.receive_str() == "HELLO"
                await client.send_bytes(bytes(range(256)) * 1000)
                assert (await client.receive_bytes())[:2] == b"\xff\xfe"
                await client.send_str("end")
                assert (await client.receive()).type in (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED)
                assert client.close_code == 4001
            await fixture.ingress.drained("web--1-a")

    run(scenario)


def test_websocket_that_the_app_refuses_is_refused(tmp_path: Path) -> None:
    async def refuse(request: web.Request) -> web.Response:
        return web.Response(status=403)

    async def scenario() -> None:
        async with running_ingress(tmp_path) as fixture:
            fixture.route_app(await fixture.replica(refuse))
            with pytest.raises(aiohttp.WSServerHandshakeError, match="403"):
                await fixture.session.ws_connect(f"{fixture.local()}/ws")

    run(scenario)


# -- which replica


def test_request_goes_to_another_replica_when_one_cannot_be_connected_to(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with running_ingress(tmp_path) as fixture:
            fixture.route_app(ReadyReplica("gone", closed_port()), await fixture.replica(echo, "there"))
            for _ in range(6):
                async with fixture.session.post(fixture.local(), data=b"once") as response:
                    assert (await seen(response))["size"] == 4

    run(scenario)


def test_request_that_may_have_been_done_goes_to_no_other(tmp_path: Path) -> None:
    asked: list[str] = []

    async def cut(request: web.Request) -> web.Response:
        asked.append("cut")
        assert request.transport
        request.transport.abort()
        return web.Response()

    async def scenario() -> None:
        async with running_ingress(tmp_path) as fixture:
            fixture.route_app(await fixture.replica(cut, "one"), await fixture.replica(cut, "two"))
            async with fixture.session.post(fixture.local(), data=b"pay") as response:
                assert response.status == 503
                assert "upstream connect error" in await response.text()
        assert asked == ["cut"]

    run(scenario)


def test_answer_that_breaks_off_is_seen_to_break_off(tmp_path: Path) -> None:
    async def half(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": "100"})
        await response.prepare(request)
        await response.write(b"half")
        assert request.transport
        request.transport.abort()
        return response

    async def scenario() -> None:
        async with running_ingress(tmp_path) as fixture:
            fixture.route_app(await fixture.replica(half))
            with pytest.raises(aiohttp.ClientError):
                async with fixture.session.get(fixture.local()) as response:
                    await response.read()

    run(scenario)


def test_replicas_take_turns(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with running_ingress(tmp_path) as fixture:
            counts: Counter[str] = Counter()

            def named(name: str) -> Any:
                async def answer(request: web.Request) -> web.Response:
                    counts[name] += 1
                    return web.Response()

                return answer

            fixture.route_app(*[await fixture.replica(named(name), name) for name in ("a", "b", "c")])
            for _ in range(12):
                async with fixture.session.get(fixture.local()):
                    pass
            assert counts == {"a": 4, "b": 4, "c": 4}

    run(scenario)


def test_weights_share_requests_out_among_revisions(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with running_ingress(tmp_path) as fixture:
            replica = await fixture.replica(echo)
            fixture.split({"web--1": (80, [replica]), "web--2": (20, [replica]), "web--3": (0, [replica])})
            for _ in range(200):
                async with fixture.session.get(fixture.local()):
                    pass
            first, second, third = (fixture.ingress.requests(f"web--{number}") for number in (1, 2, 3))
            assert first + second == 200
            assert third == 0
            assert 130 <= first <= 190, "80 % of 200, give or take five standard deviations"

    run(scenario)


def test_replica_is_drained_once_it_has_answered_what_it_has(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with running_ingress(tmp_path) as fixture:
            begun, go = asyncio.Event(), asyncio.Event()

            async def slow(request: web.Request) -> web.Response:
                begun.set()
                await go.wait()
                return web.Response(text="done by the old one")

            old = await fixture.replica(slow, "old")
            fixture.route_app(old)
            request = asyncio.create_task(_text(fixture))
            await begun.wait()
            fixture.route_app(await fixture.replica(echo, "new"))
            drained = asyncio.create_task(fixture.ingress.drained("old"))
            async with fixture.session.get(fixture.local()) as response:
                assert "method" in await seen(response), "new requests go to the new replica"
            assert not drained.done()
            go.set()
            assert await request == "done by the old one"
            await drained

    async def _text(fixture: IngressFixture) -> str:
        async with fixture.session.get(fixture.local()) as response:
            return await response.text()

    run(scenario)


# -- no replica


def test_request_waits_for_a_replica_that_comes_up_from_zero(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with running_ingress(tmp_path) as fixture:
            fixture.comes_up = True
            fixture.route_app()
            request = asyncio.create_task(fixture.session.post(fixture.local(), data=b"kept"))
            while not fixture.woken:
                await asyncio.sleep(0.01)
            assert not request.done()
            assert fixture.woken[0] == (app_plan().id.key, "web--1")
            fixture.route_app(await fixture.replica(echo))
            async with await request as response:
                assert (await seen(response))["size"] == 4
            assert fixture.ingress.requests("web--1") == 1

    run(scenario)


def test_503_when_no_replica_is_ready(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with running_ingress(tmp_path) as fixture:
            fixture.route_app()
            async with fixture.session.get(fixture.local()) as response:
                assert (response.status, await response.text()) == (503, "no healthy upstream")
            fixture.route_app(ReadyReplica("gone", closed_port()))
            async with fixture.session.get(fixture.local()) as response:
                assert response.status == 503
                assert "Connection refused" in await response.text()

    run(scenario)


def test_403_when_no_revision_is_active(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with running_ingress(tmp_path) as fixture:
            app = app_plan()
            assert app.ingress
            fixture.ingress.route_app(app, {app.ingress.fqdn: ()}, {})
            async with fixture.session.get(fixture.local()) as response:
                assert response.status == 403
                assert "This Container App is stopped" in await response.text()

    run(scenario)


def test_504_when_a_replica_takes_too_long(tmp_path: Path) -> None:
    async def never(request: web.Request) -> web.Response:
        await asyncio.Event().wait()
        return web.Response()

    async def scenario() -> None:
        async with running_ingress(tmp_path, request_seconds=0.2) as fixture:
            fixture.route_app(await fixture.replica(never))
            async with fixture.session.get(fixture.local()) as response:
                assert (response.status, await response.text()) == (504, "stream timeout")
            await fixture.ingress.drained("web--1-a")

    run(scenario)


# -- who reaches what


@pytest.fixture
def trusting(tmp_path: Path) -> ssl.SSLContext:
    """Return a client's context that trusts the local authority alone."""
    from local_azure.system.certificates import certificate_authority

    return ssl.create_default_context(cafile=str(certificate_authority(tmp_path).certificate_file))


async def ask_by_name(fixture: IngressFixture, host: str, port: int, trust: ssl.SSLContext) -> aiohttp.ClientResponse:
    """Ask as a client does that was led to a port for a name."""
    return await fixture.session.get(
        f"https://127.0.0.1:{port}/x", headers={"Host": host}, ssl=trust, server_hostname=host, allow_redirects=False
    )


def test_https_by_the_name_has_a_good_certificate(tmp_path: Path, trusting: ssl.SSLContext) -> None:
    async def scenario() -> None:
        async with running_ingress(tmp_path) as fixture:
            fixture.route_app(await fixture.replica(echo))
            async with await ask_by_name(fixture, HOST, fixture.ports.https, trusting) as response:
                told = dict((await seen(response))["headers"])
                assert (told["Host"], told["X-Forwarded-Proto"]) == (HOST, "https")

    run(scenario)


def test_app_without_external_ingress_is_reached_from_its_environment_alone(
    tmp_path: Path, trusting: ssl.SSLContext
) -> None:
    async def scenario() -> None:
        async with running_ingress(tmp_path) as fixture:
            host = f"api.internal.{DOMAIN}"
            fixture.route_app(await fixture.replica(echo), app=app_plan("api", external=False))
            assert host not in fixture.ports.hosts
            async with await ask_by_name(fixture, host, fixture.ports.https, trusting) as response:
                assert response.status == 404
                assert "stopped or does not exist" in await response.text()
            async with await ask_by_name(fixture, host, fixture.ports.environment_https, trusting) as response:
                await seen(response)

    run(scenario)


@pytest.mark.parametrize("host", [f"nobody.{DOMAIN}", "example.com", "127.0.0.1"])
def test_unknown_host_is_not_found(tmp_path: Path, host: str) -> None:
    async def scenario() -> None:
        async with running_ingress(tmp_path) as fixture:
            fixture.route_app(await fixture.replica(echo))
            url = f"http://127.0.0.1:{fixture.ports.environment_http}/"
            async with fixture.session.get(url, headers={"Host": host}) as response:
                assert response.status == 404

    run(scenario)


def test_page_of_another_site_cannot_use_the_local_port_by_a_name_of_its_own(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with running_ingress(tmp_path) as fixture:
            fixture.route_app(await fixture.replica(echo))
            async with fixture.session.get(fixture.local(), headers={"Host": "rebound.example.com"}) as response:
                assert response.status == 404

    run(scenario)


def test_plain_http_in_the_environment_is_redirected_unless_it_is_allowed(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with running_ingress(tmp_path) as fixture:
            url, headers = f"http://127.0.0.1:{fixture.ports.environment_http}/p?q=1", {"Host": HOST}
            replica = await fixture.replica(echo)
            fixture.route_app(replica)
            async with fixture.session.get(url, headers=headers, allow_redirects=False) as response:
                assert response.status == 301
                assert response.headers["Location"] == f"https://{HOST}/p?q=1"
            fixture.route_app(replica, app=app_plan(allowInsecure=True))
            async with fixture.session.get(url, headers=headers) as response:
                assert dict((await seen(response))["headers"])["X-Forwarded-Proto"] == "http"

    run(scenario)


# -- ports


def test_port_of_a_host_name_stays_over_a_restart_and_is_closed_with_its_app(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with running_ingress(tmp_path) as fixture:
            fixture.route_app(await fixture.replica(echo))
            first = fixture.ports
            fixture.ingress.forget(app_plan())
            assert fixture.ports.hosts == {}
            while is_listening(first.hosts[HOST]):
                await asyncio.sleep(0.01)
            fixture.route_app(await fixture.replica(echo))
            assert fixture.ports.hosts == first.hosts
        async with running_ingress(tmp_path) as fixture:
            fixture.route_app(await fixture.replica(echo))
            assert fixture.ports == first

    run(scenario)


def test_port_that_was_taken_meanwhile_is_replaced(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with running_ingress(tmp_path) as fixture:
            fixture.route_app(await fixture.replica(echo))
            port = fixture.ports.hosts[HOST]
        with socket.socket() as other:
            other.bind(("127.0.0.1", port))
            other.listen()
            async with running_ingress(tmp_path) as fixture:
                fixture.route_app(await fixture.replica(echo))
                assert fixture.ports.hosts[HOST] != port
                async with fixture.session.get(fixture.local()) as response:
                    await seen(response)

    run(scenario)
