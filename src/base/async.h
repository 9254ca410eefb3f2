// Async<T>: the one coroutine type. It carries Result: co_await gives a T, or leaves the awaiting coroutine with the
// error. Resumption goes through the executor's queue, never by symmetric transfer, so that the stack stays flat in
// WASM too.
//
//   Async<int> sum(Host& host) {
//     const Bytes first = co_await read(host, "a");                 // an error ends sum() with that error
//     const Result<Bytes> second = co_await as_result(read(host, "b"));  // an error is a value here
//     const int parsed = co_await parse(first);                     // Result<int> is awaited like an Async<int>
//     if (parsed < 0) co_await fail(ErrorCode::kInvalidArgument, "..."); // leaves, also an Async<>
//     co_return parsed;
//   }
//
// A reference parameter dies with its caller's statement: take by value what must outlive the first await.
#pragma once

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "base/executor.h"
#include "base/result.h"

namespace ipfs_accelerate {

template <class T = void>
class Async;

namespace async_detail {

struct PromiseBase {
  Executor* executor = nullptr;
  std::coroutine_handle<> self;
  PromiseBase* parent = nullptr;  ///< who awaits this coroutine
  bool parent_waits = false;      ///< the parent is suspended; before, it is still starting this coroutine
  bool done = false;
  bool keeps_error = false;  ///< the parent takes an error as a value

  virtual Error* error() = 0;  ///< of a finished coroutine; null when it has a value
  virtual void set_error(Error error) = 0;

  /// Wakes the parent; an error travels up through every frame that does not take it as a value. Those frames stay
  /// suspended until their owner destroys them.
  void finish() {
    for (PromiseBase* ended = this;;) {
      ended->done = true;
      PromiseBase* const up = ended->parent;
      if (up == nullptr || !ended->parent_waits) return;
      Error* const error = ended->error();
      if (error == nullptr || ended->keeps_error) return up->executor->post(up->self);
      up->set_error(std::move(*error));
      ended = up;
    }
  }
  void leave(Error error) {
    set_error(std::move(error));
    finish();
  }

  std::suspend_always initial_suspend() noexcept { return {}; }
  struct Final {
    bool await_ready() noexcept { return false; }
    template <class P>
    void await_suspend(std::coroutine_handle<P> ended) noexcept {
      ended.promise().finish();
    }
    void await_resume() noexcept {}
  };
  Final final_suspend() noexcept { return {}; }
  void unhandled_exception() { set_error(error_of_exception()); }  // the final suspend tells who awaits it

 protected:
  ~PromiseBase() = default;
};

template <class T>
struct Promise : PromiseBase {
  std::optional<Result<T>> result;
  Async<T> get_return_object();
  Error* error() override { return *result ? nullptr : &result->error(); }
  void set_error(Error error) override { result.emplace(std::unexpected(std::move(error))); }
  void return_value(Result<T> value) { result.emplace(std::move(value)); }
  template <class Awaited>
  auto await_transform(Awaited&& awaited);
};

template <>
struct Promise<void> : PromiseBase {
  Result<> result;
  Async<void> get_return_object();
  Error* error() override { return result ? nullptr : &result.error(); }
  void set_error(Error error) override { result = std::unexpected(std::move(error)); }
  void return_void() {}
  template <class Awaited>
  auto await_transform(Awaited&& awaited);
};

template <class T>
Result<T> take_result(Promise<T>& promise) {
  if constexpr (std::is_void_v<T>) {
    return std::move(promise.result);
  } else {
    return *std::move(promise.result);
  }
}

/// Starts the child; gives false when it had ended before it came to wait.
template <class T, class P>
bool start_child(Promise<T>& child, std::coroutine_handle<P> parent) {
  child.executor = parent.promise().executor;
  child.parent = &parent.promise();
  child.self.resume();
  if (!child.done) {
    child.parent_waits = true;
    return true;
  }
  if (child.error() == nullptr || child.keeps_error) return false;
  parent.promise().leave(std::move(*child.error()));
  return true;
}

/// An awaiter that a promise takes as it is.
struct Awaiter {};

template <class T>
struct AsyncAwaiter : Awaiter {
  Async<T> child;
  explicit AsyncAwaiter(Async<T> child) : child(std::move(child)) {}
  bool await_ready() const { return false; }
  template <class P>
  bool await_suspend(std::coroutine_handle<P> parent) {
    return start_child(child.promise(), parent);
  }
  T await_resume() {
    if constexpr (!std::is_void_v<T>) return *std::move(*child.promise().result);
  }
};

template <class T>
struct ResultAwaiter : Awaiter {
  Result<T> result;
  explicit ResultAwaiter(Result<T> result) : result(std::move(result)) {}
  bool await_ready() const { return result.has_value(); }
  template <class P>
  void await_suspend(std::coroutine_handle<P> self) {
    self.promise().leave(std::move(result).error());
  }
  T await_resume() {
    if constexpr (!std::is_void_v<T>) return *std::move(result);
  }
};

struct ExecutorAwaiter : Awaiter {
  Executor* executor = nullptr;
  bool await_ready() const { return false; }
  template <class P>
  bool await_suspend(std::coroutine_handle<P> self) {
    executor = self.promise().executor;
    return false;
  }
  Executor& await_resume() const { return *executor; }
};

template <class T>
auto awaiter_of(Async<T>&& child) {
  return AsyncAwaiter<T>(std::move(child));
}
template <class T>
auto awaiter_of(Result<T>&& result) {
  return ResultAwaiter<T>(std::move(result));
}
template <class T>
auto awaiter_of(const Result<T>& result) {
  return ResultAwaiter<T>(result);
}
inline auto awaiter_of(std::unexpected<Error>&& error) { return ResultAwaiter<void>(std::move(error)); }
template <class A>
  requires std::derived_from<std::remove_cvref_t<A>, Awaiter>
A&& awaiter_of(A&& awaiter) {
  return std::forward<A>(awaiter);
}

template <class T>
template <class Awaited>
auto Promise<T>::await_transform(Awaited&& awaited) {
  return awaiter_of(std::forward<Awaited>(awaited));
}
template <class Awaited>
auto Promise<void>::await_transform(Awaited&& awaited) {
  return awaiter_of(std::forward<Awaited>(awaited));
}

}  // namespace async_detail

/// Work that has not begun: it begins when it is awaited (or start()ed), and runs until its end. Never destroy one that
/// has begun and not ended: ask it to stop, and wait.
template <class T>
class [[nodiscard]] Async {
 public:
  using promise_type = async_detail::Promise<T>;
  explicit Async(promise_type& promise) : promise_(&promise) {}
  Async(Async&& other) noexcept : promise_(std::exchange(other.promise_, nullptr)) {}
  Async& operator=(Async&& other) noexcept {
    std::swap(promise_, other.promise_);
    return *this;
  }
  ~Async() {
    if (promise_ != nullptr) promise_->self.destroy();
  }
  promise_type& promise() { return *promise_; }

 private:
  promise_type* promise_;
};

namespace async_detail {

template <class T>
Async<T> Promise<T>::get_return_object() {
  self = std::coroutine_handle<Promise<T>>::from_promise(*this);
  return Async<T>(*this);
}
inline Async<void> Promise<void>::get_return_object() {
  self = std::coroutine_handle<Promise<void>>::from_promise(*this);
  return Async<void>(*this);
}

template <class T>
struct AsResult : Awaiter {
  Async<T> child;
  explicit AsResult(Async<T> child) : child(std::move(child)) {}
  bool await_ready() const { return false; }
  template <class P>
  bool await_suspend(std::coroutine_handle<P> parent) {
    child.promise().keeps_error = true;
    return start_child(child.promise(), parent);
  }
  Result<T> await_resume() { return take_result(child.promise()); }
};

/// A coroutine nobody awaits; it owns itself.
struct Detached {
  struct promise_type : PromiseBase {
    Detached get_return_object() {
      self = std::coroutine_handle<promise_type>::from_promise(*this);
      return {this};
    }
    std::suspend_never final_suspend() noexcept { return {}; }
    Error* error() override { return nullptr; }
    void set_error(Error) override { std::terminate(); }  // it awaits results only
    void return_void() {}
  };
  promise_type* promise;
};

template <class T, class Done>
Detached detach(Async<T> work, Done done) {
  Result<T> result = co_await AsResult<T>(std::move(work));
  done(std::move(result));  // the work's frames are gone, so done() may end what they stood on
}

}  // namespace async_detail

/// `co_await as_result(work)` gives the Result instead of leaving with its error.
template <class T>
auto as_result(Async<T> work) {
  return async_detail::AsResult<T>(std::move(work));
}

/// `co_await this_executor()`: the executor that runs the awaiting coroutine.
inline async_detail::ExecutorAwaiter this_executor() { return {}; }

/// Begins `work` at the executor's next turn; `done(Result<T>)` is called when it has ended.
template <class T, class Done>
void start(Executor& executor, Async<T> work, Done done) {
  auto* promise = async_detail::detach(std::move(work), std::move(done)).promise;
  promise->executor = &executor;
  executor.post(promise->self);
}

/// An answer that comes later: a host settles it once, on the thread that drives the executor; one coroutine awaits
/// get(). Copies share the answer.
template <class T = void>
class Reply {
 public:
  void settle(Result<T> result) const {
    State& state = *state_;
    if (state.result) return;
    state.result.emplace(std::move(result));
    if (state.waiting != nullptr) state.waiting->executor->post(state.waiting->self);
  }
  bool settled() const { return state_->result.has_value(); }
  Async<T> get() const { return wait(*this); }

 private:
  struct State {
    std::optional<Result<T>> result;
    async_detail::PromiseBase* waiting = nullptr;
  };
  struct Wait : async_detail::Awaiter {
    State* state;
    explicit Wait(State* state) : state(state) {}
    bool await_ready() const { return state->result.has_value(); }
    template <class P>
    void await_suspend(std::coroutine_handle<P> self) {
      state->waiting = &self.promise();
    }
    Result<T> await_resume() { return *std::move(state->result); }
  };
  static Async<T> wait(Reply reply) {
    if constexpr (std::is_void_v<T>) {
      const Result<> result = co_await Wait(reply.state_.get());
      co_await result;
    } else {
      co_return co_await Wait(reply.state_.get());
    }
  }
  std::shared_ptr<State> state_ = std::make_shared<State>();
};

/// Runs work(0) ... work(count - 1), at most `limit` at a time. After an error nothing new begins; it is returned once
/// those at work have ended.
inline Async<> for_each_limited(std::size_t count, std::size_t limit, std::function<Async<>(std::size_t)> work) {
  struct Shared {
    std::size_t next = 0, workers = 0;
    std::optional<Error> error;
    Reply<> ended;
  };
  if (count == 0) co_return;
  Executor& executor = co_await this_executor();
  const auto shared = std::make_shared<Shared>();
  shared->workers = std::min(count, std::max<std::size_t>(limit, 1));
  const auto worker = [](std::shared_ptr<Shared> shared, std::size_t count,
                         const std::function<Async<>(std::size_t)>* work) -> Async<> {
    while (shared->next < count && !shared->error) {
      const std::size_t index = shared->next++;
      Result<> result = co_await as_result((*work)(index));
      if (!result && !shared->error) shared->error = std::move(result).error();
    }
  };
  for (std::size_t i = shared->workers; i > 0; --i) {
    start(executor, worker(shared, count, &work), [shared](const Result<>&) {
      if (--shared->workers == 0) shared->ended.settle({});
    });
  }
  co_await shared->ended.get();
  if (shared->error) co_await std::unexpected(*std::move(shared->error));
}

/// Adds context to an error of `work`: "while reading config.json: ...".
template <class T>
Async<T> doing(std::string what, Async<T> work) {
  Result<T> result = co_await as_result(std::move(work));
  if (!result) result = while_doing(std::move(result).error(), "{}", what);
  if constexpr (std::is_void_v<T>) {
    co_await std::move(result);
  } else {
    co_return result;
  }
}

}  // namespace ipfs_accelerate
