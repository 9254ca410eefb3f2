// Layer normalisation of one row by one workgroup: `row_value(column)` gives the input as vec4 or f32, `y` takes the result.
// Variance is the mean of squared differences from the mean, in f32, as the reference computes it. With RMS the mean is left alone.
//#include reduce

fn normalize_row(row: u32, lane: u32, sg_size: u32) {
  var kept: array<y_f, PER_LANE>;
  var sum = 0.0;
  for (var i = 0u; i < PER_LANE; i++) {
    let column = lane + i * THREADS;
    if (column < COLUMNS) {
      kept[i] = row_value(row, column);
      sum += total(kept[i]);
    }
  }
//#if HAS_gamma
//#if RMS
  let mean = 0.0;
//#else
  let mean = reduce_sum(sum, lane, sg_size) / f32(COLUMNS * LANES);
//#end
  var squares = 0.0;
  for (var i = 0u; i < PER_LANE; i++) {
    if (lane + i * THREADS < COLUMNS) {
      let difference = kept[i] - mean;
      squares += total(difference * difference);
    }
  }
  let scale = inverseSqrt(reduce_sum(squares, lane, sg_size) / f32(COLUMNS * LANES) + EPSILON);
//#end
  for (var i = 0u; i < PER_LANE; i++) {
    let column = lane + i * THREADS;
    if (column < COLUMNS) {
//#if HAS_gamma
      var v = (kept[i] - mean) * scale * y_f(gamma[column]);
//#if HAS_beta
      v += y_f(beta[column]);
//#end
      y[row * COLUMNS + column] = y_t(v);
//#else
      y[row * COLUMNS + column] = y_t(kept[i]);
//#end
    }
  }
}

//#if VEC4
alias y_f = vec4<f32>;
fn total(v: vec4<f32>) -> f32 { return v.x + v.y + v.z + v.w; }
//#else
alias y_f = f32;
fn total(v: f32) -> f32 { return v; }
//#end
