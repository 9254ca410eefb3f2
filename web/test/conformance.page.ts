// Conformance in the page: the engine's own cases and judge (tests/page/conformance_calls.cpp) on this page's ports.
// Query: method (test.conformance), sdk = folder of the test programs, platform, precision, scale, subset, lanes, url (many).
import {Border} from '../sdk/src/border';
import {ByteTable} from '../sdk/src/ports/byteTable';
import {MemoryCache} from '../sdk/src/ports/memoryCache';
import {openPorts} from '../sdk/src/ports/ports';
import {loadProgram} from '../sdk/src/program';
// @ts-expect-error plain JavaScript
import {report} from './report.js';

const query = new URL(location.href).searchParams;

report(async () => {
  const table = new ByteTable();
  const folder = new URL(query.get('sdk')!, location.href).href;
  const program = await loadProgram({folder, kind: 'test'}, table);
  const ports = await openPorts(table, new MemoryCache());
  const border = await Border.open(program, ports, {
    cache: 'memory',
    web_crypto: true,
    user_agent: navigator.userAgent,
  });
  const found = await border.call<object>({
    method: query.get('method') ?? 'test.conformance',
    platform: query.get('platform'),
    precision: Number(query.get('precision') ?? 32),
    scale: Number(query.get('scale') ?? 1),
    subset: query.get('subset') ?? '',
    lanes: query.get('lanes') === 'true',
    urls: query.getAll('url').map((url) => new URL(url, location.href).href),
  });
  return {...found, program: program.name, threads: border.threads};
});
