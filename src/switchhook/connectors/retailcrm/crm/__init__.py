"""What the hub does as a retailCRM account: one file per duty, put together in `as_crm`."""
