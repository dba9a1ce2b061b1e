"""The docs keep up: a connector, an error or a decision that nobody wrote about fails here."""

from pathlib import Path

import pytest

from switchhook.connectors import discover
from switchhook.connectors.pairs import page
from switchhook.core import errors
from switchhook.core.connector import Connector
from switchhook.core.errors import HubError

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"


def all_errors(error: type[HubError] = HubError) -> list[type[HubError]]:
    """Every error of the hub; connectors may narrow them for their own use."""
    below = [one for child in error.__subclasses__() for one in all_errors(child)]
    return [one for one in (error, *below) if one.__module__ == errors.__name__]


@pytest.mark.parametrize("connector", discover().values(), ids=list(discover()))
def test_every_connector_has_its_page_with_each_setting_key_and_address(connector: Connector) -> None:
    text = (DOCS / "connectors" / f"{connector.key}.md").read_text()

    words = {
        *(field.name for side in connector.sides.values() for field in side.fields),
        *(key.name for side in connector.sides.values() for key in side.keys),
        *(name for side in connector.sides.values() for name in side.urls),
    }
    assert {word for word in words if f"`{word}`" not in text} == set()


@pytest.mark.parametrize("connector", discover().values(), ids=list(discover()))
def test_every_connector_has_a_guide_in_english_and_russian(connector: Connector) -> None:
    folder = ROOT / "src" / "switchhook" / "connectors" / connector.key

    assert {path.name for path in folder.glob("guide.*.md")} == {"guide.en.md", "guide.ru.md"}


def test_the_table_of_pairs_is_made_from_the_connectors_as_they_are() -> None:
    assert (DOCS / "pairs.md").read_text() == page(discover())


def test_every_error_is_documented_by_its_id() -> None:
    text = (DOCS / "errors.md").read_text()

    assert {error.id for error in all_errors() if f"`{error.id}`" not in text} == set()


def test_every_error_is_in_the_drawn_tree() -> None:
    assert {error.__name__ for error in all_errors() if error.__name__ not in (errors.__doc__ or "")} == set()


def test_every_link_between_pages_leads_somewhere() -> None:
    pages = [ROOT / "README.md", *DOCS.rglob("*.md")]

    broken = {
        f"{source.name}: {target}"
        for source in pages
        for target in _links(source.read_text())
        if not (source.parent / target).exists()
    }
    assert broken == set()


def _links(text: str) -> list[str]:
    parts = text.split("](")[1:]
    targets = [part.partition(")")[0].partition("#")[0] for part in parts]
    return [target for target in targets if target and "://" not in target]
