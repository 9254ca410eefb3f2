// CARv1 reading and writing, with the little of dag-cbor that the header needs.
#include "content/car.h"

#include <algorithm>

#include "content/varint.h"

namespace ipfs_accelerate::content {
namespace {

std::unexpected<Error> bad_header(std::string_view what) {
  return fail(ErrorCode::kMalformedBlock, "CAR header: {}", what);
}

enum Major : std::uint8_t { kUnsigned = 0, kByteString = 2, kText = 3, kArray = 4, kMap = 5, kTag = 6 };

// Definite lengths in their shortest form, as dag-cbor demands.
class Cbor {
 public:
  explicit Cbor(ByteView bytes) : rest_(bytes) {}
  bool at_end() const { return rest_.empty(); }

  Result<std::uint64_t> head(Major major) {
    if (rest_.empty()) return bad_header("cut off");
    if (rest_[0] >> 5 != major) return bad_header("a value has another type than expected");
    const unsigned info = rest_[0] & 31;
    rest_ = rest_.subspan(1);
    if (info < 24) return info;
    if (info > 27) return bad_header("indefinite length");
    const std::size_t bytes = std::size_t{1} << (info - 24);
    if (rest_.size() < bytes) return bad_header("cut off");
    std::uint64_t value = 0;
    for (const std::uint8_t byte : rest_.first(bytes)) value = value << 8 | byte;
    rest_ = rest_.subspan(bytes);
    const std::uint64_t least = info == 24 ? 24 : std::uint64_t{1} << (bytes * 4);
    if (value < least) return bad_header("a number is not in its shortest form");
    return value;
  }

  Result<ByteView> string(Major major) {
    IA_ASSIGN(const std::uint64_t length, head(major));
    if (length > rest_.size()) return bad_header("cut off");
    const ByteView bytes = rest_.first(length);
    rest_ = rest_.subspan(length);
    return bytes;
  }

 private:
  ByteView rest_;
};

Result<Cid> read_link(Cbor& cbor) {
  IA_ASSIGN(const std::uint64_t tag, cbor.head(kTag));
  if (tag != 42) return bad_header("a root is no CID (tag 42)");
  IA_ASSIGN(const ByteView bytes, cbor.string(kByteString));
  if (bytes.empty() || bytes[0] != 0) return bad_header("a root's CID lacks its leading zero");
  return Cid::from_bytes(bytes.subspan(1));
}

Result<std::vector<Cid>> read_header(ByteView bytes) {
  Cbor cbor(bytes);
  IA_ASSIGN(const std::uint64_t fields, cbor.head(kMap));
  std::optional<std::vector<Cid>> roots;
  std::optional<std::uint64_t> version;
  for (std::uint64_t i = 0; i < fields; ++i) {
    IA_ASSIGN(const ByteView key, cbor.string(kText));
    if (as_text(key) == "version" && !version) {
      IA_ASSIGN(version, cbor.head(kUnsigned));
    } else if (as_text(key) == "roots" && !roots) {
      IA_ASSIGN(const std::uint64_t count, cbor.head(kArray));
      roots.emplace();
      for (std::uint64_t k = 0; k < count; ++k) {
        IA_ASSIGN(Cid root, read_link(cbor));
        roots->push_back(std::move(root));
      }
    } else {
      return bad_header("a key other than roots and version, or one twice");
    }
  }
  if (!cbor.at_end()) return bad_header("bytes follow the map");
  if (version == 2) return bad_header("version 2; convert the archive to CARv1");
  if (version != 1) return bad_header("no version 1");
  if (!roots) return bad_header("no roots");
  return *std::move(roots);
}

void put_head(Bytes& out, Major major, std::uint64_t value) {
  if (value < 24) {
    out.push_back(static_cast<std::uint8_t>(major << 5 | value));
    return;
  }
  const int log = value < 0x100 ? 0 : value < 0x10000 ? 1 : value < 0x100000000 ? 2 : 3;
  out.push_back(static_cast<std::uint8_t>(major << 5 | (24 + log)));
  for (int byte = (1 << log) - 1; byte >= 0; --byte) out.push_back(static_cast<std::uint8_t>(value >> (8 * byte)));
}

void put_text(Bytes& out, std::string_view text) {
  put_head(out, kText, text.size());
  out.insert(out.end(), text.begin(), text.end());
}

constexpr std::size_t kMaxCidBytes = 2 * 10 + 2 + 128 + 8;

}  // namespace

ReadAt read_from(ByteView bytes) {
  return [bytes](std::uint64_t offset, std::span<std::uint8_t> into) -> Result<std::size_t> {
    if (offset >= bytes.size()) return 0;
    const std::size_t count = std::min<std::size_t>(into.size(), bytes.size() - offset);
    std::copy_n(bytes.begin() + offset, count, into.begin());
    return count;
  };
}

// A varint at at_, nothing when the archive ends exactly there.
Result<std::optional<std::uint64_t>> CarReader::read_length() {
  std::uint8_t buffer[10];
  IA_ASSIGN(const std::size_t have, read_(at_, buffer));
  if (have == 0) return std::nullopt;
  std::size_t used = 0;
  IA_ASSIGN(const std::uint64_t length, read_varint({buffer, have}, used));
  at_ += used;
  return length;
}

Result<CarReader> CarReader::open(ReadAt read) {
  CarReader car;
  car.read_ = std::move(read);
  IA_ASSIGN(const auto length, car.read_length());
  if (!length) return bad_header("the archive is empty");
  if (*length > kMaxCarHeader) {
    return fail(ErrorCode::kLimitExceeded, "CAR header of {} bytes, at most {}", *length, kMaxCarHeader);
  }
  Bytes header(*length);
  IA_ASSIGN(const std::size_t have, car.read_(car.at_, header));
  if (have != header.size()) return bad_header("cut off");
  IA_ASSIGN(car.roots_, read_header(header));
  car.at_ += header.size();
  return car;
}

Result<std::optional<CarSection>> CarReader::next() {
  const std::uint64_t start = at_;
  IA_ASSIGN(const auto length, read_length());
  if (!length) return std::nullopt;
  if (*length > kMaxBlockBytes + kMaxCidBytes) {
    return fail(ErrorCode::kLimitExceeded, "CAR section at byte {} has {} bytes, at most {}", start, *length,
                kMaxBlockBytes + kMaxCidBytes);
  }
  Bytes buffer(std::min<std::size_t>(*length, kMaxCidBytes));
  IA_ASSIGN(const std::size_t have, read_(at_, buffer));
  std::size_t used = 0;
  auto cid = Cid::read(ByteView(buffer).first(have), used);
  if (!cid) return while_doing(std::move(cid).error(), "reading the CAR section at byte {}", start);
  const CarSection section{*std::move(cid), at_ + used, static_cast<std::size_t>(*length - used)};
  at_ += *length;
  std::uint8_t last;
  IA_ASSIGN(const std::size_t there, read_(at_ - 1, {&last, 1}));
  if (there == 0) return fail(ErrorCode::kMalformedBlock, "CAR section at byte {} is cut off", start);
  return section;
}

Result<Block> CarReader::read(const CarSection& section) const {
  if (section.length > kMaxBlockBytes) {
    return fail(ErrorCode::kLimitExceeded, "block {} has {} bytes, at most {}", section.cid.text(), section.length,
                kMaxBlockBytes);
  }
  Bytes bytes(section.length);
  IA_ASSIGN(const std::size_t have, read_(section.offset, bytes));
  if (have != bytes.size()) return fail(ErrorCode::kMalformedBlock, "block {} is cut off", section.cid.text());
  return Block::make(section.cid, std::move(bytes));
}

Bytes car_header(std::span<const Cid> roots) {
  Bytes body;
  put_head(body, kMap, 2);
  put_text(body, "roots");
  put_head(body, kArray, roots.size());
  for (const Cid& root : roots) {
    const Bytes bytes = root.to_bytes();
    put_head(body, kTag, 42);
    put_head(body, kByteString, bytes.size() + 1);
    body.push_back(0);
    body.insert(body.end(), bytes.begin(), bytes.end());
  }
  put_text(body, "version");
  put_head(body, kUnsigned, 1);
  Bytes out;
  put_varint(out, body.size());
  out.insert(out.end(), body.begin(), body.end());
  return out;
}

Bytes car_section_header(const Cid& cid, std::size_t length) {
  const Bytes bytes = cid.to_bytes();
  Bytes out;
  put_varint(out, bytes.size() + length);
  out.insert(out.end(), bytes.begin(), bytes.end());
  return out;
}

}  // namespace ipfs_accelerate::content
