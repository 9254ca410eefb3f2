// Tests in Node: the SDK's parts, and the built package.
import {defineConfig} from 'vitest/config';

export default defineConfig({
  test: {
    include: ['sdk/src/**/*.test.ts', 'test/**/*.test.ts'],
    environment: 'node',
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});
