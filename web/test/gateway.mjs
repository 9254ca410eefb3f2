// A real store and gateway for tests: `ipfs-accelerate serve` over shipped models, and routes that make it lie, stall or vanish.
import {execFile, spawn} from 'node:child_process';
import {mkdtemp, rm} from 'node:fs/promises';
import {request as httpRequest} from 'node:http';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {createInterface} from 'node:readline';
import {promisify} from 'node:util';

/** Adds folders {name: path} to a fresh store and serves it, with the page in `web`: {url, cids: {name: cid}, routes, close()}. */
export async function startGateway(program, folders, web) {
  const home = await mkdtemp(join(tmpdir(), 'store-'));
  const env = {...process.env, IPFS_ACCELERATE_HOME: home};
  const cids = {};
  for (const [name, path] of Object.entries(folders)) {
    const {stdout} = await promisify(execFile)(program, ['add', '--quiet', '--name', name, path], {env});
    cids[name] = stdout.trim();
  }
  const child = spawn(program, ['serve', '--json', '--port', '0', '--web', web], {
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const url = await new Promise((resolve, reject) => {
    child.once('exit', (code) => reject(new Error(`ipfs-accelerate serve ended with code ${code}`)));
    createInterface({input: child.stdout}).once('line', (line) => resolve(JSON.parse(line).url.replace(/\/$/, '')));
  });
  return {
    url,
    cids,
    routes: gatewayRoutes(url),
    async close() {
      const gone = new Promise((resolve) => child.once('exit', resolve));
      child.removeAllListeners('exit');
      child.once('exit', () => {});
      child.kill('SIGTERM');
      await Promise.race([gone, new Promise((resolve) => setTimeout(resolve, 3000))]);
      await rm(home, {recursive: true, force: true});
    },
  };
}

/** Routes for a page server: /honest passes the gateway on, /lying changes a byte of every block, /stalled never ends its answer. */
function gatewayRoutes(gateway) {
  const pass = (prefix, change) => (incoming, response) => {
    const target = new URL(incoming.url.slice(prefix.length), gateway);
    const onward = httpRequest(target, {headers: {accept: incoming.headers.accept ?? '*/*'}}, (answer) => {
      const chunks = [];
      answer.on('data', (chunk) => chunks.push(chunk));
      answer.on('end', () => {
        response.writeHead(answer.statusCode, {
          'Content-Type': answer.headers['content-type'] ?? 'application/octet-stream',
        });
        change(Buffer.concat(chunks), response);
      });
    });
    onward.on('error', () => {
      response.statusCode = 502;
      response.end();
    });
    onward.end();
  };
  return {
    '/honest': pass('/honest', (bytes, response) => response.end(bytes)),
    '/lying': pass('/lying', (bytes, response) => {
      if (bytes.length > 0) bytes[bytes.length >> 1] ^= 1;
      response.end(bytes);
    }),
    '/stalled': pass('/stalled', (bytes, response) =>
      response.write(bytes.subarray(0, Math.max(1, bytes.length >> 1))),
    ),
  };
}
