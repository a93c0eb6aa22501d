"""Debian's getmail, with one mistake of its own mended: it listens for the end of the process that it makes for each message only after it
has made it, and waits three minutes for an end that came before. What it says to servers is as it was."""

import os
import runpy
import shutil
import sys

from getmailcore.baseclasses import ForkingBase

ForkingBase._prepare_child = lambda self: None
ForkingBase._wait_for_child = lambda self, process: os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])

program = shutil.which("getmail")
sys.argv[0] = program
runpy.run_path(program, run_name="__main__")
