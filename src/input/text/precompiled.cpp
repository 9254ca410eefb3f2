// The normalizer Precompiled: clusters and characters replaced as sentencepiece's map says.
#include <utility>
#include <vector>

#include "base/base64.h"
#include "input/text/character_map.h"
#include "input/text/graphemes.h"
#include "input/text/normalizer.h"
#include "input/text/utf8.h"

namespace ipfs_accelerate::input {
namespace {

// Clusters of more bytes are looked up character by character, as the reference does.
constexpr std::size_t kMaxClusterBytes = 5;

class Precompiled final : public Normalizer {
 public:
  explicit Precompiled(CharacterMap map) : map_(std::move(map)) {}

  Result<void> run(AlignedText& text, std::uint32_t first, const TextBounds& bounds) const override {
    std::vector<Change> changes;
    changes.reserve(text.text.size());
    bool changed = false;
    for (std::size_t at = 0; at < text.text.size();) {
      const std::size_t end = cluster_end(text.text, at);
      const std::string_view cluster = std::string_view(text.text).substr(at, end - at);
      at = end;
      IA_TRY(bounds.check(changes.size(), kStep));  // each has a byte or more; exactly below, in apply_changes()
      if (cluster.size() <= kMaxClusterBytes && replace(cluster, changes)) {
        changed = true;
        continue;
      }
      for (std::size_t next = 0; next < cluster.size();) {
        const std::size_t begin = next;
        const char32_t code = next_code_point(cluster, next);
        IA_TRY(bounds.check(changes.size(), kStep));
        if (replace(cluster.substr(begin, next - begin), changes)) {
          changed = true;
        } else {
          changes.push_back({code, 0});
        }
      }
    }
    if (changed) {
      IA_ASSIGN(text, apply_changes(text, changes, first, bounds, kStep));
    }
    return {};
  }

 private:
  static constexpr std::string_view kStep = "Precompiled";

  // Appends what takes the place of `part`; false when the map has nothing for it.
  bool replace(std::string_view part, std::vector<Change>& changes) const {
    const auto found = map_.replacement(part);
    if (!found) return false;
    const auto before = static_cast<std::int32_t>(count_code_points(part));
    std::int32_t after = 0;
    for (std::size_t at = 0; at < found->size(); ++after) {
      changes.push_back({next_code_point(*found, at), after < before ? 0 : 1});
    }
    // What is left over goes with the character before it; at the start of the text nothing takes it.
    if (after < before && !changes.empty()) changes.back().change += after - before;
    return true;
  }

  CharacterMap map_;
};

}  // namespace

Result<std::unique_ptr<Normalizer>> make_precompiled(const Fields& fields) {
  IA_ASSIGN(const std::string text, fields.text("precompiled_charsmap"));
  const auto bytes = from_base64(text);
  if (!bytes) return fields.wrong("precompiled_charsmap", "base64");
  IA_ASSIGN(CharacterMap map, CharacterMap::read(*bytes));
  return std::make_unique<Precompiled>(std::move(map));
}

}  // namespace ipfs_accelerate::input
