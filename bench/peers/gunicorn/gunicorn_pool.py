"""A WSGI application for gunicorn's gthread worker, where every request runs on a thread."""

import time
from urllib.parse import parse_qs

HEADERS = [("Content-Type", "text/plain"), ("Content-Length", "2")]


def application(environ, start_response):
    if environ["PATH_INFO"] == "/sleep":
        query = parse_qs(environ["QUERY_STRING"])
        time.sleep(float(query["ms"][0]) / 1000 if "ms" in query else float(query["seconds"][0]))
    start_response("200 OK", HEADERS)
    return [b"ok"]
