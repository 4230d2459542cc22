"""What lies in a person's mailbox, and how it changes."""
