// Things that look alike in memory have types of their own.
#include "backend/backend.h"
#include "content/cid.h"
#include "host/host.h"
#include "task/task.h"

namespace ipfs_accelerate {

content::Cid a_text_is_no_cid(const std::string& text) {
#ifdef MISUSE
  return text;  // misuse-error {{no viable conversion}}
#else
  return content::Cid::parse(text).value_or(content::Cid{});
#endif
}

bool codes_and_numbers(const content::Cid& cid, Dtype dtype) {
#ifdef MISUSE
  bool same = cid.codec == cid.hash.function;                // misuse-error {{invalid operands to binary expression}}
  same |= cid.codec == 0x55;                                 // misuse-error {{invalid operands to binary expression}}
  return same || dtype == 0 || dtype == ErrorCode::kTimeout;  // misuse-error 2 {{invalid operands to binary expression}}
#else
  return cid.codec == content::Codec::kRaw && dtype == Dtype::kF32;
#endif
}

/// What a run reads and what it writes are not the same thing.
Async<> inputs_for_outputs(Executable& executable, std::vector<TensorRef> inputs,
                           std::vector<MutableTensorRef> outputs) {
#ifdef MISUSE
  co_await executable.run(outputs, inputs, {});  // misuse-error {{no viable conversion}}
  co_await executable.run(inputs, outputs, nullptr);  // misuse-error {{no viable conversion}}
#else
  co_await executable.run(inputs, outputs, {});
#endif
}

/// A task sees shapes and tensors: it gets no device, and its batch has no place for one.
Result<Batch> a_task_with_a_device(const Task& task, const TaskModel& model, Backend& backend) {
#ifdef MISUSE
  Batch batch;
  batch.backend = &backend;                       // misuse-error {{no member named 'backend' in 'ipfs_accelerate::Batch'}}
  return task.prepare(model, {}, {}, backend);    // misuse-error {{too many arguments to function call}}
  return task.prepare(backend, {}, {});           // misuse-error {{no viable conversion}}
#else
  static_cast<void>(backend.device());
  return task.prepare(model, {}, {});
#endif
}

/// Work for a port is given to that port.
Async<> ports(host::Host& host, content::VerifiedBytes block, HostBytesRef bytes, Bytes own) {
#ifdef MISUSE
  co_await host.keep.put(bytes);                // misuse-error {{no viable conversion}}
  co_await host.keep.put(own);                  // misuse-error {{no viable conversion}}
  co_await host.net.get("https://x", {});       // misuse-error {{no viable conversion}}
  host::Host without_ports{};                   // misuse-error {{reference member of type 'Executor &' uninitialized}}
#else
  static_cast<void>(bytes), static_cast<void>(own);
  co_await host.keep.put(block);
  host::NetRequest request;
  request.url = "https://x";
  co_await host.net.get(request, {});
#endif
}

}  // namespace ipfs_accelerate
