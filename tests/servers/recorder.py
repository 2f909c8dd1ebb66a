"""Stands between one sender and the daemon and records what the sender says; then says
it all again to the daemon, piece by piece, on a connection of its own: recorder.py
ENDPOINT PORT-FILE. Says how much the daemon had to say to it the second time."""
import os, socket, sys, threading

host, port = sys.argv[1][len("tcp://"):].rsplit(":", 1)
listener = socket.create_server(("127.0.0.1", 0))
with open(sys.argv[2] + ".new", "w") as f:
    f.write("tcp://127.0.0.1:%d" % listener.getsockname()[1])
os.rename(sys.argv[2] + ".new", sys.argv[2])

client, _ = listener.accept()
daemon = socket.create_connection((host, int(port)))
recorded, lengths = [], [0, 0]


def pass_on(source, to, record):
    while data := source.recv(65536):
        lengths[0 if record else 1] += len(data)
        if record:
            recorded.append(data)
        to.sendall(data)
    to.shutdown(socket.SHUT_WR)


answers = threading.Thread(target=pass_on, args=(daemon, client, False), daemon=True)
answers.start()
pass_on(client, daemon, True)
answers.join()

again = socket.create_connection((host, int(port)))
again.settimeout(1)
heard, closed = 0, False
try:
    for piece in recorded:
        again.sendall(piece)
        try:
            data = again.recv(65536)
            heard += len(data)
            closed = closed or not data
        except TimeoutError:
            pass
except ConnectionError:
    closed = True
print("%d bytes were recorded, answered with %d; the second time %d came back%s" %
      (*lengths, heard, ", and it was cut off" if closed else ""))
