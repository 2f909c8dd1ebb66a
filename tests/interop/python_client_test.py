"""A client in another language, from newswire.proto alone: it subscribes,
submits and replays with Debian's python3-zmq and python3-protobuf."""

import atexit
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
BIN = os.path.abspath(os.environ.get("NEWSWIRE_BUILD", os.path.join(ROOT, "build/release")))

try:
    import zmq
    from google.protobuf import json_format
except ImportError as e:
    print("skipped:", e)
    sys.exit(77)

work = tempfile.mkdtemp(prefix="newswire-test-")
atexit.register(shutil.rmtree, work, True)
subprocess.check_call(["protoc", "--python_out", work, "-I", ROOT + "/proto", "newswire.proto"])
sys.path.insert(0, work)
import newswire_pb2 as nw  # noqa: E402

SECTIONS = ["economy", "culture"]
with open(work + "/newswired.conf", "w") as f:
    for socket in ("feed", "replay", "submit"):
        f.write(f"[{socket}]\nbind = tcp://127.0.0.1:*\n")
    f.write(f"[control]\npath = {work}/control\n[log]\ndirectory = {work}/log\n")
    f.write("".join(f'[section "{s}"]\n' for s in SECTIONS))
daemon = subprocess.Popen([BIN + "/newswired", "--config", work + "/newswired.conf"])


@atexit.register
def stop():
    daemon.terminate()
    daemon.wait(20)


def status():
    out = subprocess.run([BIN + "/newswirectl", "--control", work + "/control", "status", "--json"],
                         capture_output=True, timeout=20)
    return json.loads(out.stdout) if out.returncode == 0 else None


for _ in range(200):
    now = status()
    if now:
        break
    time.sleep(0.05)
assert now, "the daemon did not start"

context = zmq.Context()
context.setsockopt(zmq.LINGER, 0)


def connect(kind, endpoint):
    socket = context.socket(kind)
    socket.setsockopt(zmq.RCVTIMEO, 10000)
    socket.connect(endpoint)
    return socket


endpoints = {s: now[s]["bind"][0] for s in ("feed", "replay", "submit")}
feed = connect(zmq.SUB, endpoints["feed"])
feed.setsockopt(zmq.SUBSCRIBE, b"economy/")


def next_feed(want):
    """The next feed message that has the wanted field, and its topic."""
    deadline = time.time() + 10
    while time.time() < deadline:
        topic, payload = feed.recv_multipart()
        message = nw.FeedMessage.FromString(payload)
        assert topic.startswith(b"economy/"), topic
        if want == "heartbeat" and message.HasField("heartbeat"):
            return topic.decode(), message.heartbeat
        if want == "entries" and message.entries:
            return topic.decode(), list(message.entries)
    raise AssertionError(f"no {want} on the feed")


# Passing the subscription on brings heartbeats for its topics, with head 0.
topic, heartbeat = next_feed("heartbeat")
assert heartbeat.head == 0 and heartbeat.epoch > 0, heartbeat


def article(number, section):
    a = nw.Article(uri=f"urn:python:{number}", version=1, kind=nw.Kind.brief, section=section,
                   headline=f"标题 {number}", byline=["王禾", "Jane Doe"])
    a.blocks.add(type=nw.BlockType.paragraph, text="Text, 正文。" * 20)
    return a


# Submit by DEALER, several in one request, and by REQ.
submit = connect(zmq.DEALER, endpoints["submit"])
articles = [article(i, SECTIONS[i % 2]) for i in range(50)]
encoded = [a.SerializeToString() for a in articles]
# A field of a later version must survive the way (number 2000, a string).
encoded[0] += b"\x82\x7d\x05later"
submit.send(nw.SubmitRequest(request_id=7, articles=encoded).SerializeToString())
reply = nw.SubmitReply.FromString(submit.recv())
assert reply.request_id == 7 and len(reply.results) == 50, reply
assert all(r.outcome == nw.Outcome.accepted for r in reply.results), reply
seqs = [r.seq for r in reply.results]
assert seqs == sorted(set(seqs)) and seqs[0] > 0
assert [r.topic for r in reply.results] == [f"{SECTIONS[i % 2]}/brief" for i in range(50)]

req = connect(zmq.REQ, endpoints["submit"])
req.send(nw.SubmitRequest(request_id=8, articles=[encoded[3]]).SerializeToString())
again = nw.SubmitReply.FromString(req.recv())
assert again.results[0].outcome == nw.Outcome.duplicate and again.results[0].seq == seqs[3], again

# Refusals name what and where.
broken = article(99, "nowhere")
submit.send(nw.SubmitRequest(request_id=9, articles=[broken.SerializeToString()]).SerializeToString())
refused = nw.SubmitReply.FromString(submit.recv()).results[0]
assert refused.outcome == nw.Outcome.refused and refused.field == "section", refused
assert "nowhere" in refused.reason, refused
submit.send(b"\xff\xff\xff not protobuf")
error = nw.SubmitReply.FromString(submit.recv()).error
assert error.code == nw.Error.malformed and error.message, error
submit.send_multipart([b"one frame", b"too many"])
error = nw.SubmitReply.FromString(submit.recv()).error
assert error.code == nw.Error.malformed and "frame" in error.message, error

# The feed has the economy ones, in order, each naming the one before it.
live = []
while len(live) < 25:
    topic, entries = next_feed("entries")
    assert all(e.topic == topic for e in entries)
    live += entries
previous = 0
for e in live:
    assert e.prev_seq == previous and e.seq > previous, (e.seq, e.prev_seq, previous)
    previous = e.seq
assert [e.article for e in live] == encoded[0::2], "bytes were rewritten"
_, heartbeat = next_feed("heartbeat")

# Replay, with so little credit that it has to be renewed.
replay = connect(zmq.DEALER, endpoints["replay"])
replay.send(nw.ReplayRequest(request_id=1, open=nw.ReplayOpen(
    topics=["economy/", "culture/brief"], credit_bytes=4096)).SerializeToString())
replayed, proven, frames = [], 0, 0
while True:
    payload = replay.recv()
    frame = nw.ReplayReply.FromString(payload)
    assert frame.request_id == 1 and not frame.HasField("error"), frame.error
    assert frame.proven_seq >= proven
    proven, frames = frame.proven_seq, frames + 1
    replayed += frame.entries
    if frame.done:
        break
    replay.send(nw.ReplayRequest(request_id=1, credit=nw.ReplayCredit(bytes=len(payload))).SerializeToString())
assert [e.seq for e in replayed] == seqs and proven >= seqs[-1], (proven, seqs[-1])
assert [e.article for e in replayed] == encoded
assert frames > 1, "credit was not minded"
assert {e.seq: e for e in live}[seqs[0]] == replayed[0], "feed and replay differ"

# Heads, and replay from the middle.
replay.send(nw.ReplayRequest(request_id=2, heads=nw.HeadsRequest(topics=["economy/"])).SerializeToString())
heads = nw.ReplayReply.FromString(replay.recv())
assert {h.topic: h.head for h in heads.heads} == {
    "economy/article": 0, "economy/brief": seqs[48], "economy/photo": 0}, heads
replay.send(nw.ReplayRequest(request_id=3, open=nw.ReplayOpen(
    epoch=heads.epoch, after=seqs[39], credit_bytes=1 << 20)).SerializeToString())
rest, done = [], False
while not done:
    frame = nw.ReplayReply.FromString(replay.recv())
    rest, done = rest + list(frame.entries), frame.done
assert [e.seq for e in rest] == seqs[40:]
replay.send(nw.ReplayRequest(request_id=4, open=nw.ReplayOpen(
    epoch=12345, after=1, credit_bytes=1 << 20)).SerializeToString())
error = nw.ReplayReply.FromString(replay.recv()).error
assert error.code == nw.Error.wrong_epoch, error


def content_digest(a):
    """The canonical form that PROTOCOL.md defines, for the fields used here."""
    def item(name, value):
        raw = value if isinstance(value, bytes) else str(value).encode()
        return name.encode() + b":" + str(len(raw)).encode() + b":" + raw + b"\n"
    form = item("uri", a.uri) + item("version", a.version) + item("kind", "brief")
    form += item("section", a.section) + item("headline", a.headline)
    form += b"".join(item("byline", b) for b in a.byline)
    for b in a.blocks:
        form += item("blocks", item("type", "paragraph") + item("text", b.text))
    return hashlib.sha256(form).digest()


for a, e in zip(articles, replayed):
    assert e.content_digest == content_digest(a), "the content digest differs"

# What newswire-tail prints is the protobuf JSON mapping.
if os.path.exists(BIN + "/newswire-tail"):
    lines = subprocess.run(
        [BIN + "/newswire-tail", "--feed", endpoints["feed"], "--replay", endpoints["replay"],
         "--after", "0", "--until-head", "--format", "json"], capture_output=True, timeout=30, check=True
    ).stdout.decode().splitlines()
    assert len(lines) == 50
    for line, e, a in zip(lines, replayed, articles):
        parsed = json.loads(line)
        assert (parsed["seq"], parsed["prev_seq"], parsed["topic"]) == (e.seq, e.prev_seq, e.topic)
        assert json_format.ParseDict(parsed["article"], nw.Article()) == a, line

# Which sections there are; what is known of a story, and what a kill makes of it.
replay.send(nw.ReplayRequest(request_id=5, sections=nw.SectionsRequest()).SerializeToString())
told = nw.ReplayReply.FromString(replay.recv())
assert {s.key for s in told.sections} >= set(SECTIONS) and told.done, told
assert all(f"{s.key}/brief" in s.topics for s in told.sections), told
kill = nw.Article(uri="urn:python:3", version=2, kind=nw.Kind.brief, status=nw.Status.canceled,
                  note_to_editors="Wrong.")
submit.send(nw.SubmitRequest(request_id=10, articles=[kill.SerializeToString()],
                             stories=["urn:python:2", "urn:python:3"]).SerializeToString())
reply = nw.SubmitReply.FromString(submit.recv())
assert reply.results[0].outcome == nw.Outcome.accepted, reply
two, three = reply.stories
assert two.version == 1 and two.seq == seqs[2] and two.status == nw.Status.usable, two
assert three.version == 2 and three.status == nw.Status.canceled, three
replay.send(nw.ReplayRequest(request_id=6, open=nw.ReplayOpen(credit_bytes=1 << 20)).SerializeToString())
after, done = [], False
while not done:
    frame = nw.ReplayReply.FromString(replay.recv())
    after, done = after + list(frame.entries), frame.done
killed = [e for e in after if e.uri == "urn:python:3"]
assert [e.version for e in killed] == [1, 2] and killed[0].article == b"", killed
assert killed[1].replaces == seqs[3] and killed[0].content_digest == replayed[3].content_digest
assert [e.article for e in after[:3]] == encoded[:3], "others lost their text"
print("a client from the .proto alone: 50 articles in, out, and replayed")
