"""The peer: Tornado's run_on_executor with 200 threads behind /sleep?seconds=N."""

import time
from concurrent.futures import ThreadPoolExecutor

import tornado.httpserver
import tornado.ioloop
import tornado.netutil
import tornado.web
from tornado.concurrent import run_on_executor


class Sleep(tornado.web.RequestHandler):
    executor = ThreadPoolExecutor(200)

    @run_on_executor
    def sleep(self, seconds):
        time.sleep(seconds)

    async def get(self):
        await self.sleep(float(self.get_argument("seconds")))
        self.write("slept")


server = tornado.httpserver.HTTPServer(tornado.web.Application([("/sleep", Sleep)]))
sockets = tornado.netutil.bind_sockets(0, "127.0.0.1", backlog=4096)
server.add_sockets(sockets)
print("addr=127.0.0.1:%d" % sockets[0].getsockname()[1], flush=True)
tornado.ioloop.IOLoop.current().start()
