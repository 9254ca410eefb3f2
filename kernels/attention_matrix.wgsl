// attention on subgroup matrices, f16 in, f32 scores and sums: each of PARTS subgroups takes SIDE query rows of one head; keys and
// values pass through workgroup memory in tiles of TILE_KEYS with a running softmax (maximum and sum per row, f32).
// Workgroup memory is one array of 16-byte units: queries, keys, values (f16), scores (f32, then f16 weights), results (f32).
const TILE_ROWS = u32(SIDE * PARTS);
const THREADS = u32(SUBGROUP * PARTS);
const HEAD_U = u32(HEAD_DIM / 8);              // units of a head's f16 row; q, k and v start at unit *_FIRST of rows of *_ROW
const ROW = HEAD_U + 1u;                       // rows are padded to an odd number of units against bank conflicts
const SCORE_ROW = u32(TILE_KEYS / 4) + 1u;
const OUT_ROW = u32(HEAD_DIM / 4) + 1u;
const OUT_AT = 0u;  // results take the place of the queries, which stay in registers
const K_AT = TILE_ROWS * max(ROW, OUT_ROW);
const V_AT = K_AT + u32(TILE_KEYS) * ROW;
const SCORES_AT = V_AT + u32(TILE_KEYS) * ROW;
const LANES_PER_ROW = u32(SUBGROUP / SIDE);
alias Left = subgroup_matrix_left<f16, SIDE, SIDE>;
alias Right = subgroup_matrix_right<f16, SIDE, SIDE>;
alias Sum = subgroup_matrix_result<f32, SIDE, SIDE>;

var<workgroup> units: array<vec4<u32>, SCORES_AT + TILE_ROWS * SCORE_ROW>;
var<workgroup> addend: array<vec4<f32>, TILE_KEYS / 4>;  // 0 attended, -1e30 masked, -3e38 past the end

fn addend_of(first_key: u32, key: u32) -> f32 {
  if (key >= KEYS) { return -3e38; }
//#if HAS_mask
  if (mask[first_key + key] == 0) { return -1e30; }
//#end
  return 0.0;
}

/// Four scores of a row, scaled, with bias and mask. `at` counts vec4s in the tile's row.
fn score_at(scores: u32, at: u32, first: u32, query: u32, head: u32) -> vec4<f32> {
  var v = bitcast<vec4<f32>>(units[scores + at]) * SCALE;
//#if HAS_bias
  let last = KEYS - 1u;
  let row = (head * QUERIES + query) * KEYS;
  let key = first + at * 4u;
  v += vec4<f32>(f32(bias[row + min(key, last)]), f32(bias[row + min(key + 1u, last)]), f32(bias[row + min(key + 2u, last)]),
                 f32(bias[row + min(key + 3u, last)]));
//#end
  return v + addend[at];
}

@compute @workgroup_size(THREADS)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let head = group.y;
  let shared_head = head / (HEADS / KV_HEADS);
  let query_row = group.z * QUERIES;
  let first_key = group.z * KEYS;
  let first_query = group.x * TILE_ROWS;
  let part = subgroupBroadcastFirst(lane / SUBGROUP);
  let row = part * SIDE + lane % SUBGROUP / LANES_PER_ROW;  // of the tile: the row whose softmax this invocation shares
  let share = lane % LANES_PER_ROW;
  let scores = SCORES_AT + row * SCORE_ROW;
  let results = OUT_AT + row * OUT_ROW;
  for (var i = lane; i < TILE_ROWS * HEAD_U; i += THREADS) {
    let row_of_q = query_row + min(first_query + i / HEAD_U, QUERIES - 1u);
    units[i / HEAD_U * ROW + i % HEAD_U] = q_in[row_of_q * Q_ROW + Q_FIRST + head * HEAD_U + i % HEAD_U];
  }
  workgroupBarrier();
//#for d HEAD_STEPS
  let query_$d = subgroupMatrixLoad<Left, row_major>(&units, part * SIDE * ROW + $du * SIDE / 8u, ROW);
//#end
  workgroupBarrier();
//#for i OUT_PER_LANE
  units[results + share * OUT_PER_LANE + $iu] = vec4<u32>();
//#end

  var highest = -3e38;
  var sum = 0.0;
  for (var first = 0u; first < KEYS; first += TILE_KEYS) {
    for (var i = lane; i < TILE_KEYS * HEAD_U; i += THREADS) {
      let key_row = first_key + min(first + i / HEAD_U, KEYS - 1u);
      let at = shared_head * HEAD_U + i % HEAD_U;
      let to = i / HEAD_U * ROW + i % HEAD_U;
      units[K_AT + to] = k[key_row * K_ROW + K_FIRST + at];
      units[V_AT + to] = v[key_row * V_ROW + V_FIRST + at];
    }
    for (var i = lane; i < TILE_KEYS / 4; i += THREADS) {
      let key = first + i * 4u;
      addend[i] = vec4<f32>(addend_of(first_key, key), addend_of(first_key, key + 1u), addend_of(first_key, key + 2u), addend_of(first_key, key + 3u));
    }
    workgroupBarrier();
//#for j KEY_STEPS
    {
//#if SPELL_OUT_SUM
      var score = Sum();  // a declaration in a loop is not reset on every turn by every compiler
//#else
      var score: Sum;
//#end
//#for d HEAD_STEPS
      score = subgroupMatrixMultiplyAccumulate(
          query_$d, subgroupMatrixLoad<Right, col_major>(&units, K_AT + $ju * SIDE * ROW + $du * SIDE / 8u, ROW), score);
//#end
      subgroupMatrixStore<row_major>(&units, SCORES_AT + part * SIDE * SCORE_ROW + $ju * SIDE / 4u, score, SCORE_ROW);
    }
//#end
    workgroupBarrier();

    // The weights of a row overwrite its scores: a lane writes only after the row's maximum, which needs every score read.
    var tile_highest = vec4<f32>(highest);
//#for i SCORES_PER_LANE
    let mine_$i = score_at(scores, share * SCORES_PER_LANE + $iu, first, min(first_query + row, QUERIES - 1u), head);
    tile_highest = max(tile_highest, mine_$i);
//#end
    var now = max(max(tile_highest.x, tile_highest.y), max(tile_highest.z, tile_highest.w));
    for (var i = 1u; i < LANES_PER_ROW; i *= 2u) { now = max(now, subgroupShuffleXor(now, i)); }
    let shrink = exp(highest - now);
    highest = now;
    var part_sum = vec4<f32>();
//#for i SCORES_PER_LANE
    let weight_of_$i = exp(mine_$i - now);
    part_sum += weight_of_$i;
//#end
//#for i HALF_SCORES
    units[scores + share * HALF_SCORES + $iu] =
        vec4<u32>(pack2x16float(weight_of_$(2i).xy), pack2x16float(weight_of_$(2i).zw),
                  pack2x16float(weight_of_$(2i+1).xy), pack2x16float(weight_of_$(2i+1).zw));
//#end
    var total = part_sum.x + part_sum.y + part_sum.z + part_sum.w;
    for (var i = 1u; i < LANES_PER_ROW; i *= 2u) { total += subgroupShuffleXor(total, i); }
    sum = sum * shrink + total;
//#for i OUT_PER_LANE
    units[results + share * OUT_PER_LANE + $iu] =
        bitcast<vec4<u32>>(bitcast<vec4<f32>>(units[results + share * OUT_PER_LANE + $iu]) * shrink);
//#end
    workgroupBarrier();
//#for j KEY_STEPS
    let weight_$j = subgroupMatrixLoad<Left, row_major>(&units, SCORES_AT + part * SIDE * SCORE_ROW + $ju * SIDE / 8u, SCORE_ROW);
//#end
//#for d HEAD_STEPS
    {
      var out = subgroupMatrixLoad<Sum, row_major>(&units, OUT_AT + part * SIDE * OUT_ROW + $du * SIDE / 4u, OUT_ROW);
//#for j KEY_STEPS
      out = subgroupMatrixMultiplyAccumulate(
          weight_$j, subgroupMatrixLoad<Right, row_major>(&units, V_AT + $ju * SIDE * ROW + $du * SIDE / 8u, ROW), out);
//#end
      subgroupMatrixStore<row_major>(&units, OUT_AT + part * SIDE * OUT_ROW + $du * SIDE / 4u, out, OUT_ROW);
    }
//#end
    workgroupBarrier();
  }

  let query = first_query + row;
  if (query >= QUERIES) { return; }
  let to = ((query_row + query) * HEADS + head) * (HEAD_DIM / 4) + share * OUT_PER_LANE;
  for (var i = 0u; i < OUT_PER_LANE; i++) {
    y[to + i] = y_t(bitcast<vec4<f32>>(units[results + share * OUT_PER_LANE + i]) / sum);
  }
}
