"""What the retailCRM connector promises, in both directions."""
