// linear for a few rows: one workgroup computes 4 outputs of every row in a block of up to ROWS_AT_ONCE,
// its invocations share the length of the row (K) and add up at the end. x and weight are read as vec4.
//#include epilogue

var<workgroup> sums: array<array<vec4<f32>, ROWS_AT_ONCE>, THREADS>;

@compute @workgroup_size(THREADS)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let column = group.x * 4u;
  let first = group.y * ROWS_AT_ONCE;
  var part: array<vec4<f32>, ROWS_AT_ONCE>;
  for (var k = lane; k < K4; k += THREADS) {
    let w0 = vec4<f32>(weight[column * K4 + k]);
    let w1 = vec4<f32>(weight[min(column + 1u, N - 1u) * K4 + k]);
    let w2 = vec4<f32>(weight[min(column + 2u, N - 1u) * K4 + k]);
    let w3 = vec4<f32>(weight[min(column + 3u, N - 1u) * K4 + k]);
    for (var r = 0u; r < ROWS_AT_ONCE; r++) {
      let v = vec4<f32>(x[min(first + r, M - 1u) * K4 + k]);
      part[r] += vec4<f32>(dot(v, w0), dot(v, w1), dot(v, w2), dot(v, w3));
    }
  }
  sums[lane] = part;
  workgroupBarrier();
  for (var half = u32(THREADS) / 2u; half > 0u; half /= 2u) {
    if (lane < half) {
      for (var r = 0u; r < ROWS_AT_ONCE; r++) { sums[lane][r] += sums[lane + half][r]; }
    }
    workgroupBarrier();
  }
  // Each of the first lanes finishes one output.
  let r = lane / 4u;
  let c = lane % 4u;
  if (r < ROWS_AT_ONCE && first + r < M && column + c < N) {
    let at = (first + r) * N + column + c;
    y[at] = y_t(finish(sums[0][r][c], column + c, at));
  }
}
