"""Every default of the client that the contract does not give, in one place."""

TIMEOUT_SECONDS = 30.0  # Of one call, from the last byte sent to the next one received.
CONNECT_TIMEOUT_SECONDS = 5.0
DOWNLOAD_TIMEOUT_SECONDS = 60.0
FAILED_POLLS = 5  # So many polls of one job may fail in a row; the next failure is raised.
BODY_CHARACTERS = 2000  # So much of a body is kept in an error.
RETRIES = 2  # So many times a call is made again where that is certain to do no harm.
RETRY_SECONDS = 60.0  # No retry begins later than this after the first attempt.
RETRY_PAUSE_SECONDS = 0.5  # Before the first retry; doubled for each further one.
MOST_RETRY_PAUSE_SECONDS = 8.0
MOST_RETRY_AFTER_SECONDS = 60.0  # A server that asks for more is not asked again.
