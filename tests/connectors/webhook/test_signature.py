"""Signatures are those of Standard Webhooks: its own verifier takes ours and nothing that is not."""

import base64
from datetime import UTC, datetime, timedelta

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from switchhook.connectors.webhook import make_secret
from switchhook.connectors.webhook.wire.signature import check_secret, message_id, secret_of, signed_headers
from switchhook.core.errors import BadMessage
from tests.connectors.webhook.receiver import OLD_SECRET, SECRET
from tests.connectors.webhook.story import example

BODY = b'{"type": "call.ringing", "data": {"contact_name": "\xd0\x90\xd0\xbd\xd0\xbd\xd0\xb0"}}'
MESSAGE = "msg_0123456789abcdef"


def now() -> datetime:
    return datetime.now(UTC)


def test_gives_the_signature_of_the_published_example() -> None:
    """The test vector that the libraries of Standard Webhooks share."""
    headers = signed_headers(
        "msg_p5jXN8AQM9LWM0D4loKWxJek",
        datetime.fromtimestamp(1614265330, UTC),
        b'{"test": 2432232314}',
        ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"],
    )

    assert headers == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


def test_the_standards_own_verifier_takes_it() -> None:
    headers = signed_headers(MESSAGE, now(), BODY, [SECRET])

    assert Webhook(SECRET).verify(BODY, headers)["data"] == {"contact_name": "Анна"}


@pytest.mark.parametrize(
    ("changed", "body"),
    [
        ({}, BODY.replace(b"ringing", b"answered")),
        ({}, BODY[:-1]),
        ({"webhook-id": "msg_0123456789abcdee"}, BODY),
        ({"webhook-timestamp": str(int(now().timestamp()) + 7)}, BODY),
        ({"webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="}, BODY),
        ({"webhook-signature": "v1,"}, BODY),
        ({"webhook-signature": ""}, BODY),
    ],
    ids=["another body", "truncated", "another id", "another time", "forged", "empty", "none"],
)
def test_the_standards_own_verifier_refuses_what_is_not_ours(changed: dict[str, str], body: bytes) -> None:
    headers = {**signed_headers(MESSAGE, now(), BODY, [SECRET]), **changed}

    with pytest.raises(WebhookVerificationError):
        Webhook(SECRET).verify(body, headers)


@pytest.mark.parametrize("age", [timedelta(minutes=6), timedelta(minutes=-6)], ids=["stale", "early"])
def test_the_standards_own_verifier_refuses_another_time(age: timedelta) -> None:
    headers = signed_headers(MESSAGE, now() - age, BODY, [SECRET])

    with pytest.raises(WebhookVerificationError, match="timestamp"):
        Webhook(SECRET).verify(BODY, headers)


@pytest.mark.parametrize("known", [SECRET, OLD_SECRET], ids=["new only", "old only"])
def test_while_a_secret_is_replaced_a_receiver_may_know_either(known: str) -> None:
    headers = signed_headers(MESSAGE, now(), BODY, [SECRET, OLD_SECRET])

    assert Webhook(known).verify(BODY, headers) is not None


def test_the_newest_signature_comes_first() -> None:
    at = now()
    both, new = (signed_headers(MESSAGE, at, BODY, secrets) for secrets in ([SECRET, OLD_SECRET], [SECRET]))

    assert both["webhook-signature"].split(" ")[0] == new["webhook-signature"]


def test_a_secret_of_the_hubs_making_is_one_of_the_standard() -> None:
    secret = make_secret()
    check_secret(secret)

    assert secret.startswith("whsec_")
    assert len(base64.b64decode(secret.removeprefix("whsec_"), validate=True)) == 32
    assert make_secret() != secret


@pytest.mark.parametrize("size", [24, 64])
def test_a_secret_may_be_brought_along(size: int) -> None:
    check_secret(secret_of(bytes(size)))


@pytest.mark.parametrize(
    "secret",
    [
        secret_of(b"canary!" * 3),
        secret_of(b"canary!!!!" * 7),
        secret_of(b"canary!!" * 4).removeprefix("whsec_"),
        "whsec_canary-canary-canary-canary-canary-canary",
        "whsec_канарейка-канарейка-канарейка-канарейка",
        "whsec_",
        "",
    ],
)
def test_another_secret_is_refused_without_showing_it(secret: str) -> None:
    with pytest.raises(BadMessage) as caught:
        check_secret(secret)

    assert "24 to 64 bytes" in caught.value.reason
    assert secret.removeprefix("whsec_") == "" or secret.removeprefix("whsec_") not in caught.value.reason


def test_every_message_has_an_id_of_its_own_that_never_changes() -> None:
    told = example()
    ids = [message_id("c-hook", one.change, one.call) for one in told]

    assert len(set(ids)) == len(told)
    assert ids == [message_id("c-hook", one.change, one.call) for one in example()]
    assert message_id("c-other", told[0].change, told[0].call) not in ids
