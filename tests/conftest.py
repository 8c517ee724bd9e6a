"""What holds for all tests."""

import signal

# A shell that runs the tests in the background has told them to ignore Ctrl-C, and some of them press it.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
