// The CUDA hooks: what CPU code of PyTorch asks of its CUDA library (pinned memory, generators, "is there CUDA?").
#include "hooks.h"

#include "device.h"
#include "generator.h"
#include "memory.h"

#include <ATen/detail/CUDAHooksInterface.h>

#include <new>

namespace simgpu {
namespace {

struct Hooks final : at::CUDAHooksInterface {
  void init() const override {}
  bool hasCUDA() const override { return true; }
  bool isBuilt() const override { return true; }
  bool isAvailable() const override { return true; }
  bool hasPrimaryContext(c10::DeviceIndex) const override { return true; }
  std::string showConfig() const override { return "simulated CUDA device over host memory"; }

  int getNumGPUs() const override { return device_count(); }
  c10::DeviceIndex deviceCount() const override { return device_count(); }
  c10::DeviceIndex current_device() const override { return simgpu::current_device(); }
  c10::DeviceIndex getCurrentDevice() const override { return simgpu::current_device(); }
  void setCurrentDevice(c10::DeviceIndex device) const override { set_current_device(device); }
  c10::DeviceIndex exchangeDevice(c10::DeviceIndex device) const override {
    const auto before = simgpu::current_device();
    set_current_device(device);
    return before;
  }
  c10::DeviceIndex maybeExchangeDevice(c10::DeviceIndex device) const override { return exchangeDevice(device); }
  void deviceSynchronize(c10::DeviceIndex) const override { check_context_alive(); }

  c10::Allocator* getPinnedMemoryAllocator() const override { return pinned_allocator(); }
  c10::Allocator* getCUDADeviceAllocator() const override { return device_allocator(); }
  bool isPinnedPtr(const void* address) const override { return is_pinned(address); }
  at::Device getDeviceFromPtr(void*) const override { return {kDevice, simgpu::current_device()}; }

  const at::Generator& getDefaultGenerator(c10::DeviceIndex device = -1) const override {
    return default_generator(device);
  }
  at::Generator getNewGenerator(c10::DeviceIndex device = -1) const override { return new_generator(device); }
};

}  // namespace

// PyTorch makes its hooks object at the first question, which `import torch` asks: registering a class is too late by
// then. The object has no data members, so ours can be constructed in its place; that gives it our virtual functions.
bool install_hooks() {
  static_assert(sizeof(Hooks) == sizeof(at::CUDAHooksInterface), "the hooks must have no data members");
  const at::CUDAHooksInterface& hooks = at::detail::getCUDAHooks();
  if (!hooks.hasCUDA()) new (const_cast<at::CUDAHooksInterface*>(&hooks)) Hooks();
  return at::detail::getCUDAHooks().hasCUDA();
}

}  // namespace simgpu
