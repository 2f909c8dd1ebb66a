"""Judges metrics by Prometheus's own parser, and what names them.

metrics_check.py FILE...                    each is valid OpenMetrics; prints how many samples
metrics_check.py --named-in FILE... -- FILE...   every metric that those name is in these
"""
import re
import sys

from prometheus_client.openmetrics.parser import text_string_to_metric_families


def families(path):
    with open(path, encoding="utf-8") as f:
        return list(text_string_to_metric_families(f.read()))


# What a family can be asked for by, whether or not it has a sample now.
SUFFIX = {"counter": "_total", "gauge": "", "info": "_info"}


def check_named(named_in, paths):
    known = {f.name + SUFFIX[f.type] for path in paths for f in families(path)}
    seen = 0
    for path in named_in:
        with open(path, encoding="utf-8") as f:
            # Comments name no metrics; a job or a file is in quotes, which no metric is.
            text = "\n".join(l for l in f.read().split("\n") if not l.lstrip().startswith("#"))
        for name in set(re.findall(r"(?<![\w\"./-])(?:newswire_|process_)[a-z_]+(?![\w\"-])", text)):
            seen += 1
            if name not in known:
                sys.exit(f"{path}: nothing tells {name}")
    if seen < 10:
        sys.exit(f"only {seen} metrics are named: the check looks in the wrong way")


arguments = sys.argv[1:]
if arguments[0] == "--named-in":
    at = arguments.index("--")
    check_named(arguments[1:at], arguments[at + 1:])
else:
    for path in arguments:
        samples = [s for f in families(path) for s in f.samples]
        if not samples:
            sys.exit(f"{path}: no sample")
        print(path, len(samples))
