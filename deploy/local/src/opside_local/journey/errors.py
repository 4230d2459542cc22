"""What can go wrong on a journey, as a sentence."""


class JourneyFailed(Exception):
    """A step of the journey did not lead where it should."""
