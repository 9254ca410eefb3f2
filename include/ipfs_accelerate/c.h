/* The C ABI: opaque handle, JSON in and out. Stable names; every call may come from any thread.
 *
 * Each call returns 0, or an error number of error.h (100 invalid_argument ... 901 internal). `*out` then holds the
 * result as JSON, or the error's message as plain text; free it with ia_free(). `out` may be NULL when nobody reads it.
 * Texts are UTF-8 and end with a zero byte. `model` and `content` are what class Engine takes: a CID, a name, a folder.
 */
#ifndef IPFS_ACCELERATE_C_H
#define IPFS_ACCELERATE_C_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ia_engine ia_engine;

/* home: the store's folder, NULL for the default one. */
int ia_open(const char* home, ia_engine** engine, char** out);
void ia_close(ia_engine* engine); /* NULL is fine */

/* inputs: JSON as content.h has it: a text, {"text", "pair"}, {"messages"}, {"image": PATH}, {"audio": PATH}, or an
 * array of these. config: an object with the names of struct Config, or NULL. The result is RunResult as JSON. */
int ia_accelerate(ia_engine* engine, const char* model, const char* inputs, const char* config, char** out);
/* The same without waiting: ia_done is 1 once it is over, else 0; ia_wait gives the result, once; ia_cancel asks it to
 * stop, from any thread (ia_wait then gives 900, unless it was over already); ia_run_free stops what is not over and
 * waits for it. Free runs before their engine is closed. */
typedef struct ia_run ia_run;
/* Told what happens while the model is loaded, as transformers.js tells it: {"status": "initiate", "download",
 * "progress" or "done", "name" (the model as given), "file", "source", "loaded", "total", "progress" (percent)} of one
 * file (bytes), at last {"status": "ready", "name", "model", "source", "task"}; and of each text that is generated
 * {"status": "text", "item" (number of the input), "token", "text", "end"}. `event` lives until the callback
 * returns; `user` is what ia_start was given. Called on the thread that is in ia_wait; it may call the engine. At most
 * 64 events wait for that: progress replaces older progress of the same file, and where that is not enough the oldest
 * event but "done" and "ready" is left out; text is never left out, pieces of one item are joined. The load never waits
 * for a callback. */
typedef void (*ia_listener)(void* user, const char* event);
/* listener: NULL when nobody listens. */
int ia_start(ia_engine* engine, const char* model, const char* inputs, const char* config, ia_listener listener,
             void* user, ia_run** run, char** out);
int ia_done(const ia_run* run); /* NULL is over */
int ia_wait(ia_run* run, char** out);
void ia_cancel(ia_run* run);
void ia_run_free(ia_run* run); /* NULL is fine */
int ia_explain(ia_engine* engine, const char* model, const char* inputs, const char* config, char** out);
int ia_devices(ia_engine* engine, char** out);

/* options: {"profile", "reference", "dereference", "hidden", "name"} or NULL. Result: {"cid", "name", "files", "bytes",
 * "stored_bytes"}. */
int ia_add(ia_engine* engine, const char* path, const char* options, char** out);
int ia_ls(ia_engine* engine, const char* content, char** out); /* [{"name", "cid", "type", "size"}] */
int ia_get(ia_engine* engine, const char* content, const char* target, char** out);
/* A file's bytes; free *bytes with ia_free(). `out` gets the message of an error. */
int ia_read(ia_engine* engine, const char* content, unsigned char** bytes, size_t* size, char** out);
int ia_verify(ia_engine* engine, const char* content,
              char** out); /* {"blocks", "bytes", "damage": [...]}; NULL: everything pinned */
int ia_pin(ia_engine* engine, const char* content, char** out);
int ia_unpin(ia_engine* engine, const char* content, char** out);
int ia_rm(ia_engine* engine, const char* content, char** out);
int ia_gc(ia_engine* engine, char** out);
int ia_stat(ia_engine* engine, char** out);
int ia_models(ia_engine* engine, char** out); /* [{"name", "cid", "task", "architecture"}] */

const char* ia_error_name(int code); /* "integrity"; not to be freed */
const char* ia_version(void);
void ia_free(void* memory);

#ifdef __cplusplus
}
#endif

#endif /* IPFS_ACCELERATE_C_H */
