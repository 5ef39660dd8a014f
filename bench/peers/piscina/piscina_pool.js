// piscina_pool.js PORT THREADS: Node's http, and what blocks in piscina's worker threads.
'use strict';
const http = require('node:http');
const path = require('node:path');
const { Piscina } = require('piscina');

const [port, threads] = process.argv.slice(2).map(Number);
const pool = new Piscina({
  filename: path.join(__dirname, 'work.js'),
  minThreads: threads,
  maxThreads: threads,
  concurrentTasksPerWorker: 1,
  atomics: 'sync', // a thread that waits is woken fastest
});

function ok(response) {
  response.writeHead(200, { 'Content-Type': 'text/plain', 'Content-Length': 2 });
  response.end('ok');
}

function sleepMs(url) {
  const query = new URL(url, 'http://localhost').searchParams;
  return query.has('ms') ? Number(query.get('ms')) : Number(query.get('seconds')) * 1000;
}

function fail(response, error) {
  response.writeHead(500);
  response.end(String(error));
}

const server = http.createServer((request, response) => {
  if (request.url === '/livez') {
    ok(response);
    return;
  }
  const ms = request.url.startsWith('/sleep') ? sleepMs(request.url) : 0;
  pool.run(ms).then(() => ok(response), (error) => fail(response, error));
});
server.keepAliveTimeout = 60000;
// Each thread takes one: they are all there before the first request.
Promise.all(Array.from({ length: threads }, () => pool.run(0))).then(() => {
  server.listen({ port, host: '127.0.0.1', backlog: 4096 });
});
