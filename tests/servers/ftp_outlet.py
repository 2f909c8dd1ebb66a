"""An FTP server: ftp_outlet.py FOLDER ROOT

Writes its port to FOLDER/port and each command to FOLDER/log; files go to ROOT.
User wire, password sesame.
"""
import os
import sys

from pyftpdlib.authorizers import DummyAuthorizer
from pyftpdlib.handlers import FTPHandler
from pyftpdlib.servers import FTPServer

folder, root = sys.argv[1:3]
authorizer = DummyAuthorizer()
authorizer.add_user("wire", "sesame", root, perm="elradfmw")


class Handler(FTPHandler):
    def pre_process_command(self, line, cmd, arg):
        with open(os.path.join(folder, "log"), "a") as f:
            f.write(("PASS" if cmd == "PASS" else line) + "\n")
        super().pre_process_command(line, cmd, arg)


Handler.authorizer = authorizer
server = FTPServer(("127.0.0.1", 0), Handler)
with open(os.path.join(folder, "port.new"), "w") as f:
    f.write(str(server.socket.getsockname()[1]))
os.rename(os.path.join(folder, "port.new"), os.path.join(folder, "port"))
server.serve_forever(handle_exit=False)
