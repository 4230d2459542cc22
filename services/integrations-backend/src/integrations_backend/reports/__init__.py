"""Amazon's report files: read, archived as received, never guessed at."""
