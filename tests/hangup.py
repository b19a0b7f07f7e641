"""Opens an incident in a pty, closes the pty, and prints the exit code and what was handed out.

A note is the last that happens. With "locked", somebody else holds the store by then.
"""
import fcntl
import os
import pathlib
import pty
import select
import signal
import sqlite3
import struct
import sys
import termios

# Whoever waits for nothing says so.
signal.alarm(60)


def resize(terminal, columns):
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))


binary, folder, how = sys.argv[1].split("|")
child, master = pty.fork()
if child == 0:
    resize(0, 100)
    os.chdir(folder)
    os.execve(binary, [binary, "rehearse", "stuck-instance", "--speed", "10"], {
        "PATH": os.environ["PATH"], "HOME": folder, "XDG_STATE_HOME": folder + "/state",
        "XDG_CONFIG_HOME": folder + "/config", "TERM": "xterm-256color", "LANG": "C.UTF-8",
        "TMPDIR": folder, "STANDDOWN_PROMPT_DELAY": "0s"})


def see(text):
    """Another size has everything drawn anew, and so each text in one piece."""
    said, columns = b"", 100
    while text.encode() not in said:
        said, columns = b"", 201 - columns
        resize(master, columns)
        while select.select([master], [], [], 0.3)[0]:
            said += os.read(master, 65536)


see("instance-unreachable")
os.write(master, b"\r")
see("needs:")
os.write(master, b"\r")
see("is open")
# Everything that runs by itself has ended: the note is the last event.
see("recommended")
if how == "locked":
    store = sqlite3.connect(folder + "/state/standdown/rehearsals.db", isolation_level=None)
    store.execute("BEGIN EXCLUSIVE")
os.write(master, b"n")
see("Record a note")
os.write(master, b"remembered\r")
see("note: remembered")
os.close(master)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
for handed_out in pathlib.Path(folder).glob("standdown-*.jsonl"):
    print(handed_out.read_text())
