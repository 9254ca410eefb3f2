// distance_bias: y[h, d] = table[bucket(-d)][h]; bucket numbers come ready from the recorder.
@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  let d = id.x;
  if (d >= DISTANCES) { return; }
  y[id.y * DISTANCES + d] = y_t(table[u32(buckets[d]) * HEADS + id.y]);
}
