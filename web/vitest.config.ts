// Unit tests of the SDK's pure parts.
import {defineConfig} from 'vitest/config';

export default defineConfig({test: {include: ['sdk/src/**/*.test.ts'], environment: 'node'}});
