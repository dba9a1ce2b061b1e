"""Requests to real peers on loopback: what they get, what they may do to us, and what they never get."""

import asyncio
import datetime
import gzip
import socket
import ssl
import time
import zlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from switchhook.core.errors import Misconfigured, PeerDown
from switchhook.net.http import HttpClient
from tests.net.peers import Exchange, Names, listening
from tests.servers.ports import free_port

LOOPBACK = Names(["127.0.0.1"])


@pytest.fixture
async def client() -> AsyncIterator[HttpClient]:
    async with HttpClient(lookup=LOOPBACK) as client:
        yield client


# What is sent.


async def test_sends_a_form_and_adds_to_the_query(client: HttpClient) -> None:
    async with listening() as peer:
        answer = await client.send(
            "POST",
            f"{peer.url}/integration?json=run",
            allow_private=True,
            form={"cmd": "makeCall", "to": "+7916", "name": "Анна Б"},
            query={"phone": "+7 9"},
            headers={"X-Trace": "1"},
        )

    head = peer.heads[0].split("\r\n")
    assert (answer.status, answer.body) == (200, b"ok")
    assert answer.seconds > 0
    assert head[0] == "POST /integration?json=run&phone=%2B7%209 HTTP/1.1"
    assert f"Host: 127.0.0.1:{peer.port}" in head
    assert "User-Agent: Switchhook/0.1.0" in head
    assert "Accept-Encoding: identity" in head
    assert "content-type: application/x-www-form-urlencoded" in head
    assert "x-trace: 1" in head
    assert peer.bodies == [b"cmd=makeCall&to=%2B7916&name=%D0%90%D0%BD%D0%BD%D0%B0+%D0%91"]


async def test_sends_json_as_it_is_given(client: HttpClient) -> None:
    async with listening() as peer:
        await client.send("POST", peer.url, allow_private=True, json=b'{"a": 1}')

    assert peer.bodies == [b'{"a": 1}']
    assert "content-type: application/json\r\n" in peer.heads[0]


async def test_keeps_connections_and_no_cookies(client: HttpClient) -> None:
    async def gives_cookie(exchange: Exchange) -> None:
        await exchange.answer(headers=["Set-Cookie: session=1; Path=/"])

    async with listening(gives_cookie) as peer:
        for _ in range(3):
            answer = await client.send("GET", peer.url, allow_private=True)

    assert answer.headers["set-cookie"] == "session=1; Path=/"
    assert (peer.connections, len(peer.heads)) == (1, 3)
    assert not any("cookie" in head.lower() for head in peer.heads)


async def test_a_request_is_never_sent_twice(client: HttpClient) -> None:
    """The library repeats a GET when its connection breaks: with retailCRM's makeCall, a second call."""

    async def hangs_up(exchange: Exchange) -> None:
        exchange.writer.close()

    async with listening(hangs_up) as peer:
        for method in ("GET", "POST"):
            with pytest.raises(PeerDown, match="closed the connection without an answer"):
                await client.send(method, peer.url, allow_private=True)

    assert [head.split()[0] for head in peer.heads] == ["GET", "POST"]


async def test_a_redirect_is_an_answer(client: HttpClient) -> None:
    async def redirects(exchange: Exchange) -> None:
        await exchange.answer(status="302 Found", headers=["Location: /elsewhere"])

    async with listening(redirects) as peer:
        answer = await client.send("POST", peer.url, allow_private=True, form={"token": "x"})

    assert (answer.status, answer.headers["location"], len(peer.heads)) == (302, "/elsewhere", 1)


@pytest.mark.parametrize("headers", [{"X-Key": "a\r\nX-Evil: 1"}, {"X-Key\n": "a"}, {"X-Key": "a\0"}])
async def test_refuses_headers_with_control_characters(client: HttpClient, headers: dict[str, str]) -> None:
    async with listening() as peer:
        with pytest.raises(Misconfigured):
            await client.send("GET", peer.url, allow_private=True, headers=headers)

    assert peer.connections == 0


# What a peer may do to us.


async def test_reads_no_more_than_the_cap(client: HttpClient) -> None:
    async def floods(exchange: Exchange) -> None:
        await exchange.write(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            await exchange.write(b"x" * 65536)

    async with listening(floods) as peer:
        answer = await client.send("POST", peer.url, allow_private=True, max_answer_bytes=1000)

    assert (answer.status, answer.body) == (200, b"x" * 1000)


@pytest.mark.parametrize(
    ("encoding", "pack"), [("gzip", gzip.compress), ("x-gzip", gzip.compress), ("deflate", zlib.compress)]
)
async def test_a_bomb_unpacks_to_the_cap_and_no_further(
    client: HttpClient, encoding: str, pack: Callable[[bytes], bytes]
) -> None:
    packed = pack(b"\0" * 30_000_000)

    async def bombs(exchange: Exchange) -> None:
        await exchange.answer(packed, headers=[f"Content-Encoding: {encoding}"])

    async with listening(bombs) as peer:
        answer = await client.send("GET", peer.url, allow_private=True)

    assert answer.body == b"\0" * 65536


def _bare_deflate(data: bytes) -> bytes:
    stream = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return stream.compress(data) + stream.flush()


@pytest.mark.parametrize(
    ("encoding", "packed", "body"),
    [
        ("gzip", gzip.compress(b"{}", mtime=0), b"{}"),
        ("deflate", zlib.compress(b"{}"), b"{}"),
        ("deflate", _bare_deflate(b"{}"), b"{}"),
        ("identity", b"{}", b"{}"),
        ("br", b"\x0b\x00\x80{}\x03", b""),
        ("gzip", b"not packed", b""),
    ],
)
async def test_unpacks_what_was_packed_unasked(
    client: HttpClient, encoding: str, packed: bytes, body: bytes
) -> None:
    async def packs(exchange: Exchange) -> None:
        await exchange.answer(packed, headers=[f"Content-Encoding: {encoding}"])

    async with listening(packs) as peer:
        answer = await client.send("GET", peer.url, allow_private=True)

    assert (answer.status, answer.body) == (200, body)


async def dribbles_head(exchange: Exchange) -> None:
    await exchange.write(b"HTTP/1.1 200 OK\r\n")
    while True:
        await exchange.write(b"X-A: b\r\n")
        await asyncio.sleep(0.02)


async def dribbles_body(exchange: Exchange) -> None:
    await exchange.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
    while True:
        await exchange.write(b"x")
        await asyncio.sleep(0.02)


async def says_nothing(exchange: Exchange) -> None:
    await asyncio.sleep(60)


@pytest.mark.parametrize("behave", [dribbles_head, dribbles_body, says_nothing])
async def test_slow_answers_end_at_the_deadline(client: HttpClient, behave: object) -> None:
    started = time.monotonic()
    async with listening(behave) as peer:  # type: ignore[arg-type]
        with pytest.raises(PeerDown, match=r"did not answer in time \(0\.2 s\)"):
            await client.send("POST", peer.url, allow_private=True, total_seconds=0.2)

    assert time.monotonic() - started < 2


async def test_says_when_a_peer_breaks_off_or_speaks_something_else(client: HttpClient) -> None:
    async def breaks_off(exchange: Exchange) -> None:
        await exchange.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
        exchange.writer.close()

    async def speaks_ami(exchange: Exchange) -> None:
        await exchange.write(b"Asterisk Call Manager/9.0.0\r\n\r\n")

    async with listening(breaks_off) as first, listening(speaks_ami) as second:
        with pytest.raises(PeerDown, match="broke its answer off"):
            await client.send("GET", first.url, allow_private=True)
        with pytest.raises(PeerDown, match="does not answer in HTTP") as caught:
            await client.send("GET", f"{second.url}/?key=secret", allow_private=True)

    assert "secret" not in caught.value.reason


async def test_says_when_nobody_listens(client: HttpClient) -> None:
    port = free_port()

    with pytest.raises(PeerDown, match=f"http://127.0.0.1:{port} refuses connections"):
        await client.send("GET", f"http://127.0.0.1:{port}/?key=secret", allow_private=True)


async def test_says_when_a_peer_takes_no_connection() -> None:
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        port = full.getsockname()[1]
        fillers = [socket.socket() for _ in range(4)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(("127.0.0.1", port))
        async with HttpClient(lookup=LOOPBACK) as client:
            with pytest.raises(PeerDown, match="no connection in time"):
                await client.send("GET", f"http://127.0.0.1:{port}/", allow_private=True, connect_seconds=0.1)
        for filler in fillers:
            filler.close()


async def test_says_when_a_name_is_unknown() -> None:
    async with HttpClient(lookup=Names()) as client:
        with pytest.raises(
            PeerDown, match=r"https://crm\.example\.test cannot be found: DNS says .*not known"
        ):
            await client.send("GET", "https://crm.example.test/", allow_private=False)


# TLS.


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate of nobody's authority, for pbx.example.test; with its key in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "pbx.example.test")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("pbx.example.test")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "both.pem"
    path.write_bytes(
        made.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return path


async def test_trusts_the_given_authority_for_its_name_and_nothing_else(certificate: Path) -> None:
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    server.load_cert_chain(certificate)
    trusting = ssl.create_default_context(cafile=certificate)
    async with listening(tls=server) as peer:
        async with HttpClient(lookup=LOOPBACK, tls=trusting) as client:
            answer = await client.send("GET", f"https://pbx.example.test:{peer.port}/", allow_private=True)
            with pytest.raises(PeerDown, match=r"certificate that is not valid: .*[Hh]ostname mismatch"):
                await client.send("GET", f"https://other.example.test:{peer.port}/", allow_private=True)
        async with HttpClient(lookup=LOOPBACK) as client:
            with pytest.raises(PeerDown, match=r"certificate that is not valid: self.signed certificate"):
                await client.send("GET", f"https://pbx.example.test:{peer.port}/", allow_private=True)

    assert (answer.status, len(peer.heads)) == (200, 1)


async def test_says_when_a_peer_speaks_no_tls(client: HttpClient) -> None:
    async with listening() as peer:
        with pytest.raises(PeerDown, match=r"TLS|breaks the connection off|no connection in time"):
            await client.send(
                "GET", f"https://pbx.example.test:{peer.port}/", allow_private=True, connect_seconds=0.2
            )
