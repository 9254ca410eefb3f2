import {expect, test} from 'vitest';
import {modelSpec, type ModelName} from './modelSpec';
import {Tensor} from './tensor';

const cid = 'bafybeifbogqowck5zwrjsnnbychqc6jflpd5fwf6z5cn3seydwxjnyt5by';

test.each([
  [cid, {kind: 'cid', path: cid, gateways: []}],
  [`ipfs://${cid}/sub`, {kind: 'cid', path: `ipfs://${cid}/sub`, gateways: []}],
  ['QmUNLLsPACCz1vLxQVkXqqLX5R1X345qqfHbsf67hvA3Nn', {kind: 'cid', path: 'QmUNLLsPACCz1vLxQVkXqqLX5R1X345qqfHbsf67hvA3Nn', gateways: []}],
  [{cid, gateway: 'http://127.0.0.1:1'}, {kind: 'cid', path: cid, gateways: ['http://127.0.0.1:1']}],
  ['https://example.org/model/', {kind: 'url', url: 'https://example.org/model/'}],
  ['./zoo/numbers-bert', {kind: 'disk', folder: './zoo/numbers-bert'}],
  [{folder: '/models/x'}, {kind: 'disk', folder: '/models/x'}],
] as [ModelName, unknown][])('%j', (name, spec) => {
  expect(modelSpec(name)).toEqual(spec);
});

test('an empty name is refused', () => {
  expect(() => modelSpec('')).toThrowError(/must be a CID/);
});

test('a tensor nests as its dims say', () => {
  expect(new Tensor(Float32Array.from([1, 2, 3, 4, 5, 6]), [2, 3]).tolist()).toEqual([[1, 2, 3], [4, 5, 6]]);
});
