// Calls as JSON: what the page and the golden runner send the core, and what they (and users of the C ABI) get back.
#pragma once

#include <functional>
#include <string>

#include "engine/core.h"
#include "engine/request.h"

namespace ipfs_accelerate {

/// Takes the events of a call (event_json()).
using EventListener = std::function<void(std::string)>;

/// Carries out one call (request.h has its form) and gives its answer as JSON. Methods: "run" (RunResult), "pipeline"
/// ({result: RunResult, and what pipeline_answer() gives}), "load" ({task, answer_kind, cid, labels, takes}),
/// "explain", "evaluate"
/// ({outputs: [{name, shape, values: base64 of the bytes}], ids, segments}), "devices", "unload" (null).
/// kInvalidArgument for any other.
/// `read_file`: for the pictures and sounds that the call names.
Async<std::string> carry_out(Core& core, std::string call, EventListener tell, Stop stop, ReadFile read_file = {});

/// An event as transformers.js tells it: of a load {status, name, file?, source?, task?, loaded?, total?, progress? (0
/// to 100), model? (when it is ready)}; of a text {status: "text", item, token, text, end}. `model`: as the caller
/// named it.
std::string event_json(const std::string& model, const Event& event);

/// What a run's answers are to a pipeline of transformers.js, as a field of an object: "dims" of the tensor that
/// embeddings are the rows of; else "answer": no outer list for a single input, of labels the best alone unless more
/// were asked for, and of generated texts {"generated_text"}, in a list of one where it goes on from a prompt, with
/// which it then begins unless `return_full_text` is false.
std::string pipeline_answer(const Call& call, const std::vector<Answer>& answers);

}  // namespace ipfs_accelerate
