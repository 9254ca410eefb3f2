// The page's engine and the functions it is driven by. All run on one thread and return at once: after each the
// executor has run until nothing was ready, and ia_next() gives what came of it.
#include "page.h"

#include <emscripten/heap.h>

#include <nlohmann/json.hpp>

#include "engine/browser_name.h"
#include "host/threads/thread_pool.h"

namespace ipfs_accelerate::page {
namespace {

using Json = nlohmann::json;

Facts read_facts(std::string_view text) {
  Json json = Json::parse(text, nullptr, false);
  Facts facts;
  if (json["threads"].is_number_integer()) facts.threads = json["threads"].get<int>();  // a call says what is wrong
  facts.processors = json.value("processors", facts.processors);
  facts.threaded = json.value("threaded", facts.threaded);
  facts.cache = json.value("cache", facts.cache);
  facts.user_agent = json.value("user_agent", facts.user_agent);
  facts.web_crypto = json.value("web_crypto", facts.web_crypto);
  facts.files = json.value("files", facts.files);
  return facts;
}

std::uint64_t memory_bytes() { return emscripten_get_heap_size(); }

/// Null before ia_open().
std::unique_ptr<Page> page;
/// What the page writes before it calls: numbers, then text.
std::vector<double> scratch;
std::vector<Bytes> blobs;

std::string_view scratch_text(std::size_t size, std::size_t after_numbers = 0) {
  return {reinterpret_cast<const char*>(scratch.data() + after_numbers), size};
}

ReadFile reader_of(std::vector<Bytes> blobs) {
  return [all = std::make_shared<const std::vector<Bytes>>(std::move(blobs))](const FileName& name) -> Result<Bytes> {
    const auto* const number = std::get_if<std::size_t>(&name);
    if (!number) return fail(ErrorCode::kInvalidArgument, "no file is read by its path here; give its bytes");
    if (*number < all->size()) return (*all)[*number];
    return fail(ErrorCode::kInvalidArgument, "there is no blob {}; {} came with the call", *number, all->size());
  };
}

}  // namespace

Page::Page(const Facts& facts)
    : keep_(border, facts.cache),
      hash_(border, facts.web_crypto),
      compute_(border, facts.threaded ? host::threads_to_start(facts.threads, facts.processors) : 1),
      gpu_(border, browser_name(facts.user_agent)),
      webnn_(border, browser_name(facts.user_agent)),
      host_{.executor = border.executor,
            .clock = clock_,
            .net = net_,
            .keep = keep_,
            .hash = hash_,
            .compute = compute_,
            .catalog = catalog_,
            .decode = decode_,
            .gpu = &gpu_,
            .webnn = &webnn_,
            .files = facts.files ? &files_ : nullptr,
            .browser = browser_name(facts.user_agent),
            .memory = memory_bytes},
      core_(host_) {}

int Page::call(std::string request, std::vector<Bytes> blobs) {
  const int number = ++last_;
  const Stop& stop = calls_[number];
  const auto tell = [this, number](std::string event) {
    border.tell({.kind = Kind::event, .text = std::move(event), .number = number});
  };
  start(border.executor, page_call(core_, host_, std::move(request), tell, stop, reader_of(std::move(blobs))),
        [this, number](Result<std::string> answer) {
          border.tell({.kind = answer ? Kind::answer : Kind::error,
                       .text = answer ? *std::move(answer) : error_text(answer.error()),
                       .number = number});
        });
  return number;
}

void Page::stop(int call) {
  const auto found = calls_.find(call);
  if (found != calls_.end()) found->second.request();
}

std::int32_t* Page::stop_flag(int call) { return reinterpret_cast<std::int32_t*>(&calls_.at(call).flag()); }

}  // namespace ipfs_accelerate::page

using namespace ipfs_accelerate;
using namespace ipfs_accelerate::page;

/// Names of what ia_next() gives, by number.
IA_EXPORT const char* ia_kinds() {
#define IA_PAGE_KIND(name) #name " "
  return IA_PAGE_KINDS(IA_PAGE_KIND);
#undef IA_PAGE_KIND
}

/// Room for the text, or numbers and text, of the next call to one of these functions.
IA_EXPORT void* ia_scratch(std::size_t size) {
  scratch.resize((size + sizeof(double) - 1) / sizeof(double));
  return scratch.data();
}

/// Facts as JSON; gives the number of threads to compute on.
IA_EXPORT int ia_open(std::size_t text_size) {
  page::page = std::make_unique<Page>(read_facts(scratch_text(text_size)));
  return page::page->threads();
}

/// Room for one more blob of the next call, whose content names it by its number.
IA_EXPORT void* ia_blob(std::size_t size) { return blobs.emplace_back(size).data(); }

IA_EXPORT int ia_call(std::size_t text_size) {
  const int number = page::page->call(std::string(scratch_text(text_size)), std::exchange(blobs, {}));
  page::page->border.executor.run();
  return number;
}

IA_EXPORT void ia_stop(int call) {
  page::page->stop(call);
  page::page->border.executor.run();
}

/// Where memory is shared, a 1 written here stops computing at once. Lives until ia_forget().
IA_EXPORT std::int32_t* ia_stop_flag(int call) { return page::page->stop_flag(call); }
IA_EXPORT void ia_forget(int call) { page::page->forget(call); }

IA_EXPORT const Outgoing* ia_next() { return page::page->border.next(); }

/// The answer to a request: numbers and text in scratch; with `failed` the text is {"code", "message"}.
IA_EXPORT void ia_answer(int request, bool failed, std::size_t numbers, std::size_t text_size) {
  Result<page::Answer> answer;
  const std::string_view text = scratch_text(text_size, numbers);
  if (failed) {
    answer = std::unexpected(parse_error(text));
  } else {
    answer = page::Answer{{scratch.begin(), scratch.begin() + static_cast<std::ptrdiff_t>(numbers)}, std::string(text)};
  }
  page::page->border.settle(request, std::move(answer));
  page::page->border.executor.run();
}
