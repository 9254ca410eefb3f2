// Reading safetensors whole; see tensor_files.h.
#include "golden/tensor_files.h"

#include <cstring>
#include <fstream>

namespace ipfs_accelerate {
namespace {

template <class T>
std::vector<double> numbers_as(ByteView bytes) {
  std::vector<double> numbers(bytes.size() / sizeof(T));
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    T value;
    std::memcpy(&value, bytes.data() + i * sizeof(T), sizeof(T));
    numbers[i] = static_cast<double>(value);
  }
  return numbers;
}

Result<std::vector<double>> whole_numbers(Dtype dtype, ByteView bytes, const std::string& name) {
  switch (dtype) {
    case Dtype::kI64: return numbers_as<std::int64_t>(bytes);
    case Dtype::kI32: return numbers_as<std::int32_t>(bytes);
    case Dtype::kI16: return numbers_as<std::int16_t>(bytes);
    case Dtype::kI8: return numbers_as<std::int8_t>(bytes);
    case Dtype::kU8:
    case Dtype::kBool: return numbers_as<std::uint8_t>(bytes);
    default: return fail(ErrorCode::kUnsupportedDtype, "tensor '{}' is {}, no integer", name, dtype_name(dtype));
  }
}

}  // namespace

Result<std::string> read_text(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  if (!in) return fail(ErrorCode::kNotFound, "cannot read {}", file.string());
  return std::string(std::istreambuf_iterator<char>(in), {});
}

Result<> TensorFiles::add(const std::filesystem::path& file) {
  IA_ASSIGN(const std::string content, read_text(file));
  files_.emplace_back(content.begin(), content.end());
  auto added = index_.add_safetensors(files_.back(), files_.back().size(), files_.size() - 1);
  if (!added) return while_doing(added.error(), "reading {}", file.string());
  return {};
}

Result<TensorFiles::Stored> TensorFiles::stored(const std::string& name) const {
  const auto found = index_.tensors().find(name);
  if (found == index_.tensors().end()) return fail(ErrorCode::kMissingWeight, "there is no tensor '{}'", name);
  const TensorLocation& at = found->second;
  return Stored{at.info, ByteView(files_[at.file]).subspan(at.begin, at.end - at.begin)};
}

Result<Tensor> TensorFiles::floats(const std::string& name) const {
  IA_ASSIGN(const Stored found, stored(name));
  Tensor tensor = Tensor::f32(found.info.shape);
  IA_TRY(widen_to_f32(found.info.dtype, found.bytes, tensor.f32s()));
  return tensor;
}

Result<Tensor> TensorFiles::ints(const std::string& name) const {
  IA_ASSIGN(const Stored found, stored(name));
  IA_ASSIGN(const std::vector<double> numbers, whole_numbers(found.info.dtype, found.bytes, name));
  Tensor tensor = Tensor::i32(found.info.shape);
  for (std::size_t i = 0; i < numbers.size(); ++i) tensor.i32s()[i] = static_cast<std::int32_t>(numbers[i]);
  return tensor;
}

}  // namespace ipfs_accelerate
