// The border to the page: requests and answers, by number. What crosses is numbers, one text, and spans of this memory;
// nothing is waited for inside. One thread: the one that runs the engine.
#pragma once

#include <emscripten/emscripten.h>

#include <deque>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/async.h"
#include "base/stop.h"

#define IA_EXPORT extern "C" EMSCRIPTEN_KEEPALIVE

namespace ipfs_accelerate::page {

// What goes out. The first three belong to a call of the page; cancel and drops want no answer; the rest are requests.
// TypeScript knows them by these names (ia_kinds).
// clang-format off
#define IA_PAGE_KINDS(X) \
  X(answer) \
  X(error) \
  X(event) \
  X(cancel) X(turn) X(sleep) X(fetch) X(keep_has) X(keep_read) X(keep_put) X(keep_forget) X(hash) X(files_list) \
      X(files_read) X(picture) X(gpu_list) X(gpu_open) X(gpu_lost) X(gpu_buffer) X(gpu_plan) X(gpu_submit) X(gpu_drop_buffer) \
          X(gpu_drop_plan) X(webnn_open) X(webnn_drop_context) X(webnn_constant) X(webnn_drop_constant) X(webnn_build) \
              X(webnn_dispatch) X(webnn_drop_graph)
// clang-format on

enum class Kind : std::int32_t {
#define IA_PAGE_KIND(name) name,
  IA_PAGE_KINDS(IA_PAGE_KIND)
#undef IA_PAGE_KIND
};

/// A piece of this memory that the page reads or writes until it answers.
struct Span {
  const void* data = nullptr;
  std::size_t size = 0;
};
template <class T>
Span span_of(std::span<T> bytes) {
  return {bytes.data(), bytes.size_bytes()};
}

struct Message {
  Kind kind{};
  std::vector<double> numbers{};
  std::string text{};
  std::vector<Span> spans{};
  std::int32_t number = 0;  ///< of the request, or of the call that an answer, error or event is about
};

struct Answer {
  std::vector<double> numbers;
  std::string text;
};

/// What ia_next() gives: a message, as the page reads it.
struct Outgoing {
  Kind kind{};
  std::int32_t number = 0;
  const double* numbers = nullptr;
  std::size_t number_count = 0;
  const char* text = nullptr;
  std::size_t text_size = 0;
  const Span* spans = nullptr;
  std::size_t span_count = 0;
};
static_assert(sizeof(Outgoing) == 32 && sizeof(Span) == 8);

class Border {
 public:
  /// What the spans refer to must live until this ends. With a stop the page is told to let go; it ends when it has.
  Async<Answer> ask(Message message, std::optional<Stop> stop = {});
  /// Without an answer.
  void tell(Message message) { out_.push_back(std::move(message)); }

  /// The page answers; numbers it does not know (any more) are ignored.
  void settle(std::int32_t request, Result<Answer> answer);
  /// The next message; its parts live until the next call. Null when there is none.
  const Outgoing* next();

  Executor executor;

 private:
  std::deque<Message> out_;
  Message current_;
  Outgoing outgoing_;
  std::map<std::int32_t, Reply<Answer>> waiting_;
  std::int32_t last_ = 0;
};

/// {"code", "message"}, and back: an unknown code is kInternal.
std::string error_text(const Error& error);
Error parse_error(std::string_view text);

}  // namespace ipfs_accelerate::page
