// Pins: what must stay. One text file, replaced as a whole.
#include <algorithm>

#include "store/store_impl.h"

namespace ipfs_accelerate::store {
namespace {

constexpr std::uint64_t kMaxPinsFile = 64u << 20;

// A name stands on one line.
std::string one_line(std::string_view name) {
  std::string out(name.substr(0, 512));
  std::ranges::replace_if(out, [](char c) { return c == '\n' || c == '\r'; }, ' ');
  return out;
}

}  // namespace

// Each line: CID, a space, the name.
Result<std::vector<Pin>> Store::Impl::pins() {
  std::vector<Pin> pins;
  const auto text = read_file(root / "pins", kMaxPinsFile);
  if (!text && text.error().code == ErrorCode::kNotFound) return pins;
  if (!text) return std::unexpected(text.error());
  std::string_view rest = as_text(*text);
  while (!rest.empty()) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(rest.size(), line.size() + 1));
    const auto space = line.find(' ');
    auto cid = Cid::parse(line.substr(0, space));
    if (!cid) return fail(ErrorCode::kStoreCorrupt, "{}: {}", (root / "pins").string(), cid.error().message);
    pins.push_back({*std::move(cid), space == line.npos ? "" : std::string(line.substr(space + 1))});
  }
  return pins;
}

Result<> Store::Impl::write_pins(std::span<const Pin> pins) {
  std::string text;
  for (const Pin& pin : pins) text += pin.cid.text() + " " + one_line(pin.name) + "\n";
  return replace_file(root / "pins", as_bytes(text));
}

Result<> Store::Impl::pin(const Cid& cid, std::string_view name) {
  IA_TRY(need_writable());
  const std::scoped_lock guard(mutex);
  IA_ASSIGN(auto all, pins());
  const auto found = std::ranges::find(all, cid, &Pin::cid);
  if (found == all.end()) {
    all.push_back({cid, std::string(name)});
  } else if (name.empty() || found->name == name) {
    return {};
  } else {
    found->name = name;
  }
  return write_pins(all);
}

Result<> Store::pin(const Cid& cid, std::string_view name) { return impl_->pin(cid, name); }

Result<> Store::unpin(const Cid& cid) {
  IA_TRY(impl_->need_writable());
  const std::scoped_lock guard(impl_->mutex);
  IA_ASSIGN(auto all, impl_->pins());
  if (std::erase_if(all, [&](const Pin& pin) { return pin.cid == cid; }) == 0) {
    return fail(ErrorCode::kNotFound, "{} is not pinned", cid.text());
  }
  return impl_->write_pins(all);
}

Result<std::vector<Pin>> Store::pins() {
  const std::scoped_lock guard(impl_->mutex);
  return impl_->pins();
}

}  // namespace ipfs_accelerate::store
