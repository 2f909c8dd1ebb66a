"""A client of plain libzmq with one section's key, which asks for everything that it
can think of. Ends with 1 when a byte of politics comes, by any way."""
import re, sys, time, zmq

keys = dict(re.findall(r'(\S+-key) = "(.*)"', open(sys.argv[1]).read()))
context = zmq.Context()


def connect(kind, endpoint):
    s = context.socket(kind)
    s.curve_serverkey = keys["server-key"].encode()
    s.curve_publickey = keys["public-key"].encode()
    s.curve_secretkey = keys["secret-key"].encode()
    s.connect(endpoint)
    return s


def field(number, data):
    return bytes([number << 3 | 2, len(data)]) + data


def number(number, value):
    return bytes([number << 3, value])


sub = connect(zmq.SUB, sys.argv[2])
for prefix in ("", "p", "politics", "politics/", "politics/article", "e", "economy", "economy/"):
    sub.subscribe(prefix)
replay, submit = connect(zmq.DEALER, sys.argv[3]), connect(zmq.DEALER, sys.argv[4])
credit = b"\x30\xff\xff\x3f"
for i, topic in enumerate((None, b"", b"p", b"politics/", b"politics/article", b"economy/")):
    prefix = b"" if topic is None else field(1, topic)
    replay.send(number(1, 10 + i) + field(2, prefix + credit))  # open
    replay.send(number(1, 30 + i) + field(5, prefix))  # heads
replay.send(number(1, 50) + field(7, b""))  # sections
replay.send(number(1, 51) + field(8, b""))  # whoami
replay.send(b"\xff\xff\xff")
submit.send(number(1, 1) + field(6, b"urn:newswire:story:0") + field(7, b"urn:") + field(7, b""))
submit.send(b"\xff\xff\xff")

poller = zmq.Poller()
for s in (sub, replay, submit):
    poller.register(s, zmq.POLLIN)
got = {sub: 0, replay: 0, submit: 0}
until, ready = time.time() + 6, False
while time.time() < until:
    for s, _ in poller.poll(100):
        frames = s.recv_multipart()
        got[s] += 1
        text = b"\0".join(frames)
        # An error names what this client itself asked for, and nothing else.
        text = re.sub(rb"may not read '?p(olitics)?(/(article)?)?'?", b"", text)
        if b"olitics" in text:
            sys.exit("a byte of politics came: %r" % frames)
    if not ready and all(got.values()):
        ready = True
        print("ready", flush=True)
economy = got[sub]
if not ready:
    sys.exit("not everything answered: %s" % sorted(got.values()))
print("nothing of politics in %d feed, %d replay and %d submit messages" % (got[sub], got[replay], got[submit]))
