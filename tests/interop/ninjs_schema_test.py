"""What is written as ninjs is valid against IPTC's schemas, of each version that
is written, and read again is the same article. Wants python3-jsonschema and the
schemas, which are not ours to ship: $NEWSWIRE_SHARED or ../shared."""

import glob
import json
import os
import subprocess
import sys
import tempfile

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
BIN = os.path.abspath(os.environ.get("NEWSWIRE_BUILD", os.path.join(ROOT, "build/release")))
SHARED = os.environ.get("NEWSWIRE_SHARED", os.path.join(ROOT, "..", "shared"))
SCHEMAS = os.path.join(SHARED, "conformance", "ninjs", "specification")
VERSIONS = {"ninjs": "3.1", "ninjs@2.2": "2.2", "ninjs@1.3": "1.3"}

try:
    import jsonschema
except ImportError as e:
    print("skipped:", e)
    sys.exit(77)
if not os.path.isdir(SCHEMAS):
    print("skipped: no schemas in", SCHEMAS)
    sys.exit(77)


def submit(path, *options):
    out = subprocess.run([BIN + "/newswire-submit", "--parse-only", *options, path],
                         check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    return out.stdout.decode("utf-8").splitlines()


def articles(path):
    """What came of a file, without the digest of the file itself."""
    found = [json.loads(line) for line in submit(path)]
    for article in found:
        article.pop("source_digest", None)
    return found


def validator(version):
    with open(os.path.join(SCHEMAS, "ninjs-schema_%s.json" % version), encoding="utf-8") as f:
        schema = json.load(f)
    return jsonschema.validators.validator_for(schema)(schema)


def check(path, output, schema, work):
    lines, before = submit(path, "--output", output), articles(path)
    assert len(lines) == len(before) > 0, path
    for line, article in zip(lines, before):
        for error in schema.iter_errors(json.loads(line)):
            sys.exit("%s as %s: %s: %s" % (path, output, list(error.path), error.message))
        written = os.path.join(work, "item.json")
        with open(written, "w", encoding="utf-8") as f:
            f.write(line + "\n")
        after = articles(written)
        if after != [article]:
            sys.exit("%s as %s came back otherwise:\n%s\n%s" % (path, output, article, after))
    return len(lines)


files = (sorted(glob.glob(ROOT + "/tests/fixtures/formats/ninjs_*.json"))
         + sorted(glob.glob(ROOT + "/tests/fixtures/formats/feed*"))
         + sorted(glob.glob(ROOT + "/packaging/demo/*.txt")))
with tempfile.TemporaryDirectory(prefix="newswire-test-") as folder:
    for name, number in VERSIONS.items():
        known = validator(number)
        n = sum(check(path, name, known, folder) for path in files)
        print("conformance, output as ninjs %s: %d articles valid, and the same again" % (number, n))
