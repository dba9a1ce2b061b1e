"""Questions about the account itself: versions, what the key may do, where it lives, its shops."""

from collections.abc import Sequence

from switchhook import __version__
from switchhook.connectors.retailcrm.crm.asked import Asked
from switchhook.connectors.retailcrm.crm.registry import sites_of
from switchhook.connectors.retailcrm.wire.answers import success
from switchhook.connectors.retailcrm.wire.people import write_sites
from switchhook.core.edge import Reply

VERSIONS = ("3.0", "4.0", "5.0")
SCOPES = ("integration_read", "integration_write")
# The old way to say what a key may do: paths without their version.
CREDENTIALS: Sequence[str] = (
    "/api/integration-modules/{code}",
    "/api/integration-modules/{code}/edit",
    "/api/reference/sites",
    "/api/telephony/call/event",
    "/api/telephony/calls/upload",
    "/api/telephony/manager",
    "/api/users",
    "/api/users/{id}",
    "/api/users/{id}/status",
)


async def api_versions(asked: Asked) -> Reply:
    return success(versions=list(VERSIONS))


async def credentials(asked: Asked) -> Reply:
    return success(
        credentials=list(CREDENTIALS),
        scopes=list(SCOPES),
        siteAccess="access_full",
        sitesAvailable=list(await sites_of(asked.hub)),
    )


async def system_info(asked: Asked) -> Reply:
    url = asked.link.public_url
    return success(systemVersion=__version__, publicUrl=url, technicalUrl=url)


async def sites(asked: Asked) -> Reply:
    return success(sites=write_sites(await sites_of(asked.hub), url=asked.link.public_url))
