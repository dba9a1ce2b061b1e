"""Calls as a Planfix-speaking PBX posts them: three events a call, one call id, a form of fourteen fields.

Each caller calls twice, as many a client of a company does.
"""

from urllib.parse import urlencode

from bench.load import post


def events(url: str, token: str, *, calls: int, first: int = 0) -> list[bytes]:
    """All steps of so many calls, interleaved as on a busy PBX: first all rings, then answers, then ends."""
    steps: list[list[bytes]] = [[], [], []]
    for number in range(first, first + calls):
        common = {
            "type": "in",
            "phone": f"7916{number // 2:07d}",
            "diversion": "74951234567",
            "ext": str(100 + number % 50),
            "callid": f"bench-{number}.{number * 7919 % 100000}",
            "cmd": "event",
            "planfix_token": token,
        }
        end = {
            "duration": "37",
            "is_recorded": "0",
            "status": "Success",
            "data_utm_source": "site.example.test",
            "data_utm_medium": "banner",
            "data_utm_campaign": "spring",
        }
        for step, more in zip(
            steps, ({"event": "INCOMING"}, {"event": "ACCEPTED"}, end | {"event": "COMPLETED"}), strict=True
        ):
            step.append(post(url, urlencode(common | more).encode()))
    return [request for step in steps for request in step]


def contacts(url: str, token: str, phones: list[str]) -> list[bytes]:
    """Questions who is calling."""
    return [
        post(url, urlencode({"cmd": "contact", "phone": phone, "planfix_token": token}).encode())
        for phone in phones
    ]
