"""The open link to an Asterisk: held by one process, listened to, and told what to do.

run ─▶ ari_out │ ari_in │ ami        how one connects, and when it is up
          └▶ inbox ─▶ Follower ─▶ Listener ─▶ hub.accept      one batch, one transaction
                        ▲ compare, sweep
hub.next_order ─▶ orders ─▶ dial, presence ─▶ requests │ ami_client
"""
