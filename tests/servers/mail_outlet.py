"""A mail server that a test drives: mail_outlet.py FOLDER

Writes its port to FOLDER/port and each mail to FOLDER/mail.N. While FOLDER/refuse
is there, it answers RCPT with that line.
"""
import os
import socket
import sys
import time

from aiosmtpd.controller import Controller

folder = sys.argv[1]


class Taker:
    count = 0

    async def handle_RCPT(self, server, session, envelope, address, options):
        try:
            with open(os.path.join(folder, "refuse")) as f:
                return f.read().strip()
        except FileNotFoundError:
            envelope.rcpt_tos.append(address)
            return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        self.count += 1
        name = os.path.join(folder, "mail.%d" % self.count)
        with open(name + ".new", "wb") as f:
            f.write(("X-Rcpt: %s\r\n" % " ".join(envelope.rcpt_tos)).encode() + envelope.content)
        os.rename(name + ".new", name)
        return "250 queued as %d" % self.count


while True:  # it can't take a port of the system's choice
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    try:
        Controller(Taker(), hostname="127.0.0.1", port=port).start()
        break
    except OSError:
        continue
with open(os.path.join(folder, "port.new"), "w") as f:
    f.write(str(port))
os.rename(os.path.join(folder, "port.new"), os.path.join(folder, "port"))
while True:
    time.sleep(3600)
