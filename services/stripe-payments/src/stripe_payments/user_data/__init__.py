"""A user's right to his data: what is held about him here, giving it out, erasing what is no book."""
