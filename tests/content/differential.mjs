// Random trees through our importer and the JavaScript one: the CIDs must be equal.
// node differential.mjs [CID_TREE_PROGRAM [ROUNDS [SEED]]]
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { BlackHoleBlockstore } from 'blockstore-core/black-hole'
import { importer } from 'ipfs-unixfs-importer'
import { fixedSize } from 'ipfs-unixfs-importer/chunker'
import { balanced } from 'ipfs-unixfs-importer/layout'

const built = fileURLToPath(new URL('../../build/release/bin/cid_tree', import.meta.url))
const [program = built, rounds = '40', seed = '1'] = process.argv.slice(2)

// xorshift: the same trees for the same seed.
let state = BigInt(seed) * 0x9e3779b97f4a7c15n + 1n
function random (limit) {
  state ^= (state << 13n) & 0xffffffffffffffffn
  state ^= state >> 7n
  state ^= (state << 17n) & 0xffffffffffffffffn
  return Number(state % BigInt(limit))
}
const pick = list => list[random(list.length)]

function bytes (size) {
  const out = Buffer.alloc(size)
  for (let i = 0; i < size; i += 4) out.writeUInt32LE(random(2 ** 32), Math.min(i, Math.max(0, size - 4)))
  return out
}

function name () {
  const letters = 'abcXYZ019-_ .~ąęźł漢字'
  let text = ''
  for (let i = 1 + random(12); i > 0; --i) text += pick([...letters])
  return text.replace(/^\.+$/, 'dots') + random(1e6)
}

function grow (folder, sizes, fill, depth) {
  mkdirSync(folder, { recursive: true })
  for (let i = random(fill); i > 0; --i) {
    const size = pick(sizes)
    writeFileSync(join(folder, name()), size < 4 ? Buffer.alloc(size, 7) : bytes(size))
  }
  for (let i = depth > 0 ? random(4) : 0; i > 0; --i) grow(join(folder, name()), sizes, fill, depth - 1)
}

function * walk (folder, path) {
  const entries = readdirSync(folder)
  if (entries.length === 0) yield { path }
  for (const entry of entries) {
    const file = join(folder, entry)
    if (statSync(file).isDirectory()) yield * walk(file, `${path}/${entry}`)
    else yield { path: `${path}/${entry}`, content: readFileSync(file) }
  }
}

async function theirs (folder, options) {
  let root
  for await (const entry of importer(walk(folder, 'root'), new BlackHoleBlockstore(), options)) root = entry
  return root.cid.toString()
}

const ours = (how, folder) => execFileSync(program, [how, folder], { encoding: 'utf8' }).split(' ')[0]

const KiB = 1024
const named = {
  'unixfs-v1-2025': { profile: 'unixfs-v1-2025' },
  'unixfs-v0-2015': { profile: 'unixfs-v0-2015' },
  'kubo-cid-v1': {
    cidVersion: 1,
    rawLeaves: true,
    chunker: fixedSize({ chunkSize: 256 * KiB }),
    layout: balanced({ maxChildrenPerNode: 174 }),
    shardSplitThresholdBytes: 256 * KiB,
    shardSplitStrategy: 'links-bytes'
  }
}

// Small parameters reach deep files and HAMTs with little data. Folders without subfolders only: the JavaScript
// importer
// decides on a HAMT while a subfolder's CID is not known yet and does not count it, which shows at small thresholds.
function customParameters () {
  const p = {
    version: random(2), chunk: 16 + random(300), width: 2 + random(6), raw: random(2), threshold: 100 + random(3000),
    size: pick(['block', 'links'])
  }
  if (p.version === 0) p.raw = 0
  const how = Object.entries(p).map(([key, value]) => `${key}=${value}`).join(',')
  const options = {
    cidVersion: p.version,
    rawLeaves: p.raw === 1,
    chunker: fixedSize({ chunkSize: p.chunk }),
    layout: balanced({ maxChildrenPerNode: p.width }),
    shardSplitThresholdBytes: p.threshold,
    shardSplitStrategy: `${p.size}-bytes`
  }
  return [how, options]
}

const work = mkdtempSync(join(tmpdir(), 'differential-'))
let passed = 0
let failed = 0
async function compare (how, options, folder) {
  const [a, b] = [ours(how, folder), await theirs(folder, options)]
  if (a === b) {
    passed += 1
    return
  }
  failed += 1
  console.log(`DIFFERENT seed=${seed} ${how}: ours ${a}, theirs ${b}`)
}

try {
  for (let round = 0; round < Number(rounds); ++round) {
    const folder = join(work, String(round))
    const big = round % 8 === 0
    const sizes = big
      ? [0, 1, 100, 256 * KiB - 1, 256 * KiB, 256 * KiB + 1, 1024 * KiB, 1024 * KiB + 1, 3000 * KiB]
      : [0, 1, 2, 15, 16, 17, 255, 256, 257, 1000, 5000, 20000]
    const flat = !big && round % 2 === 0
    grow(folder, sizes, big ? 6 : 60, flat ? 0 : 3)
    for (const [how, options] of Object.entries(named)) await compare(how, options, folder)
    if (flat) for (let i = 0; i < 8; ++i) await compare(...customParameters(), folder)
    rmSync(folder, { recursive: true })
  }
} finally {
  rmSync(work, { recursive: true, force: true })
}
console.log(`${passed} passed, ${failed} failed`)
process.exitCode = failed === 0 ? 0 : 1
