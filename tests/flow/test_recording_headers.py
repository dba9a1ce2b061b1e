"""A recording that needs a password is fetched with what its connection gives for that address."""

from pathlib import Path

from switchhook.flow.media.fetch import Policy, fetch
from switchhook.flow.media.shelf import Shelf
from switchhook.net.http import HttpClient
from switchhook.store.recordings import StoredFile
from tests.flow.archive import serves
from tests.flow.sounds import wav
from tests.net.peers import listening


async def test_headers_go_with_the_request(tmp_path: Path) -> None:
    async with listening(serves(wav())) as peer, HttpClient() as http:
        got = await fetch(
            http.granted(allow_private=True),
            f"{peer.url}/1",
            Shelf(tmp_path),
            1,
            Policy(),
            takes_part=False,
            headers={"Authorization": "Basic abc"},
        )

    assert isinstance(got, StoredFile)
    assert any("authorization: basic abc" in head.lower() for head in peer.heads)
