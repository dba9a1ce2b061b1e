"""From what an Asterisk says of its channels to our news of calls. Pure.

    AMI frame ─ from_ami ─┐
                          ├─▶ sight ─▶ Listener ─▶ step(call, sight) ─▶ (call', news)
    ARI event ─ from_ari ─┘                        facts: what is known of each channel
                                                   told:  what of it has been said

A step only adds facts; what is told is the difference between what they now mean and what was told
before. So the order of events does not matter within the races that Asterisk has, and repetition says
nothing new.
"""
