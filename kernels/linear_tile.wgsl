// linear, register tiles: a workgroup of 16 x 16 computes TILE_M x TILE_N outputs, each invocation PER_M x 4 * PER_N4 of them.
// Both operands pass through workgroup memory, TILE_K of the row length at a time, stored k-major so that neighbours read neighbours.
//#include epilogue

const TILE_M = 16u * PER_M;
const TILE_N = 64u * PER_N4;
const TILE_K = u32(KT);
const STEP4 = TILE_K / 4u;
var<workgroup> tile_x: array<array<f32, TILE_M + 4u>, TILE_K>;
var<workgroup> tile_w: array<array<vec4<f32>, TILE_N / 4u + 1u>, TILE_K>;

fn stage_x(first_row: u32, k4: u32, lane: u32) {
  for (var i = lane; i < TILE_M * STEP4; i += 256u) {
    let row = i / STEP4;
    let at = k4 + i % STEP4;
    var v = vec4<f32>();
    if (first_row + row < M && at < K4) { v = vec4<f32>(x[(first_row + row) * K4 + at]); }
    let k = i % STEP4 * 4u;
    tile_x[k][row] = v.x;
    tile_x[k + 1u][row] = v.y;
    tile_x[k + 2u][row] = v.z;
    tile_x[k + 3u][row] = v.w;
  }
}

fn stage_w(first_column: u32, k4: u32, lane: u32) {
  for (var i = lane; i < TILE_N * STEP4; i += 256u) {
    let column = i / STEP4;
    let at = k4 + i % STEP4;
    var v = vec4<f32>();
    if (first_column + column < N && at < K4) { v = vec4<f32>(weight[(first_column + column) * K4 + at]); }
    let k = i % STEP4 * 4u;
    tile_w[k][column / 4u][column % 4u] = v.x;
    tile_w[k + 1u][column / 4u][column % 4u] = v.y;
    tile_w[k + 2u][column / 4u][column % 4u] = v.z;
    tile_w[k + 3u][column / 4u][column % 4u] = v.w;
  }
}

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let first_row = group.y * TILE_M;
  let first_column = group.x * TILE_N;
  let lane_row = lane / 16u;
  let lane_column = lane % 16u;
  var sum: array<array<vec4<f32>, PER_N4>, PER_M>;
  for (var k4 = 0u; k4 < K4; k4 += STEP4) {
    stage_x(first_row, k4, lane);
    stage_w(first_column, k4, lane);
    workgroupBarrier();
    for (var k = 0u; k < TILE_K; k++) {
      var w: array<vec4<f32>, PER_N4>;
//#for j PER_N4
      w[$j] = tile_w[k][lane_column + $ju * 16u];
//#end
//#for i PER_M
      {
        let v = tile_x[k][lane_row + $iu * 16u];
//#for j PER_N4
        sum[$i][$j] += v * w[$j];
//#end
      }
//#end
    }
    workgroupBarrier();
  }
//#for i PER_M
//#for j PER_N4
  write_out(first_row + lane_row + $iu * 16u, first_column / 4u + lane_column + $ju * 16u, sum[$i][$j]);
//#end
//#end
}

//#if ALIGNED
fn write_out(row: u32, column4: u32, v: vec4<f32>) {
  if (row >= M || column4 >= N / 4u) { return; }
  let at = row * (N / 4u) + column4;
  y[at] = y_t(finish(v, column4, at));
}
//#else
fn write_out(row: u32, column4: u32, v: vec4<f32>) {
  if (row >= M) { return; }
  for (var c = 0u; c < 4u; c++) {
    let column = column4 * 4u + c;
    if (column < N) {
      let at = row * N + column;
      y[at] = y_t(finish(v[c], column, at));
    }
  }
}
//#end
