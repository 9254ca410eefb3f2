// All ports of a page or process, for one engine.
import type {Ports} from '../border';
import {isNode} from '../features';
import type {ByteTable} from './byteTable';
import type {BlockCache} from './cache';
import {gpuPort} from './gpu';
import {hashPort, keepPort} from './keep';
import {netPort} from './net';
import {picturePort} from './picture';
import {timePort} from './time';
import {webnnPort} from './webnn';

export async function openPorts(table: ByteTable, cache: BlockCache): Promise<Ports> {
  const [gpu, webnn] = [gpuPort(), webnnPort()];
  const files = isNode() ? await (await import('./nodeFiles')).nodeFiles(table) : {};
  return {
    requests: {
      ...timePort,
      ...netPort(table),
      ...keepPort(cache, table),
      ...hashPort(table),
      ...picturePort(table),
      ...files,
      ...gpu.requests,
      ...webnn.requests,
    },
    notices: {...gpu.notices, ...webnn.notices},
    close: () => [gpu, webnn].forEach((port) => port.close?.()),
  };
}
