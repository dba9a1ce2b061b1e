"""The page of the simulator names everything that can be played."""

from pathlib import Path

from switchhook.sim.scenarios import SCENARIOS
from switchhook.sim.trouble import MOODS

PAGE = Path(__file__).parents[2] / "docs" / "simulator.md"


def test_every_scenario_and_mood_is_on_its_page() -> None:
    text = PAGE.read_text()

    assert [name for name in (*SCENARIOS, *MOODS) if f"`{name}`" not in text] == []
