// Weights as they come from a gateway: in the graph's shapes, however they lie in their file.
#include <gtest/gtest.h>

#include "engine/model_source.h"
#include "scenarios/world.h"

namespace ipfs_accelerate::scripted {
namespace {

using Parts = std::map<std::string, std::vector<Tensor>>;

/// Every weight of the graph as read_weights() hands it over, by the name of its first part.
Result<Parts> parts_of(World& world, const Graph& graph) {
  auto fetcher = std::make_shared<fetch::Fetcher>(world.host.host(), fetch::SourceOptions{.gateways = {kGateway}});
  IA_ASSIGN(const ModelSource source, world.host.run(open_model_source(fetcher, world.model, "ipfs", {}, Stop())));
  std::vector<WeightId> ids;
  for (std::size_t i = 0; i < graph.weights.size(); ++i) ids.push_back(id_of<WeightId>(i));
  Parts read;
  const TakeWeight take = [&](WeightId id, std::vector<WeightPart> parts) -> Async<> {
    for (const WeightPart& part : parts) {
      Tensor tensor{part.dtype, part.shape, Bytes(part.bytes.begin(), part.bytes.end())};
      read[graph.weight(id).parts[0]].push_back(std::move(tensor));
    }
    co_return;
  };
  IA_TRY(world.host.run(read_weights(source, world.host.host().compute, graph, ids, take, {}, Stop())));
  return read;
}

const std::string kLayer = "transformer.layer.0.";
const std::vector<std::string> kStack{kLayer + "attention.q_lin.weight", kLayer + "attention.k_lin.weight"};
const std::string kWide = kLayer + "ffn.lin1.weight", kTable = "embeddings.position_embeddings.weight";

/// Two projections stacked, a matrix [16, 8] and a table [16, 8].
Graph graph_with(Stored stack, const Shape& wide, Stored wide_stored, const Shape& table, Stored table_stored) {
  GraphBuilder b;
  b.stack(kStack, {16, 8}, stack);
  b.weight(kWide, wide, wide_stored);
  b.weight(kTable, table, table_stored);
  const Dim batch = b.symbol(batch_symbol());
  b.output(b.add("y", op::Normalize{.x = b.input("x", Dtype::kF32, {batch, dim(2)})}), "out");
  return *b.finish();
}

void expect_turned(const Tensor& turned, const Tensor& plain) {
  const auto rows = static_cast<std::size_t>(plain.shape[0]), columns = static_cast<std::size_t>(plain.shape[1]);
  ASSERT_EQ(turned.shape, (Shape{plain.shape[1], plain.shape[0]}));
  for (std::size_t at = 0; at < rows * columns; ++at) {
    ASSERT_EQ(turned.f32s()[at % columns * rows + at / columns], plain.f32s()[at]) << at;
  }
}

TEST(Weights, ComeInTheGraphsShapeHoweverTheyLie) {
  World world;
  const auto plain = parts_of(world, graph_with(Stored::kSame, {16, 8}, Stored::kSame, {16, 8}, Stored::kSame));
  const auto other =
      parts_of(world, graph_with(Stored::kTransposed, {8, 16}, Stored::kTransposed, {2, 64}, Stored::kReshaped));
  ASSERT_TRUE(plain) << plain.error().message;
  ASSERT_TRUE(other) << other.error().message;
  ASSERT_EQ(other->at(kStack[0]).size(), 2u);
  for (std::size_t i = 0; i < 2; ++i) expect_turned(other->at(kStack[0])[i], plain->at(kStack[0])[i]);
  expect_turned(other->at(kWide)[0], plain->at(kWide)[0]);
  EXPECT_EQ(other->at(kTable)[0].shape, (Shape{2, 64}));
  EXPECT_EQ(other->at(kTable)[0].bytes, plain->at(kTable)[0].bytes);
}

TEST(Weights, ThatCannotHaveTheShapeAreAnError) {
  World world;
  const auto read = parts_of(world, graph_with(Stored::kSame, {16, 8}, Stored::kSame, {2, 63}, Stored::kReshaped));
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, ErrorCode::kWrongShape);
  EXPECT_NE(read.error().message.find(kTable), std::string::npos) << read.error().message;
}

}  // namespace
}  // namespace ipfs_accelerate::scripted
