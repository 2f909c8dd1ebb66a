"""An outlet's web server that a test drives: http_outlet.py FOLDER [CERTIFICATE KEY]

Writes its port to FOLDER/port and each request that it took as a JSON line to
FOLDER/log. What it answers is taken from FOLDER/script, a JSON list that a test
writes: each request takes the first that fits (all do but those with "uri",
"method" or "path", which must be contained) and uses it up, unless it has "keep".
Without one it answers 200.

    {"status": 503, "headers": {"Retry-After": "1"}, "body": "busy"}
    {"hang": 5}         takes all of it and answers nothing for so long
    {"cut": "body"}     closes the connection within the body, "answer": after it
"""
import http.server
import json
import os
import socket
import ssl
import sys
import threading
import time
import urllib.parse

folder = sys.argv[1]
lock = threading.Lock()


def take_script(uri, method, path):
    name = os.path.join(folder, "script")
    with lock:
        try:
            with open(name) as f:
                script = json.load(f)
        except FileNotFoundError:
            return {}
        for i, step in enumerate(script):
            if step.get("uri", "") in uri and step.get("method", "") in method and step.get("path", "") in path:
                if not step.get("keep"):
                    del script[i]
                    with open(name + ".new", "w") as f:
                        json.dump(script, f)
                    os.rename(name + ".new", name)
                return step
    return {}


def note(entry):
    with lock, open(os.path.join(folder, "log"), "a") as f:
        f.write(json.dumps(entry, ensure_ascii=False) + "\n")


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *args):
        pass

    def handle_any(self):
        uri = urllib.parse.unquote(self.headers.get("X-Newswire-Uri", ""))
        step = take_script(uri, self.command, self.path)
        length = int(self.headers.get("Content-Length", "0"))
        if step.get("cut") == "body":
            self.rfile.read(length // 2)
            self.connection.shutdown(socket.SHUT_RDWR)
            self.close_connection = True
            return
        body = self.rfile.read(length)
        note({"method": self.command, "path": self.path, "uri": uri, "status": step.get("status", 200),
              "hang": step.get("hang", 0), "cut": step.get("cut", ""), "at": time.time(),
              "headers": {k.lower(): v for k, v in self.headers.items()},
              "body": body.decode("utf-8", "surrogateescape")})
        if step.get("hang"):
            time.sleep(step["hang"])
        if step.get("cut") == "answer" or step.get("hang"):
            self.connection.shutdown(socket.SHUT_RDWR)
            self.close_connection = True
            return
        answer = step.get("body", "taken").encode()
        self.send_response(step.get("status", 200))
        for name, value in step.get("headers", {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    do_POST = do_PUT = do_DELETE = do_GET = do_PATCH = handle_any


class Server(http.server.ThreadingHTTPServer):
    request_queue_size = 128

    def handle_error(self, request, client_address):
        pass  # who sends is killed now and then


server = Server(("127.0.0.1", 0), Handler)
if len(sys.argv) > 2:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(sys.argv[2], sys.argv[3])
    server.socket = context.wrap_socket(server.socket, server_side=True)
with open(os.path.join(folder, "port.new"), "w") as f:
    f.write(str(server.server_port))
os.rename(os.path.join(folder, "port.new"), os.path.join(folder, "port"))
server.serve_forever()
