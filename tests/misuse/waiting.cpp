// Only what ends with a Result can be awaited, and nothing that may fail is dropped by mistake.
#include <coroutine>

#include "base/async.h"
#include "base/bytes.h"
#include "base/stop.h"

namespace ipfs_accelerate {

Async<int> number();
Async<> work(Stop stop);
Result<int> parsed();

Async<int> something_that_is_no_async(Stop stop) {
#ifdef MISUSE
  // misuse-error@base/async.h:* 3 {{no matching function for call to 'awaiter_of'}}
  co_await 7;                      // misuse-note {{await_transform<int>' requested here}}
  co_await std::suspend_always();  // misuse-note {{await_transform<std::suspend_always>' requested here}}
  co_await stop;                   // misuse-note {{await_transform<ipfs_accelerate::Stop &>' requested here}}
#else
  co_await stop.check();
  co_await work(stop);
  const int value = co_await parsed();
  co_return value + co_await number();
#endif
}

void the_work_is_dropped() {
#ifdef MISUSE
  number();      // misuse-error {{ignoring return value of type 'Async<int>'}}
  work(Stop());  // misuse-error {{ignoring return value of type 'Async<>'}}
#else
  Executor executor;
  start(executor, number(), [](const Result<int>&) {});
#endif
}

Async<> another_coroutine_type_and_a_second_await(Async<int> child) {
#ifdef MISUSE
  // misuse-error@base/async.h:* {{no matching function for call to 'awaiter_of'}}
  // misuse-note@base/async.h:* {{[with T = int] not viable: expects an rvalue for 1st argument}}
  co_await child;           // misuse-note {{await_transform<ipfs_accelerate::Async<int> &>' requested here}}
  Async<int> copy = child;  // misuse-error {{call to implicitly-deleted copy constructor of 'Async<int>'}}
#else
  co_await std::move(child);
#endif
}

/// Outside a coroutine there is nothing to wait in.
#ifdef MISUSE
// misuse-error@+1 {{cannot be a coroutine: 'std::coroutine_traits<std::expected<int, ipfs_accelerate::Error>}}
Result<int> waiting_in_a_plain_function(Async<int> child) {
  co_return co_await std::move(child);
#else
Result<int> waiting_in_a_plain_function(Async<int> child) {
  Executor executor;
  Result<int> answer = 0;
  start(executor, std::move(child), [&answer](Result<int> result) { answer = std::move(result); });
  executor.run();
  return answer;
#endif
}

Async<Bytes> the_wrong_value() {
#ifdef MISUSE
  co_return 7.5;  // misuse-error {{from 'double' to 'Result<std::vector<unsigned char}}
#else
  co_return Bytes{};
#endif
}

}  // namespace ipfs_accelerate
