"""Every default of the client that the contract does not give, in one place."""

TIMEOUT_SECONDS = 30.0  # Of one call, from the last byte sent to the next one received.
# An attempt at a call ends after so many timeouts, however slowly the server feeds it. More than the three that pass at
# most before anything is sent, for a place in the pool, the connection and its encryption: what it ends was on its way.
ATTEMPT_TIMEOUTS = 4.0
CONNECT_TIMEOUT_SECONDS = 5.0
POOLS = 20  # So many pools of connections,
POOL_CONNECTIONS = 10  # … each with so many: together enough for a hundred calls a second that take two seconds each.
# A connection that was not used for longer is not used again. Less than the five seconds after which common servers
# close one: a submit that crosses with the close might have been accepted.
IDLE_CONNECTION_SECONDS = 4.0
DOWNLOAD_TIMEOUT_SECONDS = 60.0
DOWNLOAD_SECONDS = 900.0  # An attempt at a download ends after so long.
DOWNLOAD_REDIRECTS = 5
ANSWER_BYTES = 16 * 1024**2  # No answer of the API is read further, decoded.
FILE_BYTES = 1024**3  # No file is.
FAILED_POLLS = 5  # So many polls of one job may fail in a row; the next failure is raised.
BODY_CHARACTERS = 2000  # So much of a body is kept in an error,
BODY_BYTES = 65_536  # … out of so much, from which keys are struck out before the rest is cut off.
MESSAGE_CHARACTERS = 500  # So much of a text that the server had a hand in is kept in a message.
RETRIES = 2  # So many times a call is made again where that is certain to do no harm.
RETRY_SECONDS = 60.0  # No retry begins later than this after the first attempt.
RETRY_PAUSE_SECONDS = 0.5  # Before the first retry; doubled for each further one.
MOST_RETRY_PAUSE_SECONDS = 8.0
MOST_RETRY_AFTER_SECONDS = 60.0  # A call is not made again where the server asks for more; a poll waits no longer.
BATCH_ROWS = 100  # So many rows of a batch are in hand at a time where no rate limit paces them: one a connection,
MOST_BATCH_ROWS = 2000  # … and so many where one does: 50 renders a second that take 40 s each.
BATCH_THREADS = 64  # So many of its calls are under way at a time in the synchronous client.
BATCH_SUBMITS = 16  # So many of its submits are in the air at a time: no more are uncertain after a kill.
BATCH_UNACCEPTED = 10  # It submits no more when so many submits in a row were refused or uncertain,
BATCH_PATIENCE_SECONDS = 120.0  # … or when the server has turned every one away for so long.
BATCH_TICK_SECONDS = 0.25  # Its progress is told so often.
BATCH_BEAT_SECONDS = 5.0  # Its journal is told so often that the process lives.
BATCH_DEAD_SECONDS = 30.0  # A process that was silent for so long has lost its rows.
BUDGET_MARGIN = 0.002  # The budget's window is longer than the limit's by this share: clocks differ.
SHARED_BUDGET_MARGIN = 0.05  # The same for a shared budget, whose calls come by more than one way.
STORE_TIMEOUT_SECONDS = 2.0  # So long the store of a shared budget may take to answer.
SUBMIT_BURST = 0.1  # Submits may take so large a part of the limit at once before they are paced.
POLLS_A_JOB = 1.41  # How many polls a job takes where calls are scarce: known 15 % late in the median.
MOST_POLLS_A_JOB = 5.0  # How many where they are not: about 3 % late.
LEAST_POLL_GAP_SECONDS = 0.05
