"""Files fetched from peers: whole or refused, and by way of nowhere forbidden."""

import asyncio
import gzip
from collections.abc import AsyncIterator

import pytest

from switchhook.core.errors import BadMessage, ForbiddenTarget, Misconfigured, PeerDown, TooLarge
from switchhook.net.http import HttpClient
from tests.net.peers import Exchange, Names, listening

WAV = b"RIFF" + bytes(range(256)) * 4000


@pytest.fixture
async def client() -> AsyncIterator[HttpClient]:
    async with HttpClient(lookup=Names(["127.0.0.1"])) as client:
        yield client


async def fetch(
    client: HttpClient, url: str, *, max_bytes: int = 2_000_000, idle_seconds: float = 5
) -> bytes:
    async with client.download(
        url, allow_private=True, max_bytes=max_bytes, total_seconds=5, idle_seconds=idle_seconds
    ) as download:
        return b"".join([chunk async for chunk in download.chunks()])


async def sends_wav(exchange: Exchange) -> None:
    await exchange.answer(WAV, headers=["Content-Type: Audio/X-WAV; rate=8000"])


async def test_gives_the_file_as_it_comes(client: HttpClient) -> None:
    async with (
        listening(sends_wav) as peer,
        client.download(
            f"{peer.url}/r/1.wav",
            allow_private=True,
            max_bytes=len(WAV),
            total_seconds=5,
            headers={"X-Key": "k"},
        ) as download,
    ):
        told = (download.status, download.content_type, download.size_bytes)
        body = b"".join([chunk async for chunk in download.chunks()])

    assert told == (200, "audio/x-wav", len(WAV))
    assert body == WAV
    assert [head.split()[0] for head in peer.heads] == ["GET"]
    assert "x-key: k" in peer.heads[0]


async def test_a_status_is_not_judged_here(client: HttpClient) -> None:
    async def has_lost_it(exchange: Exchange) -> None:
        await exchange.answer(status="404 Not Found")

    async with (
        listening(has_lost_it) as peer,
        client.download(peer.url, allow_private=True, max_bytes=1, total_seconds=5) as download,
    ):
        assert download.status == 404


async def test_refuses_a_file_announced_as_too_large_unread(client: HttpClient) -> None:
    async def announces(exchange: Exchange) -> None:
        await exchange.write(b"HTTP/1.1 200 OK\r\nContent-Length: 4000000000\r\n\r\n")
        await asyncio.sleep(60)

    async with listening(announces) as peer:
        with pytest.raises(TooLarge):
            await fetch(client, peer.url)


@pytest.mark.parametrize("head", [b"", b"Transfer-Encoding: chunked\r\n"])
async def test_stops_an_endless_stream_at_the_cap(client: HttpClient, head: bytes) -> None:
    async def streams(exchange: Exchange) -> None:
        await exchange.write(b"HTTP/1.1 200 OK\r\n" + head + b"\r\n")
        while True:
            await exchange.write((b"1000\r\n" if head else b"") + b"x" * 4096 + (b"\r\n" if head else b""))

    async with listening(streams) as peer:
        with pytest.raises(TooLarge):
            await fetch(client, peer.url, max_bytes=1_000_000)


async def test_a_bomb_stops_at_the_cap(client: HttpClient) -> None:
    packed = gzip.compress(b"\0" * 30_000_000)

    async def bombs(exchange: Exchange) -> None:
        await exchange.answer(packed, headers=["Content-Encoding: gzip"])

    async with listening(bombs) as peer:
        with pytest.raises(TooLarge):
            await fetch(client, peer.url)


async def test_refuses_a_packing_it_cannot_read(client: HttpClient) -> None:
    async def packs(exchange: Exchange) -> None:
        await exchange.answer(b"????", headers=["Content-Encoding: br"])

    async with listening(packs) as peer:
        with pytest.raises(BadMessage, match="not packed"):
            await fetch(client, peer.url)


async def test_a_pause_ends_it(client: HttpClient) -> None:
    async def pauses(exchange: Exchange) -> None:
        await exchange.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nRIFF")
        await asyncio.sleep(60)

    async with listening(pauses) as peer:
        with pytest.raises(PeerDown, match="did not answer in time"):
            await fetch(client, peer.url, idle_seconds=0.1)


async def test_the_whole_has_a_deadline_however_steady_the_drops(client: HttpClient) -> None:
    async def dribbles(exchange: Exchange) -> None:
        await exchange.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
        while True:
            await exchange.write(b"x")
            await asyncio.sleep(0.02)

    async with (
        listening(dribbles) as peer,
        client.download(peer.url, allow_private=True, max_bytes=200_000, total_seconds=0.2) as download,
    ):
        with pytest.raises(PeerDown):
            async for _ in download.chunks():
                pass


async def test_a_broken_off_file_is_not_a_file_and_is_not_asked_for_again(client: HttpClient) -> None:
    async def breaks_off(exchange: Exchange) -> None:
        await exchange.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nRIFF")
        exchange.writer.close()

    async def hangs_up(exchange: Exchange) -> None:
        exchange.writer.close()

    for behave in (breaks_off, hangs_up):
        async with listening(behave) as peer:
            with pytest.raises(PeerDown):
                await fetch(client, peer.url)

            assert len(peer.heads) == 1


async def test_leaving_early_closes_the_connection(client: HttpClient) -> None:
    async with listening(sends_wav) as peer:
        for _ in range(2):
            async with client.download(
                peer.url, allow_private=True, max_bytes=len(WAV), total_seconds=5
            ) as download:
                async for _chunk in download.chunks():
                    break

    assert peer.connections == 2


# Redirects.


async def test_follows_redirects_and_leaves_the_key_behind(client: HttpClient) -> None:
    async with listening(sends_wav) as store:

        async def redirects(exchange: Exchange) -> None:
            here = "/r/1" in exchange.head
            location = "/moved" if here else f"{store.url}/file?sig=a%2Bb"
            await exchange.answer(status="302 Found", headers=[f"Location: {location}"])

        async with (
            listening(redirects) as peer,
            client.download(
                f"{peer.url}/r/1",
                allow_private=True,
                max_bytes=2_000_000,
                total_seconds=5,
                headers={"X-Key": "k"},
            ) as download,
        ):
            body = b"".join([chunk async for chunk in download.chunks()])

    assert body == WAV
    assert [head.split()[1] for head in peer.heads + store.heads] == ["/r/1", "/moved", "/file?sig=a%2Bb"]
    assert ["x-key" in head for head in peer.heads + store.heads] == [True, True, False]


async def test_three_redirects_are_enough(client: HttpClient) -> None:
    async def loops(exchange: Exchange) -> None:
        await exchange.answer(status="307 Temporary Redirect", headers=["Location: /"])

    async with listening(loops) as peer:
        with pytest.raises(BadMessage, match="more than 3 redirects"):
            await fetch(client, peer.url)

    assert len(peer.heads) == 4


@pytest.mark.parametrize(
    ("location", "error"),
    [
        ("file:///etc/passwd", Misconfigured),
        ("ftp://pbx.example.test/1.wav", Misconfigured),
        ("http://user:pw@pbx.example.test/", Misconfigured),
        ("http://169.254.169.254/latest/meta-data", ForbiddenTarget),
        ("//0xa9fea9fe/latest/meta-data", ForbiddenTarget),
    ],
)
async def test_no_redirect_leads_where_nobody_may_go(
    client: HttpClient, location: str, error: type[Exception]
) -> None:
    async def redirects(exchange: Exchange) -> None:
        await exchange.answer(status="302 Found", headers=[f"Location: {location}"])

    async with listening(redirects) as peer:
        with pytest.raises(error):
            await fetch(client, peer.url)


@pytest.mark.parametrize("host", ["127.0.0.1", "2130706433", "[::ffff:127.0.0.1]", "pbx.example.test"])
async def test_a_public_file_does_not_redirect_into_the_lan(host: str) -> None:
    """The public peer is played behind the egress proxy; the second name is ours to look up."""
    names = Names(["8.8.8.8"], ["127.0.0.1"])
    async with listening(sends_wav) as victim:

        async def redirects(exchange: Exchange) -> None:
            location = f"http://{host}:{victim.port}/"
            await exchange.answer(status="301 Moved Permanently", headers=[f"Location: {location}"])

        async with (
            listening(redirects) as proxy,
            HttpClient(ports={80, victim.port}, proxy=proxy.url, lookup=names) as client,
        ):
            with pytest.raises(ForbiddenTarget):
                async with client.download(
                    "http://files.example.test/1.wav", allow_private=False, max_bytes=10, total_seconds=5
                ):
                    pass

    assert (len(proxy.heads), victim.connections) == (1, 0)
