#!/usr/bin/env python3
"""Follows a news wire: prints each article of the wanted topics, in order, none lost.

    protoc -I PROTO_FOLDER --python_out=. newswire.proto
    subscribe.py CURSOR_FILE [TOPIC...]        # TOPIC: a prefix, such as briefs/

NEWSWIRE_SERVER names the daemon's host, NEWSWIRE_KEY the file with this client's keys. Wants pyzmq and
protobuf. What an entry is worth is decided in take(); README.md beside this file explains the rest.
"""

import json
import os
import re
import sys

import zmq

import newswire_pb2 as nw

HOST = os.environ.get("NEWSWIRE_SERVER", "127.0.0.1")
FEED = os.environ.get("NEWSWIRE_FEED", f"tcp://{HOST}:5560")
REPLAY = os.environ.get("NEWSWIRE_REPLAY", f"tcp://{HOST}:5561")
CREDIT_BYTES = 1 << 20
PATIENCE_MSEC = 10000


def say(text):
    print(text, file=sys.stderr, flush=True)


def take(entry):
    """Your work. It must be done, or safely stored, when this returns: the cursor moves on after it."""
    if not entry.article:
        return  # the story was withdrawn since, and its text is not served any more
    article = nw.Article.FromString(entry.article)
    status = nw.Status.Value.Name(article.status)
    print(entry.seq, entry.topic, entry.uri, entry.version, status, article.headline, sep="\t", flush=True)


class Cursor:
    """How far we are: the log's life, the number up to which nothing is missing, each topic's last entry."""

    def __init__(self, path):
        self.path, self.epoch, self.proven, self.last = path, 0, 0, {}
        if os.path.exists(path):
            with open(path) as f:
                saved = json.load(f)
            self.epoch, self.proven, self.last = saved["epoch"], saved["proven"], saved["last"]

    def save(self):
        with open(self.path + ".new", "w") as f:
            json.dump({"epoch": self.epoch, "proven": self.proven, "last": self.last}, f)
            f.flush()
            os.fsync(f.fileno())
        os.replace(self.path + ".new", self.path)

    def reset(self, epoch):
        self.epoch, self.proven, self.last = epoch, 0, {}

    def move(self, topic, prev_seq, seq):
        """Notes the entry seq of a topic, and tells what retention took before we came for it."""
        before = self.last.get(topic, 0)
        if prev_seq > before:
            say(f"lost: entries of {topic} after {before} up to {prev_seq} are kept no more")
        self.last[topic] = max(seq, before)


def connect(context, kind, endpoint):
    socket = context.socket(kind)
    socket.setsockopt(zmq.LINGER, 0)
    socket.setsockopt(zmq.SNDHWM, 0)  # or libzmq forgets subscriptions beyond its high-water mark
    socket.setsockopt(zmq.HEARTBEAT_IVL, 5000)  # notices a connection that is dead
    key_file = os.environ.get("NEWSWIRE_KEY")
    if key_file:
        with open(key_file) as f:
            keys = dict(re.findall(r'([a-z]+-key) = "(.{40})"', f.read()))
        socket.setsockopt_string(zmq.CURVE_SERVERKEY, keys["server-key"])
        socket.setsockopt_string(zmq.CURVE_PUBLICKEY, keys["public-key"])
        socket.setsockopt_string(zmq.CURVE_SECRETKEY, keys["secret-key"])
    socket.connect(endpoint)
    return socket


def catch_up(context, cursor, topics):
    """Asks replay for all that is behind the cursor, and takes it in the log's order."""
    replay = connect(context, zmq.DEALER, REPLAY)
    ask = nw.ReplayRequest(request_id=1, open=nw.ReplayOpen(
        topics=topics, epoch=cursor.epoch, after=cursor.proven, credit_bytes=CREDIT_BYTES))
    replay.send(ask.SerializeToString())
    done = False
    while not done:
        if not replay.poll(PATIENCE_MSEC):
            say(f"no answer from {REPLAY}: is the daemon there, and does it know our key?")
            break
        frame_bytes = replay.recv()
        frame = nw.ReplayReply.FromString(frame_bytes)
        if frame.error.code == nw.Error.wrong_epoch:
            say("the log is another one: all of it follows; know what you have by uri and version")
            cursor.reset(frame.epoch)
            break  # the feed's next heartbeat brings us back
        if frame.error.code == nw.Error.busy:
            say(f"the daemon is busy: {frame.error.message}")
            break
        if frame.HasField("error"):
            sys.exit(f"the daemon refuses: {frame.error.message}")
        cursor.epoch = frame.epoch
        for entry in frame.entries:
            cursor.move(entry.topic, entry.prev_seq, entry.seq)
            take(entry)
        cursor.proven = frame.proven_seq
        cursor.save()
        done = frame.done
        replay.send(nw.ReplayRequest(
            request_id=1, credit=nw.ReplayCredit(bytes=len(frame_bytes))).SerializeToString())
    replay.close()
    return done


def news(cursor, topic, message):
    """Is there more than we have? Heartbeats say each topic's head, so that a lost message is noticed."""
    last = cursor.last.get(topic, 0)
    heads = [(e.epoch, e.seq) for e in message.entries]
    if message.HasField("heartbeat"):
        heads.append((message.heartbeat.epoch, message.heartbeat.head))
    return any(epoch != cursor.epoch or seq > last for epoch, seq in heads)


def main():
    if len(sys.argv) < 2:
        sys.exit("usage: subscribe.py CURSOR_FILE [TOPIC...]")
    topics = sys.argv[2:]
    cursor = Cursor(sys.argv[1])
    context = zmq.Context()
    feed = connect(context, zmq.SUB, FEED)
    for topic in topics or [""]:
        feed.setsockopt_string(zmq.SUBSCRIBE, topic)
    catch_up(context, cursor, topics)
    while True:
        topic_bytes, message_bytes = feed.recv_multipart()
        topic, message = topic_bytes.decode(), nw.FeedMessage.FromString(message_bytes)
        if news(cursor, topic, message) and catch_up(context, cursor, topics):
            if message.heartbeat.epoch == cursor.epoch:
                # What replay did not have of this topic is gone.
                cursor.move(topic, message.heartbeat.head, message.heartbeat.head)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        pass
