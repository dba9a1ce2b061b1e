"""The page behind accountUrl: for the person who clicked "account" in the CRM. No secrets on it."""

from collections.abc import Mapping
from html import escape

from switchhook.connectors.retailcrm.pbx.roster import Roster, roster_of
from switchhook.core.connector import Link
from switchhook.core.edge import Reply, Request

WORDS: Mapping[str, Mapping[str, str]] = {
    "en": {
        "title": "Telephony",
        "registered": "The module is registered.",
        "waiting": "The module is not registered yet.",
        "off": "The module is switched off or frozen in the CRM: calls are not passed on.",
        "extensions": "Extensions known to both sides: {count}.",
        "hub": "Settings, calls and deliveries are in the hub:",
    },
    "ru": {
        "title": "Телефония",
        "registered": "Модуль зарегистрирован.",
        "waiting": "Модуль ещё не зарегистрирован.",
        "off": "Модуль выключен или заморожен в CRM: звонки не передаются.",
        "extensions": "Внутренних номеров, известных обеим сторонам: {count}.",
        "hub": "Настройки, звонки и доставка — в хабе:",
    },
}
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; base-uri 'none'",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}


def account_page(request: Request, link: Link) -> Reply:
    """Say how the connection stands, in the reader's language."""
    language = "ru" if request.headers.get("accept-language", "").lower().startswith("ru") else "en"
    words = WORDS[language]
    roster = roster_of(link)
    lines = [words[_state(roster)], words["extensions"].format(count=len(roster.codes))]
    body = "".join(f"<p>{escape(line)}</p>" for line in lines)
    url = escape(link.public_url, quote=True)
    page = (
        f'<!doctype html><html lang="{language}"><head><meta charset="utf-8">'
        f"<title>{escape(link.name)}</title></head><body><h1>{words['title']}: {escape(link.name)}</h1>"
        f'{body}<p>{words["hub"]} <a href="{url}" rel="noreferrer">{url}</a></p></body></html>'
    )
    return Reply(body=page.encode(), content_type="text/html; charset=utf-8", headers=HEADERS)


def _state(roster: Roster) -> str:
    if not roster.is_registered:
        return "waiting"
    return "off" if roster.off_because is not None else "registered"
