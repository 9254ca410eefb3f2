// A gateway for tests: blocks from memory, and every way of answering wrongly.
import {createServer} from 'node:http';
import type {AddressInfo} from 'node:net';

export type Behaviour = 'honest' | 'lies' | 'truncates' | 'stalls' | 'stops-midway' | 'endless' | 'missing' | 'broken';

export interface TestGateway {
  url: string;
  behaviour: Behaviour;
  requests: string[];
  close(): Promise<void>;
}

/** Serves `blocks` (CID text -> bytes) on a free loopback port. */
export async function startTestGateway(blocks: Map<string, Uint8Array>): Promise<TestGateway> {
  const server = createServer((request, response) => {
    const cid = request.url!.replace(/^\/ipfs\//, '').replace(/\?.*/, '');
    gateway.requests.push(cid);
    const bytes = blocks.get(cid);
    switch (gateway.behaviour) {
      case 'stalls': return;
      case 'broken': response.statusCode = 500; return response.end();
      case 'endless': {
        const more = () => { while (response.write(Buffer.alloc(1 << 16))); };
        response.on('drain', more);
        return more();
      }
    }
    if (!bytes || gateway.behaviour === 'missing') {
      response.statusCode = 404;
      return response.end();
    }
    if (gateway.behaviour === 'stops-midway') return void response.write(bytes.subarray(0, bytes.length / 2));
    if (gateway.behaviour === 'truncates') return void response.end(bytes.subarray(0, bytes.length - 1));
    if (gateway.behaviour === 'lies') return void response.end(bytes.map((byte, i) => (i === 7 ? byte ^ 1 : byte)));
    return void response.end(bytes);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const gateway: TestGateway = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    behaviour: 'honest',
    requests: [],
    close: () => new Promise((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    }),
  };
  return gateway;
}
