#include "device.h"

#include <c10/util/Exception.h>

#include <array>
#include <atomic>
#include <cstdio>

namespace simgpu {
namespace {

std::atomic<c10::DeviceIndex> g_count{1};
std::atomic<bool> g_hidden{false};
std::atomic<bool> g_context_dead{false};
std::atomic<c10::StreamId> g_last_stream{0};
thread_local c10::DeviceIndex t_current = 0;
thread_local std::array<c10::StreamId, kMaxDevices> t_streams{};

constexpr int kInvalidDevice = 101;  // cudaErrorInvalidDevice
constexpr int kDeviceAssert = 710;   // cudaErrorAssert

// The advice that c10/cuda/CUDAException.cpp puts after every CUDA error.
constexpr const char* kAdvice =
    "\nCUDA kernel errors might be asynchronously reported at some other API call, so the stacktrace below might be "
    "incorrect.\nFor debugging consider passing CUDA_LAUNCH_BLOCKING=1\nCompile with `TORCH_USE_CUDA_DSA` to enable "
    "device-side assertions.\n";

[[noreturn]] void raise_cuda_error(int code, const std::string& text) {
  throw c10::AcceleratorError({__func__, __FILE__, __LINE__}, code, "CUDA error: " + text + kAdvice);
}

}  // namespace

void set_device_count(c10::DeviceIndex count) {
  TORCH_CHECK(count >= 1 && count <= kMaxDevices, "simulated GPU: 1 to ", (int)kMaxDevices, " devices, not ", (int)count);
  g_count = count;
}

c10::DeviceIndex device_count() noexcept { return g_count; }

void hide_devices(bool hidden) { g_hidden = hidden; }

c10::DeviceIndex visible_device_count() noexcept { return g_hidden ? 0 : device_count(); }

c10::DeviceIndex current_device() noexcept { return t_current; }

void set_current_device(c10::DeviceIndex index) {
  if (index >= device_count()) {
    raise_cuda_error(kInvalidDevice, "invalid device ordinal\nGPU device may be out of range, do you have enough GPUs?");
  }
  set_current_device_unchecked(index);
}

void set_current_device_unchecked(c10::DeviceIndex index) noexcept {
  if (index >= 0) t_current = index;
}

c10::DeviceIndex or_current(c10::DeviceIndex index) noexcept { return index < 0 ? t_current : index; }

c10::StreamId current_stream(c10::DeviceIndex index) noexcept { return t_streams[or_current(index)]; }

c10::StreamId exchange_stream(c10::DeviceIndex index, c10::StreamId stream) noexcept {
  return std::exchange(t_streams[or_current(index)], stream);
}

c10::StreamId new_stream() noexcept { return ++g_last_stream; }

void fail_device_assert(const std::string& operation, const std::string& why) {
  // A real GPU prints the failed assertion of the kernel, and the host learns only that one failed.
  std::fprintf(stderr, "simulated GPU: %s: Assertion `%s` failed.\n", operation.c_str(), why.c_str());
  g_context_dead = true;
  raise_cuda_error(kDeviceAssert, "device-side assert triggered");
}

void check_context_alive() {
  if (g_context_dead.load(std::memory_order_relaxed)) raise_cuda_error(kDeviceAssert, "device-side assert triggered");
}

void revive_context() noexcept { g_context_dead = false; }

}  // namespace simgpu
