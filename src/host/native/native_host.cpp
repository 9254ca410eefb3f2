#include "host/native/native_host.h"

#include "host/native/catalog.h"
#include "host/native/clock.h"
#include "host/native/compute.h"
#include "host/native/dawn_gpu.h"
#include "host/native/decode.h"
#include "host/native/hash.h"
#include "host/native/keep.h"
#include "host/native/memory.h"
#include "host/native/net.h"

namespace ipfs_accelerate::host {

struct NativeHost::Ports {
  Ports(Loop& loop, Library& library)
      : clock(loop),
        net(loop),
        keep(library, loop),
        hash(loop),
        compute(loop),
        catalog(library, loop),
        decode(compute),
        gpu(loop) {}
  NativeClock clock;
  NativeNet net;
  NativeKeep keep;
  NativeHash hash;
  NativeCompute compute;
  NativeCatalog catalog;
  NativeDecode decode;
  DawnGpu gpu;
};

Result<std::unique_ptr<NativeHost>> NativeHost::open(const std::filesystem::path& home) {
  std::unique_ptr<NativeHost> native(new NativeHost(home));
  IA_TRY(native->library_.open());
  return native;
}

NativeHost::NativeHost(const std::filesystem::path& home)
    : library_(home),
      ports_(std::make_unique<Ports>(loop_, library_)),
      host_(new Host{loop_.executor(), ports_->clock, ports_->net, ports_->keep, ports_->hash, ports_->compute,
                     ports_->catalog, ports_->decode}) {
  host_->gpu = &ports_->gpu;
  host_->memory = resident_memory;
}

// Whoever is at work ends first: ports answer what they owe while the loop drains.
NativeHost::~NativeHost() { loop_.close(); }

}  // namespace ipfs_accelerate::host
