// rms_norm: y = x / sqrt(mean(x^2) + EPSILON) * gamma; GROUP_ROWS rows per workgroup (norm_row with RMS, row_main).
//#include norm_row

fn row_value(row: u32, column: u32) -> y_f { return y_f(x[row * COLUMNS + column]); }

//#include row_main
fn row_count() -> u32 { return ROWS; }
