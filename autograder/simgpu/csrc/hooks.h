#pragma once

namespace simgpu {

// Makes at::detail::getCUDAHooks() answer for the simulated device. Returns whether it does now.
bool install_hooks();

}  // namespace simgpu
