// The simulated devices: how many there are, which one is current, and whether their context still lives.
#pragma once

#include <c10/core/Device.h>
#include <c10/core/DispatchKey.h>
#include <c10/core/Stream.h>

#include <string>

namespace simgpu {

constexpr c10::DeviceType kDevice = c10::DeviceType::CUDA;
constexpr c10::DispatchKey kKey = c10::DispatchKey::CUDA;
constexpr c10::DeviceIndex kMaxDevices = 16;

void set_device_count(c10::DeviceIndex count);
c10::DeviceIndex device_count() noexcept;

// While hidden, the count reads 0 for autograd, which then starts no thread per device.
void hide_devices(bool hidden);
c10::DeviceIndex visible_device_count() noexcept;

c10::DeviceIndex current_device() noexcept;
void set_current_device(c10::DeviceIndex index);  // raises CUDA's "invalid device ordinal"; -1 changes nothing
void set_current_device_unchecked(c10::DeviceIndex index) noexcept;
c10::DeviceIndex or_current(c10::DeviceIndex index) noexcept;  // -1 stands for the current device

c10::StreamId current_stream(c10::DeviceIndex index) noexcept;
c10::StreamId exchange_stream(c10::DeviceIndex index, c10::StreamId stream) noexcept;
c10::StreamId new_stream() noexcept;

// A failed device-side assert ends a CUDA context: every later call fails as well, until the process ends.
[[noreturn]] void fail_device_assert(const std::string& operation, const std::string& why);
void check_context_alive();
void revive_context() noexcept;

}  // namespace simgpu
