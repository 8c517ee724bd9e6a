"""Every default of the client that the contract does not give, in one place."""

TIMEOUT_SECONDS = 30.0  # Of one call, from the last byte sent to the next one received.
CONNECT_TIMEOUT_SECONDS = 5.0
DOWNLOAD_TIMEOUT_SECONDS = 60.0
FAILED_POLLS = 5  # So many polls of one job may fail in a row; the next failure is raised.
BODY_CHARACTERS = 2000  # So much of a body is kept in an error.
