#include <ipfs_accelerate/c.h>
#include <stdio.h>

int main(void) {
  ia_engine* engine = NULL;
  char* out = NULL;
  int error = ia_open(NULL, &engine, &out);
  if (!error) error = ia_accelerate(engine, "zoo/numbers-bert", "\"forty two\"", "{\"platform\": \"cpu\"}", &out);
  puts(out ? out : ia_error_name(error)); /* the answer as JSON, or the error's message */
  ia_free(out);
  ia_close(engine);
  return error != 0;
}
