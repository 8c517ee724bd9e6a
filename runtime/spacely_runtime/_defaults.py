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
BATCH_ROWS = 100  # So many rows of a batch are in hand at a time where no rate limit paces them: one a connection,
MOST_BATCH_ROWS = 2000  # … and so many where one does: 50 renders a second that take 40 s each.
BATCH_THREADS = 64  # So many of its calls are under way at a time in the synchronous client.
BATCH_SUBMITS = 16  # So many of its submits are in the air at a time: no more are uncertain after a kill.
BATCH_UNACCEPTED = 10  # It submits no more when so many submits in a row were refused or uncertain,
BATCH_PATIENCE_SECONDS = 120.0  # … or when the server has turned every one away for so long.
BATCH_TICK_SECONDS = 0.25  # Its progress is told so often.
BATCH_BEAT_SECONDS = 5.0  # Its journal is told so often that the process lives.
BATCH_DEAD_SECONDS = 30.0  # A process that was silent for so long has lost its rows.
BUDGET_MARGIN = 0.02  # The budget's window is longer than the limit's by this share: calls may bunch up on their way.
SUBMIT_BURST = 10  # So many submits may go at once before they are paced.
POLLS_A_JOB = 1.45  # How many polls a job takes where calls are scarce: known 14 % late in the median.
UNLEARNT_POLLS_A_JOB = 2.0  # How many are expected before it is known how long jobs take.
MOST_POLLS_A_JOB = 5.0  # How many where they are not: about 3 % late.
LEAST_POLL_GAP_SECONDS = 0.05
