// attention, one query row per invocation: keys and values pass through workgroup memory in tiles of TILE, the softmax runs
// along (running maximum and sum, f32), so nothing of size queries x keys is ever stored.
// Units are vec4s, or single values where a head is no multiple of 4 long; q, k and v start at unit *_FIRST of rows of *_ROW.
const HEAD_UNITS = HEAD_DIM / LANES;
//#if VEC4
alias unit = vec4<f32>;
fn total(v: unit) -> f32 { return v.x + v.y + v.z + v.w; }
//#else
alias unit = f32;
fn total(v: unit) -> f32 { return v; }
//#end
const MASKED = -1e30;  // finite: a query that attends to nothing weighs all that it sees alike
const HIDDEN = -3e38;  // weighs nothing beside any other score
var<workgroup> tile_k: array<unit, TILE * HEAD_UNITS>;
var<workgroup> tile_v: array<unit, TILE * HEAD_UNITS>;

//#if SOFT_CAPPED
fn capped(x: f32) -> f32 { return tanh(clamp(x, -15.0, 15.0)); }  // beyond that some devices overflow
//#end
//#if CAUSAL
/// First and end of the keys that a query sees; query 0 stands at key number `before`.
fn sight_of(query: u32, before: i32, keys: u32) -> vec2<u32> {
  let end = u32(clamp(i32(query) + before + 1, min(1, i32(keys)), i32(keys)));
  return vec2<u32>(select(0u, end - WINDOW, WINDOW > 0u && end > WINDOW), end);
}
//#end
//#if PAGED
/// The row of the state where a sequence has its row number `key`.
fn row_of(sequence: u32, key: u32) -> u32 {
  let page = clamp(pages[sequence * TABLE + key / PAGE_ROWS], 0, i32(PAGES) - 1);
  return u32(page) * PAGE_ROWS + key % PAGE_ROWS;
}
//#end

@compute @workgroup_size(ROWS_AT_ONCE)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let head = group.y;
  let shared_head = head / (HEADS / KV_HEADS);
  let query = group.x * ROWS_AT_ONCE + lane;
  let query_row = group.z * QUERIES + min(query, QUERIES - 1u);
//#if PAGED
  let before = clamp(lengths[group.z], 0, i32(TABLE * PAGE_ROWS));
//#if HAS_counts
  let keys = min(u32(before) + u32(clamp(counts[group.z], 0, i32(QUERIES))), TABLE * PAGE_ROWS);
//#else
  let keys = u32(before);
//#end
//#else
  let before = i32(KEYS) - i32(QUERIES);
  let keys = KEYS;
  let first_key = group.z * KEYS;
//#end
  let from_query = query_row * Q_ROW + Q_FIRST + head * HEAD_UNITS;
//#if CAUSAL
  // The keys that the workgroup's queries see, and those of this one.
  let sight = sight_of(query, before, keys);
  let begin = sight_of(group.x * ROWS_AT_ONCE, before, keys).x / TILE * TILE;
  let end = sight_of(group.x * ROWS_AT_ONCE + ROWS_AT_ONCE - 1u, before, keys).y;
//#else
  let begin = 0u;
  let end = keys;
//#end
  var q: array<unit, HEAD_UNITS>;
  var out: array<unit, HEAD_UNITS>;
//#for d UNIT_COUNT
  q[$d] = unit(q_in[from_query + $du]) * SCALE;
//#end
  var highest = HIDDEN;
  var sum = 0.0;
  for (var first = begin; first < end; first += TILE) {
    workgroupBarrier();
    for (var i = lane; i < TILE * HEAD_UNITS; i += ROWS_AT_ONCE) {
//#if PAGED
      let row = row_of(group.z, min(first + i / HEAD_UNITS, keys - 1u));
//#else
      let row = first_key + min(first + i / HEAD_UNITS, keys - 1u);
//#end
      let at = shared_head * HEAD_UNITS + i % HEAD_UNITS;
      tile_k[i] = unit(k[row * K_ROW + K_FIRST + at]);
      tile_v[i] = unit(v[row * V_ROW + V_FIRST + at]);
    }
    workgroupBarrier();
    let count = min(u32(TILE), keys - first);
    var scores: array<f32, TILE>;
    var tile_highest = highest;
    for (var j = 0u; j < count; j++) {
      var dots = unit();
//#for d UNIT_COUNT
      dots += q[$d] * tile_k[j * HEAD_UNITS + $du];
//#end
      var score = total(dots);
//#if SOFT_CAPPED
      score = SOFT_CAP * capped(score / SOFT_CAP);
//#end
//#if HAS_distance_bias
      let distance = u32(max(before + i32(query) - i32(first + j), 0));
      score += f32(distance_bias[head * DISTANCES + min(distance, DISTANCES - 1u)]);
//#end
//#if HAS_bias
      score += f32(bias[(head * QUERIES + min(query, QUERIES - 1u)) * keys + first + j]);
//#end
//#if HAS_mask
      if (mask[first_key + first + j] == 0) { score = MASKED; }
//#end
//#if CAUSAL
      if (first + j < sight.x || first + j >= sight.y) { score = HIDDEN; }
//#end
      scores[j] = score;
      tile_highest = max(tile_highest, score);
    }
    let shrink = exp(highest - tile_highest);
    highest = tile_highest;
    sum *= shrink;
//#for d UNIT_COUNT
    out[$d] *= shrink;
//#end
    for (var j = 0u; j < count; j++) {
      let p = exp(scores[j] - highest);
      sum += p;
//#for d UNIT_COUNT
      out[$d] += p * tile_v[j * HEAD_UNITS + $du];
//#end
    }
  }
  if (query >= QUERIES) { return; }
  let to = query_row * HEADS * HEAD_UNITS + head * HEAD_UNITS;
//#for d UNIT_COUNT
  y[to + $du] = y_t(out[$d] / max(sum, 1e-30));  // with no key at all: zeros
//#end
}
