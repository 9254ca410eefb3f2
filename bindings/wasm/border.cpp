#include "border.h"

#include <nlohmann/json.hpp>

#include "engine/json_forms.h"

namespace ipfs_accelerate::page {

using Json = nlohmann::json;

Async<Answer> Border::ask(Message message, std::optional<Stop> stop) {
  if (stop) co_await stop->check();
  const std::int32_t number = message.number = ++last_;
  const Reply<Answer> reply;
  waiting_.emplace(number, reply);
  tell(std::move(message));
  Stop::Listener listener;
  if (stop) listener = stop->listen([this, number] { tell({.kind = Kind::cancel, .number = number}); });
  co_return co_await reply.get();
}

void Border::settle(std::int32_t request, Result<Answer> answer) {
  const auto found = waiting_.extract(request);
  if (found) found.mapped().settle(std::move(answer));
}

const Outgoing* Border::next() {
  if (out_.empty()) return nullptr;
  current_ = std::move(out_.front());
  out_.pop_front();
  outgoing_ = {current_.kind,        current_.number,      current_.numbers.data(), current_.numbers.size(),
               current_.text.data(), current_.text.size(), current_.spans.data(),   current_.spans.size()};
  return &outgoing_;
}

std::string error_text(const Error& error) { return Json(error).dump(-1, ' ', false, Json::error_handler_t::replace); }

Error parse_error(std::string_view text) {
  const Json json = Json::parse(text, nullptr, false);
  if (!json.is_object()) return {ErrorCode::kInternal, std::string(text)};
  Error error{ErrorCode::kInternal, json.value("message", "")};
  const std::string name = json.value("code", "");
  for (std::uint16_t code = 100; code < 1000; ++code) {
    if (error_name(static_cast<ErrorCode>(code)) != name) continue;
    error.code = static_cast<ErrorCode>(code);
    break;
  }
  return error;
}

}  // namespace ipfs_accelerate::page
