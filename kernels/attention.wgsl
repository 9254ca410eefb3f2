// attention, one query row per invocation: keys and values pass through workgroup memory in tiles of TILE, the softmax runs
// along (running maximum and sum, f32), so nothing of size sequence x sequence is ever stored. qkv rows: Q | K | V.
const HEAD_UNITS = HEAD_DIM / LANES;  // vec4s, or single values where a head is no multiple of 4 long
const ROW_UNITS = 3 * HEADS * HEAD_UNITS;
//#if VEC4
alias unit = vec4<f32>;
fn total(v: unit) -> f32 { return v.x + v.y + v.z + v.w; }
//#else
alias unit = f32;
fn total(v: unit) -> f32 { return v; }
//#end
const MASKED = -1e30;  // finite: a row with no attended key weighs all keys alike
var<workgroup> tile_k: array<unit, TILE * HEAD_UNITS>;
var<workgroup> tile_v: array<unit, TILE * HEAD_UNITS>;

@compute @workgroup_size(QUERIES)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let s = shape.sequence;
  let head = group.y;
  let first_token = group.z * s;
  let query = group.x * QUERIES + lane;
  let from_query = (first_token + min(query, s - 1u)) * ROW_UNITS + head * HEAD_UNITS;
  var q: array<unit, HEAD_UNITS>;
  var out: array<unit, HEAD_UNITS>;
//#for d UNIT_COUNT
  q[$d] = unit(qkv[from_query + $du]) * SCALE;
//#end
  var highest = -3e38;
  var sum = 0.0;
  for (var first = 0u; first < s; first += TILE) {
    workgroupBarrier();
    for (var i = lane; i < TILE * HEAD_UNITS; i += QUERIES) {
      let token = first_token + min(first + i / HEAD_UNITS, s - 1u);
      let at = token * ROW_UNITS + head * HEAD_UNITS + i % HEAD_UNITS;
      tile_k[i] = unit(qkv[at + HEADS * HEAD_UNITS]);
      tile_v[i] = unit(qkv[at + 2u * HEADS * HEAD_UNITS]);
    }
    workgroupBarrier();
    let count = min(u32(TILE), s - first);
    var scores: array<f32, TILE>;
    var tile_highest = highest;
    for (var j = 0u; j < count; j++) {
      var dots = unit();
//#for d UNIT_COUNT
      dots += q[$d] * tile_k[j * HEAD_UNITS + $du];
//#end
      var score = total(dots);
//#if HAS_bias
      score += f32(bias[(head * s + min(query, s - 1u)) * s + first + j]);
//#end
//#if HAS_mask
      if (mask[first_token + first + j] == 0) { score = MASKED; }
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
  if (query >= s) { return; }
  let to = (first_token + query) * HEADS * HEAD_UNITS + head * HEAD_UNITS;
//#for d UNIT_COUNT
  y[to + $du] = y_t(out[$d] / sum);
//#end
}
