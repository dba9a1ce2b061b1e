"""Drive mode: the dialplan hands a call to `Stasis(switchhook,inbound,${DID})`, and the hub routes it.

    events ─▶ Runner.hear ─▶ Driver.hear ─▶ commands ─▶ Runner: REST, whom to ring
                               ▲ planned, answered, tick, adopt, dial

`Driver` is pure and outlives the link. A `Runner` is the driver's hands on one open link: made for each,
its `hear` told of every event from the first, its `run` kept running while the link is up.

What follows `Stasis()` in the dialplan is the way on when nobody answers, and when there is no hub.

Transfers, as Asterisk 16 and 22 do them with a phone in our bridge:

blind       REFER runs the dialplan of the phone's context on a Local channel, which takes the phone's place
            in the bridge. `Dial()` there rings by itself; `Stasis(switchhook,transfer,${EXTEN})` has us
            ring it, with the caller's number and name. A caller whom nobody there answers goes on after
            the `Stasis()` that they came by.
attended    REFER with Replaces puts a Local channel in the place of the phone, joined to whoever was asked.

A phone that answers while the application is not registered is hung up by Asterisk: there is nobody to tell.
Its caller waits, and is rung for anew by the hub that comes back.
"""
