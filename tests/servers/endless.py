"""A peer that speaks ZMTP as far as it must, and then sends one message of frames without
an end, until it is cut off or killed: endless.py ENDPOINT SOCKET-TYPE FRAME-BYTES."""
import socket, struct, sys

host, port = sys.argv[1][len("tcp://"):].rsplit(":", 1)
kind, size = sys.argv[2].encode(), int(sys.argv[3])
s = socket.create_connection((host, int(port)))
s.sendall(b"\xff" + bytes(8) + b"\x7f\x03\x00NULL" + bytes(16 + 32))
ready = b"\x05READY\x0bSocket-Type" + struct.pack(">I", len(kind)) + kind
s.sendall(bytes([4, len(ready)]) + ready)
heard = b""
while b"READY" not in heard:
    heard += s.recv(1024) or sys.exit("the daemon broke the handshake off")
frame = b"\x03" + struct.pack(">Q", size) + bytes(size)
while True:
    s.sendall(frame)
