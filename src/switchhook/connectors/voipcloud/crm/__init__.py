"""The hub as the customer of a PBX: takes its webhooks, reads its histories, has it dial."""
