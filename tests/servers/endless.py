"""A peer that speaks ZMTP as far as it must, and then sends one message of frames without
an end: endless.py ENDPOINT SOCKET-TYPE FRAME-BYTES MOST-BYTES. Ends with 0 when it is
cut off before it has sent them all."""
import socket, struct, sys

host, port = sys.argv[1][len("tcp://"):].rsplit(":", 1)
kind, size, most = sys.argv[2].encode(), int(sys.argv[3]), int(sys.argv[4])
s = socket.create_connection((host, int(port)), timeout=20)
s.sendall(b"\xff" + bytes(8) + b"\x7f\x03\x00NULL" + bytes(16 + 32))
ready = b"\x05READY\x0bSocket-Type" + struct.pack(">I", len(kind)) + kind
s.sendall(bytes([4, len(ready)]) + ready)
frame = b"\x03" + struct.pack(">Q", size) + bytes(size)
sent = 0
try:
    while sent < most:
        s.sendall(frame)
        sent += size
except OSError as e:
    print("cut off after %d bytes: %s" % (sent, e))
    sys.exit(0)
sys.exit("%d bytes were taken" % sent)
