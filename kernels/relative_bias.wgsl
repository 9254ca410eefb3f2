// relative_bias: y[h, i, j] = table[bucket(j - i)][h]; bucket numbers for every distance come ready from the recorder.
@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  let s = LENGTH;
  let j = id.x;
  let i = id.y;
  if (j >= s) { return; }
  y[(id.z * s + i) * s + j] = y_t(table[u32(buckets[j + s - 1u - i]) * HEADS + id.z]);
}
