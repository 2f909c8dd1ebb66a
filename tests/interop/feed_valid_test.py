"""The feeds that we write keep the rules of the W3C's feed validator
(validator.w3.org/feed/docs), RFC 4287, the RSS 2.0 specification and JSON Feed 1.1."""
import datetime
import email.utils
import glob
import json
import os
import re
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ET

ATOM = "{http://www.w3.org/2005/Atom}"
DC = "{http://purl.org/dc/elements/1.1/}"
CONTENT = "{http://purl.org/rss/1.0/modules/content/}"
LANG = "{http://www.w3.org/XML/1998/namespace}lang"
faults = []


def check(good, what):
    if not good:
        faults.append(what)


def is_iri(text):
    return re.match(r"^[a-zA-Z][a-zA-Z0-9+.-]*:[^\s<>\"{}|\\^`]+$", text or "") is not None


def is_url(text):
    return re.match(r"^https?://[^\s<>\"]+$", text or "") is not None


def rfc3339(text):
    check(re.match(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$", text or ""), "time %r" % text)
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))


def one(parent, name, where):
    found = parent.findall(name)
    check(len(found) == 1, "%s: %d %s" % (where, len(found), name))
    return found[0] if found else ET.Element(name)


def no_markup(text, where):
    check(text and text.strip(), "%s: it is empty" % where)


def person(element, where):
    check((one(element, ATOM + "name", where).text or "").strip(), where + ": a person without a name")


def check_atom(root, where):
    known = {"id", "title", "subtitle", "updated", "author", "link", "rights", "generator", "entry"}
    check(root.tag == ATOM + "feed", where + ": no feed")
    check(all(c.tag.startswith(ATOM) and c.tag[len(ATOM):] in known for c in root), where + ": an unknown element")
    check(is_iri(one(root, ATOM + "id", where).text), where + ": id is no IRI")
    no_markup(one(root, ATOM + "title", where).text, where + " title")
    feed_updated = rfc3339(one(root, ATOM + "updated", where).text)
    check(root.findall(ATOM + "author"), where + ": no author")
    for author in root.iter(ATOM + "author"):
        person(author, where)
    for link in root.iter(ATOM + "link"):
        check(is_url(link.get("href")), where + ": link %s" % link.get("href"))
        check(link.get("rel") in ("self", "alternate", "enclosure"), where + ": rel")
        check("/" in link.get("type", "a/b"), where + ": link type")
    ids = [e.find(ATOM + "id").text for e in root.findall(ATOM + "entry")]
    check(len(set(ids)) == len(ids), where + ": two entries of one id")
    before = None
    for entry in root.findall(ATOM + "entry"):
        check(is_iri(one(entry, ATOM + "id", where).text), where + ": entry id %s" % entry.find(ATOM + "id").text)
        no_markup(one(entry, ATOM + "title", where).text, where + " entry title")
        updated = rfc3339(one(entry, ATOM + "updated", where).text)
        check(rfc3339(one(entry, ATOM + "published", where).text) <= updated, where + ": published after updated")
        check(updated <= feed_updated or where.startswith("1"), where + ": newer than the feed")
        check(before is None or updated <= before, where + ": not the newest first")
        before = updated
        check(one(entry, ATOM + "content", where).get("type") == "html", where + ": content type")
        for category in entry.findall(ATOM + "category"):
            check(category.get("term"), where + ": a category without a term")
        check(len([l for l in entry.findall(ATOM + "link") if l.get("rel") == "alternate"]) <= 1, where + ": alternates")


def rfc822(text, where):
    when = email.utils.parsedate_tz(text or "")
    check(when is not None and re.match(r"^(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d \+0000$", text or ""), "%s: date %r" % (where, text))
    if when:
        stamp = datetime.datetime.fromtimestamp(email.utils.mktime_tz(when), datetime.timezone.utc)
        check(stamp.strftime("%a") == text[:3], "%s: %s is no %s" % (where, text, text[:3]))


def check_rss(root, where):
    check(root.tag == "rss" and root.get("version") == "2.0", where + ": no rss 2.0")
    channel = one(root, "channel", where)
    no_markup(one(channel, "title", where).text, where + " title")
    check(is_iri(one(channel, "link", where).text), where + ": link")
    no_markup(one(channel, "description", where).text, where + " description")
    rfc822(one(channel, "lastBuildDate", where).text, where)
    for language in channel.findall("language"):
        check(re.match(r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$", language.text), where + ": language")
    for link in channel.findall(ATOM + "link"):
        check(link.get("rel") == "self" and is_url(link.get("href")) and link.get("type") == "application/rss+xml", where + ": self")
    known = {"title", "link", "guid", "pubDate", "category", "enclosure", "description", DC + "creator", CONTENT + "encoded"}
    guids = []
    for item in channel.findall("item"):
        check(all(c.tag in known for c in item), where + ": an unknown element")
        no_markup(one(item, "title", where).text, where + " item title")
        guid = one(item, "guid", where)
        check(guid.get("isPermaLink") == "false" and is_iri(guid.text), where + ": guid %s" % guid.text)
        guids.append(guid.text)
        rfc822(one(item, "pubDate", where).text, where)
        one(item, "description", where)
        one(item, CONTENT + "encoded", where)
        for name in ("title", "description"):
            check(len(item.findall(name)) == 1, where + ": " + name)
        check(len(item.findall("enclosure")) <= 1, where + ": two enclosures")
        for enclosure in item.findall("enclosure"):
            check(is_url(enclosure.get("url")) and enclosure.get("length", "").isdigit() and "/" in enclosure.get("type", ""), where + ": enclosure")
        for link in item.findall("link"):
            check(is_url(link.text), where + ": item link")
    check(len(set(guids)) == len(guids), where + ": two items of one guid")


def check_json(feed, where):
    check(feed.get("version") == "https://jsonfeed.org/version/1.1", where + ": version")
    check(isinstance(feed.get("title"), str) and feed["title"], where + ": title")
    for key in ("home_page_url", "feed_url"):
        check(key not in feed or is_url(feed[key]), where + ": " + key)
    check(feed.get("authors") and all(a.get("name") for a in feed["authors"]), where + ": authors")
    ids = [item["id"] for item in feed["items"]]
    check(len(set(ids)) == len(ids) and all(isinstance(i, str) and i for i in ids), where + ": ids")
    for item in feed["items"]:
        check("content_html" in item and "content_text" in item, where + ": no content")
        check(rfc3339(item["date_published"]) <= rfc3339(item["date_modified"]), where + ": dates")
        check(all(isinstance(t, str) for t in item.get("tags", [])), where + ": tags")
        for attachment in item.get("attachments", []):
            check(is_url(attachment["url"]) and "/" in attachment["mime_type"], where + ": attachment")
        check("<script" not in item["content_html"], where + ": markup of an article came through")


def check_file(name):
    where = os.path.basename(name)
    with open(name, "rb") as f:
        data = f.read()
    if name.endswith(".json"):
        check_json(json.loads(data), where)
        return
    root = ET.fromstring(data)
    (check_atom if name.endswith(".atom") else check_rss)(root, where)
    for element in root.iter():
        if element.tag in (ATOM + "content", CONTENT + "encoded"):
            check("<script" not in element.text, where + ": markup of an article came through")


def main():
    if len(sys.argv) > 1:
        names = sys.argv[1:]
        for name in names:
            check_file(name)
    else:
        with tempfile.TemporaryDirectory() as folder:
            subprocess.run([os.path.join(os.environ["NEWSWIRE_BUILD"], "tests/proto/formats/feed_write_test")],
                           env=dict(os.environ, WRITE_FEEDS=folder), check=True, capture_output=True)
            names = sorted(glob.glob(folder + "/*"))
            check(len(names) == 9, "%d feeds were written" % len(names))
            for name in names:
                check_file(name)
    for fault in faults:
        print(fault)
    print("conformance: %d feeds, %d faults" % (len(names), len(faults)))
    sys.exit(1 if faults else 0)


main()
