// Things that look alike in memory have types of their own.
#include "backend/backend.h"
#include "content/cid.h"
#include "host/host.h"
#include "task/task.h"

namespace ipfs_accelerate {

content::Cid a_text_is_no_cid(const std::string& text) {
#ifdef MISUSE
  return text;  // misuse-error {{no viable conversion from returned value of type 'const std::string'}}
#else
  return content::Cid::parse(text).value_or(content::Cid{});
#endif
}

bool codes_and_numbers(const content::Cid& cid, Dtype dtype) {
#ifdef MISUSE
  // misuse-error@+1 {{binary expression ('const Codec' and 'const HashFunction')}}
  bool same = cid.codec == cid.hash.function;
  same |= cid.codec == 0x55;                   // misuse-error {{binary expression ('const Codec' and 'int')}}
  same |= dtype == 0;                          // misuse-error {{binary expression ('Dtype' and 'int')}}
  return same || dtype == ErrorCode::kTimeout;  // misuse-error {{('Dtype' and 'ipfs_accelerate::ErrorCode')}}
#else
  return cid.codec == content::Codec::kRaw && dtype == Dtype::kF32;
#endif
}

/// What a run reads and what it writes are not the same thing.
Async<> inputs_for_outputs(Executable& executable, std::vector<TensorRef> inputs,
                           std::vector<MutableTensorRef> outputs) {
#ifdef MISUSE
  // misuse-error@+1 {{from 'vector<MutableTensorRef>' to 'vector<TensorRef>'}}
  co_await executable.run(outputs, inputs, {});
  co_await executable.run(inputs, outputs, nullptr);  // misuse-error {{from 'std::nullptr_t' to 'Stop'}}
#else
  co_await executable.run(inputs, outputs, {});
#endif
}

/// A task sees shapes and tensors: it gets no device, and its batch has no place for one.
Async<> a_task_with_a_device(TaskRun& run, Backend& backend) {
  Batch batch;
#ifdef MISUSE
  // misuse-error@+1 {{no member named 'backend' in 'ipfs_accelerate::Batch'}}
  batch.backend = &backend;
  co_await run.compute("model", backend, {});     // misuse-error {{no viable conversion from 'Backend' to 'Batch'}}
  co_await run.compute("model", batch, backend);  // misuse-error-re {{from 'Backend' to {{.*}}}}
#else
  static_cast<void>(backend.device());
  co_await run.compute("model", batch, {});
#endif
}

/// Work for a port is given to that port.
Async<> ports(host::Host& host, content::VerifiedBytes block, HostBytesRef bytes, Bytes own) {
#ifdef MISUSE
  // misuse-error-re@+1 {{from 'HostBytesRef' {{.*}} to 'content::VerifiedBytes'}}
  co_await host.keep.put(bytes);
  co_await host.keep.put(own);                  // misuse-error-re {{from 'Bytes' {{.*}} to 'content::VerifiedBytes'}}
  co_await host.net.get("https://x", {});       // misuse-error {{from 'const char[10]' to 'NetRequest'}}
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
