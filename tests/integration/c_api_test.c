/* The C interface from a C program: opens a store, adds the shipped model, runs it, reads it back, and provokes errors. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ipfs_accelerate/c.h"

static int passed, failed;

static void check(int condition, const char* what, const char* detail) {
  if (condition) {
    ++passed;
    return;
  }
  ++failed;
  printf("FAIL %s: %s\n", what, detail ? detail : "(null)");
}

static void test_add_and_run(ia_engine* engine) {
  char* out = NULL;
  const char* model = IA_SOURCE_DIR "/zoo/numbers-bert";
  check(ia_add(engine, model, "{\"reference\": true, \"name\": \"numbers\"}", &out) == 0, "add", out);
  check(out && strstr(out, "\"cid\":\"bafybei"), "add gives a CID", out);
  ia_free(out);
  check(ia_accelerate(engine, IA_SOURCE_DIR "/zoo/numbers-bert", "[\"42\", {\"text\": \"forty two\"}]", "{\"platform\": \"cpu\"}", &out) == 0, "accelerate", out);
  check(out && strstr(out, "\"platform\":\"cpu\"") && strstr(out, "\"output\":[["), "the result has an output", out);
  ia_free(out);
  check(ia_explain(engine, "numbers", NULL, NULL, &out) == 0 && strstr(out, "\"segments\""), "explain", out);
  ia_free(out);
  check(ia_models(engine, &out) == 0 && strstr(out, "\"name\":\"numbers\""), "models", out);
  ia_free(out);
}

/* What a listener heard, and on which thread. */
struct heard {
  pthread_t thread;
  int events, elsewhere, ready, loaded;
  char last[256];
};

static void listen_to(void* user, const char* event) {
  struct heard* heard = user;
  ++heard->events;
  heard->elsewhere += !pthread_equal(pthread_self(), heard->thread);
  heard->ready += strstr(event, "\"status\":\"ready\"") != NULL;
  heard->loaded += strstr(event, "\"status\":\"done\"") && strstr(event, "\"file\":\"model.safetensors\"") && strstr(event, "\"total\":");
  snprintf(heard->last, sizeof heard->last, "%s", event);
}

static void test_runs_without_waiting(ia_engine* engine) {
  char* out = NULL;
  ia_run* run = NULL;
  ia_run* other = NULL;
  struct heard heard = {pthread_self(), 0, 0, 0, 0, ""};
  /* With other threads than before, so that it is loaded anew. */
  check(ia_start(engine, "numbers", "\"forty two\"", "{\"platform\": \"cpu\", \"threads\": 1}", listen_to, &heard, &run, &out) == 0 && run, "start", out);
  ia_free(out);
  check(ia_start(engine, "numbers", "[\"7\", \"8\"]", "{\"platform\": \"cpu\"}", NULL, NULL, &other, &out) == 0 && other, "start beside it", out);
  ia_free(out);
  while (!ia_done(run)) usleep(1000);
  check(heard.events == 0, "events wait for ia_wait", heard.last);
  check(ia_wait(run, &out) == 0 && strstr(out, "\"output\":[["), "wait gives the result", out);
  ia_free(out);
  check(heard.events > 3 && heard.elsewhere == 0, "events come on the thread that waits", heard.last);
  check(heard.loaded == 1 && heard.ready == 1 && strstr(heard.last, "\"ready\""), "each file's end, and the model's", heard.last);
  check(ia_done(run) == 1 && ia_done(NULL) == 1, "done", NULL);
  check(ia_wait(run, &out) == 100, "a result is taken once", out);
  ia_free(out);
  ia_run_free(run);
  ia_cancel(other);
  const int code = ia_wait(other, &out);
  check(code == 0 || code == 900, "a cancelled run ends", out); /* it may have been over */
  ia_free(out);
  ia_run_free(other);
  check(ia_start(engine, "no such model", "\"x\"", NULL, NULL, NULL, &run, &out) == 0, "start tells nothing yet", out);
  ia_free(out);
  ia_run_free(run); /* stops and waits by itself */
}

/* The text that came, and how often a text ended. */
struct written {
  int pieces, ends;
  char last[256];
};

static void write_down(void* user, const char* event) {
  struct written* written = user;
  if (!strstr(event, "\"status\":\"text\"")) return;
  ++written->pieces;
  written->ends += strstr(event, "\"end\":true") != NULL;
  check(strstr(event, "\"item\":0") && strstr(event, "\"token\":") && strstr(event, "\"text\":"), "fields of a text event", event);
  snprintf(written->last, sizeof written->last, "%s", event);
}

static void test_generated_text(ia_engine* engine) {
  const char* model = IA_SOURCE_DIR "/zoo/numbers-gpt2";
  char* out = NULL;
  ia_run* run = NULL;
  struct written written = {0, 0, ""};
  check(ia_start(engine, model, "\"42 =\"", "{\"platform\": \"cpu\"}", write_down, &written, &run, &out) == 0, "start of a text", out);
  ia_free(out);
  check(ia_wait(run, &out) == 0 && strstr(out, "{\"text\":\" forty two\"") && strstr(out, "\"finish_reason\":\"stop\""), "the text", out);
  ia_free(out);
  ia_run_free(run);
  check(written.pieces == 3 && written.ends == 1 && strstr(written.last, "\"end\":true"), "a piece for each token, and the end", written.last);
  check(ia_accelerate(engine, model, "\"42 =\"", "{\"max_new_tokens\": 1}", &out) == 0 && strstr(out, "{\"text\":\" forty\"") && strstr(out, "\"length\""), "max_new_tokens", out);
  ia_free(out);
  check(ia_accelerate(engine, model, "\"42 =\"", "{\"max_new_tokens\": -1}", &out) == 100 && strstr(out, "max_new_tokens is -1"), "a wrong max_new_tokens", out);
  ia_free(out);
  check(ia_accelerate(engine, model, "\"42 =\"", "{\"stop_token_ids\": [-7]}", &out) == 100 && strstr(out, "-7"), "a wrong stop token", out);
  ia_free(out);
}

static void test_content(ia_engine* engine) {
  char* out = NULL;
  unsigned char* bytes = NULL;
  size_t size = 0;
  check(ia_read(engine, "numbers/config.json", &bytes, &size, &out) == 0 && size == 637, "read", out);
  check(bytes && strstr((char*)bytes, "\"model_type\""), "read gives the bytes", NULL);
  ia_free(out);
  ia_free(bytes);
  check(ia_ls(engine, "numbers", &out) == 0 && strstr(out, "\"model.safetensors\""), "ls", out);
  ia_free(out);
  check(ia_verify(engine, NULL, &out) == 0 && strstr(out, "\"damage\":[]"), "verify", out);
  ia_free(out);
  check(ia_stat(engine, &out) == 0 && strstr(out, "\"referenced_bytes\""), "stat", out);
  ia_free(out);
  check(ia_rm(engine, "numbers", &out) == 0, "rm", out);
  ia_free(out);
  check(ia_gc(engine, NULL) == 0, "gc, and nobody reads the answer", NULL);
}

static void test_pictures(ia_engine* engine) {
  char* out = NULL;
  const char* model = IA_SOURCE_DIR "/zoo/digits-vit";
  const char* inputs = "[{\"image\": \"" IA_SOURCE_DIR "/zoo/digits-vit/eval/000.png\"}]";
  check(ia_accelerate(engine, model, inputs, "{\"platform\": \"cpu\", \"top_k\": 1}", &out) == 0 &&
            strstr(out, "[[{\"label\":\"one\"") && strstr(out, "\"answer_kind\":\"labels\""),
        "a picture from disk", out);
  ia_free(out);
  check(ia_accelerate(engine, model, "\"one\"", NULL, &out) == 100 && strstr(out, "takes image, pixels"), "a text", out);
  ia_free(out);
}

static void test_errors(ia_engine* engine) {
  char* out = NULL;
  check(ia_ls(engine, "numbers", &out) == 200 && out && *out, "a removed name is not_found", out);
  ia_free(out);
  check(strcmp(ia_error_name(200), "not_found") == 0, "error names", ia_error_name(200));
  check(ia_accelerate(engine, "numbers", "\"42\"", "{\"colour\": 1}", &out) == 101 && strstr(out, "colour"), "unknown options", out);
  ia_free(out);
  check(ia_accelerate(engine, "numbers", "{", NULL, &out) == 100, "broken inputs", out);
  ia_free(out);
  check(ia_accelerate(engine, "numbers", "{\"image\": \"/absent.png\"}", NULL, &out) == 200 && strstr(out, "input 0"), "an absent file", out);
  ia_free(out);
  check(ia_accelerate(engine, IA_SOURCE_DIR "/zoo/numbers-bert", "[\"42\", {\"messages\": [{\"role\": \"user\", \"content\": \"hi\"}]}]", NULL, &out) == 100 &&
            strstr(out, "input 1 is a list of messages"),
        "content the task does not take", out);
  ia_free(out);
  check(ia_accelerate(NULL, "numbers", "\"42\"", NULL, &out) == 100, "NULL engine", out);
  ia_free(out);
}

int main(void) {
  char home[] = "/tmp/ia-c-test-XXXXXX";
  ia_engine* engine = NULL;
  char* out = NULL;
  char command[128];
  if (!mkdtemp(home)) return 1;
  check(ia_open(home, &engine, &out) == 0 && engine, "open", out);
  ia_free(out);
  if (engine) {
    test_add_and_run(engine);
    test_runs_without_waiting(engine);
    test_generated_text(engine);
    test_content(engine);
    test_pictures(engine);
  test_errors(engine);
  }
  ia_close(engine);
  ia_close(NULL);
  check(ia_version()[0] == '0', "version", ia_version());
  snprintf(command, sizeof command, "rm -rf '%s'", home);
  if (system(command) != 0) ++failed;
  printf("%d passed, %d failed\n", passed, failed);
  return failed != 0;
}
