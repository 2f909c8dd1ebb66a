#!/usr/bin/python3
"""Loads an article into a CMS-like receiver: newswire-tail --exec "cms_loader.py URL"

Reads newswire-tail's JSON from standard input and puts the article under its uri.
Ends with 75 when the CMS is away or busy, with 65 when it refuses.
"""
import json
import os
import sys
import urllib.error
import urllib.parse
import urllib.request

entry = json.load(sys.stdin)
uri = os.environ["NEWSWIRE_URI"]
url = "%s/%s?version=%s" % (sys.argv[1], urllib.parse.quote(uri, ""), os.environ["NEWSWIRE_VERSION"])
gone = os.environ["NEWSWIRE_STATUS"] in ("canceled", "killed")
article = entry.get("article", {})
html = "".join("<p>%s</p>" % b["text"] for b in article.get("blocks", []))
body = None if gone else json.dumps({"title": article.get("headline", ""), "html": html}).encode()
request = urllib.request.Request(url, body, {"X-Newswire-Uri": urllib.parse.quote(uri, "")},
                                 method="DELETE" if gone else "PUT")
try:
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=10):
        sys.exit(0)
except urllib.error.HTTPError as e:
    print("cms_loader: %s: %d" % (uri, e.code), file=sys.stderr)
    sys.exit(75 if e.code in (429, 503) else 65)
except OSError as e:
    print("cms_loader: %s" % e, file=sys.stderr)
    sys.exit(75)
