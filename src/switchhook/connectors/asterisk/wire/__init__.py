"""What passes between the hub and an Asterisk: AMI frames, ARI events and requests. Pure."""
