"""What every service that keeps data of users promises main-api: to give it out, and to erase it."""
