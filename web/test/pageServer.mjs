// A small server for tests: folders as static files, cross-origin isolated, and a place where pages report their result.
import {createServer} from 'node:http';
import {createReadStream} from 'node:fs';
import {stat} from 'node:fs/promises';
import {extname, join, normalize} from 'node:path';

const types = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.mjs': 'text/javascript',
  '.css': 'text/css',
  '.json': 'application/json',
  '.wasm': 'application/wasm',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
};
const isolation = {
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Embedder-Policy': 'require-corp',
  'Cross-Origin-Resource-Policy': 'cross-origin',
  'Cache-Control': 'no-store',
};

/**
 * Serves on a free loopback port.
 * mounts: URL prefix -> folder, the longest prefix wins: {'/': 'web/test', '/zoo/': 'zoo'}.
 * routes: URL path prefix -> (request, response) => void, tried before the mounts.
 * isolated: false leaves the COOP/COEP headers out, so that a page has no SharedArrayBuffer.
 */
export async function startPageServer({mounts, routes = {}, isolated = true}) {
  const waiting = new Map(); // report id -> resolve
  const reported = new Map(); // report id -> result that nobody waits for yet
  const server = createServer((request, response) => {
    const path = decodeURIComponent(new URL(request.url, 'http://localhost').pathname);
    if (isolated) for (const [name, value] of Object.entries(isolation)) response.setHeader(name, value);
    if (path.startsWith('/report/')) return receiveReport(path.slice('/report/'.length), request, response);
    const route = Object.keys(routes)
      .filter((prefix) => path.startsWith(prefix))
      .sort((a, b) => b.length - a.length)[0];
    if (route) return routes[route](request, response);
    sendFile(path, mounts, request, response);
  });

  function receiveReport(id, request, response) {
    response.setHeader('Access-Control-Allow-Origin', '*');
    const chunks = [];
    request.on('data', (chunk) => chunks.push(chunk));
    request.on('end', () => {
      response.end('ok');
      const result = parse(Buffer.concat(chunks).toString());
      const resolve = waiting.get(id);
      if (resolve) resolve(result);
      else reported.set(id, result);
    });
  }

  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    origin: `http://127.0.0.1:${server.address().port}`,
    /** Resolves with the JSON the page posted to /report/ID. */
    report: (id) =>
      reported.has(id) ? Promise.resolve(reported.get(id)) : new Promise((resolve) => waiting.set(id, resolve)),
    close: () =>
      new Promise((resolve) => {
        server.close(resolve);
        server.closeAllConnections();
      }),
  };
}

function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    return {error: `The page reported something that is no JSON: ${text.slice(0, 200)}`};
  }
}

async function sendFile(path, mounts, request, response) {
  const prefix = Object.keys(mounts)
    .filter((p) => path.startsWith(p))
    .sort((a, b) => b.length - a.length)[0];
  const inside = normalize(path.slice(prefix?.length ?? 0) || 'index.html');
  if (prefix === undefined || inside.startsWith('..')) return end(response, 404);
  let file = join(mounts[prefix], inside);
  let facts = await stat(file).catch(() => undefined);
  if (facts?.isDirectory()) facts = await stat((file = join(file, 'index.html'))).catch(() => undefined);
  if (!facts) return end(response, 404);
  response.setHeader('Content-Type', types[extname(file)] ?? 'application/octet-stream');
  response.setHeader('Accept-Ranges', 'bytes');
  const range = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '');
  if (!range) {
    response.setHeader('Content-Length', facts.size);
    return createReadStream(file).pipe(response);
  }
  const first = Number(range[1]);
  const last = Math.min(range[2] ? Number(range[2]) : facts.size - 1, facts.size - 1);
  if (first > last) return end(response, 416);
  response.writeHead(206, {
    'Content-Range': `bytes ${first}-${last}/${facts.size}`,
    'Content-Length': last - first + 1,
  });
  createReadStream(file, {start: first, end: last}).pipe(response);
}

function end(response, status) {
  response.statusCode = status;
  response.end();
}
