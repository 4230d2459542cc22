"""The letters of a seller's trade, with their papers as real PDF files, and the noise around."""
