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
  co_await 7;                        // misuse-error@base/async.h:* {{no matching function for call to 'awaiter_of'}}
  co_await std::suspend_always();    // misuse-error@base/async.h:* {{no matching function for call to 'awaiter_of'}}
  co_await stop;                     // misuse-error@base/async.h:* {{no matching function for call to 'awaiter_of'}}
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
  co_await child;  // misuse-error@base/async.h:* {{no matching function for call to 'awaiter_of'}}
  Async<int> copy = child;  // misuse-error {{call to implicitly-deleted copy constructor}}
#else
  co_await std::move(child);
#endif
}

/// Outside a coroutine there is nothing to wait in.
#ifdef MISUSE
// misuse-error@+1 {{this function cannot be a coroutine}}
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
  co_return 7.5;  // misuse-error {{no viable conversion}}
#else
  co_return Bytes{};
#endif
}

}  // namespace ipfs_accelerate
