#!/usr/bin/python3
"""What systemd does for a service:

    service_manager.py [--watchdog SECONDS] [--socket NAME=ADDRESS]... FOLDER COMMAND...

Listens at each ADDRESS (127.0.0.1:0, [::1]:0 or a path) and hands the sockets over by
their names, which may come twice. Writes what the service tells to FOLDER/notify, a
line each; the command's pid to FOLDER/pid, and the addresses to FOLDER/sockets. SIGHUP
restarts the command and keeps the sockets; SIGTERM ends it. Exits with its code.
"""
import argparse
import ctypes
import os
import signal
import socket
import sys

parser = argparse.ArgumentParser()
parser.add_argument("folder")
parser.add_argument("--watchdog", type=float, default=0)
parser.add_argument("--socket", action="append", default=[])
parser.add_argument("command", nargs=argparse.REMAINDER)
options = parser.parse_args()
FIRST = 3
PR_SET_PDEATHSIG = 1


def in_folder(name):
    return os.path.join(options.folder, name)


def write(name, text):
    with open(in_folder(name + ".new"), "w") as f:
        f.write(text)
    os.rename(in_folder(name + ".new"), in_folder(name))


def listen(address):
    if address.startswith("/"):
        s = socket.socket(socket.AF_UNIX)
        s.bind(address)
    else:
        host, port = address.rsplit(":", 1)
        s = socket.socket(socket.AF_INET6 if host.startswith("[") else socket.AF_INET)
        s.bind((host.strip("[]"), int(port)))
    s.listen(128)
    return s


def text_of(s):
    name = s.getsockname()
    if isinstance(name, str):
        return name
    return ("[%s]:%d" if s.family == socket.AF_INET6 else "%s:%d") % name[:2]


names = [s.split("=", 1)[0] for s in options.socket]
sockets = [listen(s.split("=", 1)[1]) for s in options.socket]
write("sockets", "".join("%s %s\n" % (n, text_of(s)) for n, s in zip(names, sockets)))
notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
notify.bind(in_folder("notify.socket"))
notify.settimeout(0.1)
restart = end = False


def on_signal(number, _):
    global restart, end
    restart = number == signal.SIGHUP
    end = number == signal.SIGTERM


signal.signal(signal.SIGHUP, on_signal)
signal.signal(signal.SIGTERM, on_signal)


def become_service():
    """In the child: the sockets from descriptor 3 on, and the pid that they are for."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    high = [os.dup2(s.fileno(), 100 + i) for i, s in enumerate(sockets)]
    for i, fd in enumerate(high):
        os.dup2(fd, FIRST + i)
        os.close(fd)
    os.environ["NOTIFY_SOCKET"] = in_folder("notify.socket")
    if options.watchdog > 0:
        os.environ["WATCHDOG_USEC"] = str(int(options.watchdog * 1e6))
        os.environ["WATCHDOG_PID"] = str(os.getpid())
    if sockets:
        os.environ["LISTEN_FDS"] = str(len(sockets))
        os.environ["LISTEN_FDNAMES"] = ":".join(n or "newswired.socket" for n in names)
        os.environ["LISTEN_PID"] = str(os.getpid())


def start():
    child = os.fork()
    if child == 0:
        try:
            become_service()
            os.execv(options.command[0], options.command)
        finally:
            os._exit(71)
    write("pid", "%d\n" % child)
    return child


def take_message(told):
    """Waits a moment for one. Whether there was one."""
    try:
        told.write(notify.recv(4096).decode().replace("\n", " ") + "\n")
    except socket.timeout:
        return False
    return True


child = start()
with open(in_folder("notify"), "a", buffering=1) as told:
    while True:
        take_message(told)
        if restart or end:
            os.kill(child, signal.SIGTERM)
        ended, status = os.waitpid(child, 0 if restart or end else os.WNOHANG)
        if restart:
            restart = False
            child = start()
        elif ended:
            break
    while take_message(told):
        pass
sys.exit(os.waitstatus_to_exitcode(status) % 256)
