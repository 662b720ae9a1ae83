"""Settings of all tests: the helpers of this folder can be imported, and Ctrl-C interrupts.

A shell that starts a job in the background has it ignored.
"""

import signal
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
signal.signal(signal.SIGINT, signal.default_int_handler)
