"""Proves an archive by the daemon's checkpoints, with PROTOCOL.md, the description of
the tables and openssl; nothing of ours runs here."""
import hashlib, re, sqlite3, struct, subprocess, sys, tempfile


def fields(data):
    found, at = {}, 0

    def varint():
        nonlocal at
        value = shift = 0
        while True:
            byte = data[at]
            at += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value

    while at < len(data):
        tag = varint()
        if tag & 7 == 0:
            found[tag >> 3] = varint()
        else:
            length = varint()
            found[tag >> 3] = data[at : at + length]
            at += length
    return found


def verify(key, text, signature):
    with tempfile.TemporaryDirectory() as folder:
        for name, content in (
            ("key", bytes.fromhex("302a300506032b6570032100") + key),
            ("text", text),
            ("signature", signature),
        ):
            with open(folder + "/" + name, "wb") as out:
                out.write(content)
        subprocess.run(
            ["openssl", "pkeyutl", "-verify", "-pubin", "-inkey", folder + "/key", "-keyform", "DER", "-rawin",
             "-in", folder + "/text", "-sigfile", folder + "/signature"],
            check=True, stdout=subprocess.DEVNULL)


trusted = bytes.fromhex(re.search(r'public-key = "(\w+)"', open(sys.argv[2]).read()).group(1))
db = sqlite3.connect(sys.argv[1])
entries = topics = 0
for topic, signed in db.execute("SELECT topic, bytes FROM checkpoint"):
    signed = fields(signed)
    assert signed[2] == trusted, "another key"
    verify(trusted, b"newswire.v1.Checkpoint\0" + signed[1], signed[3])
    c = fields(signed[1])
    assert c[2].decode() == topic
    chain, n = bytes(32), 0
    for seq, prev, stored, version, uri, content, digest, article in db.execute(
        "SELECT e.seq, e.prev_seq, e.stored_at_usec, e.version, s.uri, e.content_digest, e.article_digest, b.article"
        " FROM entry e JOIN topic t ON t.id = e.topic JOIN story s ON s.id = e.story LEFT JOIN body b ON b.entry = e.id"
        " WHERE e.epoch = ? AND t.name = ? AND e.seq > ? AND e.seq <= ? ORDER BY e.seq",
        (c[1], topic, c.get(3, 0), c[4])):
        uri = uri.encode()
        digest = hashlib.sha256(article).digest() if article is not None else digest
        chain = hashlib.sha256(chain + struct.pack(">QQQQQ", seq, prev, stored, version, len(uri)) + uri + content + digest).digest()
        n += 1
    assert (n, chain) == (c[5], c[6]), "%s: the chain is another one" % topic
    entries += n
    topics += 1
print("proven: %d entries of %d topics" % (entries, topics))
