"""What is ordered, resolved to what would be sent, before anything is sent."""
