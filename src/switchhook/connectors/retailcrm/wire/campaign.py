"""Where the customer came from: retailCRM's analytics objects as flat call-tracking fields, and back.

Uploads carry `source` (five members), events `webAnalyticsData` (a campaign and a query string).
Both become the names that every analytics tool knows (utm_*), so that other systems can take them.
"""

import re
from collections.abc import Mapping
from urllib.parse import parse_qsl, urlencode

from switchhook.connectors.retailcrm.wire.fields import Object, as_object, label_of
from switchhook.connectors.retailcrm.wire.json_text import Json
from switchhook.core.text import clean_name

# Their word, ours: the members of an upload's `source`.
SOURCE = {
    "source": "utm_source",
    "medium": "utm_medium",
    "campaign": "utm_campaign",
    "keyword": "utm_term",
    "content": "utm_content",
}
CAMPAIGN_CODE = "campaign_code"
GA_CLIENT = "ga_client_id"  # the upload's `clientId`, a label of Google Analytics
# Names in a landing page's query that tell where somebody came from.
TRACKING = re.compile(r"utm_[a-z_]{1,30}|gclid|yclid|ymclid|fbclid|vkclid|roistat(?:_visit)?")
MAX_PAIRS = 20


def read_source(call: Object) -> dict[str, str]:
    """Read an upload row's `source` and `clientId`. Never refuses: a call matters more than its tags."""
    source = _object_or_empty(call.get("source"))
    found = {ours: label_of(source, theirs) for theirs, ours in SOURCE.items()}
    found[GA_CLIENT] = label_of(call, "clientId")
    return {name: value for name, value in found.items() if value}


def write_source(custom: Mapping[str, str]) -> dict[str, Json]:
    """Give the members `source` and `clientId` of an upload row, as far as known."""
    source: dict[str, Json] = {theirs: custom[ours] for theirs, ours in SOURCE.items() if custom.get(ours)}
    members: dict[str, Json] = {"source": source} if source else {}
    if custom.get(GA_CLIENT):
        members["clientId"] = custom[GA_CLIENT]
    return members


def read_analytics(event: Object) -> dict[str, str]:
    """Read an event's `webAnalyticsData`. What the query string says counts before the campaign."""
    analytics = _object_or_empty(event.get("webAnalyticsData"))
    campaign = _object_or_empty(analytics.get("campaign"))
    found = {
        SOURCE["campaign"]: label_of(campaign, "name"),
        CAMPAIGN_CODE: label_of(campaign, "code"),
    }
    query = analytics.get("queryString")
    for name, value in _pairs(query) if isinstance(query, str) else ():
        if TRACKING.fullmatch(name):
            found[name] = clean_name(value)
    return {name: value for name, value in found.items() if value}


def write_analytics(custom: Mapping[str, str]) -> dict[str, Json]:
    """Give the member `webAnalyticsData` of an event, as far as known."""
    campaign: dict[str, Json] = {}
    if custom.get(SOURCE["campaign"]):
        campaign["name"] = custom[SOURCE["campaign"]]
    if custom.get(CAMPAIGN_CODE):
        campaign["code"] = custom[CAMPAIGN_CODE]
    query = urlencode({name: value for name, value in custom.items() if TRACKING.fullmatch(name)})
    analytics: dict[str, Json] = {}
    if campaign:
        analytics["campaign"] = campaign
    if query:
        analytics["queryString"] = query
    return {"webAnalyticsData": analytics} if analytics else {}


def _object_or_empty(value: Json) -> Object:
    return as_object(value, field="") if isinstance(value, dict) else {}


def _pairs(query: str) -> list[tuple[str, str]]:
    return parse_qsl(query.lstrip("?")[:2000], separator="&")[:MAX_PAIRS]
