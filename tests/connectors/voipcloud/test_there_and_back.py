"""One hub plays the PBX, another its customer: what the first tells, the second understands as it was."""

import json

from hypothesis import given
from hypothesis import strategies as st

from switchhook.connectors.voipcloud.pbx.sending import hears, merge
from switchhook.connectors.voipcloud.wire.history_out import row_of
from switchhook.connectors.voipcloud.wire.notice import write_notice
from switchhook.connectors.voipcloud.wire.row import write_row
from switchhook.connectors.voipcloud.wire.webhook_out import Telling, kind_of, notice_of
from switchhook.core.api import HistoryKind, HistoryRow
from switchhook.core.call import Call, Change
from switchhook.core.numeric_id import numeric_id
from tests.connectors.voipcloud.played import (
    NAMES,
    PLAN,
    Played,
    news_of_event,
    news_of_user_row,
    outcome_of,
    record_of,
)
from tests.connectors.voipcloud.story import Story
from tests.connectors.voipcloud.test_one_call import by_rows, calls, events_heard


def events_of(change: Change, call: Call) -> list[dict[str, object]]:
    """Give what the first hub posts for a change."""
    told = []
    for one in merge([change], call):
        kind = kind_of(one, call)
        if hears(one) and kind is not None:
            telling = Telling(change=one, call=call, names=NAMES, region=PLAN.region)
            told.append(json.loads(write_notice(notice_of(kind, telling))))
    return told


class Relay(Story):
    """The first hub: each of its changes is posted to the second at once."""

    def __init__(self, played: Played) -> None:
        super().__init__(played.starts)
        self.second = Story(played.starts)

    def hear(self, news: object, seconds: float) -> None:
        told = len(self.changes)
        super().hear(news, seconds)  # type: ignore[arg-type]
        for change in self.changes[told:]:
            for event in events_of(change, self.the_call):
                self.second.pass_time(until=seconds)
                self.second.hear(news_of_event(event, self.at(seconds)), seconds)


@given(played=calls)
def test_what_is_told_live_is_the_same_call_to_the_second_hub(played: Played) -> None:
    relay = Relay(played)
    heard = events_heard(played, [0] * len(list(played.events())))
    for seconds, news_at in sorted(heard, key=lambda one: one[0]):
        relay.pass_time(until=seconds)
        relay.hear(news_at(relay.at(seconds)), seconds)
    relay.rest()
    relay.second.rest()

    first, second = outcome_of(relay.the_call), outcome_of(relay.second.the_call)
    assert second == first


@given(played=calls, data=st.data())
def test_what_is_read_later_is_the_same_record(played: Played, data: st.DataObject) -> None:
    call = by_rows(played)
    rows = [
        row_of(
            HistoryKind.USER,
            HistoryRow(call=call, call_id=numeric_id(call), extension=leg.extension, user_name="Mia"),
            PLAN.region,
        )
        for leg in call.legs
    ]
    story = Story(played.starts)
    for row in data.draw(st.permutations(rows)):
        story.hear(news_of_user_row(json.loads(json.dumps(write_row(row)))), 5000)
    first, second = record_of(call), record_of(story.rest().the_call)

    # A queue knows of the time before the first phone rang; its history tells it, that of the users does not.
    apart = {"started", "ring"} if played.queue else set()
    assert {name: value for name, value in first.items() if name not in apart} == {
        name: value for name, value in second.items() if name not in apart
    }
