"""A PBX registers itself: v5 integration modules, v4 and v3 telephony settings."""

from collections.abc import Callable

from switchhook.connectors.retailcrm.crm.asked import Asked
from switchhook.connectors.retailcrm.crm.registry import modules_of, remember, sites_of
from switchhook.connectors.retailcrm.wire.answers import NOT_FOUND, Missing, failure, success
from switchhook.connectors.retailcrm.wire.fields import Object, as_object
from switchhook.connectors.retailcrm.wire.json_text import Json
from switchhook.connectors.retailcrm.wire.module import (
    Module,
    missing_info,
    read_flat_module,
    read_module,
    write_configuration,
    write_stored_module,
)
from switchhook.connectors.retailcrm.wire.parameters import nested
from switchhook.core.edge import Reply

Read = Callable[[Object, str, Module | None], Module]


async def edit(asked: Asked) -> Reply:
    """v5: `integrationModule`, a JSON text."""
    return await _store(asked, _object(asked, "integrationModule"), read_module)


async def edit_configuration(asked: Asked) -> Reply:
    """v4: `configuration`, a JSON text whose members are flat."""
    return await _store(asked, _object(asked, "configuration"), read_flat_module)


async def edit_fields(asked: Asked) -> Reply:
    """v3: flat fields and no JSON at all."""
    return await _store(asked, asked.given, read_flat_module)


async def show(asked: Asked) -> Reply:
    module = modules_of(asked.link).get(asked.name)
    if module is None:
        return failure(404, NOT_FOUND)
    return success(integrationModule=write_stored_module(module))


async def show_configuration(asked: Asked) -> Reply:
    module = modules_of(asked.link).get(asked.name)
    if module is None:
        return failure(404, NOT_FOUND)
    return success(configuration=write_configuration(module))


def _object(asked: Asked, name: str) -> Object:
    value = nested(asked.given, name)
    if value is None:
        raise Missing(name)
    return as_object(value, field=name)


async def _store(asked: Asked, given: Object, read: Read) -> Reply:
    old = modules_of(asked.link).get(asked.name)
    module = read(given, asked.name, old)
    if module != old:
        await remember(module, asked.link, asked.hub)
    info: dict[str, Json] = missing_info(
        module,
        user_ids=[employee.id for employee in await asked.hub.book.employees()],
        sites=list(await sites_of(asked.hub)),
    )
    # An empty `info` is left out: PHP's fixtures show it as [], which the Go client cannot read.
    members: dict[str, Json] = {"info": info} if info else {}
    return success(201 if old is None else 200, **members)
