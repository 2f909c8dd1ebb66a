"""Stands where journald listens: journal_socket.py SOCKET FILE

Each line of the journal that comes becomes a JSON object on a line of FILE. Fields come
as NAME=value, or as NAME, a newline, a length and the bytes (JOURNAL_NATIVE_PROTOCOL); a
long line comes as a file descriptor.
"""
import array
import json
import os
import socket
import struct
import sys


def fields(data):
    found = {}
    while data:
        line, _, rest = data.partition(b"\n")
        name, equals, value = line.partition(b"=")
        if not equals:
            size = struct.unpack("<Q", rest[:8])[0]
            value, rest = rest[8:8 + size], rest[8 + size + 1:]
        found[name.decode()] = value.decode()
        data = rest
    return found


def receive(listener):
    data, ancillary, _, _ = listener.recvmsg(1 << 20, socket.CMSG_SPACE(4))
    for _, _, given in ancillary:
        fd = array.array("i", given)[0]
        with os.fdopen(fd, "rb") as file:
            file.seek(0)
            data = file.read()
    return fields(data)


listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
listener.bind(sys.argv[1])
with open(sys.argv[2], "a", encoding="utf-8") as out:
    while True:
        json.dump(receive(listener), out, ensure_ascii=False)
        out.write("\n")
        out.flush()
