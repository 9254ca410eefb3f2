// The table of import profiles.
#include "content/profile.h"

#include <array>

namespace ipfs_accelerate::content {
namespace {

constexpr std::array<Profile, 3> kProfiles{{
    {.name = "unixfs-v1-2025"},
    {.name = "unixfs-v0-2015",
     .cid_version = 0,
     .chunk_bytes = 256u << 10,
     .width = 174,
     .raw_leaves = false,
     .directory_size = DirectorySize::kLinksBytes},
    {.name = "kubo-cid-v1", .chunk_bytes = 256u << 10, .width = 174, .directory_size = DirectorySize::kLinksBytes},
}};

}  // namespace

const Profile& profile(ProfileName name) { return kProfiles[static_cast<std::size_t>(name)]; }

Result<ProfileName> parse_profile(std::string_view name) {
  for (std::size_t i = 0; i < kProfiles.size(); ++i) {
    if (kProfiles[i].name == name) return static_cast<ProfileName>(i);
  }
  return fail(ErrorCode::kUnknownOption,
              "unknown profile \"{}\"; profiles: unixfs-v1-2025, unixfs-v0-2015, kubo-cid-v1", name);
}

}  // namespace ipfs_accelerate::content
