// Store::add: the import target that copies into the store, or leaves bytes where they are.
#include <fcntl.h>

#include "store/importer.h"
#include "store/store_impl.h"

namespace ipfs_accelerate::store {
namespace {

constexpr std::uint64_t kLeastReferenced = 16u << 10;  // below, an entry's own files take as much room as a copy

// Writes into a temporary folder; what is not finished is removed with it.
class EntryWriter final : public FileWriter {
 public:
  EntryWriter(std::shared_ptr<Store::Impl> store, fs::path folder, File data, std::optional<Reference> reference)
      : store_(std::move(store)),
        folder_(std::move(folder)),
        data_(std::move(data)),
        reference_(std::move(reference)) {}
  ~EntryWriter() override {
    std::error_code ignored;
    if (!folder_.empty()) fs::remove_all(folder_, ignored);
  }

  Result<> write(std::uint64_t offset, ByteView bytes) override {
    if (reference_) return {};
    IA_TRY(data_.write_at(offset, bytes));
    // Writing back starts now, so that the sync at the end finds little to do.
    ::sync_file_range(data_.fd(), static_cast<off64_t>(offset), static_cast<off64_t>(bytes.size()),
                      SYNC_FILE_RANGE_WRITE);
    return {};
  }

  Result<std::uint64_t> finish(const FileLayout& layout) override {
    const std::string key = layout.root.key();
    if (keeps_old(store_->find_entry(key))) return 0;
    if (!reference_) IA_TRY(data_.sync());
    IA_TRY(FileEntry::write(folder_, layout, true, reference_ ? &*reference_ : nullptr));
    IA_TRY(store_->publish(folder_, key));
    folder_.clear();
    return reference_ ? 0 : layout.size;
  }

 private:
  // A complete copy is as good as a new one, and better than a reference.
  bool keeps_old(const std::shared_ptr<FileEntry>& old) const {
    return old && !old->reference() && old->present() == old->leaf_count();
  }

  std::shared_ptr<Store::Impl> store_;
  fs::path folder_;
  File data_;
  std::optional<Reference> reference_;
};

class Target final : public ImportTarget {
 public:
  Target(std::shared_ptr<Store::Impl> store, bool reference) : store_(std::move(store)), reference_(reference) {}

  Result<std::uint64_t> block(const VerifiedBlock& block) override {
    const std::scoped_lock guard(store_->mutex);
    IA_ASSIGN(const bool fresh, store_->pack.put(block));
    return fresh ? block.bytes().size() : 0;
  }

  Result<std::unique_ptr<FileWriter>> begin_file(const SourceFile& source, const File& open, bool one_chunk) override {
    IA_ASSIGN(const struct stat status, open.status());
    const FileState state = state_of(status);
    if (one_chunk && (!reference_ || state.size < kLeastReferenced)) return nullptr;
    IA_ASSIGN(fs::path folder, store_->make_temporary());
    if (!reference_) {
      IA_ASSIGN(File data, File::open(folder / "data", O_RDWR | O_CREAT | O_TRUNC));
      IA_TRY(data.resize(state.size));
      return std::make_unique<EntryWriter>(store_, std::move(folder), std::move(data), std::nullopt);
    }
    std::error_code error;
    fs::path where = fs::canonical(source.path, error);
    if (error) return fail(ErrorCode::kIo, "finding {}: {}", source.path.string(), error.message());
    return std::make_unique<EntryWriter>(store_, std::move(folder), File{}, Reference{std::move(where), state});
  }

 private:
  std::shared_ptr<Store::Impl> store_;
  const bool reference_;
};

}  // namespace

Result<Added> Store::add(const fs::path& path, const AddOptions& options) {
  IA_TRY(impl_->need_writable());
  const std::shared_lock activity(impl_->activity);
  Target target(impl_, options.reference);
  IA_ASSIGN(const Added added, import_tree(path, options, target));
  IA_TRY(impl_->flush());
  fs::path name = path.filename();
  if (name.empty()) name = path.parent_path().filename();
  if (options.pin) IA_TRY(impl_->pin(added.root, name.string()));
  return added;
}

}  // namespace ipfs_accelerate::store
