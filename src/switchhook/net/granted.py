"""The client as one connection sees it: bound to what that connection may reach."""

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from switchhook.core.connector import Answer
from switchhook.net.download import Download


class Client(Protocol):
    """The part of the HTTP client that a connection uses."""

    async def send(
        self,
        method: str,
        url: str,
        *,
        allow_private: bool,
        form: Mapping[str, str] | None = None,
        query: Mapping[str, str] | None = None,
        json: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        connect_seconds: float = 3,
        total_seconds: float = 10,
    ) -> Answer: ...

    def download(
        self,
        url: str,
        *,
        allow_private: bool,
        max_bytes: int,
        total_seconds: float,
        headers: Mapping[str, str] | None = None,
    ) -> AbstractAsyncContextManager[Download]: ...


class GrantedHttp:
    """An `HttpPort`: the promises of the client, with the connection's grant filled in."""

    def __init__(self, client: Client, *, allow_private: bool) -> None:
        self._client = client
        self._allow_private = allow_private

    async def send(
        self,
        method: str,
        url: str,
        *,
        form: Mapping[str, str] | None = None,
        query: Mapping[str, str] | None = None,
        json: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        connect_seconds: float = 3,
        total_seconds: float = 10,
    ) -> Answer:
        return await self._client.send(
            method,
            url,
            allow_private=self._allow_private,
            form=form,
            query=query,
            json=json,
            headers=headers,
            connect_seconds=connect_seconds,
            total_seconds=total_seconds,
        )

    def download(
        self, url: str, *, max_bytes: int, total_seconds: float, headers: Mapping[str, str] | None = None
    ) -> AbstractAsyncContextManager[Download]:
        return self._client.download(
            url,
            allow_private=self._allow_private,
            max_bytes=max_bytes,
            total_seconds=total_seconds,
            headers=headers,
        )
