"""Where e-mail goes out."""
