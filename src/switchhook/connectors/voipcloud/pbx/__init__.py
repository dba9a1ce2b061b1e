"""What the hub does when it plays the PBX: webhooks to a CRM."""
