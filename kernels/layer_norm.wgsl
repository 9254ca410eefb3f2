// layer_norm: y = (v - mean) / sqrt(variance + EPSILON) * gamma + beta, v = x (+ residual); GROUP_ROWS rows per workgroup
// (norm_row, row_main).
//#include norm_row

fn row_value(row: u32, column: u32) -> y_f {
  let at = row * COLUMNS + column;
//#if HAS_residual
  return y_f(x[at]) + y_f(residual[at]);
//#else
  return y_f(x[at]);
//#end
}

//#include row_main
fn row_count() -> u32 { return ROWS; }
