// linear, any size: one invocation per output; used where rows are no multiple of 4 long.
//#include epilogue

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  let column = id.x;
  if (column >= N) { return; }
  for (var row = id.y; row < M; row += 65535u) {
    var sum = 0.0;
    for (var k = 0u; k < K; k++) { sum += f32(x[row * K + k]) * f32(weight[column * K + k]); }
    y[row * N + column] = y_t(finish(sum, column, row * N + column));
  }
}
