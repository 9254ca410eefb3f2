// A server for tests that answers well, and in every wrong way: by path.
import {createServer} from 'node:http';
import type {AddressInfo} from 'node:net';

export interface TestServer {
  url: string;
  requests: {path: string; accept: string | undefined}[];
  close(): Promise<void>;
}

/** `/honest` sends the content; `/endless`, `/stalls`, `/says-much` (of a body that never comes), `/stops-midway`, `/drips`,
 * `/missing`, `/broken` and `/redirect` do as they say. */
export async function startTestServer(content: Uint8Array): Promise<TestServer> {
  const requests: TestServer['requests'] = [];
  const server = createServer((request, response) => {
    requests.push({path: request.url!, accept: request.headers.accept});
    switch (request.url) {
      case '/honest':
        return void response.end(content);
      case '/stalls':
        return;
      case '/says-much':
        return void response.writeHead(200, {'Content-Length': 1e12}).flushHeaders();
      case '/stops-midway':
        return void response.write(content.subarray(0, content.length / 2));
      case '/broken':
        response.statusCode = 500;
        return void response.end('no');
      case '/redirect':
        return void response.writeHead(302, {Location: '/honest'}).end();
      case '/drips': {
        const timer = setInterval(() => response.write('x'), 50);
        return void response.on('close', () => clearInterval(timer));
      }
      case '/endless': {
        const more = () => {
          while (response.write(Buffer.alloc(1 << 16)));
        };
        response.on('drain', more);
        return more();
      }
      default:
        response.statusCode = 404;
        return void response.end();
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
