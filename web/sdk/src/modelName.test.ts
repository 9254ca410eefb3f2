import {expect, test} from 'vitest';
import {modelAddress, modelText, type ModelName} from './modelName';
import {Tensor} from './tensor';

const cid = 'bafybeifbogqowck5zwrjsnnbychqc6jflpd5fwf6z5cn3seydwxjnyt5by';

test.each([
  [cid, cid],
  [`ipfs://${cid}/sub`, `ipfs://${cid}/sub`],
  [{cid, gateway: 'http://127.0.0.1:1'}, `ipfs://${cid}`],
  [{cid: `/ipfs/${cid}/sub`}, `ipfs://${cid}/sub`],
  ['https://example.org/model/', 'https://example.org/model/'],
  [{url: 'https://example.org/model/'}, 'https://example.org/model/'],
  ['./zoo/numbers-bert', './zoo/numbers-bert'],
  [{folder: '/models/x'}, '/models/x'],
] as [ModelName, string][])('%j is %s', (name, address) => {
  expect(modelAddress(name)).toBe(address);
});

test('the result names the model as the caller did', () => {
  expect(modelText({cid})).toBe(cid);
});

test('no name at all is refused', () => {
  expect(() => modelAddress(undefined as unknown as ModelName)).toThrowError(/must be a CID/);
});

test('a tensor nests as its dims say', () => {
  expect(new Tensor(Float32Array.from([1, 2, 3, 4, 5, 6]), [2, 3]).tolist()).toEqual([
    [1, 2, 3],
    [4, 5, 6],
  ]);
});
