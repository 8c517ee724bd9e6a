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
BUDGET_MARGIN = 0.02  # The budget's window is longer than the limit's by this share: calls may bunch up on their way.
SUBMIT_BURST = 10  # So many submits may go at once before they are paced.
POLLS_A_JOB = 1.45  # How many polls a job takes where calls are scarce: known 14 % late in the median.
UNLEARNT_POLLS_A_JOB = 2.0  # How many are expected before it is known how long jobs take.
MOST_POLLS_A_JOB = 5.0  # How many where they are not: about 3 % late.
LEAST_POLL_GAP_SECONDS = 0.05
