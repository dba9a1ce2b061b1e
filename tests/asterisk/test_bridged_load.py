"""Twenty calls a second: nothing is lost, told twice or told out of order."""

from pathlib import Path

import pytest

from tests.asterisk.bridged import company, settings_for
from tests.asterisk.loading import pour
from tests.asterisk.server import AsteriskServer


@pytest.mark.parametrize("way", ["ari", "ami"])
async def test_twenty_calls_a_second_are_told_whole_once_and_in_order(
    tmp_path: Path, asterisk22: AsteriskServer, way: str
) -> None:
    async with company(tmp_path) as office:
        await office.add_hook("webhook")
        await office.add_pbx("pbx", settings_for(asterisk22, way))
        await office.until_up("pbx")
        poured = await pour(office, asterisk22, "webhook", per_second=20, seconds=3)

    assert (poured.lost, poured.twice, poured.out_of_order) == (0, 0, 0)
    assert poured.made == 60
