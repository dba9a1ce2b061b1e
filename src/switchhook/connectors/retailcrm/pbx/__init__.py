"""What the hub does as the PBX of a retailCRM account: one file per duty, put together in `as_pbx`."""
