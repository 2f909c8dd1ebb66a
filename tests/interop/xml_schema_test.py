"""What is written as NITF and NewsML-G2 is valid against IPTC's schemas, and read
again is the same article. Wants xmllint and the schemas, which are not ours to
ship: $NEWSWIRE_SHARED or ../shared."""

import glob
import json
import os
import shutil
import subprocess
import sys
import tempfile

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
BIN = os.path.abspath(os.environ.get("NEWSWIRE_BUILD", os.path.join(ROOT, "build/release")))
SHARED = os.environ.get("NEWSWIRE_SHARED", os.path.join(ROOT, "..", "shared"))
SCHEMAS = os.path.join(SHARED, "conformance", "newsml-g2")
FORMATS = {"newsml-g2": "NewsML-G2_2.35-spec-All-Power.xsd", "nitf": "nitf-3-6.xsd"}

if shutil.which("xmllint") is None:
    print("skipped: there is no xmllint")
    sys.exit(77)
if not os.path.isdir(SCHEMAS):
    print("skipped: no schemas in", SCHEMAS)
    sys.exit(77)


def submit(path, *options):
    out = subprocess.run([BIN + "/newswire-submit", "--parse-only", *options, path],
                         check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    return out.stdout.decode("utf-8")


def articles(path):
    found = [json.loads(line) for line in submit(path).splitlines()]
    for article in found:
        article.pop("source_digest", None)
    return found


def documents(text):
    """Several documents in one output, each with its declaration."""
    start = '<?xml version="1.0"'
    return [start + part for part in text.split(start)[1:]]


def check(path, output, folder):
    before, written = articles(path), documents(submit(path, "--output", output))
    assert len(before) == len(written) > 0, path
    names = []
    for i, (article, text) in enumerate(zip(before, written)):
        name = os.path.join(folder, "%d.xml" % i)
        with open(name, "w", encoding="utf-8") as f:
            f.write(text)
        names.append(name)
        after = articles(name)
        if after != [article]:
            sys.exit("%s as %s came back otherwise:\n%s\n%s" % (path, output, article, after))
    # xmllint reports the W3C's own import in the schema, which --nonet keeps away.
    lint = subprocess.run(["xmllint", "--nonet", "--noout", "--schema",
                           os.path.join(SCHEMAS, FORMATS[output]), *names],
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if lint.returncode != 0:
        sys.exit("%s as %s:\n%s" % (path, output, lint.stdout.decode("utf-8")[:3000]))
    return len(names)


files = (sorted(glob.glob(ROOT + "/tests/fixtures/formats/*.*"))
         + sorted(glob.glob(ROOT + "/packaging/demo/*.txt")))
with tempfile.TemporaryDirectory(prefix="newswire-test-") as work:
    for form in FORMATS:
        n = sum(check(path, form, work) for path in files)
        print("conformance, output as %s: %d articles valid, and the same again" % (form, n))
