#include "interrupt.h"

#include <pthread.h>

#include <csignal>
#include <cstdlib>

namespace ipfs_accelerate::cli {
namespace {

sigset_t only_sigint() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGINT);
  return set;
}

bool is_ignored() {
  struct sigaction now{};
  return sigaction(SIGINT, nullptr, &now) == 0 && now.sa_handler == SIG_IGN;
}

Error interrupted() {
  return {ErrorCode::kCancelled, "interrupted; what was verified stays in the store, nothing half-done is left"};
}

}  // namespace

Interrupt::Interrupt(const Context& context) : context_(context), taken_(!is_ignored()) {
  if (!taken_) return;
  const sigset_t set = only_sigint();
  pthread_sigmask(SIG_BLOCK, &set, nullptr);  // threads to come inherit it
  thread_ = std::thread([this] { watch(); });
}

Interrupt::~Interrupt() {
  if (!taken_) return;
  ending_ = true;
  pthread_kill(thread_.native_handle(), SIGINT);
  thread_.join();
}

void Interrupt::watch() {
  const sigset_t set = only_sigint();
  int number = 0;
  sigwait(&set, &number);
  if (ending_) return;
  if (!at_work_) std::_Exit(report(context_, interrupted()));
  cancel_.request();
  sigwait(&set, &number);
  if (ending_) return;
  pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
  ::raise(SIGINT);  // as if nobody had taken it
}

Result<> Interrupt::during(const std::function<Result<>()>& work) {
  at_work_ = true;
  auto done = work();
  at_work_ = false;
  if (given_up_) return std::unexpected(*given_up_);
  if (cancel_.requested()) return std::unexpected(interrupted());
  return done;
}

void Interrupt::give_up(Error why) {
  if (!given_up_) given_up_ = std::move(why);
  cancel_.request();
}

int with_interrupt(const Context& context, const std::function<Result<>(Engine&, Interrupt&)>& work) {
  Interrupt interrupt(context);
  return with_engine(context, [&](Engine& engine) { return work(engine, interrupt); });
}

}  // namespace ipfs_accelerate::cli
