"""tornado_pool.py PORT THREADS: Tornado's run_on_executor, the model of ferry."""

import sys
import time
from concurrent.futures import ThreadPoolExecutor

import tornado.httpserver
import tornado.ioloop
import tornado.netutil
import tornado.web
from tornado.concurrent import run_on_executor

PORT, THREADS = int(sys.argv[1]), int(sys.argv[2])


class Handler(tornado.web.RequestHandler):
    executor = ThreadPoolExecutor(THREADS)

    def ok(self):
        self.set_header("Content-Type", "text/plain")
        self.write("ok")


class Live(Handler):
    def get(self):
        self.ok()


class Noop(Handler):
    @run_on_executor
    def work(self):
        pass

    async def get(self):
        await self.work()
        self.ok()


class Sleep(Handler):
    @run_on_executor
    def work(self, seconds):
        time.sleep(seconds)

    async def get(self):
        ms = self.get_query_argument("ms", None)
        await self.work(float(ms) / 1000 if ms else float(self.get_query_argument("seconds")))
        self.ok()


application = tornado.web.Application([("/livez", Live), ("/noop", Noop), ("/sleep", Sleep)])
server = tornado.httpserver.HTTPServer(application)
server.add_sockets(tornado.netutil.bind_sockets(PORT, "127.0.0.1", backlog=4096))
tornado.ioloop.IOLoop.current().start()
