"""Opens an incident in a pty, closes the pty, and prints the exit code."""
import fcntl
import os
import pty
import struct
import sys
import termios

binary, folder = sys.argv[1].split("|")
child, master = pty.fork()
if child == 0:
    fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 100, 0, 0))
    os.chdir(folder)
    os.execve(binary, [binary, "rehearse", "stuck-instance", "--speed", "10"], {
        "PATH": os.environ["PATH"], "HOME": folder, "XDG_STATE_HOME": folder + "/state",
        "XDG_CONFIG_HOME": folder + "/config", "TERM": "xterm-256color", "LANG": "C.UTF-8"})


def see(text, said=b""):
    while text.encode() not in said:
        said += os.read(master, 65536)
    return said


see("instance-unreachable")
os.write(master, b"\r")
see("needs:")
os.write(master, b"\r")
see("is open")
os.close(master)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
