// What each op is on WebGPU, one file per op: how it is recorded, and why it may be declined.
#pragma once

#include "backend/webgpu/recorder.h"

namespace ipfs_accelerate::webgpu {

Result<> record(const op::Embed& op, const Node& node, Recorder& recorder);
Result<> record(const op::Linear& op, const Node& node, Recorder& recorder);
Result<> record(const op::LayerNorm& op, const Node& node, Recorder& recorder);
Result<> record(const op::Attention& op, const Node& node, Recorder& recorder);
Result<> record(const op::RelativeBias& op, const Node& node, Recorder& recorder);
Result<> record(const op::Pool& op, const Node& node, Recorder& recorder);
Result<> record(const op::Normalize& op, const Node& node, Recorder& recorder);
Result<> record(const op::SelectRows& op, const Node& node, Recorder& recorder);
Result<> record(const op::Append& op, const Node& node, Recorder& recorder);
Result<> record(const op::CopyPages& op, const Node& node, Recorder& recorder);
Result<> record(const op::Scale& op, const Node& node, Recorder& recorder);
Result<> record(const op::SoftCap& op, const Node& node, Recorder& recorder);
Result<> record(const op::RmsNorm& op, const Node& node, Recorder& recorder);
Result<> record(const op::Gate& op, const Node& node, Recorder& recorder);
Result<> record(const op::ArgMax& op, const Node& node, Recorder& recorder);
Result<> record(const op::DistanceBias& op, const Node& node, Recorder& recorder);
Result<> record(const op::Rope& op, const Node& node, Recorder& recorder);

/// The flag of activation.wgsl.
void set_activation(Kernel& kernel, Activation activation);
Result<> record(const op::Patches& op, const Node& node, Recorder& recorder);
Result<> record(const op::VisionEmbed& op, const Node& node, Recorder& recorder);

/// Why the op cannot run, whatever the shape; empty when it can. Weights that are too large are declined for every op.
std::string declines(const auto&) { return {}; }
std::string declines(const op::Attention& op);

}  // namespace ipfs_accelerate::webgpu
