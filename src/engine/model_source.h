// A model folder as the engine reads it: small files, the index of its weights, and where their verified bytes come
// from.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "engine/core.h"
#include "engine/pipeline.h"
#include "fetch/import.h"
#include "weights/weights.h"

namespace ipfs_accelerate {

/// Takes a weight's stored parts, in order, in the graph's shape, each checked to be finite; their bytes live until it
/// ends.
using TakeWeight = std::function<Async<>(WeightId, std::vector<WeightPart>)>;

/// Small files first and the headers of the weight files; no weight is read before read_weights().
struct ModelSource {
  content::Cid cid;
  std::string origin;  ///< "ipfs", "url", "disk"
  std::shared_ptr<fetch::Fetcher> fetcher;
  ModelFiles files;
  WeightIndex index;
  std::vector<fetch::File> weight_files;  ///< in the order of TensorLocation::file

  /// Where the bytes came from: "cache", "ipfs", "url" or "disk".
  std::string source() const;
};

/// The files of a model, as they are asked for where a folder cannot be listed.
fetch::WantedFiles wanted_at_address();

/// kNotFound says which file the folder lacks; a configuration that cannot be run is an error before any weight is
/// asked for.
Async<ModelSource> open_model_source(std::shared_ptr<fetch::Fetcher> fetcher, content::Cid cid, std::string origin,
                                     LoadListener listener, Stop stop);

/// Hands over every weight of `weights` once, in the order in which they lie in the files. kMissingWeight, kIntegrity;
/// kNotFinite when one holds NaN or infinity. The arguments must live until this ends.
Async<> read_weights(const ModelSource& source, Compute& compute, const Graph& graph,
                     const std::vector<WeightId>& weights, const TakeWeight& take, LoadListener listener, Stop stop);

}  // namespace ipfs_accelerate
