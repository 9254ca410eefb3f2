// Sums and maxima over a workgroup of THREADS invocations; every invocation gets the result.
//#if SUBGROUP_ROWS
// The THREADS invocations are one subgroup.
fn reduce_sum(value: f32, lane: u32, sg_size: u32) -> f32 { return subgroupAdd(value); }
//#else
var<workgroup> reduce_scratch: array<f32, THREADS>;

//#if SUBGROUPS
fn reduce_sum(value: f32, lane: u32, sg_size: u32) -> f32 {
  let part = subgroupAdd(value);
  workgroupBarrier();
  if (lane % sg_size == 0u) { reduce_scratch[lane / sg_size] = part; }
  workgroupBarrier();
  var sum = 0.0;
  for (var i = 0u; i < (THREADS + sg_size - 1u) / sg_size; i++) { sum += reduce_scratch[i]; }
  return sum;
}
//#else
fn reduce_sum(value: f32, lane: u32, sg_size: u32) -> f32 {
  workgroupBarrier();
  reduce_scratch[lane] = value;
  workgroupBarrier();
  for (var half = u32(THREADS) / 2u; half > 0u; half /= 2u) {
    if (lane < half) { reduce_scratch[lane] += reduce_scratch[lane + half]; }
    workgroupBarrier();
  }
  return reduce_scratch[0];
}
//#end
//#end
