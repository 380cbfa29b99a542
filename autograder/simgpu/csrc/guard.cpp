// The device guard: how the rest of PyTorch (autograd, torch.Stream, torch.Event) asks about devices and streams.
#include "device.h"

#include <c10/core/impl/DeviceGuardImplInterface.h>

#include <chrono>

namespace simgpu {
namespace {

using Clock = std::chrono::steady_clock;
using c10::Device;
using c10::DeviceIndex;
using c10::Stream;

Stream stream_of(Device device, c10::StreamId id) {
  return Stream(Stream::UNSAFE, Device(kDevice, or_current(device.index())), id);
}

// Work is done when the call returns, so streams never wait, and an event is the host's clock.
struct Guard final : c10::impl::DeviceGuardImplInterface {
  c10::DeviceType type() const override { return kDevice; }

  Device exchangeDevice(Device device) const override {
    const Device before = getDevice();
    set_current_device(device.index());
    return before;
  }
  Device getDevice() const override { return {kDevice, current_device()}; }
  void setDevice(Device device) const override { set_current_device(device.index()); }
  void uncheckedSetDevice(Device device) const noexcept override { set_current_device_unchecked(device.index()); }
  DeviceIndex deviceCount() const noexcept override { return visible_device_count(); }
  void synchronizeDevice(const DeviceIndex) const override { check_context_alive(); }

  Stream getStream(Device device) const override { return stream_of(device, current_stream(device.index())); }
  Stream getDefaultStream(Device device) const override { return stream_of(device, 0); }
  Stream getStreamFromGlobalPool(Device device, bool) const override { return stream_of(device, new_stream()); }
  Stream getNewStream(Device device, int) const override { return stream_of(device, new_stream()); }
  Stream exchangeStream(Stream stream) const override {
    return stream_of(stream.device(), exchange_stream(stream.device_index(), stream.id()));
  }
  bool queryStream(const Stream&) const override { return true; }
  void synchronizeStream(const Stream&) const override { check_context_alive(); }

  void record(void** event, const Stream&, const DeviceIndex, const c10::EventFlag) const override {
    if (!*event) *event = new Clock::time_point;
    *static_cast<Clock::time_point*>(*event) = Clock::now();
  }
  void destroyEvent(void* event, const DeviceIndex) const noexcept override {
    delete static_cast<Clock::time_point*>(event);
  }
  void block(void*, const Stream&) const override {}
  bool queryEvent(void*) const override { return true; }
  void synchronizeEvent(void*) const override { check_context_alive(); }
  double elapsedTime(void* start, void* end, const DeviceIndex) const override {
    const auto span = *static_cast<Clock::time_point*>(end) - *static_cast<Clock::time_point*>(start);
    return std::chrono::duration<double, std::milli>(span).count();
  }
};

c10::impl::DeviceGuardImplRegistrar g_registrar(kDevice, new Guard());

}  // namespace
}  // namespace simgpu
