#!/usr/bin/python3
"""Connects to each of the ports again and again until SIGTERM: knock.py PORT...

Prints "refused PORT" for each connection that was refused, and in the end how many
were made.
"""
import signal
import socket
import sys
import time

end = False


def on_signal(*_):
    global end
    end = True


signal.signal(signal.SIGTERM, on_signal)
made = 0
while not end:
    for port in sys.argv[1:]:
        s = socket.socket()
        s.settimeout(10)
        try:
            s.connect(("127.0.0.1", int(port)))
            made += 1
        except ConnectionRefusedError:
            print("refused", port, flush=True)
        s.close()
    time.sleep(0.02)
print("made", made, flush=True)
