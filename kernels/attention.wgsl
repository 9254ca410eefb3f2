// attention, one query row per invocation: keys and values pass through workgroup memory in tiles of TILE, the softmax runs
// along (running maximum and sum, f32), so nothing of size sequence x sequence is ever stored. qkv rows: Q | K | V.
const HEAD4 = HEAD_DIM / 4;
const ROW4 = 3 * HEADS * HEAD4;
const MASKED = -1e30;  // finite: a row with no attended key weighs all keys alike
var<workgroup> tile_k: array<vec4<f32>, TILE * HEAD4>;
var<workgroup> tile_v: array<vec4<f32>, TILE * HEAD4>;

@compute @workgroup_size(QUERIES)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let s = shape.sequence;
  let head = group.y;
  let first_token = group.z * s;
  let query = group.x * QUERIES + lane;
  let from_query = (first_token + min(query, s - 1u)) * ROW4 + head * HEAD4;
  var q: array<vec4<f32>, HEAD4>;
  var out: array<vec4<f32>, HEAD4>;
//#for d HEAD4_COUNT
  q[$d] = vec4<f32>(qkv[from_query + $du]) * SCALE;
//#end
  var highest = -3e38;
  var sum = 0.0;
  for (var first = 0u; first < s; first += TILE) {
    workgroupBarrier();
    for (var i = lane; i < TILE * HEAD4; i += QUERIES) {
      let token = first_token + min(first + i / HEAD4, s - 1u);
      let at = token * ROW4 + head * HEAD4 + i % HEAD4;
      tile_k[i] = vec4<f32>(qkv[at + HEADS * HEAD4]);
      tile_v[i] = vec4<f32>(qkv[at + 2u * HEADS * HEAD4]);
    }
    workgroupBarrier();
    let count = min(u32(TILE), s - first);
    var scores: array<f32, TILE>;
    var tile_highest = highest;
    for (var j = 0u; j < count; j++) {
      var dots = vec4<f32>();
//#for d HEAD4_COUNT
      dots += q[$d] * tile_k[j * HEAD4 + $du];
//#end
      var score = dots.x + dots.y + dots.z + dots.w;
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
//#for d HEAD4_COUNT
    out[$d] *= shrink;
//#end
    for (var j = 0u; j < count; j++) {
      let p = exp(scores[j] - highest);
      sum += p;
//#for d HEAD4_COUNT
      out[$d] += p * tile_v[j * HEAD4 + $du];
//#end
    }
  }
  if (query >= s) { return; }
  let to = (first_token + query) * HEADS * HEAD4 + head * HEAD4;
//#for d HEAD4_COUNT
  y[to + $du] = y_t(out[$d] / sum);
//#end
}
