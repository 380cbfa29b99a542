// What the Python side calls. Streams are numbers here, memory statistics a dictionary of bytes.
#include "device.h"
#include "generator.h"
#include "hooks.h"
#include "memory.h"
#include "placement.h"

#include <torch/csrc/utils/device_lazy_init.h>
#include <torch/csrc/utils/pybind.h>

namespace simgpu {
namespace {

pybind11::dict stats_of(c10::DeviceIndex device) {
  const MemoryStats stats = memory_stats(device);
  pybind11::dict values;
  values["allocated"] = stats.allocated;
  values["allocated_peak"] = stats.allocated_peak;
  values["allocated_total"] = stats.allocated_total;
  values["freed_total"] = stats.freed_total;
  values["blocks"] = stats.blocks;
  values["reserved"] = stats.reserved;
  values["reserved_peak"] = stats.reserved_peak;
  return values;
}

}  // namespace
}  // namespace simgpu

PYBIND11_MODULE(TORCH_EXTENSION_NAME, m) {
  using namespace simgpu;
  c10::SetAllocator(kDevice, device_allocator());
  m.def("install_hooks", &install_hooks);
  m.def("set_device_rules", [](std::unordered_set<std::string> unchecked, std::unordered_map<std::string, std::string> wrappers) {
    set_device_rules({std::move(unchecked), std::move(wrappers)});
  });
  m.def("set_device_count", &set_device_count);
  m.def("set_memory_limit", &set_memory_limit);
  m.def("memory_limit", &memory_limit);
  m.def("hide_devices", &hide_devices);

  m.def("device_count", &device_count);
  m.def("current_device", &current_device);
  m.def("set_current_device", &set_current_device);
  m.def("current_stream", &current_stream);
  m.def("set_current_stream", [](c10::DeviceIndex device, c10::StreamId stream) { exchange_stream(device, stream); });
  m.def("synchronize", &check_context_alive);
  m.def("revive_context", &revive_context);

  m.def("memory_stats", &stats_of);
  m.def("reset_peaks", &reset_peaks);
  m.def("empty_cache", &empty_cache);
  m.def("default_generator", &default_generator);

  // Makes the next tensor on the device call torch.cuda._lazy_init() again.
  m.def("require_initialization", [] { torch::utils::set_requires_device_init(kDevice, true); });
}
