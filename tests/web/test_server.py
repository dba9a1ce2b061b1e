"""What strangers send to the socket is bounded, and answers are what old clients can read."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from switchhook.core.edge import Reply
from switchhook.core.errors import BadMessage, HubError, Misconfigured, TooLarge
from switchhook.net import protocol
from switchhook.net.asgi import Receive, Scope, Send, read_body, read_query, read_request, send_reply
from switchhook.net.server import Server, bind, make_tls
from tests.web.hubs import planfix_event, running_hub


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer what was read, or why it was not."""
    try:
        request = await read_request(scope, receive, path=scope["path"], client="")
    except HubError as error:
        await send_reply(send, Reply(status=400, body=error.reason.encode()), is_last=True)
        return
    shown = f"{request.method} {request.path} {request.query} {len(request.body)}"
    await send_reply(send, Reply(body=shown.encode()), is_head=request.method == "HEAD")


@pytest.fixture
async def echoing() -> AsyncIterator[Server]:
    async with Server(echo) as running:
        yield running


async def answer_to(running: Server, *pieces: bytes) -> bytes:
    """Send bytes as they are; give all that comes back until the other end closes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", running.port)
    try:
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
        async with asyncio.timeout(30):
            return await reader.read()
    except ConnectionError:
        return b""
    finally:
        writer.close()


CLOSE = b"Host: hub\r\nConnection: close\r\n"


@pytest.mark.parametrize(
    ("request_bytes", "shown"),
    [
        (b"GET /a?x=1&y=%D1%8F+2 HTTP/1.1\r\n" + CLOSE + b"\r\n", "GET /a {'x': '1', 'y': 'я 2'} 0"),
        (b"POST /a HTTP/1.1\r\n" + CLOSE + b"Content-Length: 3\r\n\r\nabc", "POST /a {} 3"),
        (
            b"POST /a HTTP/1.1\r\n"
            + CLOSE
            + b"Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n",
            "POST /a {} 3",
        ),
        (b"GET /a%20b HTTP/1.0\r\n\r\n", "GET /a b {} 0"),
    ],
    ids=["query", "body", "chunks", "HTTP/1.0"],
)
async def test_reads_what_clients_send(echoing: Server, request_bytes: bytes, shown: str) -> None:
    answer = await answer_to(echoing, request_bytes)

    assert answer.endswith(b"\r\n\r\n" + shown.encode())
    assert b"content-length: %d\r\n" % len(shown.encode()) in answer
    assert b"transfer-encoding" not in answer


async def test_head_gets_the_length_and_no_body(echoing: Server) -> None:
    answer = await answer_to(echoing, b"HEAD /a HTTP/1.1\r\n" + CLOSE + b"\r\n")

    assert b"content-length: 12\r\n" in answer
    assert answer.endswith(b"\r\n\r\n")


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"POST / HTTP/1.1\r\n" + CLOSE + b"Content-Length: 70000\r\n\r\n" + b"x" * 70_000,
        b"POST / HTTP/1.1\r\n" + CLOSE + b"Transfer-Encoding: chunked\r\n\r\n" + b"1000\r\n" + b"x" * 4096
        + (b"\r\n1000\r\n" + b"x" * 4096) * 17 + b"\r\n0\r\n\r\n",
        b"GET /?" + b"a=1&" * 300 + b" HTTP/1.1\r\n" + CLOSE + b"\r\n",
        b"GET / HTTP/1.1\r\n" + CLOSE + b"".join(b"X-%d: 1\r\n" % n for n in range(120)) + b"\r\n",
        b"GET / HTTP/1.1\r\n" + CLOSE + b"X-Long: " + b"x" * 20_000 + b"\r\n\r\n",
        b"GET /a%0d%0ab HTTP/1.1\r\n" + CLOSE + b"\r\n",
        b"POST / HTTP/1.1\r\n" + CLOSE + b"Content-Length: many\r\n\r\n",
        b"not HTTP at all\r\n\r\n",
    ],
    ids=["body", "chunks", "query fields", "headers", "long header", "control character", "length", "noise"],
)  # fmt: skip
async def test_refuses_what_is_over_the_caps(echoing: Server, request_bytes: bytes) -> None:
    answer = await answer_to(echoing, request_bytes)

    assert answer.startswith(b"HTTP/1.1 400 ")


async def test_headers_without_end_are_cut_off(echoing: Server) -> None:
    answer = await answer_to(echoing, b"GET / HTTP/1.1\r\nX-Endless: ", *[b"x" * 8192] * 8)

    assert answer == b"" or answer.startswith(b"HTTP/1.1 400 ")


async def test_headers_that_never_come_are_not_waited_for(
    echoing: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(protocol, "HEAD_SECONDS", 0.05)

    answer = await answer_to(echoing, b"GET / HTTP/1.1\r\nHost:")

    assert answer == b""


async def test_a_body_that_never_comes_is_not_waited_for() -> None:
    async def silent() -> dict[str, object]:
        await asyncio.sleep(3600)
        return {}

    with pytest.raises(BadMessage, match="expected the body within"):
        await read_body(silent, {"content-length": "10"}, 100, body_seconds=0.01)


async def test_a_reply_cannot_smuggle_headers(echoing: Server) -> None:
    async def smuggling(scope: Scope, receive: Receive, send: Send) -> None:
        await send_reply(send, Reply(headers={"x-a": "1\r\nx-b: 2"}))

    async with Server(smuggling) as running:
        answer = await answer_to(running, b"GET / HTTP/1.1\r\n" + CLOSE + b"\r\n")

    assert b"x-b" not in answer


def test_of_repeated_fields_the_last_wins() -> None:
    assert read_query(b"a=1&a=2&b&=c&%zz=%zz") == {"a": "2", "b": "", "": "c", "%zz": "%zz"}


def test_a_query_has_a_bounded_number_of_fields() -> None:
    with pytest.raises(TooLarge):
        read_query(b"&" * 10_000)


def test_a_taken_port_is_told() -> None:
    held = bind("127.0.0.1", 0)
    held.listen()
    with held, pytest.raises(Misconfigured, match="cannot listen on") as caught:
        bind("127.0.0.1", held.getsockname()[1])

    assert caught.value.field == "port"


def make_certificate(folder: Path) -> tuple[Path, Path]:
    """Write a certificate for 127.0.0.1, signed by itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))]), critical=False
        )
        .sign(key, hashes.SHA256())
    )
    cert_file, key_file = folder / "cert.pem", folder / "key.pem"
    cert_file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    key_file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return cert_file, key_file


async def test_speaks_https_with_a_certificate(tmp_path: Path) -> None:
    cert, key = make_certificate(tmp_path)
    given = {"tls_cert": str(cert), "tls_key": str(key)}
    trusting = ssl.create_default_context(cafile=str(cert))
    async with running_hub(tmp_path / "data", given=given, tls=trusting) as hub:
        pbx = await hub.connect("planfix", "pbx")
        taken = await hub.post("/tel/api", data=planfix_event(pbx, "INCOMING", "1"))
        opened = await hub.sign_in()
        page = await hub.get("/")

    assert pbx.urls["api"].startswith("https://127.0.0.1:")
    assert taken.status == 200
    assert opened.headers["Set-Cookie"].startswith("__Host-switchhook=")
    assert "; Secure" in opened.headers["Set-Cookie"]
    assert page.headers["Strict-Transport-Security"]


def test_a_certificate_needs_its_key(tmp_path: Path) -> None:
    cert, _ = make_certificate(tmp_path)
    with pytest.raises(Misconfigured, match="expected both"):
        make_tls(cert, None)


def test_a_certificate_that_is_none_is_told(tmp_path: Path) -> None:
    (tmp_path / "cert.pem").write_text("nothing")
    with pytest.raises(Misconfigured, match="cannot use the TLS certificate"):
        make_tls(tmp_path / "cert.pem", tmp_path / "cert.pem")
