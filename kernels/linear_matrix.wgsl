// linear on subgroup matrices, f16 in, f32 sums: WM x WN subgroups compute FM x FN matrices of side SIDE each.
// Tiles of KT of the row length pass through workgroup memory, double-buffered: the next tile is on its way from global memory
// while this one is multiplied. Workgroup memory is one array of 16-byte units, used for f16 tiles first and f32 results last.
//#include epilogue

const TILE_M = u32(SIDE * FM * WM);
const TILE_N = u32(SIDE * FN * WN);
const THREADS = u32(SUBGROUP * WM * WN);
const KU = u32(KT / 8);        // units per row of a tile
const ROW = KU + 1u;           // padded: an odd number of units spreads rows over the banks
const STAGE = (TILE_M + TILE_N) * ROW;
const OUT4 = u32(SIDE * FN / 4);  // vec4s per row of a subgroup's results
const OUT_ROW = OUT4 + 1u;
const OUT = u32(SIDE) * OUT_ROW;
const K8 = u32(K / 8);
alias Left = subgroup_matrix_left<f16, SIDE, SIDE>;
alias Right = subgroup_matrix_right<f16, SIDE, SIDE>;
alias Sum = subgroup_matrix_result<f32, SIDE, SIDE>;

const SIZE = max(u32(STAGES) * STAGE, OUT * u32(WM * WN));
var<workgroup> units: array<vec4<u32>, SIZE>;

@compute @workgroup_size(THREADS)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let first_row = group.y * TILE_M;
  let first_column = group.x * TILE_N;
  let part = subgroupBroadcastFirst(lane / SUBGROUP);
  let part_row = part / WN * (SIDE * FM);
  let part_column = part % WN * (SIDE * FN);

  // Where this invocation's units come from and go to.
//#for i LOADS_X
  let x_at_$i = min(first_row + (lane + $iu * THREADS) / KU, M - 1u) * K8 + (lane + $iu * THREADS) % KU;
  let x_to_$i = (lane + $iu * THREADS) / KU * ROW + (lane + $iu * THREADS) % KU;
//#end
//#for i LOADS_W
  let w_at_$i = min(first_column + (lane + $iu * THREADS) / KU, N - 1u) * K8 + (lane + $iu * THREADS) % KU;
  let w_to_$i = (TILE_M + (lane + $iu * THREADS) / KU) * ROW + (lane + $iu * THREADS) % KU;
//#end

//#for i FM
//#for j FN
//#if SPELL_OUT_SUM
  var sum_$i_$j = Sum();
//#else
  var sum_$i_$j: Sum;
//#end
//#end
//#end

//#for i LOADS_X
  units[x_to_$i] = load_x(x_at_$i, 0u, lane + $iu * THREADS);
//#end
//#for i LOADS_W
  units[w_to_$i] = load_w(w_at_$i, 0u, lane + $iu * THREADS);
//#end
  workgroupBarrier();

  var stage = 0u;
  for (var k = 0u; k < K8; k += KU) {
    let next = k + KU;
    // Past the end the last tile is read again and not used: cheaper than a branch.
    let source = select(0u, next, next < K8);
//#for i LOADS_X
    let x_$i = load_x(x_at_$i, source, lane + $iu * THREADS);
//#end
//#for i LOADS_W
    let w_$i = load_w(w_at_$i, source, lane + $iu * THREADS);
//#end
//#for s STEPS
    {
//#for j FN
      let right_$j = subgroupMatrixLoad<Right, col_major>(&units, stage + (TILE_M + part_column + $ju * SIDE) * ROW + $su * SIDE / 8u, ROW);
//#end
//#for i FM
      {
        let left = subgroupMatrixLoad<Left, row_major>(&units, stage + (part_row + $iu * SIDE) * ROW + $su * SIDE / 8u, ROW);
//#for j FN
        sum_$i_$j = subgroupMatrixMultiplyAccumulate(left, right_$j, sum_$i_$j);
//#end
      }
//#end
    }
//#end
//#if ONE_STAGE
    workgroupBarrier();
//#else
    stage = STAGE - stage;
//#end
//#for i LOADS_X
    units[stage + x_to_$i] = x_$i;
//#end
//#for i LOADS_W
    units[stage + w_to_$i] = w_$i;
//#end
    workgroupBarrier();
  }

//#for i FM
//#for j FN
  subgroupMatrixStore<row_major>(&units, part * OUT + $ju * SIDE / 4u, sum_$i_$j, OUT_ROW);
//#end
  workgroupBarrier();
  write_out(first_row + part_row + $iu * SIDE, first_column + part_column, part * OUT, lane % SUBGROUP);
  workgroupBarrier();
//#end
}

/// Finishes and writes SIDE rows of a subgroup's results, neighbours in a row by neighbouring invocations.
fn write_out(row: u32, column: u32, source: u32, lane: u32) {
  for (var i = lane; i < SIDE * OUT4; i += SUBGROUP) {
    let r = row + i / OUT4;
    let c = column / 4u + i % OUT4;
    if (r < M && c < N / 4) {
      let at = r * (N / 4) + c;
      y[at] = y_t(finish(bitcast<vec4<f32>>(units[source + i / OUT4 * OUT_ROW + i % OUT4]), c, at));
    }
  }
}

//#if TAIL
fn load_x(at: u32, k: u32, index: u32) -> vec4<u32> {
  if (k + index % KU < K8) { return x[at + k]; }
  return vec4<u32>();
}
fn load_w(at: u32, k: u32, index: u32) -> vec4<u32> {
  if (k + index % KU < K8) { return weight[at + k]; }
  return vec4<u32>();
}
//#else
fn load_x(at: u32, k: u32, index: u32) -> vec4<u32> { return x[at + k]; }
fn load_w(at: u32, k: u32, index: u32) -> vec4<u32> { return weight[at + k]; }
//#end
